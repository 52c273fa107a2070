// Inverse error function and normal quantile. The tail is a function of
// z = sqrt(-2 log p), nearly linear there.
#include "math/simd.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kSqrt2 = 1.41421356237309504880;

template <bool kF>
HWY_INLINE V TailRoot(V p) {
  return hn::Sqrt(hn::Mul(Set(-2.0), Log<kF>(p)));
}

// The positive g with a tail of p <= 1/8, as long as z < 6.
template <bool kF>
HWY_INLINE V NearTail(V z) {
  return OPKIT_FIT(kF, NdtriA, z);
}

template <bool kF>
HWY_INLINE V FarTail(V z) {
  const V b = OPKIT_FIT(kF, NdtriB, hn::Min(z, Set(16.0)));
  if constexpr (kF) return b;
  return If(hn::Lt(z, Set(16.0)), b, OPKIT_FIT(kF, NdtriC, hn::Max(z, Set(16.0))));
}

struct ErfinvFn {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = hn::Abs(a[0]);
    if constexpr (kR == 0) return hn::Le(x, Num(d, 0.75));
    if constexpr (std::is_same_v<hn::TFromD<D>, float>) return hn::MaskFalse(d);
    return hn::Gt(x, Num(d, 1 - 3.1e-8));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) return hn::Mul(x, OPKIT_FIT(kF, ErfinvMid, hn::Mul(x, x)));
    const V z = TailRoot<kF>(hn::Mul(Set(0.5), hn::Sub(Set(1.0), hn::Abs(x))));
    const V g = kR == 1 ? FarTail<kF>(z) : NearTail<kF>(z);
    return hn::CopySign(hn::Mul(g, Set(kSqrtHalf)), x);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto x = hn::Abs(a[0]);
    y = hn::IfThenElse(hn::Eq(x, Num(d, 1)), hn::CopySign(Num(d, kInf), a[0]), y);
    y = PlusZeroAtZero(d, a[0], y);
    return hn::IfThenElse(hn::Le(x, Num(d, 1)), y, Num(d, kNan));
  }
};

struct NdtriFn {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto p = a[0];
    if constexpr (kR == 0) return hn::Le(hn::Abs(hn::Sub(p, Num(d, 0.5))), Num(d, 0.375));
    const auto tail = hn::Min(p, hn::Sub(Num(d, 1), p));
    return hn::Lt(tail, Num(d, 1.52e-8));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V p = a[0];
    if constexpr (kR == 0) {
      const V x = hn::MulAdd(Set(2.0), p, Set(-1.0));
      return hn::Mul(hn::Mul(x, Set(kSqrt2)), OPKIT_FIT(kF, ErfinvMid, hn::Mul(x, x)));
    }
    const V z = TailRoot<kF>(hn::Min(p, hn::Sub(Set(1.0), p)));
    const V g = kR == 1 ? FarTail<kF>(z) : NearTail<kF>(z);
    return If(hn::Lt(p, Set(0.5)), hn::Neg(g), g);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto p = a[0];
    y = hn::IfThenElse(hn::Eq(p, Num(d, 0)), Num(d, -kInf), y);
    y = hn::IfThenElse(hn::Eq(p, Num(d, 1)), Num(d, kInf), y);
    const auto inside = hn::And(hn::Ge(p, Num(d, 0)), hn::Le(p, Num(d, 1)));
    return hn::IfThenElse(inside, y, Num(d, kNan));
  }
};

}  // namespace special

OPKIT_SPECIAL_MAP1(Erfinv, ErfinvFn)
OPKIT_SPECIAL_MAP1(Ndtri, NdtriFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT1(Erfinv)
OPKIT_SPECIAL_EXPORT1(Ndtri)

}  // namespace opkit
#endif  // HWY_ONCE
