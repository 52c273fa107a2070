// Exponential functions of float32 vectors, and what is made of them, compiled
// once per instruction set. See math/elementary-inl.h.
#if defined(OPKIT_MATH_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_EXPONENTIAL_INL_H_
#undef OPKIT_MATH_EXPONENTIAL_INL_H_
#else
#define OPKIT_MATH_EXPONENTIAL_INL_H_
#endif

#include <cfloat>
#include <cmath>
#include <cstdint>

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

// sinh(x), all x, in two steps: u = expm1(|x|) / 4, which is finite wherever the result is, and
// 2 (u + u / (4 u + 1)); x itself where u may be denormal.
template <class D>
HWY_INLINE Vf<D> SinhStart(D d, Vf<D> x) {
  Vf<D> n;
  Vf<D> s;
  const Vf<D> q = ExpSplit<-2>(d, CapAbove(d, 89.5f, hn::Abs(x)), n, s);
  return hn::MulAdd(s, q, hn::Sub(s, hn::Set(d, 0.25f)));
}

template <class D>
HWY_INLINE Vf<D> SinhFinish(D d, Vf<D> x, Vf<D> u) {
  const Vf<D> quarter = hn::Set(d, 0.25f);
  const Vf<D> half = hn::MulAdd(quarter, hn::Div(u, hn::Add(u, quarter)), u);
  const Vf<D> y = hn::CopySignToAbs(hn::Add(half, half), x);
  return hn::IfThenElse(hn::Lt(u, hn::Set(d, 0x1p-20f)), x, y);
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
HWY_INLINE Vf<D> SoftplusStart(D d, Vf<D> x) {
  const Vf<D> a = CapBelow(d, -105.0f, hn::Or(x, hn::Set(d, -0.0f)));
  return ExpNormal<30>(d, a, tables::kExpShort2);
}

template <class D>
HWY_INLINE Vf<D> SoftplusFinish(D d, Vf<D> x, Vf<D> t) {
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
