// Elementary functions of float32 vectors, compiled once per instruction set:
// include after math/simd.h, use inside opkit::HWY_NAMESPACE.
//
// Each function states its domain and method; the worst error over all 2^32
// inputs against float64 libm is in kernels/math/ACCURACY.md. NaN stays NaN,
// infinities and signed zeros follow C's functions, denormals are kept. Results
// do not depend on fused multiply-add, only their last bits do.
#if defined(OPKIT_MATH_ELEMENTARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_ELEMENTARY_INL_H_
#undef OPKIT_MATH_ELEMENTARY_INL_H_
#else
#define OPKIT_MATH_ELEMENTARY_INL_H_
#endif

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>

#include "math/elementary_tables.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Vf = hn::Vec<D>;
template <class D>
using Vu = hn::Vec<hn::RebindToUnsigned<D>>;

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

// Rows 1.. of a piecewise table at t, the distance of a from row 0. The two
// leading coefficients are added last, so that only one rounding counts.
template <class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> Piecewise(D d, Vf<D> a, Vu<D> bits, const float (&rows)[kRows][kN]) {
  const Vf<D> t = hn::Sub(a, Lookup(d, rows[0], bits));
  const Vf<D> t2 = hn::Mul(t, t);
  constexpr size_t kLast = kRows - 1;
  // Pairs (c + c' t) of coefficients 2 and up, joined by Horner in t^2.
  constexpr bool kSingle = (kLast - 2) % 2 != 0;
  Vf<D> p = Lookup(d, rows[kLast], bits);
  size_t i = kLast;
  if constexpr (!kSingle) {
    --i;
    p = hn::MulAdd(p, t, Lookup(d, rows[i], bits));
  }
  for (; i > 3; i -= 2) {
    p = hn::MulAdd(p, t2,
                   hn::MulAdd(Lookup(d, rows[i - 1], bits), t, Lookup(d, rows[i - 2], bits)));
  }
  p = hn::MulAdd(p, t, Lookup(d, rows[2], bits));
  return hn::MulAdd(p, t, Lookup(d, rows[1], bits));
}

// The smaller of a constant and x; NaN when x is NaN (on x86 the second
// operand is returned then, elsewhere NaN wins).
template <class D>
HWY_INLINE Vf<D> CapAbove(D d, float cap, Vf<D> x) {
  return hn::Min(hn::Set(d, cap), x);
}
template <class D>
HWY_INLINE Vf<D> CapBelow(D d, float cap, Vf<D> x) {
  return hn::Max(hn::Set(d, cap), x);
}

constexpr float kRoundMagic = 0x1.8p23f;  // x + this rounds x to an integer
// ln(2) in two parts; the first has 13 bits, so n * kLn2Hi is exact.
constexpr float kLn2Hi = 0x1.62ep-1f;
constexpr float kLn2Lo = 0x1.0bfbe8p-15f;
constexpr float kLog2E = 0x1.715476p+0f;
constexpr float kPi2Hi = 0x1.921fb6p+0f;
constexpr float kPi2Lo = -0x1.777a5cp-25f;

// exp(r) - 1 for |r| <= ln(2) / 2.
template <class D>
HWY_INLINE Vf<D> Expm1Reduced(D d, Vf<D> r) {
  return hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, tables::kExpm1), r);
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

// exp(x) for x <= 0: scaled 2^30 too high first, which rounds once.
template <class D>
HWY_INLINE Vf<D> ExpNegative(D d, Vf<D> x) {
  Vf<D> n;
  Vf<D> power;
  const Vf<D> q = ExpSplit<30>(d, CapBelow(d, -105.0f, x), n, power);
  return hn::Mul(hn::MulAdd(q, power, power), hn::Set(d, 0x1p-30f));
}

// expm1(x), all x: 2^n expm1(r) + (2^n - 1), at half scale so that 2^128 does
// not overflow early.
template <class D>
HWY_INLINE Vf<D> Expm1(D d, Vf<D> x) {
  const Vf<D> c = CapBelow(d, -18.0f, CapAbove(d, 89.0f, x));
  Vf<D> n;
  Vf<D> s;
  const Vf<D> q = ExpSplit<-1>(d, c, n, s);
  const Vf<D> y = hn::MulAdd(s, q, hn::Sub(s, hn::Set(d, 0.5f)));
  return hn::CopySign(hn::IfThenElse(hn::Eq(n, hn::Zero(d)), q, hn::Add(y, y)), x);
}

// expm1(x) for x < 0.
template <class D>
HWY_INLINE Vf<D> Expm1Negative(D d, Vf<D> x) {
  Vf<D> n;
  Vf<D> s;
  const Vf<D> q = ExpSplit<0>(d, CapBelow(d, -18.0f, x), n, s);
  return hn::MulAdd(s, q, hn::Sub(s, hn::Set(d, 1.0f)));
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

// log1p(x), all x: NaN below -1, -inf at -1.
template <class D>
HWY_INLINE Vf<D> Log1p(D d, Vf<D> x) {
  const Vf<D> minus_one = hn::Set(d, -1.0f);
  const Vf<D> y = hn::CopySign(Log1pFinite(d, x), x);
  const Vf<D> pole = hn::Set(d, -std::numeric_limits<float>::infinity());
  const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
  const Vf<D> special =
      hn::IfThenElse(hn::Eq(x, minus_one), pole, hn::IfThenElse(hn::Lt(x, minus_one), nan, x));
  const auto ok = hn::And(hn::Gt(x, minus_one), hn::Le(x, hn::Set(d, FLT_MAX)));
  return hn::IfThenElse(ok, y, special);
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

// log1p(x) + (large ? ln(2) : 0) with the sign of x, for 0 <= x.
template <class D, class M>
HWY_INLINE Vf<D> Log1pPlusLn2(D d, Vf<D> x, M large) {
  const Vf<D> y = hn::Add(Log1pFinite(d, x), hn::IfThenElseZero(large, hn::Set(d, 0x1.62e43p-1f)));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, FLT_MAX)), y, x);
}

// erf(x), all x: a table of polynomials for erf(a) / a, a = min(|x|, 3.925...).
// At that cap the product is exactly 1 in every rounding of the polynomial, and
// nowhere is it more: both were tried for all floats from 3.5 on.
template <class D>
HWY_INLINE Vf<D> Erf(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> a = CapAbove(d, 0x1.f6666ap+1f, hn::Abs(x));
  const Vf<D> magic = hn::Set(d, kRoundMagic);
  Vf<D> p;
  if constexpr (kWidePieces) {
    const auto bits = hn::BitCast(du, hn::MulAdd(a, hn::Set(d, tables::kErfScale16), magic));
    p = Piecewise(d, a, bits, tables::kErf16);
  } else {
    const auto bits = hn::BitCast(du, hn::MulAdd(a, hn::Set(d, tables::kErfScale8), magic));
    p = Piecewise(d, a, bits, tables::kErf8);
  }
  return hn::CopySign(hn::Mul(a, p), x);
}

// erfc(x), all x: exp(-a^2) times a table for exp(a^2) erfc(a), a = |x|, and
// 2 minus that for x < 0. a = h + l with h^2 exact keeps the exponent exact.
template <class D>
HWY_INLINE Vf<D> Erfc(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> a = CapAbove(d, 10.19f, hn::Abs(x));
  const auto octave = hn::BitCast(du, hn::Add(a, hn::Set(d, 1.0f)));
  Vf<D> p;
  if constexpr (kWidePieces) {
    p = Piecewise(d, a, hn::ShiftRight<21>(octave), tables::kErfcx16);
  } else {
    p = Piecewise(d, a, hn::ShiftRight<22>(octave), tables::kErfcx8);
  }
  const Vf<D> h = hn::BitCast(d, hn::And(hn::BitCast(du, a), hn::Set(du, 0xfffff000u)));
  const Vf<D> l = hn::Sub(a, h);
  // As in ExpNegative.
  const Vf<D> magic = hn::Set(d, kRoundMagic + 127.0f + 30.0f);
  const Vf<D> m = hn::MulAdd(hn::Mul(a, a), hn::Set(d, -kLog2E), magic);
  const Vf<D> n = hn::Sub(m, magic);
  const Vf<D> power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, m)));
  Vf<D> r = hn::NegMulAdd(h, h, hn::Mul(n, hn::Set(d, -kLn2Hi)));
  r = hn::NegMulAdd(n, hn::Set(d, kLn2Lo), r);
  r = hn::NegMulAdd(l, hn::Add(a, h), r);
  const Vf<D> scaled = hn::Mul(hn::MulAdd(p, Expm1Reduced(d, r), p), power);
  const Vf<D> y = hn::Mul(scaled, hn::Set(d, 0x1p-30f));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 2.0f), y), y);
}

// atan(x), all x: the polynomial at |x| or, above 1, pi/2 + that at -1 / |x|.
template <class D>
HWY_INLINE Vf<D> Atan(D d, Vf<D> x) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> a = hn::Abs(x);
  const auto large = hn::Gt(a, one);
  const Vf<D> y =
      hn::Div(hn::IfThenElse(large, hn::Set(d, -1.0f), a), hn::IfThenElse(large, a, one));
  const Vf<D> z = hn::Mul(y, y);
  const Vf<D> lo = hn::IfThenElseZero(large, hn::Set(d, kPi2Lo));
  const Vf<D> hi = hn::IfThenElseZero(large, hn::Set(d, kPi2Hi));
  const Vf<D> q = hn::MulAdd(hn::Mul(y, z), Horner(d, z, tables::kAtan), lo);
  return hn::CopySign(hn::Add(hi, hn::Add(y, q)), x);
}

// s z P(z) of asin(s) = s + s z P(z), s = sqrt(z) <= 1/2.
template <class D>
HWY_INLINE Vf<D> AsinTail(D d, Vf<D> s, Vf<D> z) {
  return hn::Mul(hn::Mul(s, z), Horner(d, z, tables::kAsin));
}

// asin(x), NaN outside [-1, 1]: above 1/2 pi/2 - 2 asin(sqrt((1 - |x|) / 2)).
template <class D>
HWY_INLINE Vf<D> Asin(D d, Vf<D> x) {
  const Vf<D> half = hn::Set(d, 0.5f);
  const Vf<D> a = hn::Abs(x);
  const auto large = hn::Gt(a, half);
  const Vf<D> z = hn::IfThenElse(large, hn::NegMulAdd(a, half, half), hn::Mul(a, a));
  const Vf<D> s = hn::IfThenElse(large, hn::Sqrt(z), a);
  const Vf<D> q = AsinTail(d, s, z);
  const Vf<D> far = hn::Sub(hn::Set(d, kPi2Hi),
                            hn::Add(hn::Add(s, s), hn::Sub(hn::Add(q, q), hn::Set(d, kPi2Lo))));
  return hn::CopySign(hn::IfThenElse(large, far, hn::Add(s, q)), x);
}

// acos(x), NaN outside [-1, 1].
template <class D>
HWY_INLINE Vf<D> Acos(D d, Vf<D> x) {
  const Vf<D> half = hn::Set(d, 0.5f);
  const Vf<D> a = hn::Abs(x);
  const auto large = hn::Gt(a, half);
  const Vf<D> z = hn::IfThenElse(large, hn::NegMulAdd(a, half, half), hn::Mul(x, x));
  const Vf<D> s = hn::IfThenElse(large, hn::Sqrt(z), x);
  const Vf<D> q = AsinTail(d, s, z);
  // near: pi/2 - asin(x); far: 2 asin(s) or pi - 2 asin(s).
  const Vf<D> near = hn::Sub(hn::Set(d, kPi2Hi), hn::Add(s, hn::Sub(q, hn::Set(d, kPi2Lo))));
  const Vf<D> twice = hn::Add(hn::Add(s, s), hn::Add(q, q));
  const Vf<D> mirrored =
      hn::Sub(hn::Set(d, 2.0f * kPi2Hi),
              hn::Add(hn::Add(s, s), hn::Sub(hn::Add(q, q), hn::Set(d, 2.0f * kPi2Lo))));
  const Vf<D> far = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), mirrored, twice);
  return hn::IfThenElse(large, far, near);
}

// asinh(x), all x: log1p(a + a^2 / (1 + sqrt(1 + a^2))), for large a ln(2a).
template <class D>
HWY_INLINE Vf<D> Asinh(D d, Vf<D> x) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> a = hn::Abs(x);
  const auto large = hn::Gt(a, hn::Set(d, 0x1p26f));
  const Vf<D> a2 = hn::Mul(a, a);
  const Vf<D> root = hn::Add(one, hn::Sqrt(hn::Add(a2, one)));
  const Vf<D> t = hn::IfThenElse(large, a, hn::Add(a, hn::Div(a2, root)));
  return hn::CopySign(Log1pPlusLn2(d, t, large), x);
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

// atanh(x), NaN outside [-1, 1], infinite at the ends: log1p(2a / (1 - a)) / 2.
template <class D>
HWY_INLINE Vf<D> Atanh(D d, Vf<D> x) {
  const Vf<D> a = hn::Abs(x);
  const Vf<D> t = hn::Div(hn::Add(a, a), hn::Sub(hn::Set(d, 1.0f), a));
  return hn::CopySign(hn::Mul(Log1p(d, t), hn::Set(d, 0.5f)), x);
}

// exp(a) / 2 for 0 <= a <= 90, infinite only where cosh is.
template <class D>
HWY_INLINE Vf<D> HalfExp(D d, Vf<D> a) {
  const Vf<D> two = hn::Set(d, 2.0f);
  Vf<D> n;
  Vf<D> quarter;
  const Vf<D> q = ExpSplit<-2>(d, a, n, quarter);
  return hn::Mul(hn::MulAdd(q, two, two), quarter);
}

// sinh(x), all x: a polynomial below 1, else e - 1 / (4e), e = exp(|x|) / 2.
template <class D>
HWY_INLINE Vf<D> Sinh(D d, Vf<D> x) {
  const Vf<D> a = hn::Abs(x);
  const Vf<D> e = HalfExp(d, CapAbove(d, 90.0f, a));
  const Vf<D> far = hn::Sub(e, hn::Div(hn::Set(d, 0.25f), e));
  const Vf<D> z = hn::Mul(a, a);
  const Vf<D> near = hn::MulAdd(hn::Mul(a, z), Polynomial(d, z, tables::kSinh), a);
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, hn::Set(d, 1.0f)), near, far), x);
}

// cosh(x), all x: e + 1 / (4e), e = exp(|x|) / 2.
template <class D>
HWY_INLINE Vf<D> Cosh(D d, Vf<D> x) {
  const Vf<D> e = HalfExp(d, CapAbove(d, 90.0f, hn::Abs(x)));
  return hn::Add(e, hn::Div(hn::Set(d, 0.25f), e));
}

// tanh(x), all x: expm1(2a) / (expm1(2a) + 2).
template <class D>
HWY_INLINE Vf<D> Tanh(D d, Vf<D> x) {
  const Vf<D> a = CapAbove(d, 10.0f, hn::Abs(x));
  const Vf<D> t = Expm1(d, hn::Add(a, a));
  return hn::CopySign(hn::Div(t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

constexpr float kTanFastLimit = 65536.0f;

// Remainder of x modulo pi/2 with the quotient n, |x| <= kTanFastLimit, and
// what its rounding lost.
template <class D>
HWY_INLINE Vf<D> ReducePi2(D d, Vf<D> x, Vf<D> n, Vf<D>& low) {
#if HWY_NATIVE_FMA
  // pi/2 in three parts of 24 bits; the first difference is exact.
  const Vf<D> part = hn::Set(d, kPi2Lo);
  const Vf<D> first = hn::NegMulAdd(n, hn::Set(d, kPi2Hi), x);
  const Vf<D> product = hn::Mul(n, part);
  const Vf<D> r = hn::Sub(first, product);
  const Vf<D> lost = hn::Sub(hn::Sub(first, r), product);
  const Vf<D> tail = hn::MulAdd(n, hn::Set(d, -0x1.ee59dap-50f), hn::MulSub(n, part, product));
  low = hn::Sub(lost, tail);
  return r;
#else
  low = hn::Zero(d);
  // In float64, pi/2 in two parts of which the first has 33 bits.
  const hn::Rebind<double, hn::Half<D>> dd;
  const hn::Half<D> dh;
  const auto hi = hn::Set(dd, 0x1.921fb544p+0);
  const auto lo = hn::Set(dd, 0x1.0b4611a626331p-34);
  const auto reduce = [&](auto xh, auto nh) HWY_ATTR {
    const auto nd = hn::PromoteTo(dd, nh);
    const auto rd = hn::NegMulAdd(nd, hi, hn::PromoteTo(dd, xh));
    return hn::DemoteTo(dh, hn::NegMulAdd(nd, lo, rd));
  };
  return hn::Combine(d, reduce(hn::UpperHalf(dh, x), hn::UpperHalf(dh, n)),
                     reduce(hn::LowerHalf(dh, x), hn::LowerHalf(dh, n)));
#endif
}

// tan(x), all x, NaN at infinities. Above kTanFastLimit, where reduction needs
// hundreds of bits of 2/pi, lane by lane with libm's float64 tan.
template <class D>
HWY_INLINE Vf<D> Tan(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic);
  const Vf<D> m = hn::MulAdd(x, hn::Set(d, 0x1.45f306p-1f), magic);  // 2 / pi
  Vf<D> low;
  const Vf<D> r = ReducePi2(d, x, hn::Sub(m, magic), low);
  const Vf<D> z = hn::Mul(r, r);
  // low times 1 + z, nearly the slope.
  const Vf<D> q = hn::MulAdd(hn::Mul(r, z), Horner(d, z, tables::kTan), hn::MulAdd(low, z, low));
  const Vf<D> t = hn::Add(r, q);
  const auto odd = hn::MaskFromVec(
      hn::BitCast(d, hn::VecFromMask(du, hn::TestBit(hn::BitCast(du, m), hn::Set(du, 1u)))));
  const Vf<D> y =
      hn::Div(hn::IfThenElse(odd, hn::Set(d, -1.0f), t), hn::IfThenElse(odd, t, hn::Set(d, 1.0f)));
  // Also keeps the sign of zero.
  Vf<D> result = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, y);
  const auto far = hn::Gt(hn::Abs(x), hn::Set(d, kTanFastLimit));
  if (HWY_UNLIKELY(!hn::AllFalse(d, far))) {
    HWY_ALIGN float in[HWY_MAX_LANES_D(D)];
    HWY_ALIGN float out[HWY_MAX_LANES_D(D)];
    hn::Store(x, d, in);
    hn::Store(result, d, out);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      if (std::fabs(in[i]) > kTanFastLimit) {
        out[i] = static_cast<float>(std::tan(static_cast<double>(in[i])));
      }
    }
    result = hn::Load(d, out);
  }
  return result;
}

// log(1 + exp(x)), all x: max(x, 0) + log1p(t), t = exp(-|x|), with a table of
// polynomials for log1p(t) / t.
template <class D>
HWY_INLINE Vf<D> Softplus(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> t = ExpNegative(d, hn::Neg(hn::Abs(x)));
  const Vf<D> magic = hn::Set(d, kRoundMagic);
  Vf<D> p;
  if constexpr (kWidePieces) {
    const auto bits = hn::BitCast(du, hn::MulAdd(t, hn::Set(d, tables::kLog1pUnitScale16), magic));
    p = Piecewise(d, t, bits, tables::kLog1pUnit16);
  } else {
    const auto bits = hn::BitCast(du, hn::MulAdd(t, hn::Set(d, tables::kLog1pUnitScale8), magic));
    p = Piecewise(d, t, bits, tables::kLog1pUnit8);
  }
  return hn::MulAdd(t, p, hn::Max(hn::Zero(d), x));
}

// x / (1 + |x|); NaN at infinities, as TF computes it.
template <class D>
HWY_INLINE Vf<D> Softsign(D d, Vf<D> x) {
  return hn::Div(x, hn::Add(hn::Abs(x), hn::Set(d, 1.0f)));
}

// x for x >= 0, else expm1(x).
template <class D>
HWY_INLINE Vf<D> Elu(D d, Vf<D> x) {
  const auto negative = hn::Lt(x, hn::Zero(d));
  return hn::IfThenElse(negative, Expm1Negative(d, x), x);
}

// Klambauer et al. 2017: scale x, or scale alpha expm1(x) for x < 0.
template <class D>
HWY_INLINE Vf<D> Selu(D d, Vf<D> x) {
  const auto negative = hn::Lt(x, hn::Zero(d));
  const Vf<D> y = hn::IfThenElse(negative, Expm1Negative(d, x), x);
  return hn::Mul(y, hn::IfThenElse(negative, hn::Set(d, 1.7580993408473768599f),
                                   hn::Set(d, 1.0507009873554804934f)));
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
