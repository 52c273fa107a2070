// SelfAdjointEigV2: eigenvalues in ascending order and eigenvectors, from the lower triangle.
#include <atomic>

#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status SetShapes(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  ctx.SetShape(0, BatchShape(s, 1));
  ctx.SetShape(1, ctx.attr_bool("compute_v") ? s : Shape{0});
  return {};
}

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (n == 0 || count == 0) return {};
  const bool vectors = ctx.attr_bool("compute_v");
  const DType dtype = ctx.dtype(0);
  const size_t order = static_cast<size_t>(n);
  const size_t row = order * DTypeSize(dtype);
  const char* in = ctx.in<char>(0);
  char* values = ctx.out<char>(0);
  char* v = vectors ? ctx.out<char>(1) : nullptr;
  if (n == 1) {  // its own value, whatever it is
    OPKIT_LINALG_SWITCH(dtype, T, {
      for (int64_t i = 0; i < count; ++i) {
        ctx.out<T>(0)[i] = T(RealPart(ctx.in<T>(0)[i]));
        if (vectors) ctx.out<T>(1)[i] = T(1);
      }
    });
    return {};
  }
  std::atomic<bool> converged{true};
  ForBatch(ctx, count, kGroupUnit, 9 * Cubed(n), EighScratchBytes(dtype, order),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t offset = static_cast<size_t>(begin) * row;
             if (!EighBatch(dtype, order, static_cast<size_t>(end - begin), in + offset * order,
                            values + offset, vectors ? v + offset * order : nullptr, scratch)) {
               converged = false;
             }
           });
  if (!converged) {
    return Error(
        "Self-adjoint eigen decomposition was not successful. The input might not be valid.");
  }
  return {};
}

OPKIT_OP(SelfAdjointEigV2)
    .Signature(R"(
      input: T[..., n, n] -> e: T, v: T
      T in {float32, float64, complex64, complex128}
      compute_v: bool = true
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
