// Shifts by amounts of their own, clamped to [0, bits - 1] as in TF.
#include "math/simd.h"
#include "opkit/pointwise.h"
// After simd.h, which sets the target.
#include "ops/elementwise/each-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

struct Left {
  template <int kBits, class D, class V>
  static HWY_INLINE V By(D d, V v) {
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::ShiftLeft<kBits>(hn::BitCast(du, v)));
  }
  template <class D, class V>
  static HWY_INLINE V By(D d, V v, V amount) {
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::Shl(hn::BitCast(du, v), hn::BitCast(du, amount)));
  }
};

struct Right {  // keeps the sign of signed types
  template <int kBits, class D, class V>
  static HWY_INLINE V By(D, V v) {
    return hn::ShiftRight<kBits>(v);
  }
  template <class D, class V>
  static HWY_INLINE V By(D, V v, V amount) {
    return hn::Shr(v, amount);
  }
};

template <class Direction, typename T>
void Shift(const T* a, const T* b, T* y, size_t n) {
  const hn::ScalableTag<T> d;
  const auto most = hn::Set(d, static_cast<T>(sizeof(T) * 8 - 1));
  const auto shift = [&](auto v, auto wanted) HWY_ATTR {
    const auto amount = hn::Min(hn::Max(wanted, hn::Zero(d)), most);
    if constexpr (sizeof(T) == 1) {
      // No instruction has amounts of their own for bytes: 4, 2 and 1 bits, each or not.
      const auto has = [&](T bit) HWY_ATTR { return hn::TestBit(amount, hn::Set(d, bit)); };
      v = hn::IfThenElse(has(4), Direction::template By<4>(d, v), v);
      v = hn::IfThenElse(has(2), Direction::template By<2>(d, v), v);
      return hn::IfThenElse(has(1), Direction::template By<1>(d, v), v);
    } else {
      return Direction::By(d, v, amount);
    }
  };
  EachVector(a, b, y, n, shift);
}

}  // namespace

// clang-format off
#define OPKIT_EACH_SHIFT(X)                                                   \
  X(Left, int8) X(Left, int16) X(Left, int32) X(Left, int64)                  \
  X(Right, int8) X(Right, int16) X(Right, int32) X(Right, int64)              \
  X(Right, uint8) X(Right, uint16) X(Right, uint32) X(Right, uint64)          \
  X(Left, uint8) X(Left, uint16) X(Left, uint32) X(Left, uint64)
// clang-format on
#define OPKIT_SHIFT(name, I) \
  void name##_##I(const I##_t* a, const I##_t* b, I##_t* y, size_t n) { Shift<name>(a, b, y, n); }
OPKIT_EACH_SHIFT(OPKIT_SHIFT)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name, I) OPKIT_SIMD_EXPORT(name##_##I);
OPKIT_EACH_SHIFT(OPKIT_TABLE)

#define OPKIT_CASE(name, I)                                                \
  if constexpr (std::is_same_v<T, I##_t>) {                                \
    return BroadcastInputs<T, T>(ctx, 65536, OPKIT_SIMD_CALL(name##_##I)); \
  }
#define OPKIT_SHIFT_OP(op, name)                                   \
  Status Run##op(OpContext& ctx) {                                 \
    return ctx.Visit(0, IntegralTypes{}, [&](auto tag) -> Status { \
      using T = decltype(tag);                                     \
      OPKIT_CASE(name, int8)                                       \
      OPKIT_CASE(name, int16)                                      \
      OPKIT_CASE(name, int32)                                      \
      OPKIT_CASE(name, int64)                                      \
      OPKIT_CASE(name, uint8)                                      \
      OPKIT_CASE(name, uint16)                                     \
      OPKIT_CASE(name, uint32)                                     \
      OPKIT_CASE(name, uint64)                                     \
    });                                                            \
  }                                                                \
  OPKIT_OP(op).Signature("x: T, y: T -> z: T\n T in {integral}").Shape(BroadcastShape).Run(Run##op)

OPKIT_SHIFT_OP(LeftShift, Left);
OPKIT_SHIFT_OP(RightShift, Right);

}  // namespace
}  // namespace opkit
#endif  // HWY_ONCE
