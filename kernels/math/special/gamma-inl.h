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

constexpr double kHalfLog2Pi = 0.91893853320467274178;

// lgamma(1 + u) for u in [0, 2]; its zeros at u = 0 and 1 are exact factors.
HWY_INLINE V LgammaMid(V u) {
  return hn::Mul(hn::Mul(u, hn::Sub(u, Set(1.0))), OPKIT_FIT64(LgammaMid, u));
}

// x (lgamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) from w = 1 / x^2; x >= 8, for float32 3.
template <bool kF>
HWY_INLINE V StirlingSeries(V w) {
  if constexpr (kF) return Horner<true>(w, kStirlingLowF);
  return Horner<false>(w, kStirlingD);
}

// lgamma(x), x >= 8.
HWY_INLINE V LgammaStirling(V x) {
  const V inv = hn::Div(Set(1.0), x);
  const V tail = hn::MulAdd(inv, StirlingSeries<false>(hn::Mul(inv, inv)), Set(kHalfLog2Pi - 0.5));
  return hn::MulAdd(hn::Sub(x, Set(0.5)), hn::Sub(LogNormal(x), Set(1.0)), tail);
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
  return If(big, LgammaStirling(hn::Max(r, Set(8.0))), LgammaMid(u));
}

// lgamma(r), r > 0, finite.
HWY_INLINE V LgammaPositive(V r) {
  V q;
  const V g = LgammaSplit(r, q);
  return hn::Add(g, LogNormal(q));
}

// |sin(pi r)| / pi: |Gamma(-r)| = 1 / (r Gamma(r)) over it.
HWY_INLINE V ReflectionSine(V r) {
  return hn::Mul(hn::Abs(SinPiReduced(hn::Sub(r, hn::Round(r)))), Set(1 / kPi));
}

struct LgammaFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 7;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    const M positive = hn::Gt(x, Set(0.0)), low = hn::Lt(x, Set(1.0)), mid = hn::Lt(x, Set(3.0));
    // The last: 0, NaN and -inf.
    V r = If(positive, If(mid, If(low, Set(1.0), Set(0.0)), Set(2.0)), Set(6.0));
    r = If(hn::AndNot(mid, hn::Lt(x, Set(8.0))), Set(5.0), r);
    const M negative = hn::And(hn::Lt(x, Set(0.0)), hn::Gt(x, Set(-kInf)));
    return If(negative, If(hn::Gt(x, Set(-8.0)), Set(3.0), Set(4.0)), r);
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    V x = a[0];
    // The zeros at 1 and 2 are positive zeros.
    if constexpr (kR == 0) return PlusZero(LgammaMid(hn::Sub(x, Set(1.0))));
    if constexpr (kR == 1) return hn::Sub(LgammaMid(x), LogPositive(x));
    if constexpr (kR == 2) return LgammaStirling(x);
    if constexpr (kR == 5) {
      const V p = ShiftDown(x);
      return hn::Add(LogNormal(p), LgammaMid(hn::Sub(x, Set(1.0))));
    }
    const V r = hn::Abs(x);
    if constexpr (kR == 3) {
      // Reflection. Below 1 the r of the formula and Gamma(r) = Gamma(1 + r) / r cancel.
      const M small = hn::Lt(r, Set(1.0));
      V y = r;
      const V q = hn::Mul(ShiftDown(y), r), s = ReflectionSine(r);
      const V g = LgammaMid(If(small, r, hn::Sub(y, Set(1.0))));
      return hn::Neg(hn::Add(Log(hn::Mul(s, If(small, Set(1.0), q))), g));
    }
    if constexpr (kR == 4) {
      const V s = hn::Mul(ReflectionSine(r), r);
      return hn::Neg(hn::Add(Log(s), LgammaStirling(hn::Min(r, Set(1e304)))));
    }
    return If(hn::Eq(x, x), Set(kInf), x);
  }
};

// digamma(1 + u) for u in [0, 2], its zero an exact factor.
HWY_INLINE V DigammaMid(V t, V u) {
  const V zero = hn::Sub(hn::Sub(t, Set(kDigammaZeroHi)), Set(kDigammaZeroLo));
  return hn::Mul(zero, OPKIT_FIT64(DigammaMid, u));
}

HWY_INLINE V DigammaStirling(V x) {
  const V inv = hn::Div(Set(1.0), x);
  const V w = hn::Mul(inv, inv);
  const V t = Horner<false>(w, kDigammaAsymD);
  return hn::Sub(LogNormal(x), hn::MulAdd(w, t, hn::Mul(Set(0.5), inv)));
}

// digamma(x) for 1 <= x < 8: the steps down add 1 / (x - k), kept as one fraction.
HWY_INLINE V DigammaShifted(V x) {
  V num = Set(0.0), den = Set(1.0);
#pragma GCC unroll 5
  for (int i = 0; i < 5; ++i) {
    const M m = hn::Ge(x, Set(3.0));
    x = If(m, hn::Sub(x, Set(1.0)), x);
    num = If(m, hn::MulAdd(num, x, den), num);
    den = If(m, hn::Mul(den, x), den);
  }
  return hn::Add(hn::Div(num, den), DigammaMid(x, hn::Sub(x, Set(1.0))));
}

// digamma(x) for 0 < x < 3.
HWY_INLINE V DigammaLow(V x) {
  const M low = hn::Lt(x, Set(1.0));
  const V t = hn::Add(x, hn::IfThenElseZero(low, Set(1.0)));
  // Below 1 the exact x serves as u = t - 1.
  const V u = If(low, x, hn::Sub(x, Set(1.0)));
  const V inv = hn::IfThenElseZero(low, hn::Div(Set(1.0), x));
  return hn::Sub(DigammaMid(t, u), inv);
}

// digamma(x) = digamma(1 - x) - pi / tan(pi x): the last term, NaN at the poles.
HWY_INLINE V DigammaReflection(V x) {
  V s, c;
  SinCosPi(hn::Sub(hn::Round(x), x), s, c);
  return If(hn::Eq(s, Set(0.0)), Set(kNan), hn::Mul(Set(kPi), hn::Div(c, s)));
}

struct DigammaFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 6;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    V r = If(hn::Lt(x, Set(3.0)), Set(0.0), Set(3.0));
    r = If(hn::And(hn::Ge(x, Set(3.0)), hn::Lt(x, Set(8.0))), Set(4.0), r);
    r = If(hn::Lt(x, Set(0.0)), If(hn::Gt(x, Set(-7.0)), Set(1.0), Set(2.0)), r);
    const M plain = hn::And(hn::Lt(hn::Abs(x), Set(kInf)), hn::Ne(x, Set(0.0)));
    return If(plain, r, Set(5.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0], t = hn::Sub(Set(1.0), x);
    if constexpr (kR == 0) return DigammaLow(x);
    if constexpr (kR == 1) return hn::Add(DigammaReflection(x), DigammaShifted(t));
    if constexpr (kR == 2) return hn::Add(DigammaReflection(x), DigammaStirling(t));
    if constexpr (kR == 3) return DigammaStirling(x);
    if constexpr (kR == 4) return DigammaShifted(x);
    return If(hn::Eq(x, Set(kInf)), x, Set(kNan));
  }
};

// digamma(x) of any x.
HWY_INLINE V Digamma(V x) {
  const V one = Set(1.0), t = If(hn::Lt(x, Set(0.0)), hn::Sub(one, x), x);
  V y = If(hn::Lt(t, one), DigammaLow(t), DigammaShifted(hn::Min(t, Set(8.0))));
  y = If(hn::Lt(t, Set(8.0)), y, DigammaStirling(hn::Max(t, Set(8.0))));
  y = If(hn::Lt(x, Set(0.0)), hn::Add(DigammaReflection(x), y), y);
  const M plain = hn::And(hn::Lt(hn::Abs(x), Set(kInf)), hn::Ne(x, Set(0.0)));
  return If(plain, y, If(hn::Eq(x, Set(kInf)), x, Set(kNan)));
}

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_GAMMA_INL_H_
