// Softshrink: x - lambda above lambda, x + lambda below -lambda, 0 between.
//
// It has an attribute, so it is written out instead of being a row of pointwise functions.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "opkit/op.h"
#include "opkit/pointwise.h"

namespace {

using opkit::DType;
using opkit::OpContext;
using opkit::QuantParams;
using opkit::Status;

template <typename T>
T Softshrink(T x, T lambda) {
  if (x > lambda) return x - lambda;
  if (x < -lambda) return x + lambda;
  return std::isnan(x) ? x : T(0);
}

// What an int8 node does to each of its 256 codes.
struct Table {
  std::vector<uint8_t> codes;
};

// DEQUANTIZE, the float32 function, QUANTIZE: the definition of the int8 kernel, evaluated once
// for each code when the model is loaded.
template <typename Q>
void FillTable(float lambda, const QuantParams& in, const QuantParams& out, uint8_t* codes) {
  for (int i = 0; i < 256; ++i) {
    const int code = static_cast<Q>(i);
    const float x = static_cast<float>(static_cast<double>(in.scale) * (code - in.zero_point));
    const float steps = std::round(Softshrink(x, lambda) / out.scale);
    const double low = std::numeric_limits<Q>::min(), high = std::numeric_limits<Q>::max();
    const double y = std::clamp(static_cast<double>(steps) + out.zero_point, low, high);
    codes[i] = static_cast<uint8_t>(static_cast<Q>(y));
  }
}

Status Prepare(OpContext& ctx) {
  const float lambda = ctx.attr_float("lambda");
  if (!(lambda >= 0.0f)) {
    return opkit::Error("lambda is %g, want 0 or more", static_cast<double>(lambda));
  }
  Table& table = ctx.state<Table>();
  table.codes.resize(256);
  if (ctx.dtype(0) == DType::kQInt8) {
    FillTable<int8_t>(lambda, ctx.quant_in(0), ctx.quant_out(0), table.codes.data());
  } else if (ctx.dtype(0) == DType::kQUInt8) {
    FillTable<uint8_t>(lambda, ctx.quant_in(0), ctx.quant_out(0), table.codes.data());
  }
  return {};
}

Status Run(OpContext& ctx) {
  constexpr int64_t kGrain = 65536;  // elements that are worth a thread
  if (opkit::IsQuantized(ctx.dtype(0))) {
    const uint8_t* table = ctx.state<Table>().codes.data();
    return opkit::MapInput<uint8_t, uint8_t>(
        ctx, kGrain,
        [=](const uint8_t* x, uint8_t* y, size_t n) { opkit::Lookup256(table, x, y, n); });
  }
  const float lambda = ctx.attr_float("lambda");
  return ctx.Visit<float, double>(0, [&](auto tag) {
    using T = decltype(tag);
    return opkit::MapInput<T, T>(ctx, kGrain, [=](const T* x, T* y, size_t n) {
      for (size_t i = 0; i < n; ++i) y[i] = Softshrink(x[i], static_cast<T>(lambda));
    });
  });
}

OPKIT_OP(Softshrink)
    .Signature(R"(
      features: T -> activations: T
      T in {float32, float64, qint8, quint8}
      lambda: float = 0.5
    )")
    .Shape(opkit::SameAs<0>)
    .State<Table>()
    .Prepare(Prepare)
    .Run(Run);

}  // namespace
