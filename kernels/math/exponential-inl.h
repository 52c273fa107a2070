// Exponential and logarithmic functions of float32 vectors, and what is made of
// them, compiled once per instruction set. See math/elementary-inl.h.
#if defined(OPKIT_MATH_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_EXPONENTIAL_INL_H_
#undef OPKIT_MATH_EXPONENTIAL_INL_H_
#else
#define OPKIT_MATH_EXPONENTIAL_INL_H_
#endif

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>

#include "math/elementary_tables.h"
#include "math/minmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vf = hn::Vec<D>;
template <class D>
using Vu = hn::Vec<hn::RebindToUnsigned<D>>;

// Coefficients first to last of ascending powers, Horner.
template <class D, size_t kN>
HWY_INLINE Vf<D> Horner(D d, Vf<D> x, const float (&c)[kN]) {
  Vf<D> p = hn::Set(d, c[kN - 1]);
  for (size_t i = kN - 1; i-- > 0;) p = hn::MulAdd(p, x, hn::Set(d, c[i]));
  return p;
}

// The same with two chains, over even and odd powers: half the latency, one more rounding.
template <class D, size_t kN>
HWY_INLINE Vf<D> Polynomial(D d, Vf<D> x, const float (&c)[kN]) {
  static_assert(kN >= 4, "short ones gain nothing");
  const Vf<D> x2 = hn::Mul(x, x);
  Vf<D> even = hn::Set(d, c[(kN - 1) / 2 * 2]);
  Vf<D> odd = hn::Set(d, c[kN / 2 * 2 - 1]);
  for (size_t i = (kN - 1) / 2 * 2; i >= 2; i -= 2)
    even = hn::MulAdd(even, x2, hn::Set(d, c[i - 2]));
  for (size_t i = kN / 2 * 2 - 1; i >= 3; i -= 2) odd = hn::MulAdd(odd, x2, hn::Set(d, c[i - 2]));
  return hn::MulAdd(odd, x, even);
}

// p(x) / q(x).
template <class D, size_t kP, size_t kQ>
HWY_INLINE Vf<D> Rational(D d, Vf<D> x, const float (&p)[kP], const float (&q)[kQ]) {
  return hn::Div(Horner(d, x, p), Horner(d, x, q));
}

// The smaller, or greater, of a constant and x; NaN when x is NaN.
template <class D>
HWY_INLINE Vf<D> CapAbove(D d, float cap, Vf<D> x) {
  return MinOrSecond(hn::Set(d, cap), x);
}
template <class D>
HWY_INLINE Vf<D> CapBelow(D d, float cap, Vf<D> x) {
  return MaxOrSecond(hn::Set(d, cap), x);
}

// Piecewise polynomials hold 16 pieces where a register does, else 8.
constexpr bool kWidePieces = HWY_MAX_BYTES >= 64;

// row[bits mod kN] for kN = 16 on 16 lanes, 8 on 8 or 4 lanes.
template <class D, size_t kN>
HWY_INLINE Vf<D> Lookup(D d, const float (&row)[kN], Vu<D> bits) {
  const hn::RebindToUnsigned<D> du;
  const hn::RebindToSigned<D> di;
  constexpr size_t kLanes = HWY_MAX_LANES_D(D);
  static_assert(kN == kLanes || kN == 2 * kLanes, "one or two registers");
  if constexpr (kN == kLanes) {
#if HWY_IS_DEBUG_BUILD
    bits = hn::And(bits, hn::Set(du, static_cast<uint32_t>(kN - 1)));
#endif
    return hn::TableLookupLanes(hn::Load(d, row), hn::IndicesFromVec(d, hn::BitCast(di, bits)));
  } else {
    bits = hn::And(bits, hn::Set(du, static_cast<uint32_t>(kN - 1)));
    return hn::TwoTablesLookupLanes(d, hn::Load(d, row), hn::Load(d, row + kLanes),
                                    hn::IndicesFromVec(d, hn::BitCast(di, bits)));
  }
}

constexpr int32_t kExponent = -0x800000;  // sign and exponent bits
constexpr float kRoundMagic = 0x1.8p23f;  // x + this rounds x to an integer
// ln(2) in two parts; the first has 13 bits, so n * kLn2Hi is exact.
constexpr float kLn2Hi = 0x1.62ep-1f;
constexpr float kLn2Lo = 0x1.0bfbe8p-15f;
constexpr float kLog2E = 0x1.715476p+0f;

// c0 + ... + c4 x^4 by pairs, x2 = x^2.
template <class D>
HWY_INLINE Vf<D> Pairs5(D d, Vf<D> x, Vf<D> x2, const float (&c)[5]) {
  const Vf<D> low = hn::MulAdd(hn::Set(d, c[1]), x, hn::Set(d, c[0]));
  const Vf<D> high = hn::MulAdd(hn::Set(d, c[3]), x, hn::Set(d, c[2]));
  return hn::MulAdd(hn::MulAdd(hn::Set(d, c[4]), x2, high), x2, low);
}

// exp(r) - 1 for |r| <= ln(2) / 2.
template <class D>
HWY_INLINE Vf<D> Expm1Reduced(D d, Vf<D> r) {
  const Vf<D> r2 = hn::Mul(r, r);
  return hn::MulAdd(r2, Pairs5(d, r, r2, tables::kExpm1), r);
}

// x = n ln(2) + r: returns expm1(r), n as an integral float, and the power
// 2^(n + kExtra), valid while that is a normal number; |x| <= 200. The magic
// number that rounds to n also biases its exponent.
template <int kExtra, class D>
HWY_INLINE Vf<D> ExpSplit(D d, Vf<D> x, Vf<D>& n, Vf<D>& power) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic + 127.0f + kExtra);
  const Vf<D> m = hn::MulAdd(x, hn::Set(d, kLog2E), magic);
  n = hn::Sub(m, magic);
  power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, m)));
  Vf<D> r = hn::NegMulAdd(n, hn::Set(d, kLn2Hi), x);
  r = hn::NegMulAdd(n, hn::Set(d, kLn2Lo), r);
  return Expm1Reduced(d, r);
}

// 2^kExtra exp(x) where that is normal: 2^(n / 8) exp(r) with the eight roots of 2
// from a table, less what n's low bits add to their exponent.
template <int kExtra, class D, size_t kN>
HWY_INLINE Vf<D> ExpNormal(D d, Vf<D> x, const float (&c)[kN]) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic + 8.0f * kExtra);
  const Vf<D> m = hn::MulAdd(x, hn::Set(d, 8.0f * kLog2E), magic);
  const Vf<D> n = hn::Sub(m, magic);
  const auto bits = hn::BitCast(du, m);
  Vf<D> root;
  if constexpr (kWidePieces) {
    root = Lookup(d, tables::kRoots16, bits);
  } else {
    root = Lookup(d, tables::kRoots8, bits);
  }
  const Vf<D> power = hn::BitCast(d, hn::Add(hn::BitCast(du, root), hn::ShiftLeft<20>(bits)));
#if HWY_NATIVE_FMA
  // The second part of ln(2) / 8 is too small to count in the square.
  const Vf<D> r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e43p-4f), x);
  const Vf<D> first = hn::NegMulAdd(n, hn::Set(d, -0x1.05c61p-32f), r);
#else
  const Vf<D> r =
      hn::NegMulAdd(n, hn::Set(d, kLn2Lo / 8.0f), hn::NegMulAdd(n, hn::Set(d, kLn2Hi / 8.0f), x));
  const Vf<D> first = r;
#endif
  const Vf<D> q = hn::MulAdd(hn::Mul(r, r), Horner(d, r, c), first);
  return hn::MulAdd(power, q, power);
}

// 2^n for integral n in [-126, 127].
template <class D>
HWY_INLINE Vf<D> Pow2(D d, Vf<D> n) {
  const hn::RebindToUnsigned<D> du;
  // The sum's low bits hold n + 127.
  return hn::BitCast(
      d, hn::ShiftLeft<23>(hn::BitCast(du, hn::Add(n, hn::Set(d, kRoundMagic + 127.0f)))));
}

// 2^n v for integral n in [-252, 254], rounded once into the denormals.
template <class D>
HWY_INLINE Vf<D> Scale2(D d, Vf<D> v, Vf<D> n) {
  const Vf<D> half = hn::Floor(hn::Mul(n, hn::Set(d, 0.5f)));
  return hn::Mul(hn::Mul(v, Pow2(d, hn::Sub(n, half))), Pow2(d, half));
}

// exp(x), all x. Overflows to inf, underflows through the denormals to 0.
template <class D>
HWY_INLINE Vf<D> Exp(D d, Vf<D> x) {
  x = CapBelow(d, -105.0f, CapAbove(d, 90.0f, x));
  Vf<D> n;
  Vf<D> unused;
  const Vf<D> q = ExpSplit<0>(d, x, n, unused);
  return Scale2(d, hn::Add(q, hn::Set(d, 1.0f)), n);
}

// 2^30 exp(x) for x <= 0, a normal number: capped at x = -105, where exp(x)
// rounds to 0.
template <class D>
HWY_INLINE Vf<D> ExpNegative30(D d, Vf<D> x) {
  Vf<D> n;
  Vf<D> power;
  const Vf<D> q = ExpSplit<30>(d, CapBelow(d, -105.0f, x), n, power);
  return hn::MulAdd(q, power, power);
}

// 2^-30 v where that is normal, else the least normal number.
template <class D>
HWY_INLINE Vf<D> Normal30(D d, Vf<D> v) {
  return hn::Mul(CapBelow(d, 0x1p-96f, v), hn::Set(d, 0x1p-30f));
}

// 2^-30 v where that is denormal or 0, rounded once. The sum with the least
// normal number has these bits in its mantissa; no denormal number, which slows
// down many CPUs, takes part.
template <class D>
HWY_INLINE Vf<D> Denormal30(D d, Vf<D> v) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> sum = hn::MulAdd(v, hn::Set(d, 0x1p-30f), hn::Set(d, FLT_MIN));
  return hn::BitCast(d, hn::Sub(hn::BitCast(du, sum), hn::Set(du, 0x00800000u)));
}

// expm1(x) for -18 <= x <= 88.3 (kNegative: 0): s expm1(r) + (s - 1), s = 2^n with
// n ln(2) nearest to x.
template <bool kNegative, class D>
HWY_INLINE Vf<D> Expm1Normal(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic + 127.0f);
  const Vf<D> m = hn::MulAdd(x, hn::Set(d, kLog2E), magic);
  const Vf<D> n = hn::Sub(m, magic);
  const Vf<D> s = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, m)));
  Vf<D> r;
  if constexpr (kNegative && HWY_NATIVE_FMA) {
    // n times the error of ln(2) would count, were s not as small.
    r = hn::NegMulAdd(n, hn::Set(d, 0x1.62e43p-1f), x);
  } else {
    r = hn::NegMulAdd(n, hn::Set(d, kLn2Lo), hn::NegMulAdd(n, hn::Set(d, kLn2Hi), x));
  }
  return hn::MulAdd(s, Expm1Reduced(d, r), hn::Sub(s, hn::Set(d, 1.0f)));
}

// expm1(x), all x. The sign is x's: that of 0 counts.
template <class D>
HWY_INLINE Vf<D> Expm1(D d, Vf<D> x) {
  Vf<D> y = Expm1Normal<false>(d, CapBelow(d, -18.0f, x));
  const auto large = hn::Gt(x, hn::Set(d, 88.3f));
  if (HWY_UNLIKELY(!hn::AllFalse(d, large))) y = hn::IfThenElse(large, Exp(d, x), y);
  return hn::Or(y, hn::And(x, hn::Set(d, -0.0f)));
}

// expm1(x) for x < 0, else 0.
template <class D>
HWY_INLINE Vf<D> Expm1Negative(D d, Vf<D> x) {
  return Expm1Normal<true>(d, CapBelow(d, -18.0f, CapAbove(d, 0.0f, x)));
}

// m - m^2 / 2 + ... = log1p(m) for m in [-1/4, 1/2], plus k ln(2).
template <class D>
HWY_INLINE Vf<D> Log1pReduced(D d, Vf<D> m, Vf<D> k) {
  const Vf<D> q = hn::MulAdd(Polynomial(d, m, tables::kLog1p), m, hn::Set(d, -0.5f));
  const Vf<D> lo = hn::MulAdd(k, hn::Set(d, kLn2Lo), hn::Mul(hn::Mul(m, m), q));
  return hn::MulAdd(k, hn::Set(d, kLn2Hi), hn::Add(m, lo));
}

// log1p(x) for finite x > -1: with 2^k near 1 + x, 1 + m = 2^-k (1 + x), and
// m = 2^-k x + (2^-k - 1) rounds only once.
template <class D>
HWY_INLINE Vf<D> Log1pFinite(D d, Vf<D> x) {
  const hn::RebindToSigned<D> di;
  const auto u = hn::BitCast(di, hn::Add(x, hn::Set(d, 1.0f)));
  const auto e = hn::ShiftRight<23>(hn::Sub(u, hn::Set(di, 0x3f400000)));
  const auto shift = hn::ShiftLeft<23>(e);
  const Vf<D> xs = hn::BitCast(d, hn::Sub(hn::BitCast(di, x), shift));
  // 2^-k; 0 where it would be denormal, which the sum with -1 does not notice.
  const auto scale = hn::Max(hn::Sub(hn::Set(di, 0x3f800000), shift), hn::Zero(di));
  const Vf<D> s = hn::BitCast(d, scale);
  const Vf<D> m = hn::Add(xs, hn::Sub(s, hn::Set(d, 1.0f)));
  return Log1pReduced(d, m, hn::ConvertTo(d, e));
}

// log1p(x), all x: NaN below -1, -inf at -1. The sign is x's: that of 0 counts.
template <class D>
HWY_INLINE Vf<D> Log1p(D d, Vf<D> x) {
  const Vf<D> minus_one = hn::Set(d, -1.0f);
  Vf<D> y = hn::Or(Log1pFinite(d, x), hn::And(x, hn::Set(d, -0.0f)));
  const auto ok = hn::And(hn::Gt(x, minus_one), hn::Le(x, hn::Set(d, FLT_MAX)));
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) {
    const Vf<D> pole = hn::Set(d, -std::numeric_limits<float>::infinity());
    const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const Vf<D> special =
        hn::IfThenElse(hn::Eq(x, minus_one), pole, hn::IfThenElse(hn::Lt(x, minus_one), nan, x));
    y = hn::IfThenElse(ok, y, special);
  }
  return y;
}

// log(x), all x: NaN below 0, -inf at 0.
template <class D>
HWY_INLINE Vf<D> Log(D d, Vf<D> x) {
  const hn::RebindToSigned<D> di;
  const auto small = hn::Lt(x, hn::Set(d, FLT_MIN));
  const Vf<D> xn = hn::IfThenElse(small, hn::Mul(x, hn::Set(d, 0x1p24f)), x);
  const auto bits = hn::BitCast(di, xn);
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f400000)));
  const Vf<D> m = hn::Sub(hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e))), hn::Set(d, 1.0f));
  const Vf<D> k = hn::Sub(hn::ConvertTo(d, e), hn::IfThenElseZero(small, hn::Set(d, 24.0f)));
  const Vf<D> y = Log1pReduced(d, m, k);
  const Vf<D> pole = hn::Set(d, -std::numeric_limits<float>::infinity());
  const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  const Vf<D> special =
      hn::IfThenElse(hn::Eq(x, hn::Zero(d)), pole, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), nan, x));
  const auto ok = hn::And(hn::Gt(x, hn::Zero(d)), hn::Le(x, hn::Set(d, FLT_MAX)));
  return hn::IfThenElse(ok, y, special);
}

// 2 atanh(num / (2 half)) + k ln(2), for |num / half| <= 0.51.
template <class D>
HWY_INLINE Vf<D> LogOfRatio(D d, Vf<D> num, Vf<D> half, Vf<D> k) {
  const Vf<D> w = hn::Div(num, half);
  const Vf<D> z = hn::Mul(w, w);
  const Vf<D> tail = hn::Mul(hn::Mul(w, z), Horner(d, z, tables::kAtanhHalf));
  return hn::MulAdd(k, hn::Set(d, kLn2Hi), hn::Add(w, hn::MulAdd(k, hn::Set(d, kLn2Lo), tail)));
}

// log1p(x) + (large ? ln(2) : 0) with the sign of x, for 0 <= x.
template <class D, class M>
HWY_INLINE Vf<D> Log1pPlusLn2(D d, Vf<D> x, M large) {
  const Vf<D> y = hn::Add(Log1pFinite(d, x), hn::IfThenElseZero(large, hn::Set(d, 0x1.62e43p-1f)));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, FLT_MAX)), y, x);
}

// asinh(x), all x. With u = a + sqrt(1 + a^2) and 2^k near u it is k ln(2) +
// 2 atanh((2^-k u - 1) / (2^-k u + 1)), a quotient that for k = 0 is
// a / (1 + sqrt(1 + a^2)); for large a ln(2a).
template <class D>
HWY_INLINE Vf<D> Asinh(D d, Vf<D> x) {
  const hn::RebindToSigned<D> di;
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> a = hn::Abs(x);
  const auto large = hn::Gt(a, hn::Set(d, 0x1p26f));
  const Vf<D> root = hn::Sqrt(hn::MulAdd(a, a, one));
  const Vf<D> u = hn::IfThenElse(large, a, hn::Add(a, root));
  // 2^-k u in [0.84, 1.68).
  const auto above = hn::Sub(hn::BitCast(di, u), hn::Set(di, 0x3f570a3d));
  const auto shift = hn::And(above, hn::Set(di, kExponent));
  const Vf<D> m = hn::BitCast(d, hn::Sub(hn::BitCast(di, u), shift));
  const auto first = hn::RebindMask(d, hn::Lt(above, hn::Set(di, 0x00800000)));
  const Vf<D> num = hn::IfThenElse(first, a, hn::Sub(m, one));
  const Vf<D> den = hn::Add(hn::IfThenElse(first, root, m), one);
  const Vf<D> k =
      hn::Add(hn::ConvertTo(d, hn::ShiftRight<23>(shift)), hn::IfThenElseZero(large, one));
  const Vf<D> y = LogOfRatio(d, num, hn::Mul(den, hn::Set(d, 0.5f)), k);
  return hn::CopySign(hn::IfThenElse(hn::Le(a, hn::Set(d, FLT_MAX)), y, a), x);
}

// acosh(x), NaN below 1: with t = x - 1 log1p(t + sqrt(t^2 + 2t)).
template <class D>
HWY_INLINE Vf<D> Acosh(D d, Vf<D> x) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const auto large = hn::Gt(x, hn::Set(d, 0x1p26f));
  const Vf<D> t = hn::Sub(x, one);
  const Vf<D> u = hn::Add(t, hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t))));
  const Vf<D> y = Log1pPlusLn2(d, hn::IfThenElse(large, x, u), large);
  const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  return hn::IfThenElse(hn::Ge(x, one), y, nan);
}

// atanh(x), NaN outside [-1, 1], infinite at the ends. With 2^k near
// (1 + a) / (1 - a) it is k ln(2) / 2 + atanh(s), where
// s = (a (1 + 2^k) + 1 - 2^k) / (a (1 - 2^k) + 1 + 2^k) needs fused operations;
// else log1p(2a / (1 - a)) / 2.
template <class D>
HWY_INLINE Vf<D> Atanh(D d, Vf<D> x) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> half = hn::Set(d, 0.5f);
  const Vf<D> a = hn::Abs(x);
#if HWY_NATIVE_FMA
  const hn::RebindToSigned<D> di;
  const Vf<D> sum = hn::Add(one, a);
  const Vf<D> difference = hn::Sub(one, a);
  // This is nearly 2^23 log2 of the quotient.
  const auto log2 = hn::Sub(hn::BitCast(di, sum), hn::BitCast(di, difference));
  const auto shift = hn::And(hn::Add(log2, hn::Set(di, 0x00400000)), hn::Set(di, kExponent));
  const Vf<D> power = hn::BitCast(d, hn::Add(shift, hn::Set(di, 0x3f800000)));
  const Vf<D> more = hn::Add(one, power);
  const Vf<D> less = hn::Sub(one, power);
  // From k = 2 on the difference is exact, while 1 + 2^k stops being so at 24.
  const auto high = hn::RebindMask(d, hn::Gt(shift, hn::Set(di, 0x00800000)));
  const Vf<D> num =
      hn::IfThenElse(high, hn::NegMulAdd(difference, power, sum), hn::MulAdd(a, more, less));
  const Vf<D> den =
      hn::IfThenElse(high, hn::MulAdd(difference, power, sum), hn::MulAdd(a, less, more));
  const Vf<D> k = hn::ConvertTo(d, hn::ShiftRight<23>(shift));
  const Vf<D> y = LogOfRatio(d, num, hn::Mul(half, den), k);
  const Vf<D> end =
      hn::IfThenElse(hn::Eq(a, one), hn::Set(d, std::numeric_limits<float>::infinity()),
                     hn::Set(d, std::numeric_limits<float>::quiet_NaN()));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, one), hn::Mul(y, half), end), x);
#else
  const Vf<D> t = hn::Div(hn::Add(a, a), hn::Sub(one, a));
  return hn::CopySign(hn::Mul(Log1p(d, t), half), x);
#endif
}

// exp(a) / 2 for 0 <= a <= 90, infinite only where cosh is.
template <class D>
HWY_INLINE Vf<D> HalfExp(D d, Vf<D> a) {
  const Vf<D> quarter = ExpNormal<-2>(d, a, tables::kExpShort3);
  return hn::Add(quarter, quarter);
}

// 1 / (4e), or where that cannot count any more a number that is not denormal.
template <class D>
HWY_INLINE Vf<D> QuarterOver(D d, Vf<D> e) {
  return hn::Div(hn::Set(d, 0.25f), CapAbove(d, 0x1p64f, e));
}

// sinh(x), all x: a polynomial below 1, else e - 1 / (4e), e = exp(|x|) / 2.
template <class D>
HWY_INLINE Vf<D> Sinh(D d, Vf<D> x) {
  const Vf<D> a = hn::Abs(x);
  const Vf<D> e = HalfExp(d, CapAbove(d, 90.0f, a));
  const Vf<D> far = hn::Sub(e, QuarterOver(d, e));
  const Vf<D> z = hn::Mul(a, a);
  const Vf<D> near = hn::MulAdd(hn::Mul(a, z), Polynomial(d, z, tables::kSinh), a);
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, hn::Set(d, 1.0f)), near, far), x);
}

// cosh(x), all x: e + 1 / (4e), e = exp(|x|) / 2.
template <class D>
HWY_INLINE Vf<D> Cosh(D d, Vf<D> x) {
  const Vf<D> e = HalfExp(d, CapAbove(d, 90.0f, hn::Abs(x)));
  return hn::Add(e, QuarterOver(d, e));
}

// tanh(x), all x: expm1(2a) / (expm1(2a) + 2).
template <class D>
HWY_INLINE Vf<D> Tanh(D d, Vf<D> x) {
  const Vf<D> a = CapAbove(d, 10.0f, hn::Abs(x));
  const Vf<D> t = Expm1(d, hn::Add(a, a));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

// log(1 + exp(x)), all x: max(x, 0) + t (1 - t R(t)), t = exp(-|x|), with a rational
// function R = (t - log1p(t)) / t^2. All is done with 2^30 t, which is normal, so that
// only the last step may round to a denormal number.
template <class D>
HWY_INLINE Vf<D> Softplus(D d, Vf<D> x) {
  const Vf<D> a = CapBelow(d, -105.0f, hn::Or(x, hn::Set(d, -0.0f)));
  const Vf<D> t = ExpNormal<30>(d, a, tables::kExpShort2);
  const Vf<D> r = Rational(d, t, tables::kLog1pNum, tables::kLog1pDen);
  const Vf<D> y = hn::Mul(t, hn::NegMulAdd(t, r, hn::Set(d, 1.0f)));
  return hn::MulAdd(y, hn::Set(d, 0x1p-30f), MaxOrSecond(hn::Zero(d), x));
}

// x for x >= 0, else expm1(x), which is above x.
template <class D>
HWY_INLINE Vf<D> Elu(D d, Vf<D> x) {
  return MaxOrSecond(Expm1Negative(d, x), x);  // of two zeros x: -0 stays -0
}

// Klambauer et al. 2017: scale x, or scale alpha expm1(x) for x < 0. The sign is
// x's: that of 0 counts.
template <class D>
HWY_INLINE Vf<D> Selu(D d, Vf<D> x) {
  const Vf<D> linear = hn::Mul(MaxOrSecond(hn::Zero(d), x), hn::Set(d, 1.0507009873554804934f));
  const Vf<D> y = hn::MulAdd(Expm1Negative(d, x), hn::Set(d, 1.7580993408473768599f), linear);
  return hn::Or(y, hn::And(x, hn::Set(d, -0.0f)));
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
