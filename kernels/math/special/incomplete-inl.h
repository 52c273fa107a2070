// Incomplete gamma and beta functions of double vectors: power series (DLMF
// 8.7.1), continued fractions (8.9.2; Didonato and Morris 1992 for beta) and
// Temme's uniform expansion (8.12) where a is large and x near it. Include
// after math/simd.h.
#if defined(OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_
#undef OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_
#else
#define OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_
#endif

#include "math/special/gamma-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

constexpr double kTwoPi = 6.28318530717958647693;

template <bool kF>
constexpr double kSeriesEps = kF ? 1e-10 : 1e-17;
template <bool kF>
constexpr double kFractionEps = kF ? 1e-10 : 3e-16;

// lambda - 1 - log(lambda) with lambda = 1 + mu.
template <bool kF>
HWY_INLINE V Phi(V lambda, V mu) {
  const M near = hn::Le(hn::Abs(mu), Set(0.5));
  const V m = hn::IfThenElseZero(near, mu);
  const V close = hn::Mul(hn::Mul(m, m), OPKIT_FIT(kF, Log1pmx, m));
  V log;
  if constexpr (kF) {
    log = LogMedium(lambda);
  } else {
    log = Log<false>(lambda);
  }
  return If(near, close, hn::Sub(mu, log));
}

// log of Gamma(a) / (sqrt(2 pi / a) (a / e)^a), a >= 8.
HWY_INLINE V StirlingTail(V a) {
  const V inv = hn::Div(Set(1.0), a);
  return hn::Mul(inv, StirlingSeries<false>(hn::Mul(inv, inv)));
}

// x^a e^-x / Gamma(a + 1). For a >= 8 relative to the maximum at x = a, which
// keeps the exponent small where the result is not.
template <bool kF>
HWY_INLINE V GammaPrefactor(V a, V x) {
  const M big = hn::Ge(a, Set(8.0));
  const V ab = hn::Max(a, Set(8.0));
  const V lambda = hn::Div(x, ab);
  const V large =
      hn::Neg(hn::MulAdd(ab, Phi<kF>(lambda, hn::Div(hn::Sub(x, ab), ab)), StirlingTail(ab)));
  // Gamma(a + 1) = exp(g) * p.
  V y = hn::Min(hn::Add(a, Set(1.0)), Set(9.0));
  const M tiny = hn::Lt(a, Set(2.0));  // 1 + a would round a tiny a away
  V shifted = If(hn::Ge(y, Set(8.0)), hn::Sub(y, Set(1.0)), y);
  const V last = If(hn::Ge(y, Set(8.0)), shifted, Set(1.0));
  const V p = hn::Mul(ShiftDown(shifted), last);
  const V g = LgammaMid<kF>(If(tiny, a, hn::Sub(shifted, Set(1.0))));
  V e;
  if constexpr (kF) {
    e = Exp<true>(If(big, large, hn::Sub(hn::MulSub(a, LogMedium(x), x), g)));
  } else {
    V low, lost;
    const V log = LogPair(x, low), product = hn::Mul(a, log);
    low = hn::MulAdd(a, low, ProductLow(a, log, product));
    V sum = TwoSum(product, hn::Neg(x), lost);
    low = hn::Add(low, lost);
    sum = TwoSum(sum, hn::Neg(g), lost);
    low = hn::Add(low, lost);
    e = ExpPair(If(big, large, sum), hn::IfThenZeroElse(big, low));
  }
  return hn::Mul(
      e, If(big, hn::Div(Set(1.0), hn::Sqrt(hn::Mul(Set(kTwoPi), ab))), hn::Div(Set(1.0), p)));
}

// sum of x^n / ((a + 1) .. (a + n)) as one fraction, everything scaled by s so
// that neither part leaves the range. At most 17 / 16 for x / s.
template <bool kF>
HWY_INLINE V GammaSeries(V a, V x) {
  const Dd d;
  const V inv = hn::Div(Set(1.0), hn::Max(a, Set(16.0)));
  const V step = hn::Mul(x, inv), base = hn::Mul(a, inv);
  V num = Set(1.0), den = Set(1.0), power = Set(1.0);
  V num_at = num, den_at = den;
  M open = hn::Not(hn::MaskFalse(d));
  for (int k = 1; k < 400; k += 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const V t = hn::MulAdd(Set(static_cast<double>(k + j)), inv, base);
      power = hn::Mul(power, step);
      num = hn::MulAdd(num, t, power);
      den = hn::Mul(den, t);
    }
    // Each lane stops where it would alone. NaN compares false and stops too.
    num_at = If(open, num, num_at);
    den_at = If(open, den, den_at);
    open = hn::And(open, hn::Gt(power, hn::Mul(num, Set(kSeriesEps<kF>))));
    if (hn::AllFalse(d, open)) break;
  }
  return hn::Div(num_at, den_at);
}

// x^-a e^x Gamma(a, x) for x >= max(1, a), scaled as above.
template <bool kF>
HWY_INLINE V GammaFraction(V a, V x) {
  const Dd d;
  const V inv = hn::Div(Set(1.0), hn::Max(x, Set(16.0)));
  const V first = hn::Mul(hn::Sub(hn::Add(x, Set(1.0)), a), inv);
  V a0 = Set(0.0), a1 = inv, b0 = Set(1.0), b1 = first, value = Set(0.0);
  M open = hn::Not(hn::MaskFalse(d));
  const V scale = hn::Mul(inv, inv);
  for (int k = 1; k < 2000; k += 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const V kv = Set(static_cast<double>(k + j));
      const V b = hn::MulAdd(Set(static_cast<double>(2 * (k + j))), inv, first);
      const V c = hn::Mul(hn::Mul(kv, hn::Sub(a, kv)), scale);
      const V a2 = hn::MulAdd(b, a1, hn::Mul(c, a0)), b2 = hn::MulAdd(b, b1, hn::Mul(c, b0));
      a0 = a1;
      a1 = a2;
      b0 = b1;
      b1 = b2;
    }
    const V norm = hn::Div(Set(1.0), b1);
    a0 = hn::Mul(a0, norm);
    a1 = hn::Mul(a1, norm);
    b0 = hn::Mul(b0, norm);
    b1 = Set(1.0);
    const V step = hn::Abs(hn::Sub(a1, value));
    value = If(open, a1, value);
    open = hn::And(open, hn::Gt(step, hn::Mul(a1, Set(kFractionEps<kF>))));
    if (hn::AllFalse(d, open)) break;
  }
  return value;
}

template <bool kF, size_t kN>
HWY_INLINE V TemmeRow(V eta, const double (&c)[kN]) {
  if constexpr (kF) {
    double head[12] = {};
    for (size_t i = 0; i < 12; ++i) head[i] = c[i];
    return Horner(eta, head);
  }
  return Horner(eta, c);
}

// The smaller of P and Q for |x - a| <= a / 2, a >= 16; which one is it: P where
// x < a.
template <bool kF>
HWY_INLINE V GammaTemme(V a, V x) {
  const V mu = hn::Div(hn::Sub(x, a), a);
  const V fit = OPKIT_FIT(kF, Log1pmx, mu);
  const V eta = hn::Mul(mu, hn::Sqrt(hn::Add(fit, fit)));
  const V exponent = hn::Mul(a, hn::Mul(hn::Mul(mu, mu), fit));
  const V inv = hn::Div(Set(1.0), a);
  V t;
  if constexpr (kF) {
    t = TemmeRow<kF>(eta, kTemme4);
  } else {
    t = TemmeRow<kF>(eta, kTemme11);
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme10));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme9));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme8));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme7));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme6));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme5));
    t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme4));
  }
  t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme3));
  t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme2));
  t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme1));
  t = hn::MulAdd(t, inv, TemmeRow<kF>(eta, kTemme0));
  t = hn::Mul(t, hn::Sqrt(hn::Mul(inv, Set(1 / kTwoPi))));
  t = hn::Xor(t, hn::And(eta, Set(-0.0)));
  // erfc(z) = exp(-z^2) erfcx(z), z^2 = exponent.
  const V z = hn::Sqrt(exponent);
  const V u = hn::Div(Set(1.0), hn::MulAdd(Set(0.5), z, Set(1.0)));
  const V erfcx = hn::Mul(u, OPKIT_FIT(kF, Erfcx, u));
  return hn::Mul(Exp<kF>(hn::Neg(exponent)), hn::MulAdd(Set(0.5), erfcx, t));
}

// P (or Q if kUpper) in region 0: Temme, 1: series, 2: continued fraction.
template <bool kUpper>
struct IgammaFn {
  static constexpr size_t kIn = 2, kRegions = 3;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* in) {
    const auto a = in[0], x = in[1];
    const auto temme =
        hn::And(hn::Ge(a, Num(d, 16)), hn::Le(hn::Abs(hn::Sub(x, a)), hn::Mul(a, Num(d, 0.5))));
    if constexpr (kR == 0) return temme;
    const auto limit = hn::Max(Num(d, 1), hn::Add(a, hn::Min(a, Num(d, 1))));
    return hn::AndNot(temme, hn::Lt(x, limit));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V a = in[0], x = in[1], one = Set(1.0);
    if constexpr (kR == 0) {
      const V y = GammaTemme<kF>(a, x);
      const M is_q = hn::Ge(x, a);
      return If(kUpper ? is_q : hn::Not(is_q), y, hn::Sub(one, y));
    }
    if constexpr (kR == 1) {
      // 1 - P takes full accuracy for float32 too: it is small where a is.
      constexpr bool kShort = kF && !kUpper;
      const V p = hn::Mul(GammaPrefactor<kShort>(a, x), GammaSeries<kShort>(a, x));
      return kUpper ? hn::Max(hn::Sub(one, p), Set(0.0)) : p;
    }
    const V q = hn::Mul(hn::Mul(GammaPrefactor<kF>(a, x), a), GammaFraction<kF>(a, x));
    return kUpper ? q : hn::Sub(one, q);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* in, hn::Vec<D> y) {
    const auto a = in[0], x = in[1], zero = Num(d, 0), inf = Num(d, kInf);
    const auto at_zero = Num(d, kUpper ? 1 : 0), at_inf = Num(d, kUpper ? 0 : 1);
    y = hn::IfThenElse(hn::Eq(x, inf), at_inf, y);
    y = hn::IfThenElse(hn::Eq(a, inf), hn::IfThenElse(hn::Eq(x, inf), zero, at_zero), y);
    y = hn::IfThenElse(hn::And(hn::Gt(a, zero), hn::Ge(x, zero)), y, Num(d, kNan));
    // TensorFlow's P(a, 0) is 0 for every a, its Q(a, 0) needs a > 0.
    auto none = hn::Eq(x, zero);
    if constexpr (kUpper) none = hn::And(none, hn::Gt(a, zero));
    return hn::IfThenElse(none, at_zero, y);
  }
};

// x^a y^b / B(a, b), y = 1 - x.
template <bool kF, bool kBig>
HWY_INLINE V BetaPrefactor(V a, V b, V x, V y) {
  const V s = hn::Add(a, b);
  if constexpr (kBig) {  // both at least 8: relative to the maximum at x = a / s
    const V la = hn::Div(hn::Mul(x, s), a), lb = hn::Div(hn::Mul(y, s), b);
    const V delta = hn::MulSub(b, x, hn::Mul(a, y));  // b x - a y
    V e = hn::Mul(a, Phi<kF>(la, hn::Div(delta, a)));
    e = hn::MulAdd(b, Phi<kF>(lb, hn::Neg(hn::Div(delta, b))), e);
    e = hn::Add(e, hn::Sub(hn::Add(StirlingTail(a), StirlingTail(b)), StirlingTail(s)));
    const V scale = hn::Div(hn::Mul(a, hn::Div(b, s)), Set(kTwoPi));
    return hn::Mul(Exp<kF>(hn::Neg(e)), hn::Sqrt(scale));
  }
  V qa, qb, qs;
  const V ga = LgammaSplit(a, qa), gb = LgammaSplit(b, qb), gs = LgammaSplit(s, qs);
  const V g = hn::Sub(gs, hn::Add(ga, gb)), q = hn::Div(qs, hn::Mul(qa, qb));
  if constexpr (kF) {
    const V logs = hn::MulAdd(a, LogMedium(x), hn::Mul(b, LogMedium(y)));
    return hn::Mul(Exp<true>(hn::Add(logs, g)), q);
  }
  V low_x, low_y, lost;
  const V log_x = LogPair(x, low_x), log_y = LogPair(y, low_y);
  const V pa = hn::Mul(a, log_x), pb = hn::Mul(b, log_y);
  V low = hn::MulAdd(a, low_x, ProductLow(a, log_x, pa));
  low = hn::Add(low, hn::MulAdd(b, low_y, ProductLow(b, log_y, pb)));
  V sum = TwoSum(pa, pb, lost);
  low = hn::Add(low, lost);
  sum = TwoSum(sum, g, lost);
  return hn::Mul(ExpPair(sum, hn::Add(low, lost)), q);
}

// I_x(a, b) B(a, b) / (x^a y^b) for x below about a / (a + b).
template <bool kF>
HWY_INLINE V BetaFraction(V a, V b, V x, V y) {
  const Dd d;
  const V one = Set(1.0), s = hn::Add(a, b);
  const V lambda1 = hn::Add(hn::MulSub(a, y, hn::Mul(b, x)), one);  // a - (a + b) x + 1
  const V y1 = hn::Add(one, y);
  V r = hn::Div(one, hn::Add(a, one));  // 1 / (a + 2 n + 1)
  V a0 = Set(0.0), a1 = one, b0 = one, b1 = hn::Mul(hn::Mul(a, r), lambda1);
  V value = Set(0.0);
  M open = hn::Not(hn::MaskFalse(d));
  for (int n = 1; n < 3000; n += 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const V nv = Set(static_cast<double>(n + j));
      const V an = hn::Add(a, nv);
      // With r = 1 / (a + 2 n - 1): t = n (b - n) x r.
      const V t = hn::Mul(hn::Mul(nv, hn::Sub(b, nv)), hn::Mul(x, r));
      const V alpha = hn::Mul(hn::Mul(hn::Mul(hn::Sub(an, one), r), x),
                              hn::Mul(hn::Add(s, Set(static_cast<double>(n + j - 1))), t));
      r = hn::Div(one, hn::Add(an, hn::Add(nv, one)));
      const V beta = hn::Add(hn::Add(nv, t), hn::Mul(hn::Mul(an, r), hn::MulAdd(nv, y1, lambda1)));
      const V a2 = hn::MulAdd(beta, a1, hn::Mul(alpha, a0));
      const V b2 = hn::MulAdd(beta, b1, hn::Mul(alpha, b0));
      a0 = a1;
      a1 = a2;
      b0 = b1;
      b1 = b2;
    }
    const V norm = hn::Div(one, b1);
    a0 = hn::Mul(a0, norm);
    a1 = hn::Mul(a1, norm);
    b0 = hn::Mul(b0, norm);
    b1 = one;
    const V step = hn::Abs(hn::Sub(a1, value));
    value = If(open, a1, value);
    open = hn::And(open, hn::Gt(step, hn::Mul(hn::Abs(a1), Set(kFractionEps<kF>))));
    if (hn::AllFalse(d, open)) break;
  }
  return value;
}

struct BetaincFn {
  static constexpr size_t kIn = 3, kRegions = 2;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* in) {
    return hn::And(hn::Ge(in[0], Num(d, 8)), hn::Ge(in[1], Num(d, 8)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V one = Set(1.0);
    // Four steps of the fraction must stay in range; the result is a step long before.
    const V a0 = hn::Min(in[0], Set(1e70)), b0 = hn::Min(in[1], Set(1e70));
    // DLMF 8.17.4 where x is past the mean.
    const V y0 = hn::Sub(one, in[2]);
    const M swap = hn::Gt(hn::Mul(in[2], hn::Add(hn::Add(a0, b0), Set(2.0))), hn::Add(a0, one));
    const V a = If(swap, b0, a0), b = If(swap, a0, b0);
    const V x = If(swap, y0, in[2]), y = If(swap, in[2], y0);
    const V v = hn::Mul(BetaPrefactor<kF, kR == 0>(a, b, x, y), BetaFraction<kF>(a, b, x, y));
    return If(swap, hn::Sub(one, v), v);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* in, hn::Vec<D> v) {
    const auto zero = Num(d, 0), one = Num(d, 1), inf = Num(d, kInf);
    const auto wild = hn::Not(hn::And(hn::Lt(in[0], inf), hn::Lt(in[1], inf)));  // NaN too
    const auto bad = hn::Or(wild, hn::Not(hn::And(hn::Gt(in[2], zero), hn::Lt(in[2], one))));
    v = hn::IfThenElse(bad, Num(d, kNan), v);
    v = hn::IfThenElse(hn::Eq(in[2], zero), zero, v);
    v = hn::IfThenElse(hn::Eq(in[2], one), one, v);
    // As TensorFlow: a <= 0 or b <= 0 first, then the ends of x even for NaN a, b.
    const auto below = hn::Or(hn::Le(in[0], zero), hn::Le(in[1], zero));
    return hn::IfThenElse(below, Num(d, kNan), v);
  }
};

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_
