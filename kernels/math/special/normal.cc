// Inverse error function and normal quantile in float64. The tail is a function of
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

HWY_INLINE V TailRoot(V p) { return hn::Sqrt(hn::Mul(Set(-2.0), LogPositive(p))); }

// The positive g with a tail of p <= 1/8, as long as z < 6.
HWY_NOINLINE V NearTail(V z) { return OPKIT_FIT64(NdtriA, z); }

HWY_NOINLINE V FarTail(V z) {
  const V b = OPKIT_FIT64(NdtriB, hn::Min(z, Set(16.0)));
  return If(hn::Lt(z, Set(16.0)), b, OPKIT_FIT64(NdtriC, hn::Max(z, Set(16.0))));
}

struct ErfinvFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 4;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = hn::Abs(a[0]);
    const M far = hn::Gt(x, Set(1 - 3.1e-8));
    const V r = If(hn::Le(x, Set(0.75)), Set(0.0), If(far, Set(2.0), Set(1.0)));
    return If(hn::Lt(x, Set(1.0)), r, Set(3.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0], ax = hn::Abs(x);
    if constexpr (kR == 0) return PlusZero(hn::Mul(x, OPKIT_FIT64(ErfinvMid, hn::Mul(x, x))));
    if constexpr (kR == 3) return If(hn::Eq(ax, Set(1.0)), hn::CopySign(Set(kInf), x), Set(kNan));
    const V z = TailRoot(hn::Mul(Set(0.5), hn::Sub(Set(1.0), ax)));
    const V g = kR == 2 ? FarTail(z) : NearTail(z);
    return hn::CopySign(hn::Mul(g, Set(kSqrtHalf)), x);
  }
};

struct NdtriFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 4;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V p = a[0], tail = hn::Min(p, hn::Sub(Set(1.0), p));
    const V r = If(hn::Lt(tail, Set(1.52e-8)), Set(2.0), Set(1.0));
    const M tails = hn::And(hn::Gt(tail, Set(0.0)), hn::Lt(tail, Set(0.125)));
    return If(hn::Ge(tail, Set(0.125)), Set(0.0), If(tails, r, Set(3.0)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V p = a[0];
    if constexpr (kR == 0) {
      const V x = hn::MulAdd(Set(2.0), p, Set(-1.0));
      return PlusZero(hn::Mul(hn::Mul(x, Set(kSqrt2)), OPKIT_FIT64(ErfinvMid, hn::Mul(x, x))));
    }
    if constexpr (kR == 3) {
      const V y = If(hn::Eq(p, Set(0.0)), Set(-kInf), Set(kNan));
      return If(hn::Eq(p, Set(1.0)), Set(kInf), y);
    }
    const V z = TailRoot(hn::Min(p, hn::Sub(Set(1.0), p)));
    const V g = kR == 2 ? FarTail(z) : NearTail(z);
    return If(hn::Lt(p, Set(0.5)), hn::Neg(g), g);
  }
};

}  // namespace special

OPKIT_SPECIAL_KERNEL64(Erfinv, ErfinvFn)
OPKIT_SPECIAL_KERNEL64(Ndtri, NdtriFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT64(Erfinv)
OPKIT_SPECIAL_EXPORT64(Ndtri)

}  // namespace opkit
#endif  // HWY_ONCE
