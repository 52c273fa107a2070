// Hurwitz zeta and polygamma by Euler-Maclaurin summation (DLMF 25.11.28 with
// the sum started at q + N, 25.11.12).
#include "math/simd.h"
#include "math/special/gamma-inl.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

// w^-s exp(shift), w > 0.
template <bool kF>
HWY_INLINE V Power(V w, V s, V shift) {
  if constexpr (kF) return Exp<true>(hn::NegMulAdd(s, LogMedium(w), shift));
  V low;
  const V log = LogPair(w, low);
  const V product = hn::Mul(s, log);
  low = hn::MulAdd(s, low, ProductLow(s, log, product));
  // NaN where the product is over the range.
  low = hn::IfThenElseZero(hn::Lt(hn::Abs(low), Set(1.0)), low);
  return ExpPair(hn::Sub(shift, product), hn::Neg(low));
}

// sum (q + k)^-s times exp(shift), for s > 1 and q > 0. N = 9 terms and 12
// corrections: where s is so large that the corrections do not fall, the first
// terms have made the tail negligible. float32: 5 and 6.
template <bool kF>
HWY_INLINE V HurwitzPositive(V s, V q, V shift) {
  // B_2j / (2j)!
  constexpr double kC[] = {
      8.3333333333333333e-02,  -1.3888888888888889e-03, 3.3068783068783069e-05,
      -8.2671957671957672e-07, 2.0876756987868099e-08,  -5.2841901386874932e-10,
      1.3382536530684679e-11,  -3.3896802963225829e-13, 8.5860620562778446e-15,
      -2.1748686985580619e-16, 5.5090028283602295e-18,  -1.3954464685812523e-19};
  constexpr int kTerms = kF ? 5 : 9, kCorrections = kF ? 6 : 12;
  V sum = Set(0.0);
  for (int k = 0; k < kTerms; ++k) {
    const V w = hn::Add(q, Set(static_cast<double>(k)));
    sum = hn::Add(sum, Power<kF>(w, s, shift));
  }
  const V w = hn::Add(q, Set(static_cast<double>(kTerms)));
  const V power = Power<kF>(w, s, shift);
  const V inv = hn::Div(Set(1.0), w);
  const V s1 = hn::Sub(s, Set(1.0));
  V tail = hn::Add(hn::Div(hn::Mul(power, w), s1), hn::Mul(Set(0.5), power));
  // t = s (s + 1) .. (s + 2 j - 2) w^(-s - 2 j + 1); 0 stays 0 for huge s.
  V t = hn::Mul(hn::Mul(power, s), inv);
  for (int j = 0; j < kCorrections; ++j) {
    tail = hn::MulAdd(Set(kC[j]), t, tail);
    t = hn::Mul(hn::Mul(t, hn::Add(s, Set(2.0 * j + 1))), inv);
    t = hn::Mul(hn::Mul(t, hn::Add(s, Set(2.0 * j + 2))), inv);
  }
  // With infinite terms the corrections are NaN.
  return If(hn::Eq(sum, Set(kInf)), sum, hn::Add(sum, tail));
}

// The same for q < 0, s a whole number: with f = q - floor(q) and m = -floor(q),
// zeta(s, f) + (-1)^s (zeta(s, 1 - f) - zeta(s, 1 - f + m)).
HWY_INLINE V HurwitzNegative(V s, V q, V shift) {
  const V floor = hn::Floor(q);
  const V f = hn::Sub(q, floor), g = hn::Sub(hn::Ceil(q), q);  // both exact
  const V half = hn::Mul(Set(0.5), s);
  const M odd = hn::Ne(hn::Floor(half), half);
  const V direct = HurwitzPositive<false>(s, f, shift);
  const V mirrored = HurwitzPositive<false>(s, g, shift);
  const V rest = HurwitzPositive<false>(s, hn::Sub(g, floor), shift);
  // The large terms first: at f = 1/2 they cancel for odd s.
  return If(odd, hn::Add(hn::Sub(direct, mirrored), rest),
            hn::Sub(hn::Add(direct, mirrored), rest));
}

template <class D>
HWY_INLINE hn::Mask<D> IsWhole(D, hn::Vec<D> v) {
  return hn::Eq(hn::Floor(v), v);
}

// TensorFlow's values where the sum does not converge: 0 < q and s > 1 left out.
template <class D>
HWY_INLINE hn::Vec<D> HurwitzFix(D d, hn::Vec<D> s, hn::Vec<D> q, hn::Vec<D> y) {
  const auto zero = Num(d, 0), one = Num(d, 1), inf = Num(d, kInf), nan = Num(d, kNan);
  const auto half = hn::Mul(s, Num(d, 0.5));
  const auto low = hn::Le(q, zero);
  y = hn::IfThenElse(hn::Eq(q, inf), zero, y);
  y = hn::IfThenElse(hn::And(low, hn::Not(IsWhole(d, s))), nan, y);
  // Poles: their sign is open for odd s.
  y = hn::IfThenElse(hn::And(low, IsWhole(d, q)), hn::IfThenElse(IsWhole(d, half), inf, nan), y);
  // The largest term is all that counts as s goes to infinity.
  const auto all = hn::IfThenElse(hn::Lt(q, one), inf, hn::IfThenElse(hn::Gt(q, one), zero, one));
  y = hn::IfThenElse(hn::Eq(s, inf), all, y);
  y = hn::IfThenElse(hn::Or(hn::IsNaN(s), hn::IsNaN(q)), nan, y);
  y = hn::IfThenElse(hn::Lt(s, one), nan, y);
  return hn::IfThenElse(hn::Eq(s, one), inf, y);
}

struct ZetaFn {
  static constexpr size_t kIn = 2, kRegions = 2;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* in) {
    return hn::Not(hn::Lt(in[1], Num(d, 0)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    if constexpr (kR == 0) return HurwitzPositive<kF>(in[0], in[1], Set(0.0));
    return HurwitzNegative(in[0], in[1], Set(0.0));
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* in, hn::Vec<D> y) {
    return HurwitzFix(d, in[0], in[1], y);
  }
};

// table[n] for whole n in [0, 170], its last value beyond.
HWY_INLINE V FactorialLookup(V n, const double* table) {
  const Di di;
  const auto capped = hn::Min(hn::Max(n, Set(0.0)), Set(170.0));
  return hn::GatherIndex(Dd(), table, hn::ConvertTo(di, capped));
}

// (-1)^(n + 1) n! zeta(n + 1, x); digamma for n = 0. For float32, and where n!
// is over the range, log n! goes into the exponents of the sum.
struct PolygammaFn {
  static constexpr size_t kIn = 2, kRegions = 4;
  template <size_t kR, class D>
  static HWY_INLINE hn::Mask<D> In(D d, const hn::Vec<D>* in) {
    const auto zero = Num(d, 0);
    const auto plain = hn::And(hn::Eq(in[0], zero), hn::Gt(in[1], zero));
    if constexpr (kR == 0) return plain;
    if constexpr (kR == 1) return hn::AndNot(plain, hn::Eq(in[0], zero));
    return hn::And(hn::Gt(in[0], zero), hn::Ge(in[1], zero));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V n = in[0], x = in[1];
    if constexpr (kR == 0) {
      return If(hn::Lt(x, Set(8.0)), DigammaLow(hn::Min(x, Set(8.0))),
                DigammaStirling<false>(hn::Max(x, Set(8.0))));
    }
    if constexpr (kR == 1) return DigammaFn::Eval<kF, 1>(in + 1);
    const V s = hn::Min(hn::Add(n, Set(1.0)), Set(1e300));
    const V half = hn::Mul(Set(0.5), n);
    const M even = hn::Eq(hn::Floor(half), half);
    const M large = hn::Gt(n, Set(170.0));
    V shift = kF ? FactorialLookup(n, kLogFactorial) : Set(0.0);
    if (HWY_UNLIKELY(!hn::AllFalse(Dd(), large))) {
      shift = If(large, LgammaPositive(hn::Max(s, Set(1.0))), shift);
    }
    V y = kR == 2 ? HurwitzPositive<kF>(s, x, shift) : HurwitzNegative(s, x, shift);
    if constexpr (!kF) y = hn::Mul(y, If(large, Set(1.0), FactorialLookup(n, kFactorial)));
    return If(even, hn::Neg(y), y);
  }
  template <class D>
  static HWY_INLINE hn::Vec<D> Fix(D d, const hn::Vec<D>* in, hn::Vec<D> y) {
    const auto n = in[0], x = in[1], zero = Num(d, 0), inf = Num(d, kInf), nan = Num(d, kNan);
    const auto digamma = DigammaFn::Fix(d, in + 1, y);
    // n = 1, 3, .. as zeta of an even argument; the sign for even n is zeta's NaN.
    const auto s = hn::Add(n, Num(d, 1));
    auto poly = HurwitzFix(d, s, x, y);
    const auto half = hn::Mul(n, Num(d, 0.5));
    const auto at_inf = hn::IfThenElse(IsWhole(d, half), Num(d, -0.0), zero);
    poly = hn::IfThenElse(hn::Eq(x, inf), at_inf, poly);
    poly = hn::IfThenElse(hn::Eq(n, inf), hn::IfThenElse(hn::Le(x, Num(d, 1)), inf, nan), poly);
    y = hn::IfThenElse(hn::Eq(n, zero), digamma, poly);
    const auto order = hn::And(hn::Ge(n, zero), IsWhole(d, n));
    return hn::IfThenElse(hn::And(order, hn::Not(hn::IsNaN(x))), y, nan);
  }

 private:
  // 0 < x < 8.
  static HWY_INLINE V DigammaLow(V x) {
    const M low = hn::Lt(x, Set(1.0));
    const V t = hn::Add(x, hn::IfThenElseZero(low, Set(1.0)));
    // Below 1 the exact x serves as u = t - 1.
    const V mid = DigammaMid<false>(t, hn::Min(x, Set(1.0)));
    return If(low, hn::Sub(mid, hn::Div(Set(1.0), x)), DigammaShifted<false>(t));
  }
};

}  // namespace special

OPKIT_SPECIAL_MAP2(Zeta, ZetaFn)
OPKIT_SPECIAL_MAP2(Polygamma, PolygammaFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT2(Zeta)
OPKIT_SPECIAL_EXPORT2(Polygamma)

}  // namespace opkit
#endif  // HWY_ONCE
