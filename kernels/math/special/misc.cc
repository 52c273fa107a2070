// Dawson's integral, Ei, the Fresnel integrals and the dilogarithm.
#include "math/simd.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

struct DawsnFn {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = hn::Abs(a[0]);
    if constexpr (kR == 0) return hn::Le(x, Num(d, 2));
    return hn::And(hn::Gt(x, Num(d, 2)), hn::Lt(x, Num(d, 5.19)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) return hn::Mul(x, OPKIT_FIT(kF, DawsnA, hn::Mul(x, x)));
    // 2 x F(x) in 1 / x^2 (DLMF 7.12.1 is its expansion).
    const V inv = hn::Div(Set(1.0), x), t = hn::Mul(inv, inv), half = hn::Mul(inv, Set(0.5));
    if constexpr (kR == 1) return hn::Mul(half, OPKIT_FIT(kF, DawsnB, t));
    return hn::Mul(half, OPKIT_FIT(kF, DawsnC, t));
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>*, hn::Vec<D> y) {
    return hn::Add(y, Num(d, 0));  // TensorFlow has no negative zero here
  }
};

struct ExpintFn {
  static constexpr size_t kIn = 1, kRegions = 4;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = a[0];
    if constexpr (kR == 0) return hn::Le(x, Num(d, 2));
    if constexpr (kR == 1) return hn::And(hn::Gt(x, Num(d, 2)), hn::Le(x, Num(d, 6)));
    return hn::And(hn::Gt(x, Num(d, 6)), hn::Le(x, Num(d, 12)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) {
      // Full accuracy for float32 too: a zero at 0.3725.
      const V log = hn::Add(Log<false>(x), Set(0.57721566490153286061));
      return hn::MulAdd(x, OPKIT_FIT(false, ExpintA, x), log);
    }
    const V inv = hn::Div(Set(1.0), x);
    V y;
    if constexpr (kR == 1) y = OPKIT_FIT(kF, ExpintB, x);
    if constexpr (kR == 2) y = OPKIT_FIT(kF, ExpintC, x);
    if constexpr (kR == 3) {
      const V low = OPKIT_FIT(kF, ExpintD, hn::Max(inv, Set(1.0 / 40)));
      y = If(hn::Gt(x, Set(40.0)), OPKIT_FIT(kF, ExpintE, hn::Min(inv, Set(1.0 / 40))), low);
    }
    const V half = Exp<kF>(hn::Mul(Set(0.5), x));  // squared: over no range too early
    return hn::Mul(hn::Mul(hn::Mul(inv, y), half), half);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto inside = hn::And(hn::Ge(a[0], Num(d, 0)), hn::Lt(a[0], Num(d, kInf)));
    return hn::IfThenElse(inside, y, Num(d, kNan));
  }
};

// DLMF 7.5.3 and 7.5.4 beyond 1.6, with the phase reduced exactly.
template <bool kSine>
struct FresnelFn {
  static constexpr size_t kIn = 1, kRegions = 2;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    return hn::Le(hn::Abs(a[0]), Num(d, 1.6));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0], x2 = hn::Mul(x, x);
    if constexpr (kR == 0) {
      const V t = hn::Mul(x2, x2);
      if constexpr (kSine) return hn::Mul(hn::Mul(x2, x), OPKIT_FIT(kF, FresnelS, t));
      return hn::Mul(x, OPKIT_FIT(kF, FresnelC, t));
    }
    const V ax = hn::Abs(x);
    const V inv = hn::Div(Set(1.0), ax), inv2 = hn::Mul(inv, inv), t = hn::Mul(inv2, inv2);
    const V f = hn::Mul(hn::Mul(inv, Set(1 / kPi)), OPKIT_FIT(kF, FresnelF, t));
    const V g =
        hn::Mul(hn::Mul(hn::Mul(inv, inv2), Set(1 / (kPi * kPi))), OPKIT_FIT(kF, FresnelG, t));
    // x^2 / 2 = w + low; low is 0 for float32.
    const V w = hn::Mul(x2, Set(0.5));
    const V low = kF ? Set(0.0) : hn::Mul(ProductLow(x, x, x2), Set(0.5));
    const V turn = hn::Mul(Set(2.0), hn::Round(hn::Mul(w, Set(0.5))));
    V s, c;
    SinCosPi<kF>(hn::Add(hn::Sub(w, turn), low), s, c);
    V y;
    if constexpr (kSine) {
      y = hn::NegMulAdd(f, c, hn::NegMulAdd(g, s, Set(0.5)));
    } else {
      y = hn::MulAdd(f, s, hn::NegMulAdd(g, c, Set(0.5)));
    }
    return hn::CopySign(y, x);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    y = PlusZeroAtZero(d, a[0], y);
    // f(x) < 1e-18 here, and x^2 may be over the range.
    return hn::IfThenElse(hn::Gt(hn::Abs(a[0]), Num(d, 1e18)), hn::CopySign(Num(d, 0.5), a[0]), y);
  }
};
using FresnelSinFn = FresnelFn<true>;
using FresnelCosFn = FresnelFn<false>;

// DLMF 25.12.4 and 25.12.6 bring x to [1/2, 3/2].
struct SpenceFn {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = a[0];
    if constexpr (kR == 0) return hn::And(hn::Ge(x, Num(d, 0.5)), hn::Le(x, Num(d, 1.5)));
    return hn::Lt(x, Num(d, 0.5));
  }
  template <bool kF>
  static HWY_INLINE V Middle(V w) {
    return hn::Mul(w, OPKIT_FIT(kF, Spence, w));
  }
  // x < 1/2; log is log(x).
  template <bool kF>
  static HWY_INLINE V Low(V x, V log) {
    const V other = LogNormal<kF>(hn::Sub(Set(1.0), x));
    const V product = If(hn::Gt(x, Set(0.0)), hn::Mul(log, other), Set(0.0));
    return hn::Sub(hn::Sub(Set(kPi * kPi / 6), product), Middle<kF>(hn::Neg(x)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) return Middle<kF>(hn::Sub(x, Set(1.0)));
    const V log = Log<kF>(x);
    if constexpr (kR == 1) return Low<kF>(hn::Max(x, Set(0.0)), log);
    const V u = hn::Div(Set(1.0), x);
    const V inner = If(hn::Lt(u, Set(0.5)), Low<kF>(hn::Min(u, Set(0.5)), hn::Neg(log)),
                       Middle<kF>(hn::Sub(u, Set(1.0))));
    return hn::NegMulSub(hn::Mul(Set(0.5), log), log, inner);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto inside = hn::And(hn::Ge(a[0], Num(d, 0)), hn::Lt(a[0], Num(d, kInf)));
    return hn::IfThenElse(inside, hn::Add(y, Num(d, 0)), Num(d, kNan));
  }
};

}  // namespace special

OPKIT_SPECIAL_MAP1(Dawsn, DawsnFn)
OPKIT_SPECIAL_MAP1(Expint, ExpintFn)
OPKIT_SPECIAL_MAP1(FresnelCos, FresnelCosFn)
OPKIT_SPECIAL_MAP1(FresnelSin, FresnelSinFn)
OPKIT_SPECIAL_MAP1(Spence, SpenceFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT1(Dawsn)
OPKIT_SPECIAL_EXPORT1(Expint)
OPKIT_SPECIAL_EXPORT1(FresnelCos)
OPKIT_SPECIAL_EXPORT1(FresnelSin)
OPKIT_SPECIAL_EXPORT1(Spence)

}  // namespace opkit
#endif  // HWY_ONCE
