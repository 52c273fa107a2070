// Angle: the argument of complex numbers.
#include <cmath>

#include "opkit/pointwise.h"

namespace opkit {
namespace {

Status Prepare(OpContext& ctx) {
  const DType want = ctx.dtype(0) == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  if (ctx.out_dtype(0) != want) {
    return Error("output is %s, want %s for %s", DTypeName(ctx.out_dtype(0)), DTypeName(want),
                 DTypeName(ctx.dtype(0)));
  }
  return {};
}

Status Run(OpContext& ctx) {
  if (ctx.dtype(0) == DType::kComplex64) {
    // In float64, so that only the last rounding counts.
    return MapInput<Complex64, float>(ctx, 4096, [](const Complex64* x, float* y, size_t n) {
      for (size_t i = 0; i < n; ++i) {
        y[i] = static_cast<float>(
            std::atan2(static_cast<double>(x[i].imag()), static_cast<double>(x[i].real())));
      }
    });
  }
  return MapInput<Complex128, double>(ctx, 4096, [](const Complex128* x, double* y, size_t n) {
    for (size_t i = 0; i < n; ++i) y[i] = std::atan2(x[i].imag(), x[i].real());
  });
}

OPKIT_OP(Angle)
    .Signature(R"(
      input: T -> output: Tout
      T in {complex}
      Tout in {float32, float64}
    )")
    .Shape(SameAs<0>)
    .Prepare(Prepare)
    .Run(Run);

}  // namespace
}  // namespace opkit
