// Cross: cross products of 3-vectors along the last dimension.
#include <cmath>
#include <type_traits>

#include "opkit/pointwise.h"

namespace opkit {
namespace {

// a b - c d. Floats of 32 bits and less in float64, where both products are
// exact; float64 with Kahan's correction (1.5 ULP); integers wrap.
template <typename T>
T Difference(T a, T b, T c, T d) {
  if constexpr (std::is_same_v<T, double>) {
    const double cd = c * d;
    const double y = std::fma(a, b, -cd);
    if (!std::isfinite(y)) return y;
    return y + std::fma(-c, d, cd);
  } else if constexpr (std::is_integral_v<T>) {
    using U = uint64_t;
    return static_cast<T>(static_cast<U>(a) * static_cast<U>(b) -
                          static_cast<U>(c) * static_cast<U>(d));
  } else {
    const auto wide = [](T v) { return static_cast<double>(static_cast<float>(v)); };
    return static_cast<T>(static_cast<float>(wide(a) * wide(b) - wide(c) * wide(d)));
  }
}

using CrossTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                            uint8_t, uint16_t, uint32_t, uint64_t>;

Status Shape3(OpContext& ctx) {
  const Shape& a = ctx.shape(0);
  const Shape& b = ctx.shape(1);
  if (a != b) return Error("shapes %s and %s differ", a.str().c_str(), b.str().c_str());
  if (a.rank() < 1 || a.back() != 3) {
    return Error("the last dimension must be 3, the shape is %s", a.str().c_str());
  }
  ctx.SetShape(0, a);
  return {};
}

Status RunCross(OpContext& ctx) {
  return ctx.Visit(0, CrossTypes{}, [&](auto tag) {
    using T = decltype(tag);
    const T* a = ctx.in<T>(0);
    const T* b = ctx.in<T>(1);
    T* y = ctx.out<T>(0);
    ctx.ParallelFor(ctx.shape(0).size() / 3, 8192, [=](int64_t begin, int64_t end) {
      for (int64_t i = 3 * begin; i < 3 * end; i += 3) {
        const T a0 = a[i], a1 = a[i + 1], a2 = a[i + 2];
        const T b0 = b[i], b1 = b[i + 1], b2 = b[i + 2];
        y[i] = Difference(a1, b2, a2, b1);
        y[i + 1] = Difference(a2, b0, a0, b2);
        y[i + 2] = Difference(a0, b1, a1, b0);
      }
    });
    return Status();
  });
}

OPKIT_OP(Cross)
    .Signature("a: T, b: T -> product: T\n T in {floating, integral}")
    .Shape(Shape3)
    .Run(RunCross);

}  // namespace
}  // namespace opkit
