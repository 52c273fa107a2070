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

// B_2j / (2j)!
constexpr double kBernoulli[] = {
    8.3333333333333333e-02,  -1.3888888888888889e-03, 3.3068783068783069e-05,
    -8.2671957671957672e-07, 2.0876756987868099e-08,  -5.2841901386874932e-10,
    1.3382536530684679e-11,  -3.3896802963225829e-13, 8.5860620562778446e-15,
    -2.1748686985580619e-16, 5.5090028283602295e-18,  -1.3954464685812523e-19};

// sum over k >= 0 of (w + k)^-s, times exp(shift), by kCount corrections: s > 1,
// w > 0 and large against s + 2 kCount.
template <bool kF, int kCount>
HWY_INLINE V EulerMaclaurin(V s, V w, V shift) {
  const V s1 = hn::Sub(s, Set(1.0)), inv = hn::Div(Set(1.0), w), inv2 = hn::Mul(inv, inv);
  const V power = Power<kF>(w, s1, shift);
  V sum = hn::Mul(power, hn::MulAdd(Set(0.5), inv, hn::Div(Set(1.0), s1)));
  // t = power s (s + 1) .. (s + 2 j - 2) w^(-2 j); 0 stays 0 for huge s.
  V t = hn::Mul(hn::Mul(power, inv2), s);
  for (int j = 0; j < kCount; ++j) {
    sum = hn::MulAdd(Set(kBernoulli[j]), t, sum);
    const V next = hn::Add(s, Set(2.0 * j + 1));
    t = hn::Mul(hn::Mul(t, inv2), hn::MulAdd(next, next, next));
  }
  return sum;
}

// The same for any q > 0: where s is so large that the corrections do not fall,
// the first terms have made the tail negligible.
template <bool kF>
HWY_NOINLINE V HurwitzNear(V s, V q, V shift) {
  constexpr int kTerms = kF ? 5 : 9, kCorrections = kF ? 6 : 12;
  s = hn::Min(s, Set(1e150));  // beyond all is 0, 1 or inf
  V sum = Set(0.0);
#pragma GCC unroll 1
  for (int k = 0; k < kTerms; ++k) {
    sum = hn::Add(sum, Power<kF>(hn::Add(q, Set(static_cast<double>(k))), s, shift));
  }
  const V w = hn::Add(q, Set(static_cast<double>(kTerms)));
  const V tail = EulerMaclaurin<kF, kCorrections>(s, w, shift);
  // With infinite terms the corrections are NaN.
  return If(hn::Eq(sum, Set(kInf)), sum, hn::Add(sum, tail));
}

// Where few corrections and no terms will do.
template <bool kF>
constexpr int kFarCorrections = kF ? 3 : 6;
template <bool kF>
HWY_INLINE M IsFar(V s, V q) {
  return hn::Ge(q, hn::MulAdd(s, Set(kF ? 2.3 : 2.75), Set(kF ? 2.3 * 3 : 2.75 * 6)));
}

// The sum for q < 0, s a whole number: with f = q - floor(q) and m = -floor(q),
// zeta(s, f) + (-1)^s (zeta(s, 1 - f) - zeta(s, 1 - f + m)).
HWY_INLINE V HurwitzNegative(V s, V q, V shift) {
  const V floor = hn::Floor(q);
  const V f = hn::Sub(q, floor), g = hn::Sub(hn::Ceil(q), q);  // both exact
  const M odd = hn::Not(IsWhole(hn::Mul(Set(0.5), s)));
  const V at[] = {f, g, hn::Sub(g, floor)};
  V part[3];
#pragma GCC unroll 1
  for (int i = 0; i < 3; ++i) part[i] = HurwitzNear<false>(s, at[i], shift);
  // The large terms first: at f = 1/2 they cancel for odd s.
  return If(odd, hn::Add(hn::Sub(part[0], part[1]), part[2]),
            hn::Sub(hn::Add(part[0], part[1]), part[2]));
}

// TensorFlow's values where the sum does not converge or has a pole.
HWY_INLINE V HurwitzElse(V s, V q) {
  const V zero = Set(0.0), one = Set(1.0), inf = Set(kInf), nan = Set(kNan);
  const M low = hn::Le(q, zero);
  V y = If(hn::And(low, hn::Not(IsWhole(s))), nan, zero);
  // The sign of a pole is open for odd s.
  y = If(hn::And(low, IsWhole(q)), If(IsWhole(hn::Mul(s, Set(0.5))), inf, nan), y);
  // The largest term is all that counts as s goes to infinity.
  y = If(hn::Eq(s, inf), If(hn::Lt(q, one), inf, If(hn::Gt(q, one), zero, one)), y);
  y = If(hn::Or(hn::IsNaN(s), hn::IsNaN(q)), nan, y);
  y = If(hn::Lt(s, one), nan, y);
  return If(hn::Eq(s, one), inf, y);
}

// Far, near, below zero, else.
template <bool kF>
HWY_INLINE V HurwitzRegion(V s, V q) {
  const M proper = hn::And(hn::Gt(s, Set(1.0)), hn::Lt(hn::Max(s, hn::Abs(q)), Set(kInf)));
  const V positive = If(IsFar<kF>(s, q), Set(0.0), Set(1.0));
  const M negative = hn::AndNot(IsWhole(q), IsWhole(s));
  const V y = If(hn::Gt(q, Set(0.0)), positive, If(negative, Set(2.0), Set(3.0)));
  return If(proper, y, Set(3.0));
}

struct ZetaFn : Regions {
  static constexpr size_t kIn = 2, kRegions = 4;
  static constexpr unsigned kExact = 1u << 2 | 1u << 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* in) {
    return HurwitzRegion<kF>(in[0], in[1]);
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V none = Set(0.0);
    if constexpr (kR == 0) return EulerMaclaurin<kF, kFarCorrections<kF>>(in[0], in[1], none);
    if constexpr (kR == 1) return HurwitzNear<kF>(in[0], in[1], none);
    if constexpr (kR == 2) return HurwitzNegative(in[0], in[1], none);
    return HurwitzElse(in[0], in[1]);
  }
};

// table[n] for whole n in [0, 170].
HWY_INLINE V FactorialLookup(V n, const double* table) {
  return hn::GatherIndex(Dd(), table, hn::ConvertTo(Di(), n));
}

// (-1)^(n + 1) n! zeta(n + 1, x); digamma for n = 0. For float32, and where n!
// is over the range, log n! goes into the exponents of the sum.
struct PolygammaFn : Regions {
  static constexpr size_t kIn = 2, kRegions = 7;
  static constexpr unsigned kExact = 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6;
  template <bool kF>
  static HWY_INLINE V Region(const V* in) {
    const V n = in[0], x = in[1];
    const M defined = hn::And(hn::Ge(n, Set(0.0)), IsWhole(n));
    if (hn::AllFalse(Dd(), defined)) return Set(3.0);  // the rest would cost more than the result
    const V plain = HurwitzRegion<kF>(hn::Add(n, Set(1.0)), x);
    const M large = hn::And(hn::Gt(n, Set(170.0)), hn::Lt(plain, Set(2.0)));
    const V whole = If(large, Set(5.0), If(hn::Eq(plain, Set(3.0)), Set(6.0), plain));
    const V y = If(defined, whole, Set(3.0));
    return If(hn::Eq(n, Set(0.0)), Set(4.0), y);
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* in) {
    const V n = in[0], x = in[1];
    if constexpr (kR == 3) return Set(kNan);
    if constexpr (kR == 6) return Else(n, x);
    if constexpr (kR == 4) return Digamma(x);
    const V s = hn::Add(n, Set(1.0));
    V shift = Set(0.0), factor = hn::Neg(Set(1.0)), y;
    if constexpr (kR == 2 || kR == 5) {
      const M large = hn::Gt(n, Set(170.0));
      shift = hn::IfThenElseZero(large, LgammaPositive(hn::Min(s, Set(1e300))));
      factor = If(large, factor, hn::Neg(FactorialLookup(hn::Min(n, Set(170.0)), kFactorial)));
    } else if constexpr (kF) {
      shift = FactorialLookup(n, kLogFactorial);
    } else {
      factor = hn::Neg(FactorialLookup(n, kFactorial));
    }
    if constexpr (kR == 0) y = EulerMaclaurin<kF, kFarCorrections<kF>>(s, x, shift);
    if constexpr (kR == 1 || kR == 5) y = HurwitzNear<kF>(s, x, shift);
    if constexpr (kR == 2) y = HurwitzNegative(s, x, shift);
    const M even = IsWhole(hn::Mul(Set(0.5), n));
    return hn::Mul(y, If(even, factor, hn::Neg(factor)));
  }

 private:
  // n = 1, 3, .. as zeta of an even argument; the sign for even n is zeta's NaN.
  static HWY_INLINE V Else(V n, V x) {
    const V zero = Set(0.0), inf = Set(kInf), nan = Set(kNan);
    V y = HurwitzElse(hn::Add(n, Set(1.0)), x);
    const V at_inf = If(IsWhole(hn::Mul(Set(0.5), n)), Set(-0.0), zero);
    y = If(hn::Eq(x, inf), at_inf, y);
    y = If(hn::Eq(n, inf), If(hn::Le(x, Set(1.0)), inf, nan), y);
    return If(hn::IsNaN(x), x, y);
  }
};

}  // namespace special

OPKIT_SPECIAL_KERNELS(Zeta, ZetaFn)
OPKIT_SPECIAL_KERNELS(Polygamma, PolygammaFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT2(Zeta)
OPKIT_SPECIAL_EXPORT2(Polygamma)

}  // namespace opkit
#endif  // HWY_ONCE
