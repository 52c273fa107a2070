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
constexpr double kSeriesEps = kF ? 1e-9 : 1e-17;

// Convergents of a continued fraction, each lane up to where it would stop alone:
// when a step changes it by less than kEps.
template <bool kF>
struct Convergents {
  static constexpr double kEps = kF ? 5e-9 : 3e-16;
  V a0, a1, b0, b1, num, den;
  M open;

  HWY_INLINE void Start(V first_a, V first_b) {
    a0 = num = Set(0.0);
    b0 = den = Set(1.0);
    a1 = first_a;
    b1 = first_b;
    open = hn::Not(hn::MaskFalse(Dd()));
  }
  HWY_INLINE void Step(V alpha, V beta) {
    const V a2 = hn::MulAdd(beta, a1, hn::Mul(alpha, a0));
    const V b2 = hn::MulAdd(beta, b1, hn::Mul(alpha, b0));
    a0 = a1;
    a1 = a2;
    b0 = b1;
    b1 = b2;
  }
  // Whether no lane goes on. NaN stops too.
  HWY_INLINE bool Done() {
    num = If(open, a1, num);
    den = If(open, b1, den);
    const V cross = hn::Mul(a1, b0), gap = hn::NegMulAdd(a0, b1, cross);
    open = hn::And(open, hn::Gt(hn::Abs(gap), hn::Abs(hn::Mul(cross, Set(kEps)))));
    if (hn::AllFalse(Dd(), open)) return true;
    const M large = hn::Gt(hn::Abs(b1), Set(1e50));
    if (HWY_UNLIKELY(!hn::AllFalse(Dd(), large))) {
      const V scale = If(large, hn::Div(Set(1.0), b1), Set(1.0));
      a0 = hn::Mul(a0, scale);
      a1 = hn::Mul(a1, scale);
      b0 = hn::Mul(b0, scale);
      b1 = hn::Mul(b1, scale);
    }
    return false;
  }
  HWY_INLINE V Value() const { return hn::Div(num, den); }
};

// mu - log(1 + mu) for |mu| <= 1/2 with s = mu / (2 + mu).
template <bool kF>
HWY_INLINE V PhiNear(V mu, V s) {
  const V z = hn::Mul(s, s), tail = hn::Mul(hn::Mul(s, z), OPKIT_FIT(kF, AtanhWide, z));
  return hn::NegMulAdd(Set(2.0), tail, hn::Mul(s, mu));
}

// lambda - 1 - log(lambda) with lambda = 1 + mu.
HWY_INLINE V Phi(V lambda, V mu) {
  const M near = hn::Le(hn::Abs(mu), Set(0.5));
  const V m = hn::IfThenElseZero(near, mu);
  const V close = PhiNear<false>(m, hn::Div(m, hn::Add(m, Set(2.0))));
  return If(near, close, hn::Sub(mu, LogPositive(lambda)));
}

// log of Gamma(a) / (sqrt(2 pi / a) (a / e)^a), a >= 8.
HWY_INLINE V StirlingTail(V a) {
  const V inv = hn::Div(Set(1.0), a);
  return hn::Mul(inv, StirlingSeries<false>(hn::Mul(inv, inv)));
}

// 1 / (12 x) and so on, x >= 3, from inv = 1 / x.
HWY_INLINE V ShortStirlingTail(V inv) {
  return hn::Mul(inv, StirlingSeries<true>(hn::Mul(inv, inv)));
}

// x^a e^-x / Gamma(a + 1) for float32, a below some 1e4: Stirling's formula for
// Gamma(a + 3), with A^A divided into x^a.
HWY_INLINE V ShortGammaPrefactor(V a, V x) {
  const V b = hn::Add(a, Set(3.0)), inv = hn::Div(Set(1.0), b);
  const V e =
      hn::MulAdd(a, LogMedium(hn::Mul(x, inv)), hn::Sub(hn::Sub(b, x), ShortStirlingTail(inv)));
  const V p = hn::Mul(hn::Add(a, Set(1.0)), hn::Add(a, Set(2.0)));
  const V scale = hn::Mul(hn::Mul(p, inv), hn::Mul(inv, inv));
  return hn::Mul(Exp<true>(e), hn::Mul(scale, hn::Sqrt(hn::Mul(b, Set(1 / kTwoPi)))));
}

// x^a e^-x / Gamma(a + 1). For a >= 8 relative to the maximum at x = a, which
// keeps the exponent small where the result is not.
HWY_INLINE V FullGammaPrefactor(V a, V x) {
  const M big = hn::Ge(a, Set(8.0));
  const V ab = hn::Max(a, Set(8.0));
  const V lambda = hn::Div(x, ab);
  const V large =
      hn::Neg(hn::MulAdd(ab, Phi(lambda, hn::Div(hn::Sub(x, ab), ab)), StirlingTail(ab)));
  // Gamma(a + 1) = exp(g) * p.
  V y = hn::Min(hn::Add(a, Set(1.0)), Set(9.0));
  // 1 + a would round a tiny a away. Of 1 + a, as p is: the last a below 2 rounds it up to 3.
  const M tiny = hn::Lt(y, Set(3.0));
  V shifted = If(hn::Ge(y, Set(8.0)), hn::Sub(y, Set(1.0)), y);
  const V last = If(hn::Ge(y, Set(8.0)), shifted, Set(1.0));
  const V p = hn::Mul(ShiftDown(shifted), last);
  const V g = LgammaMid(If(tiny, a, hn::Sub(shifted, Set(1.0))));
  V low, lost;
  const V log = LogPair(x, low), product = hn::Mul(a, log);
  low = hn::MulAdd(a, low, ProductLow(a, log, product));
  V sum = TwoSum(product, hn::Neg(x), lost);
  low = hn::Add(low, lost);
  sum = TwoSum(sum, hn::Neg(g), lost);
  low = hn::Add(low, lost);
  const V e = ExpPair(If(big, large, sum), hn::IfThenZeroElse(big, low));
  return hn::Mul(
      e, If(big, hn::Div(Set(1.0), hn::Sqrt(hn::Mul(Set(kTwoPi), ab))), hn::Div(Set(1.0), p)));
}

template <bool kF>
HWY_INLINE V GammaPrefactor(V a, V x) {
  if constexpr (kF) return ShortGammaPrefactor(a, x);
  return FullGammaPrefactor(a, x);
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
  const V inv = hn::Div(Set(1.0), hn::Max(x, Set(16.0)));
  const V first = hn::Mul(hn::Sub(hn::Add(x, Set(1.0)), a), inv);
  const V scale = hn::Mul(inv, inv);
  Convergents<kF> c;
  c.Start(inv, first);
  for (int k = 1; k < 2000; k += 2) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const V kv = Set(static_cast<double>(k + j));
      c.Step(hn::Mul(hn::Mul(kv, hn::Sub(a, kv)), scale), hn::MulAdd(hn::Add(kv, kv), inv, first));
    }
    if (c.Done()) break;
  }
  return c.Value();
}

// The smaller of P and Q for |x - a| <= a / 2, a >= 16; which one is it: P where
// x < a.
template <bool kF>
HWY_INLINE V GammaTemme(V a, V x) {
  const V inv = hn::Div(Set(1.0), a), delta = hn::Sub(x, a);
  const V mu = kF ? hn::Mul(delta, inv) : hn::Div(delta, a);
  const V phi = PhiNear<kF>(mu, hn::Div(mu, hn::Add(mu, Set(2.0))));
  const V exponent = hn::Mul(a, phi);
  const V eta = hn::CopySign(hn::Sqrt(hn::Add(phi, phi)), delta);
  V t;
  if constexpr (kF) {
    t = Horner<true>(eta, kTemme4F);
    t = hn::MulAdd(t, inv, Horner<true>(eta, kTemme3F));
    t = hn::MulAdd(t, inv, Horner<true>(eta, kTemme2F));
    t = hn::MulAdd(t, inv, Horner<true>(eta, kTemme1F));
    t = hn::MulAdd(t, inv, Horner<true>(eta, kTemme0F));
  } else {
    t = Horner<false>(eta, kTemme11D);
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme10D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme9D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme8D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme7D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme6D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme5D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme4D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme3D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme2D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme1D));
    t = hn::MulAdd(t, inv, Horner<false>(eta, kTemme0D));
  }
  t = hn::Mul(t, hn::Sqrt(hn::Mul(inv, Set(1 / kTwoPi))));
  t = hn::Xor(t, hn::And(eta, Set(-0.0)));
  // erfc(z) = exp(-z^2) erfcx(z), z^2 = exponent.
  const V z = hn::Sqrt(exponent);
  const V u = hn::Div(Set(1.0), hn::MulAdd(Set(0.5), z, Set(1.0)));
  const V erfcx = hn::Mul(u, OPKIT_FIT(kF, Erfcx, u));
  return hn::Mul(Exp<kF>(hn::Neg(exponent)), hn::MulAdd(Set(0.5), erfcx, t));
}

// Where P and Q are computed and what: 1 Temme's, the smaller; 2 the series, P; 3
// the continued fraction, Q; 4 as 2 for float32 where Q is small though P is
// computed. 0 and 5 need no computation.
struct GammaCore {
  static constexpr size_t kIn = 2;
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V a = in[0], x = in[1];
    if constexpr (kR == 1) return GammaTemme<kF>(a, x);
    if constexpr (kR == 2) return hn::Mul(GammaPrefactor<kF>(a, x), GammaSeries<kF>(a, x));
    return hn::Mul(hn::Mul(GammaPrefactor<kF>(a, x), a), GammaFraction<kF>(a, x));
  }
};

// Igamma, or Igammac if kUpper: the regions.
template <bool kUpper>
struct GammaEnds {
  static constexpr size_t kIn = 2, kRegions = 6;
  template <bool kF>
  static HWY_INLINE V Region(const V* in) {
    const V a = in[0], x = in[1], delta = hn::Sub(x, a);
    const M below = hn::Lt(delta, Set(0.0));
    const M temme = hn::And(hn::Ge(a, Set(16.0)), hn::Le(hn::Abs(delta), hn::Mul(a, Set(0.5))));
    const M series = hn::Lt(x, hn::Max(Set(1.0), hn::Add(a, hn::Min(a, Set(1.0)))));
    V r = If(temme, Set(1.0), If(series, Set(2.0), Set(3.0)));
    if constexpr (kF && kUpper) {
      r = If(hn::AndNot(hn::Ge(a, Set(0.5)), series), Set(4.0), r);
    }
    // The smaller of P and Q is at most exp(-a phi(x / a)) (Chernoff), where
    // a phi(1 + delta / a) >= delta^2 / (2 a + delta), 4/3 delta above 0: it is 0 or
    // the other 1.
    const V width = hn::MulAdd(delta, If(below, Set(1.0), Set(4.0 / 3)), hn::Add(a, a));
    constexpr double kZero = kF ? 104 : 746, kOne = kF ? 17.5 : 37.5;
    const V enough = If(below, Set(kUpper ? kOne : kZero), Set(kUpper ? kZero : kOne));
    r = If(hn::Ge(hn::Mul(delta, delta), hn::Mul(enough, width)), Set(0.0), r);
    const M proper = hn::And(hn::Gt(hn::Min(a, x), Set(0.0)), hn::Lt(hn::Max(a, x), Set(kInf)));
    // Max and Min may drop a NaN.
    return If(hn::AndNot(hn::Or(hn::IsNaN(a), hn::IsNaN(x)), proper), r, Set(5.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V a = in[0], x = in[1], zero = Set(0.0), inf = Set(kInf);
    const V at_zero = Set(kUpper ? 1.0 : 0.0), at_inf = Set(kUpper ? 0.0 : 1.0);
    if constexpr (kR == 0) return If(hn::Lt(x, a), at_zero, at_inf);
    V y = If(hn::Eq(x, inf), at_inf, Set(kNan));
    y = If(hn::Eq(a, inf), If(hn::Eq(x, inf), zero, at_zero), y);
    y = If(hn::And(hn::Gt(a, zero), hn::Ge(x, zero)), y, Set(kNan));
    // TensorFlow's P(a, 0) is 0 for every a, its Q(a, 0) needs a > 0.
    M none = hn::Eq(x, zero);
    if constexpr (kUpper) none = hn::And(none, hn::Gt(a, zero));
    return If(none, at_zero, y);
  }
};

// y = 1 - y where it is P (x - a < edge) and Q is wanted or the other way round.
inline HWY_NOINLINE void Complement(bool upper, double edge, const double* const* x, double* y,
                                    size_t n) {
  const Dd d;
  const M wanted = upper ? hn::Not(hn::MaskFalse(d)) : hn::MaskFalse(d);
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    const V v = hn::Load(d, y + i);
    const M lower = hn::Lt(hn::Sub(hn::Load(d, x[1] + i), hn::Load(d, x[0] + i)), Set(edge));
    const V other = hn::Max(hn::Sub(Set(1.0), v), Set(0.0));
    hn::Store(If(hn::Xor(lower, wanted), v, other), d, y + i);
  }
}

// Regions 1 to 4; kF for results that become float32.
template <bool kUpper, bool kF, size_t kR>
void GammaCompute(const double* const* x, double* y, size_t n) {
  EvalRegion<GammaCore, kF && kR != 4, kR == 4 ? 2 : kR>(x, y, n);
  if (kR == 1) Complement(kUpper, 0.0, x, y, n);
  if ((kR == 2 || kR == 4) && kUpper) Complement(true, kInf, x, y, n);
  if (kR == 3 && !kUpper) Complement(false, -kInf, x, y, n);
}

template <bool kUpper, bool kF>
constexpr Evaluate kGammaRegions[] = {EvalRegion<GammaEnds<kUpper>, false, 0, double>,
                                      GammaCompute<kUpper, kF, 1>,
                                      GammaCompute<kUpper, kF, 2>,
                                      GammaCompute<kUpper, kF, 3>,
                                      GammaCompute<kUpper, kF, 4>,
                                      EvalRegion<GammaEnds<kUpper>, false, 5, double>};

// Kernels of export.h.
template <bool kUpper>
size_t GammaKernel(size_t region, const double* const* x, double* y, size_t n) {
  if (region == kSort) return SortRegions<GammaEnds<kUpper>>(x, y, n);
  kGammaRegions<kUpper, false>[region](x, y, n);
  return GammaEnds<kUpper>::kRegions;
}
template <bool kUpper>
size_t GammaKernel(size_t region, const float* const* x, float* y, size_t n) {
  if (region == kSort) return SortRegions<GammaEnds<kUpper>>(x, y, n);
  Widened(kGammaRegions<kUpper, true>[region], 2, x, y, n);
  return GammaEnds<kUpper>::kRegions;
}

// x^a y^b / B(a, b), y = 1 - x, for float32, a and b below some 1e4: Stirling's
// formula for Gamma(a + 3), Gamma(b + 3), Gamma(a + b + 6), its powers divided
// into x^a and y^b.
HWY_INLINE V ShortBetaPrefactor(V a, V b, V x, V y) {
  const V one = Set(1.0), two = Set(2.0), three = Set(3.0), five = Set(5.0);
  const V s = hn::Add(a, b);
  const V ta = hn::Add(a, three), tb = hn::Add(b, three), ts = hn::Add(ta, tb);
  const V ab = hn::Mul(ta, tb), inv = hn::Div(one, hn::Mul(ab, ts));
  const V inv_ab = hn::Mul(inv, ts);
  const V ra = hn::Mul(inv_ab, tb), rb = hn::Mul(inv_ab, ta), rs = hn::Mul(inv, ab);
  V e = hn::Mul(a, LogMedium(hn::Mul(hn::Mul(x, ts), ra)));
  e = hn::MulAdd(b, LogMedium(hn::Mul(hn::Mul(y, ts), rb)), e);
  e = hn::Add(
      e, hn::Sub(ShortStirlingTail(rs), hn::Add(ShortStirlingTail(ra), ShortStirlingTail(rb))));
  const V r = hn::Mul(hn::Mul(ts, ts), inv_ab);
  const V root = hn::Sqrt(hn::Mul(hn::Mul(r, ts), Set(1 / kTwoPi)));
  // a (a + 1) (a + 2) b (b + 1) (b + 2) / (s .. (s + 5)).
  const V pa = hn::Mul(hn::Mul(a, hn::Add(a, one)), hn::Add(a, two));
  const V pb = hn::Mul(hn::Mul(b, hn::Add(b, one)), hn::Add(b, two));
  const V m = hn::Mul(s, hn::Add(s, five));  // (s + 1) (s + 4) = m + 4, (s + 2) (s + 3) = m + 6
  const V ps = hn::Mul(hn::Mul(m, hn::Add(m, Set(4.0))), hn::Add(m, Set(6.0)));
  const V scale = hn::Mul(hn::Mul(r, r), hn::Mul(root, hn::Div(hn::Mul(pa, pb), ps)));
  return hn::Mul(Exp<true>(e), scale);
}

// x^a y^b / B(a, b), y = 1 - x.
template <bool kBig>
HWY_INLINE V BetaPrefactor(V a, V b, V x, V y) {
  const V s = hn::Add(a, b);
  if constexpr (kBig) {  // both at least 8: relative to the maximum at x = a / s
    const V la = hn::Div(hn::Mul(x, s), a), lb = hn::Div(hn::Mul(y, s), b);
    const V delta = hn::MulSub(b, x, hn::Mul(a, y));  // b x - a y
    V e = hn::Mul(a, Phi(la, hn::Div(delta, a)));
    e = hn::MulAdd(b, Phi(lb, hn::Neg(hn::Div(delta, b))), e);
    e = hn::Add(e, hn::Sub(hn::Add(StirlingTail(a), StirlingTail(b)), StirlingTail(s)));
    const V scale = hn::Div(hn::Mul(a, hn::Div(b, s)), Set(kTwoPi));
    return hn::Mul(Exp<false>(hn::Neg(e)), hn::Sqrt(scale));
  }
  const V at[] = {a, b, s};
  V lgamma[3], factor[3];
#pragma GCC unroll 1
  for (int i = 0; i < 3; ++i) lgamma[i] = LgammaSplit(at[i], factor[i]);
  const V g = hn::Sub(lgamma[2], hn::Add(lgamma[0], lgamma[1]));
  const V q = hn::Div(factor[2], hn::Mul(factor[0], factor[1]));
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
  const V one = Set(1.0), s = hn::Add(a, b);
  const V lambda1 = hn::Add(hn::MulSub(a, y, hn::Mul(b, x)), one);  // a - (a + b) x + 1
  const V y1 = hn::Add(one, y);
  V r = hn::Div(one, hn::Add(a, one));  // 1 / (a + 2 n + 1)
  Convergents<kF> c;
  c.Start(one, hn::Mul(hn::Mul(a, r), lambda1));
  for (int n = 1; n < 3000; n += 2) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      const V nv = Set(static_cast<double>(n + j));
      const V an = hn::Add(a, nv), xr = hn::Mul(x, r);
      // With r = 1 / (a + 2 n - 1): t = n (b - n) x r.
      const V t = hn::Mul(hn::Mul(nv, hn::Sub(b, nv)), xr);
      const V alpha = hn::Mul(hn::Mul(hn::Sub(an, one), xr),
                              hn::Mul(hn::Add(s, Set(static_cast<double>(n + j - 1))), t));
      r = hn::Div(one, hn::Add(an, hn::Add(nv, one)));
      const V beta = hn::MulAdd(hn::Mul(an, r), hn::MulAdd(nv, y1, lambda1), hn::Add(nv, t));
      c.Step(alpha, beta);
    }
    if (c.Done()) break;
  }
  return c.Value();
}

struct BetaincFn : Regions {
  static constexpr size_t kIn = 3, kRegions = 4;
  static constexpr unsigned kExact = 1u << 1 | 1u << 2 | 1u << 3, kNarrow = 1u << 0;
  template <bool kF>
  static HWY_INLINE V Region(const V* in) {
    const V a = in[0], b = in[1], x = in[2], small = hn::Min(a, b), large = hn::Max(a, b);
    V r = If(hn::Ge(small, Set(8.0)), Set(1.0), Set(2.0));
    if constexpr (kF) r = If(hn::Le(large, Set(1e4)), Set(0.0), r);
    const M inside = hn::And(hn::Gt(x, Set(0.0)), hn::Lt(x, Set(1.0)));
    const M proper = hn::And(hn::Gt(small, Set(0.0)), hn::Lt(large, Set(kInf)));
    const M none = hn::Or(hn::IsNaN(a), hn::IsNaN(b));
    return If(hn::AndNot(none, hn::And(inside, proper)), r, Set(3.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V one = Set(1.0), zero = Set(0.0);
    if constexpr (kR == 3) {
      // As TensorFlow: a <= 0 or b <= 0 first, then the ends of x even for NaN a, b.
      const M below = hn::Or(hn::Le(in[0], zero), hn::Le(in[1], zero));
      const M end = hn::Or(hn::Eq(in[2], zero), hn::Eq(in[2], one));
      return If(hn::AndNot(below, end), PlusZero(in[2]), Set(kNan));
    }
    // Two steps of the fraction must stay in range; the result is a step long before.
    const V a0 = hn::Min(in[0], Set(1e50)), b0 = hn::Min(in[1], Set(1e50));
    // DLMF 8.17.4 where x is past the mean.
    const V y0 = hn::Sub(one, in[2]);
    const M swap = hn::Gt(hn::Mul(in[2], hn::Add(hn::Add(a0, b0), Set(2.0))), hn::Add(a0, one));
    const V a = If(swap, b0, a0), b = If(swap, a0, b0);
    const V x = If(swap, y0, in[2]), y = If(swap, in[2], y0);
    V v;
    if constexpr (kR == 0) {
      v = ShortBetaPrefactor(a, b, x, y);
    } else {
      v = BetaPrefactor<kR == 1>(a, b, x, y);
    }
    v = hn::Mul(v, BetaFraction<kF>(a, b, x, y));
    return If(swap, hn::Sub(one, v), v);
  }
};

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_INCOMPLETE_INL_H_
