// Which values are finite, infinite, NaN: read from the bits, so that no
// compiler flag can fold them away.
#include "math/simd.h"
#include "opkit/pointwise.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Comparisons with infinity, for magnitudes as integers.
struct Finite {
  template <class V>
  static HWY_INLINE auto Test(V v, V infinity) {
    return hn::Lt(v, infinity);
  }
  template <typename U>
  static bool Of(U v, U infinity) {
    return v < infinity;
  }
};
struct Infinite {
  template <class V>
  static HWY_INLINE auto Test(V v, V infinity) {
    return hn::Eq(v, infinity);
  }
  template <typename U>
  static bool Of(U v, U infinity) {
    return v == infinity;
  }
};
struct NotANumber {
  template <class V>
  static HWY_INLINE auto Test(V v, V infinity) {
    return hn::Gt(v, infinity);
  }
  template <typename U>
  static bool Of(U v, U infinity) {
    return v > infinity;
  }
};

// Masks of all bits as bytes: of one vector of int8, two of int16, four of
// int32 or eight of int64 that follow x.
template <class C, typename I>
HWY_INLINE auto Bytes(const I* x, I infinity) {
  const hn::ScalableTag<I> d;
  const hn::Repartition<int8_t, decltype(d)> d8;
  const hn::Repartition<int16_t, decltype(d)> d16;
  const size_t lanes = hn::Lanes(d);
  const auto load = [&](size_t i) HWY_ATTR {
    const auto v = hn::And(hn::LoadU(d, x + i * lanes), hn::Set(d, hwy::LimitsMax<I>()));
    return hn::VecFromMask(d, C::Test(v, hn::Set(d, infinity)));
  };
  if constexpr (sizeof(I) == 2) {
    return hn::OrderedDemote2To(d8, load(0), load(1));
  } else {
    const hn::Repartition<int32_t, decltype(d)> d32;
    const auto word = [&](size_t i) HWY_ATTR {
      if constexpr (sizeof(I) == 4) {
        return load(i);
      } else {
        return hn::OrderedDemote2To(d32, load(2 * i), load(2 * i + 1));
      }
    };
    return hn::OrderedDemote2To(d8, hn::OrderedDemote2To(d16, word(0), word(1)),
                                hn::OrderedDemote2To(d16, word(2), word(3)));
  }
}

template <class C, typename I>
void Classify(const I* x, uint8_t* y, size_t n, I infinity) {
  const hn::ScalableTag<int8_t> d8;
  const hn::RebindToUnsigned<decltype(d8)> du8;
  const size_t lanes = hn::Lanes(d8);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto mask = hn::BitCast(du8, Bytes<C>(x + i, infinity));
    hn::StoreU(hn::And(mask, hn::Set(du8, uint8_t{1})), du8, y + i);
  }
  for (; i < n; ++i) y[i] = C::Of(static_cast<I>(x[i] & hwy::LimitsMax<I>()), infinity);
}

}  // namespace

#define OPKIT_CLASS(name, I)                                           \
  void name##I(const I##_t* x, uint8_t* y, size_t n, I##_t infinity) { \
    Classify<name>(x, y, n, infinity);                                 \
  }
// clang-format off
#define OPKIT_EACH_CLASS(X)                                            \
  X(Finite, int16) X(Finite, int32) X(Finite, int64)                   \
  X(Infinite, int16) X(Infinite, int32) X(Infinite, int64)             \
  X(NotANumber, int16) X(NotANumber, int32) X(NotANumber, int64)
// clang-format on
OPKIT_EACH_CLASS(OPKIT_CLASS)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name, I) OPKIT_SIMD_EXPORT(name##I);
OPKIT_EACH_CLASS(OPKIT_TABLE)

// The bits of infinity.
constexpr int64_t Infinity(DType t) {
  return t == DType::kFloat64    ? 0x7ff0000000000000
         : t == DType::kFloat32  ? 0x7f800000
         : t == DType::kBFloat16 ? 0x7f80
                                 : 0x7c00;
}

template <typename I>
Status RunClassAs(OpContext& ctx, void (*classify)(const I*, uint8_t*, size_t, I)) {
  const I infinity = static_cast<I>(Infinity(ctx.dtype(0)));
  return MapInput<I, uint8_t>(
      ctx, 65536, [=](const I* x, uint8_t* y, size_t n) { classify(x, y, n, infinity); });
}

#define OPKIT_PREDICATE(op, name)                                      \
  Status Run##op(OpContext& ctx) {                                     \
    switch (ctx.dtype(0)) {                                            \
      case DType::kFloat64:                                            \
        return RunClassAs<int64_t>(ctx, OPKIT_SIMD_CALL(name##int64)); \
      case DType::kFloat32:                                            \
        return RunClassAs<int32_t>(ctx, OPKIT_SIMD_CALL(name##int32)); \
      default:                                                         \
        return RunClassAs<int16_t>(ctx, OPKIT_SIMD_CALL(name##int16)); \
    }                                                                  \
  }                                                                    \
  OPKIT_OP(op).Signature("x: T -> y: bool\n T in {floating}").Shape(SameAs<0>).Run(Run##op)

OPKIT_PREDICATE(IsFinite, Finite);
OPKIT_PREDICATE(IsInf, Infinite);
OPKIT_PREDICATE(IsNan, NotANumber);

}  // namespace
}  // namespace opkit
#endif  // HWY_ONCE
