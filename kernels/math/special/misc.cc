// Dawson's integral, Ei and the Fresnel integrals and the dilogarithm in float64.
#include "math/simd.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

struct DawsnFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = hn::Abs(a[0]);
    return FirstOf(hn::Le(x, Set(2.0)), hn::Lt(x, Set(5.19)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    // TensorFlow has no negative zero here.
    if constexpr (kR == 0) return PlusZero(hn::Mul(x, OPKIT_FIT64(DawsnA, hn::Mul(x, x))));
    // 2 x F(x) in 1 / x^2 (DLMF 7.12.1 is its expansion).
    const V inv = hn::Div(Set(1.0), x), t = hn::Mul(inv, inv), half = hn::Mul(inv, Set(0.5));
    if constexpr (kR == 1) return hn::Mul(half, OPKIT_FIT64(DawsnB, t));
    return PlusZero(hn::Mul(half, OPKIT_FIT64(DawsnC, t)));
  }
};

struct ExpintFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 5;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    const V r = FirstOf(hn::Le(x, Set(2.0)), hn::Le(x, Set(6.0)), hn::Le(x, Set(12.0)),
                        hn::Lt(x, Set(kInf)));
    return If(hn::Ge(x, Set(0.0)), r, Set(4.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 4) return Set(kNan);
    if constexpr (kR == 0) {
      const V log = hn::Add(Log(x), Set(0.57721566490153286061));
      return hn::MulAdd(x, OPKIT_FIT64(ExpintA, x), log);
    }
    const V inv = hn::Div(Set(1.0), x);
    V y;
    if constexpr (kR == 1) y = OPKIT_FIT64(ExpintB, x);
    if constexpr (kR == 2) y = OPKIT_FIT64(ExpintC, x);
    if constexpr (kR == 3) {
      const V low = OPKIT_FIT64(ExpintD, hn::Max(inv, Set(1.0 / 40)));
      y = If(hn::Gt(x, Set(40.0)), OPKIT_FIT64(ExpintE, hn::Min(inv, Set(1.0 / 40))), low);
    }
    const V half = Exp<false>(hn::Mul(Set(0.5), x));  // squared: over no range too early
    return hn::Mul(hn::Mul(hn::Mul(inv, y), half), half);
  }
};

// Both integrals for 1.6 < x <= 1e18: DLMF 7.5.3 and 7.5.4 with the phase reduced exactly.
HWY_NOINLINE void FresnelOuter(V x, V& sine, V& cosine) {
  const V x2 = hn::Mul(x, x);
  const V inv = hn::Div(Set(1.0), x), inv2 = hn::Mul(inv, inv), t = hn::Mul(inv2, inv2);
  const V f = hn::Mul(hn::Mul(inv, Set(1 / kPi)), OPKIT_FIT64(FresnelF, t));
  const V g = hn::Mul(hn::Mul(hn::Mul(inv, inv2), Set(1 / (kPi * kPi))), OPKIT_FIT64(FresnelG, t));
  // x^2 / 2 = w + low.
  const V w = hn::Mul(x2, Set(0.5));
  const V low = hn::Mul(ProductLow(x, x, x2), Set(0.5));
  const V turn = hn::Mul(Set(2.0), hn::Round(hn::Mul(w, Set(0.5))));
  V s, c;
  SinCosPi(hn::Add(hn::Sub(w, turn), low), s, c);
  sine = hn::NegMulAdd(f, c, hn::NegMulAdd(g, s, Set(0.5)));
  cosine = hn::MulAdd(f, s, hn::NegMulAdd(g, c, Set(0.5)));
}

template <bool kSine>
struct FresnelFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = hn::Abs(a[0]);
    // f(x) < 1e-18 beyond, and x^2 may be over the range.
    return FirstOf(hn::Le(x, Set(1.6)), hn::Le(x, Set(1e18)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0], x2 = hn::Mul(x, x);
    if constexpr (kR == 2) return If(hn::Eq(x, x), hn::CopySign(Set(0.5), x), x);
    if constexpr (kR == 0) {
      const V t = hn::Mul(x2, x2);
      if constexpr (kSine) {
        // A negative zero by underflow only.
        const V y = hn::Mul(hn::Mul(x2, x), OPKIT_FIT64(FresnelS, t));
        return hn::IfThenZeroElse(hn::Eq(x, Set(0.0)), y);
      }
      return PlusZero(hn::Mul(x, OPKIT_FIT64(FresnelC, t)));
    }
    V sine, cosine;
    FresnelOuter(hn::Abs(x), sine, cosine);
    return hn::CopySign(kSine ? sine : cosine, x);
  }
};
using FresnelSinFn = FresnelFn<true>;
using FresnelCosFn = FresnelFn<false>;

// DLMF 25.12.4 and 25.12.6 bring x to [1/2, 3/2].
struct SpenceFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 5;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    const V r = FirstOf(hn::Lt(x, Set(0.5)), hn::Le(x, Set(1.5)), hn::Le(x, Set(2.0)),
                        hn::Lt(x, Set(kInf)));
    return If(hn::Ge(x, Set(0.0)), r, Set(4.0));
  }
  static HWY_INLINE V Middle(V w) { return hn::Mul(w, OPKIT_FIT64(Spence, w)); }
  // x < 1/2; log is log(x).
  static HWY_INLINE V Low(V x, V log) {
    const V other = LogNormal(hn::Sub(Set(1.0), x));
    const V product = If(hn::Gt(x, Set(0.0)), hn::Mul(log, other), Set(0.0));
    return hn::Sub(hn::Sub(Set(kPi * kPi / 6), product), Middle(hn::Neg(x)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 4) return Set(kNan);
    if constexpr (kR == 1) return PlusZero(Middle(hn::Sub(x, Set(1.0))));
    const V log = LogPositive(x);
    if constexpr (kR == 0) return Low(x, log);
    const V u = hn::Div(Set(1.0), x);
    const V inner = kR == 2 ? Middle(hn::Sub(u, Set(1.0))) : Low(u, hn::Neg(log));
    return hn::NegMulSub(hn::Mul(Set(0.5), log), log, inner);
  }
};

}  // namespace special

OPKIT_SPECIAL_KERNEL64(Dawsn, DawsnFn)
OPKIT_SPECIAL_KERNEL64(Expint, ExpintFn)
OPKIT_SPECIAL_KERNEL64(FresnelCos, FresnelCosFn)
OPKIT_SPECIAL_KERNEL64(FresnelSin, FresnelSinFn)
OPKIT_SPECIAL_KERNEL64(Spence, SpenceFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT64(Dawsn)
OPKIT_SPECIAL_EXPORT64(Expint)
OPKIT_SPECIAL_EXPORT64(FresnelCos)
OPKIT_SPECIAL_EXPORT64(FresnelSin)
OPKIT_SPECIAL_EXPORT64(Spence)

}  // namespace opkit
#endif  // HWY_ONCE
