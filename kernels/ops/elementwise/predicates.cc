// Which values are finite, infinite, NaN: read from the bits, so that no
// compiler flag can fold them away.
#include <cstring>
#include <limits>

#include "opkit/pointwise.h"

namespace opkit {
namespace {

// Bit pattern of a floating type and of its infinity.
template <typename T>
struct Pattern;
template <>
struct Pattern<float> {
  using U = uint32_t;
  static constexpr U kInfinity = 0x7f800000u;
};
template <>
struct Pattern<double> {
  using U = uint64_t;
  static constexpr U kInfinity = 0x7ff0000000000000u;
};
template <>
struct Pattern<Half> {
  using U = uint16_t;
  static constexpr U kInfinity = 0x7c00u;
};
template <>
struct Pattern<BFloat16> {
  using U = uint16_t;
  static constexpr U kInfinity = 0x7f80u;
};

enum Class { kFinite, kInfinite, kNotANumber };

template <Class kClass>
Status RunClass(OpContext& ctx) {
  return ctx.Visit(0, FloatingTypes{}, [&](auto tag) {
    using P = Pattern<decltype(tag)>;
    using U = typename P::U;
    return MapInput<U, uint8_t>(ctx, 65536, [](const U* x, uint8_t* y, size_t n) {
      constexpr U kMagnitude = static_cast<U>(std::numeric_limits<U>::max() >> 1);
      for (size_t i = 0; i < n; ++i) {
        const U v = static_cast<U>(x[i] & kMagnitude);
        y[i] = kClass == kFinite     ? v < P::kInfinity
               : kClass == kInfinite ? v == P::kInfinity
                                     : v > P::kInfinity;
      }
    });
  });
}

#define OPKIT_PREDICATE(name, which)                  \
  OPKIT_OP(name)                                      \
      .Signature("x: T -> y: bool\n T in {floating}") \
      .Shape(SameAs<0>)                               \
      .Run(RunClass<which>)

OPKIT_PREDICATE(IsFinite, kFinite);
OPKIT_PREDICATE(IsInf, kInfinite);
OPKIT_PREDICATE(IsNan, kNotANumber);

}  // namespace
}  // namespace opkit
