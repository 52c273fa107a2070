// Log gamma and digamma of double vectors: DLMF 5.5 (recurrence, reflection),
// 5.11 (Stirling), minimax fits between. Include after math/simd.h.
#if defined(OPKIT_MATH_SPECIAL_GAMMA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_SPECIAL_GAMMA_INL_H_
#undef OPKIT_MATH_SPECIAL_GAMMA_INL_H_
#else
#define OPKIT_MATH_SPECIAL_GAMMA_INL_H_
#endif

#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

// From here Stirling's series serves: the fits are in 1 / x^2 on [0, 1 / kStirling^2].
template <bool kF>
constexpr double kStirling = kF ? 3.0 : 8.0;
constexpr double kHalfLog2Pi = 0.91893853320467274178;

// lgamma(1 + u) for u in [0, 2]; its zeros at u = 0 and 1 are exact factors.
template <bool kF>
HWY_INLINE V LgammaMid(V u) {
  return hn::Mul(hn::Mul(u, hn::Sub(u, Set(1.0))), OPKIT_FIT(kF, LgammaMid, u));
}

// x (lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) from w = 1 / x^2.
template <bool kF>
HWY_INLINE V StirlingSeries(V w) {
  if constexpr (kF) return Horner(w, kStirlingLowF);
  return Horner(w, kStirlingD);
}

// lgamma(x), x >= kStirling; kLog chooses the accuracy of the logarithm.
template <bool kF, bool kLog = kF>
HWY_INLINE V LgammaStirling(V x) {
  const V inv = hn::Div(Set(1.0), x);
  const V tail = hn::MulAdd(inv, StirlingSeries<kF>(hn::Mul(inv, inv)), Set(kHalfLog2Pi - 0.5));
  return hn::MulAdd(hn::Sub(x, Set(0.5)), hn::Sub(LogNormal<kLog>(x), Set(1.0)), tail);
}

// For 1 <= x < 8: p = the product of the steps down to x in [1, 3).
HWY_INLINE V ShiftDown(V& x) {
  V p = Set(1.0);
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) {
    const M m = hn::Ge(x, Set(3.0));
    const V less = hn::Sub(x, Set(1.0));
    x = If(m, less, x);
    p = hn::Mul(p, If(m, less, Set(1.0)));
  }
  return p;
}

// lgamma(r) = g + log(q) for any r > 0 at full accuracy, with q a product that
// the caller folds into a logarithm of its own.
HWY_INLINE V LgammaSplit(V r, V& q) {
  const M big = hn::Ge(r, Set(8.0)), small = hn::Lt(r, Set(1.0));
  V y = If(big, Set(2.0), r);
  const V p = ShiftDown(y);
  const V u = If(small, r, hn::Sub(y, Set(1.0)));
  q = If(small, hn::Div(Set(1.0), r), p);
  return If(big, LgammaStirling<false>(hn::Max(r, Set(8.0))), LgammaMid<false>(u));
}

// lgamma(r), r > 0, finite.
HWY_INLINE V LgammaPositive(V r) {
  V q;
  const V g = LgammaSplit(r, q);
  return hn::Add(g, LogNormal<false>(q));
}

struct LgammaFn {
  static constexpr size_t kIn = 1, kRegions = 5;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = a[0];
    if constexpr (kR == 0) return hn::And(hn::Ge(x, Num(d, 1)), hn::Lt(x, Num(d, 3)));
    if constexpr (kR == 1) return hn::And(hn::Ge(x, Num(d, 0)), hn::Lt(x, Num(d, 1)));
    if constexpr (kR == 2) return hn::Lt(x, Num(d, 0));
    if constexpr (std::is_same_v<hn::TFromD<D>, float>) return hn::MaskFalse(d);
    return hn::And(hn::Ge(x, Num(d, 3)), hn::Lt(x, Num(d, 8)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    V x = a[0];
    if constexpr (kR == 0) return LgammaMid<kF>(hn::Sub(x, Set(1.0)));
    if constexpr (kR == 1) return hn::Sub(LgammaMid<kF>(x), Log<kF>(x));
    if constexpr (kR == 3) {
      const V p = ShiftDown(x);
      return hn::Add(LogNormal<kF>(p), LgammaMid<kF>(hn::Sub(x, Set(1.0))));
    }
    if constexpr (kR == 4) return LgammaStirling<kF>(x);
    // Reflection; the two parts cancel near the zeros, hence full accuracy for
    // float32 too. LgammaSplit's q = 1 / r cancels the r of the formula.
    const V r = hn::Abs(x);
    V q;
    const V g = LgammaSplit(r, q);
    const V s = hn::Abs(SinPiReduced<false>(hn::Sub(r, hn::Round(r))));
    const V arg =
        hn::Mul(hn::Mul(s, Set(1 / kPi)), If(hn::Lt(r, Set(1.0)), Set(1.0), hn::Mul(r, q)));
    return hn::Neg(hn::Add(Log<false>(arg), g));
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto inf = Num(d, kInf);
    const auto pole = hn::Or(hn::Eq(hn::Abs(a[0]), inf),
                             hn::And(hn::Le(a[0], Num(d, 0)), hn::Eq(hn::Floor(a[0]), a[0])));
    // The zeros at 1 and 2 are positive zeros.
    return hn::IfThenElse(pole, inf, hn::Add(y, Num(d, 0)));
  }
};

// digamma(1 + u) for u in [0, 2], its zero an exact factor.
template <bool kF>
HWY_INLINE V DigammaMid(V t, V u) {
  const V zero = hn::Sub(hn::Sub(t, Set(kDigammaZeroHi)), Set(kDigammaZeroLo));
  return hn::Mul(zero, OPKIT_FIT(kF, DigammaMid, u));
}

template <bool kF>
HWY_INLINE V DigammaStirling(V x) {
  const V inv = hn::Div(Set(1.0), x);
  const V w = hn::Mul(inv, inv);
  V t;
  if constexpr (kF) {
    t = Horner(w, kDigammaAsymLowF);
  } else {
    t = Horner(w, kDigammaAsymD);
  }
  return hn::Sub(LogNormal<kF>(x), hn::MulAdd(w, t, hn::Mul(Set(0.5), inv)));
}

// digamma(x) for 1 <= x < 8: the steps down add 1 / (x - k), kept as one fraction.
template <bool kF>
HWY_INLINE V DigammaShifted(V x) {
  V num = Set(0.0), den = Set(1.0);
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) {
    const M m = hn::Ge(x, Set(3.0));
    x = If(m, hn::Sub(x, Set(1.0)), x);
    num = If(m, hn::MulAdd(num, x, den), num);
    den = If(m, hn::Mul(den, x), den);
  }
  return hn::Add(hn::Div(num, den), DigammaMid<kF>(x, hn::Sub(x, Set(1.0))));
}

struct DigammaFn {
  static constexpr size_t kIn = 1, kRegions = 4;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* a) {
    const auto x = a[0];
    if constexpr (kR == 0) return hn::And(hn::Ge(x, Num(d, 0)), hn::Lt(x, Num(d, 3)));
    if constexpr (kR == 1) return hn::Lt(x, Num(d, 0));
    if constexpr (std::is_same_v<hn::TFromD<D>, float>) return hn::MaskFalse(d);
    return hn::And(hn::Ge(x, Num(d, 3)), hn::Lt(x, Num(d, 8)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) {
      const M low = hn::Lt(x, Set(1.0));
      const V t = hn::Add(x, hn::IfThenElseZero(low, Set(1.0)));
      const V u = If(low, x, hn::Sub(x, Set(1.0)));
      const V inv = hn::IfThenElseZero(low, hn::Div(Set(1.0), x));
      return hn::Sub(DigammaMid<kF>(t, u), inv);
    }
    if constexpr (kR == 2) return DigammaShifted<kF>(x);
    if constexpr (kR == 3) return DigammaStirling<kF>(x);
    // psi(-r) = psi(1 + r) + pi cot(pi r).
    const V r = hn::Neg(x);
    const V t = hn::Add(r, Set(1.0));
    const V psi = If(hn::Lt(t, Set(8.0)), DigammaShifted<false>(hn::Min(t, Set(8.0))),
                     DigammaStirling<false>(hn::Max(t, Set(8.0))));
    V s, c;
    SinCosPi<false>(hn::Sub(r, hn::Round(r)), s, c);
    return hn::MulAdd(Set(kPi), hn::Div(c, s), psi);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* a, hn::Vec<D> y) {
    const auto pole = hn::And(hn::Le(a[0], Num(d, 0)), hn::Eq(hn::Floor(a[0]), a[0]));
    y = hn::IfThenElse(pole, Num(d, kNan), y);
    return hn::IfThenElse(hn::Eq(a[0], Num(d, kInf)), a[0], y);
  }
};

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_GAMMA_INL_H_
