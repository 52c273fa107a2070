// Elementary functions of float64 vectors, compiled once per instruction set:
// include after math/simd.h, use inside opkit::HWY_NAMESPACE.
//
// Each function states its domain and method; the worst errors measured are in
// kernels/math/ACCURACY.md. NaN stays NaN, infinities and signed zeros follow
// C's functions, denormals are kept. Results do not depend on fused
// multiply-add, only their last bits do.
#if defined(OPKIT_MATH_ELEMENTARY64_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_ELEMENTARY64_INL_H_
#undef OPKIT_MATH_ELEMENTARY64_INL_H_
#else
#define OPKIT_MATH_ELEMENTARY64_INL_H_
#endif

#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "math/elementary64_core-inl.h"
#include "math/elementary64_tables.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace f64 {

// --- exponentials -------------------------------------------------------------

// exp(r) - 1 - r for |r| <= ln(2) / 2.
HWY_INLINE V Expm1Tail(V r) { return hn::Mul(hn::Mul(r, r), Polynomial(r, tables64::kExpm1)); }

// x = n ln(2) + r: returns r, n as an integral number, and the power
// 2^(n + kExtra), valid while that is a normal number; |x| <= 2000. The magic
// number that rounds to n also biases its exponent.
template <int kExtra>
HWY_INLINE V ExpSplit(V x, V& n, V& power) {
  const V magic = Set(kRoundMagic + 1023.0 + kExtra);
  const V m = hn::MulAdd(x, Set(kLog2E), magic);
  n = hn::Sub(m, magic);
  power = FromBits(hn::ShiftLeft<52>(Bits(m)));
  return hn::NegMulAdd(n, Set(kLn2Lo), hn::NegMulAdd(n, Set(kLn2Hi), x));
}

// 2^n for integral n in [-1022, 1023].
HWY_INLINE V Pow2(V n) {
  return FromBits(hn::ShiftLeft<52>(Bits(hn::Add(n, Set(kRoundMagic + 1023.0)))));
}

// exp(x), all x. Overflows to inf, underflows through the denormals to 0: the
// power is applied in halves, so that it rounds once.
HWY_INLINE V Exp(V x) {
  V n;
  V unused;
  const V r = ExpSplit<0>(CapBelow(-746.0, CapAbove(710.0, x)), n, unused);
  const V e = hn::Add(hn::Add(r, Expm1Tail(r)), Set(1.0));
  const V half = hn::Floor(hn::Mul(n, Set(0.5)));
  return hn::Mul(hn::Mul(e, Pow2(hn::Sub(n, half))), Pow2(half));
}

// exp(x) for x <= 0: scaled 2^64 too high first, which rounds once.
HWY_INLINE V ExpNegative(V x) {
  V n;
  V power;
  const V r = ExpSplit<64>(CapBelow(-746.0, x), n, power);
  const V q = hn::Add(r, Expm1Tail(r));
  return hn::Mul(hn::MulAdd(q, power, power), Set(0x1p-64));
}

// expm1(x) = 2 scale y: y = expm1(x) and scale = 1/2 while x rounds to 0 ln(2),
// so that denormals stay whole; else scale = 2 and y is a quarter of it, so that
// no power of 2 up to the end of sinh overflows: 2^n expm1(r) + (2^n - 1).
HWY_INLINE V Expm1Scaled(V x, V& scale) {
  V n;
  V s;
  const V r = ExpSplit<-2>(CapBelow(-38.0, CapAbove(710.5, x)), n, s);
  const V tail = Expm1Tail(r);
  const M zero = hn::Eq(n, hn::Zero(Dd()));
  scale = If(zero, Set(0.5), Set(2.0));
  const V y = hn::MulAdd(s, tail, hn::MulAdd(s, r, hn::Sub(s, Set(0.25))));
  return If(zero, hn::Add(r, tail), y);
}

// expm1(x), all x.
HWY_INLINE V Expm1(V x) {
  V scale;
  const V y = Expm1Scaled(x, scale);
  return hn::CopySign(hn::Mul(y, hn::Add(scale, scale)), x);
}

// expm1(x) for x < 0.
HWY_INLINE V Expm1Negative(V x) {
  V n;
  V s;
  const V r = ExpSplit<0>(CapBelow(-38.0, x), n, s);
  return hn::MulAdd(s, Expm1Tail(r), hn::MulAdd(s, r, hn::Sub(s, Set(1.0))));
}

// sinh(x), all x: (e + e / (e + 1)) / 2 with e = expm1(|x|).
HWY_INLINE V Sinh(V x) {
  V scale;
  const V y = Expm1Scaled(hn::Abs(x), scale);
  const V slope = hn::Div(y, hn::MulAdd(y, hn::Add(scale, scale), Set(1.0)));
  return hn::CopySign(hn::Mul(hn::Add(y, slope), scale), x);
}

// cosh(x), all x: e + 1 / (4e), e = exp(|x|) / 2, infinite only where cosh is.
HWY_INLINE V Cosh(V x) {
  const V two = Set(2.0);
  V n;
  V quarter;
  const V r = ExpSplit<-2>(CapAbove(710.5, hn::Abs(x)), n, quarter);
  const V e = hn::Mul(hn::MulAdd(hn::Add(r, Expm1Tail(r)), two, two), quarter);
  return hn::Add(e, hn::Div(Set(0.25), e));
}

// tanh(x), all x: expm1(2a) / (expm1(2a) + 2).
HWY_INLINE V Tanh(V x) {
  const V a = CapAbove(20.0, hn::Abs(x));
  V scale;
  const V y = Expm1Scaled(hn::Add(a, a), scale);
  const V e = hn::Mul(y, hn::Add(scale, scale));
  return hn::CopySign(hn::Div(e, hn::Add(e, Set(2.0))), x);
}

// x for x >= 0, else expm1(x).
HWY_INLINE V Elu(V x) { return If(hn::Lt(x, hn::Zero(Dd())), Expm1Negative(x), x); }

// Klambauer et al. 2017: scale x, or scale alpha expm1(x) for x < 0.
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluScaleAlpha = 1.7580993408473768599402175208123;
HWY_INLINE V Selu(V x) {
  const M negative = hn::Lt(x, hn::Zero(Dd()));
  const V y = If(negative, Expm1Negative(x), x);
  return hn::Mul(y, If(negative, Set(kSeluScaleAlpha), Set(kSeluScale)));
}

// --- logarithms ---------------------------------------------------------------

// log(1 + f) + k ln(2) for 1 + f in [sqrt(1/2), sqrt(2)]: with s = f / (2 + f)
// it is 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + s^2 P(s^2)).
HWY_INLINE V LogReduced(V f, V k) {
  const V s = hn::Div(f, hn::Add(f, Set(2.0)));
  const V z = hn::Mul(s, s);
  const V half_square = hn::Mul(hn::Mul(f, f), Set(0.5));
  const V tail = hn::MulAdd(z, Polynomial(z, tables64::kLog), half_square);
  const V low = hn::MulAdd(s, tail, hn::Mul(k, Set(kLn2Lo)));
  return hn::MulAdd(k, Set(kLn2Hi), hn::Sub(f, hn::Sub(half_square, low)));
}

// The biased exponent of x after rounding x to the nearest 2^k in ratio.
HWY_INLINE Vu NearestExponent(V x) {
  // 1 - sqrt(1/2), as a difference of representations.
  const Vu offset = hn::Set(Du(), 0x3ff0000000000000u - 0x3fe6a09e667f3bcdu);
  return hn::ShiftRight<52>(hn::Add(Bits(x), offset));
}

// k of a biased exponent as a number.
HWY_INLINE V ExponentValue(Vu biased) {
  return hn::Sub(FromBits(hn::Or(biased, hn::Set(Du(), 0x4330000000000000u))),
                 Set(0x1p52 + 1023.0));
}

// 2^-k x, for a result that is a normal number.
HWY_INLINE V Unscale(V x, Vu biased) {
  return FromBits(
      hn::Sub(Bits(x), hn::ShiftLeft<52>(hn::Sub(biased, hn::Set(Du(), uint64_t{1023})))));
}

// log(x) for normal x > 0.
HWY_INLINE V LogNormal(V x) {
  const Vu biased = NearestExponent(x);
  return LogReduced(hn::Sub(Unscale(x, biased), Set(1.0)), ExponentValue(biased));
}

// log(x), all x. Called rarely, so it is one function for all that need it.
inline HWY_NOINLINE V LogAny(V x) {
  const V zero = hn::Zero(Dd());
  const M small = hn::Lt(x, Set(DBL_MIN));
  const V y = LogNormal(If(small, hn::Mul(x, Set(0x1p54)), x));
  const V log = hn::Sub(y, hn::IfThenElseZero(small, Set(54 * kLn2)));
  const V special = If(hn::Eq(x, zero), Set(-kInf), If(hn::Lt(x, zero), Set(kNan), x));
  return If(hn::And(hn::Gt(x, zero), hn::Le(x, Set(DBL_MAX))), log, special);
}

// log(x), all x.
HWY_INLINE V Log(V x) {
  const M normal = hn::And(hn::Ge(x, Set(DBL_MIN)), hn::Le(x, Set(DBL_MAX)));
  return HWY_LIKELY(hn::AllTrue(Dd(), normal)) ? LogNormal(x) : LogAny(x);
}

// log1p(x) for -1 < x < kLog1pLimit: with 2^k near 1 + x, 1 + f = 2^-k (1 + x),
// and f = 2^-k x + (2^-k - 1) rounds only once.
constexpr double kLog1pLimit = 0x1p1023;
HWY_INLINE V Log1pFinite(V x) {
  const V one = Set(1.0);
  const Vu biased = NearestExponent(hn::Add(x, one));
  const V scale = FromBits(hn::ShiftLeft<52>(hn::Sub(hn::Set(Du(), uint64_t{2046}), biased)));
  const V f = hn::Add(Unscale(x, biased), hn::Sub(scale, one));
  return LogReduced(f, ExponentValue(biased));
}

HWY_INLINE M IsLog1pFinite(V x) {
  return hn::And(hn::Gt(x, Set(-1.0)), hn::Lt(x, Set(kLog1pLimit)));
}

// log1p(x), all x: log(x) beyond the limit, NaN below -1.
inline HWY_NOINLINE V Log1pAny(V x) {
  const V special = If(hn::Eq(x, Set(-1.0)), Set(-kInf), LogAny(x));
  return If(IsLog1pFinite(x), hn::CopySign(Log1pFinite(x), x), special);
}

// log1p(x), all x.
HWY_INLINE V Log1p(V x) {
  return HWY_LIKELY(hn::AllTrue(Dd(), IsLog1pFinite(x))) ? hn::CopySign(Log1pFinite(x), x)
                                                         : Log1pAny(x);
}

// log1p(x), or log(4x) where x is large, for 0 <= x <= inf or NaN.
HWY_INLINE V Log1pOrLog4(V x, M large) {
  const V y = hn::Add(Log1pFinite(x), hn::IfThenElseZero(large, Set(2 * kLn2)));
  return If(hn::Le(x, Set(DBL_MAX)), y, x);
}

// asinh(x), all x: log1p(a + a^2 / (1 + sqrt(1 + a^2))), for large a log(2a).
HWY_INLINE V Asinh(V x) {
  const V one = Set(1.0);
  const V a = hn::Abs(x);
  const M large = hn::Gt(a, Set(0x1p54));
  const V a2 = hn::Mul(a, a);
  const V root = hn::Add(one, hn::Sqrt(hn::Add(a2, one)));
  const V t = If(large, hn::Mul(a, Set(0.5)), hn::Add(a, hn::Div(a2, root)));
  return hn::CopySign(Log1pOrLog4(t, large), x);
}

// acosh(x), NaN below 1: with t = x - 1 log1p(t + sqrt(t^2 + 2t)).
HWY_INLINE V Acosh(V x) {
  const V one = Set(1.0);
  const M large = hn::Gt(x, Set(0x1p54));
  const V t = hn::Sub(x, one);
  const V u = hn::Add(t, hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t))));
  const V y = Log1pOrLog4(If(large, hn::Mul(x, Set(0.5)), u), large);
  return If(hn::Ge(x, one), y, Set(kNan));
}

// atanh(x), NaN outside [-1, 1], infinite at the ends: log1p(2a / (1 - a)) / 2.
HWY_INLINE V Atanh(V x) {
  const V a = hn::Abs(x);
  const V t = hn::Div(hn::Add(a, a), hn::Sub(Set(1.0), a));
  return hn::CopySign(hn::Mul(Log1p(t), Set(0.5)), x);
}

// log(1 + exp(x)), all x: max(x, 0) + log1p(exp(-|x|)).
HWY_INLINE V Softplus(V x) {
  const V t = ExpNegative(hn::Neg(hn::Abs(x)));
  return hn::Add(Log1pFinite(t), MaxOrSecond(hn::Zero(Dd()), x));
}

// --- trigonometric ------------------------------------------------------------

// atan(a / b) = steps pi/4 + atan(y) with |y| <= 1/2, for a, b >= 0: returns y, one
// of a / b, (a - b) / (a + b), -b / a.
HWY_INLINE V AtanReduce(V a, V b, V& steps) {
  const V one = Set(1.0);
  const M middle = hn::Gt(a, hn::Mul(b, Set(0.5)));
  const M far = hn::Gt(a, hn::Add(b, b));
  const V top = If(far, hn::Neg(b), If(middle, hn::Sub(a, b), a));
  const V bottom = If(far, a, If(middle, hn::Add(a, b), b));
  steps = If(far, Set(2.0), hn::IfThenElseZero(middle, one));
  return hn::Div(top, bottom);
}

// steps pi/4 + atan(y).
HWY_INLINE V AtanSum(V y, V steps) {
  const V q = hn::MulAdd(steps, Set(kPi2Lo / 2), OddTail(y, hn::Mul(y, y), tables64::kAtan));
  return hn::MulAdd(steps, Set(kPi2Hi / 2), hn::Add(y, q));
}

// atan(x), all x.
HWY_INLINE V Atan(V x) {
  V steps;
  const V y = AtanReduce(hn::Abs(x), Set(1.0), steps);
  return hn::CopySign(AtanSum(y, steps), x);
}

// The angle of (x, y), finite and not both 0, nor so large that x + y overflows.
HWY_INLINE V Atan2(V y, V x) {
  V steps;
  const V r = AtanReduce(hn::Abs(y), hn::Abs(x), steps);
  const M left = hn::Lt(x, hn::Zero(Dd()));
  const V angle = AtanSum(If(left, hn::Neg(r), r), If(left, hn::Sub(Set(4.0), steps), steps));
  return hn::CopySign(angle, y);
}

// asin(x), NaN outside [-1, 1]: above 1/2 pi/2 - 2 asin(sqrt((1 - |x|) / 2)).
HWY_INLINE V Asin(V x) {
  const V half = Set(0.5);
  const V a = hn::Abs(x);
  const M large = hn::Gt(a, half);
  const V z = If(large, hn::NegMulAdd(a, half, half), hn::Mul(a, a));
  const V s = If(large, hn::Sqrt(z), a);
  const V q = OddTail(s, z, tables64::kAsin);
  const V far = hn::Sub(Set(kPi2Hi), hn::Add(hn::Add(s, s), hn::Sub(hn::Add(q, q), Set(kPi2Lo))));
  return hn::CopySign(If(large, far, hn::Add(s, q)), x);
}

// acos(x), NaN outside [-1, 1].
HWY_INLINE V Acos(V x) {
  const V half = Set(0.5);
  const V a = hn::Abs(x);
  const M large = hn::Gt(a, half);
  const V z = If(large, hn::NegMulAdd(a, half, half), hn::Mul(x, x));
  const V s = If(large, hn::Sqrt(z), x);
  const V q = OddTail(s, z, tables64::kAsin);
  // near: pi/2 - asin(x); far: 2 asin(s) or pi - 2 asin(s).
  const V near = hn::Sub(Set(kPi2Hi), hn::Add(s, hn::Sub(q, Set(kPi2Lo))));
  const V two_s = hn::Add(s, s);
  const V two_q = hn::Add(q, q);
  const V mirrored = hn::Sub(Set(2 * kPi2Hi), hn::Add(two_s, hn::Sub(two_q, Set(2 * kPi2Lo))));
  return If(large, If(hn::Lt(x, hn::Zero(Dd())), mirrored, hn::Add(two_s, two_q)), near);
}

constexpr double kTanFastLimit = 1048576.0;

// Remainder of x modulo pi/2 and what its rounding lost, |x| <= kTanFastLimit;
// quadrant has the quotient in its low bits.
HWY_INLINE V ReducePi2(V x, V& low, Vu& quadrant) {
  const V magic = Set(kRoundMagic);
  const V m = hn::MulAdd(x, Set(0x1.45f306dc9c883p-1), magic);  // 2 / pi
  const V n = hn::Sub(m, magic);
  quadrant = Bits(m);
  // pi/2 in three parts of 33 bits, whose multiples are exact, and a rest.
  V low1;
  V low2;
  V r = hn::NegMulAdd(n, Set(0x1.921fb54400000p+0), x);
  r = TwoSum(r, hn::Mul(n, Set(-0x1.0b4611a600000p-34)), low1);
  r = TwoSum(r, hn::Mul(n, Set(-0x1.3198a2e000000p-69)), low2);
  low = hn::Add(hn::NegMulAdd(n, Set(0x1.b839a252049c1p-104), low2), low1);
  return r;
}

// Where bit `bit` of x is set.
HWY_INLINE M HasBit(Vu x, uint64_t bit) {
  return hn::MaskFromVec(FromBits(hn::VecFromMask(Du(), hn::TestBit(x, hn::Set(Du(), bit)))));
}

// sin(x) and cos(x), |x| <= kTanFastLimit.
HWY_INLINE void SinCos(V x, V& sine, V& cosine) {
  const V one = Set(1.0);
  V low;
  Vu quadrant;
  const V r = ReducePi2(x, low, quadrant);
  const V z = hn::Mul(r, r);
  const V half = hn::Mul(z, Set(0.5));
  const V s = hn::Add(r, hn::Add(OddTail(r, z, tables64::kSin), hn::NegMulAdd(low, half, low)));
  const V c1 = hn::Sub(one, half);
  const V lost = hn::Sub(hn::Sub(one, c1), half);
  const V tail = hn::NegMulAdd(r, low, hn::Mul(hn::Mul(z, z), Polynomial(z, tables64::kCos)));
  const V c = hn::Add(c1, hn::Add(lost, tail));
  const M odd = HasBit(quadrant, 1);
  const Vu two = hn::Set(Du(), uint64_t{2});
  const Vu next = hn::Add(quadrant, hn::Set(Du(), uint64_t{1}));
  const V sine_sign = FromBits(hn::ShiftLeft<62>(hn::And(quadrant, two)));
  const V cosine_sign = FromBits(hn::ShiftLeft<62>(hn::And(next, two)));
  // Keeps the sign of zero.
  sine = If(hn::Eq(x, hn::Zero(Dd())), x, hn::Xor(If(odd, c, s), sine_sign));
  cosine = hn::Xor(If(odd, s, c), cosine_sign);
}

// tan(x), all x, NaN at infinities. Above kTanFastLimit, where reduction needs
// hundreds of bits of 2/pi, lane by lane with libm.
HWY_INLINE V Tan(V x) {
  const Dd d;
  V low;
  Vu quadrant;
  const V r = ReducePi2(x, low, quadrant);
  const V z = hn::Mul(r, r);
  // low times 1 + z, nearly the slope.
  const V q = hn::Add(OddTail(r, z, tables64::kTan), hn::MulAdd(low, z, low));
  const V t = hn::Add(r, q);
  const M odd = HasBit(quadrant, 1);
  const V y = hn::Div(If(odd, Set(-1.0), t), If(odd, t, Set(1.0)));
  // Also keeps the sign of zero.
  V result = If(hn::Eq(x, hn::Zero(d)), x, y);
  const M far = hn::Gt(hn::Abs(x), Set(kTanFastLimit));
  if (HWY_UNLIKELY(!hn::AllFalse(d, far))) {
    HWY_ALIGN double in[HWY_MAX_LANES_D(Dd)];
    HWY_ALIGN double out[HWY_MAX_LANES_D(Dd)];
    hn::Store(x, d, in);
    hn::Store(result, d, out);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      if (std::fabs(in[i]) > kTanFastLimit) out[i] = std::tan(in[i]);
    }
    result = hn::Load(d, out);
  }
  return result;
}

// --- error function -----------------------------------------------------------

// erf(x), all x: -expm1(Q(a)), Q = log(erfc(a)) = a P(a), a = min(|x|, 5.93). At
// that cap the result is 1, and nowhere is it more.
HWY_INLINE V Erf(V x) {
  const V a = CapAbove(5.93, hn::Abs(x));
  // P(0) in two parts.
  const V rest = hn::Mul(a, Polynomial(a, tables64::kErf));
  return hn::CopySign(Expm1Negative(hn::NegMulAdd(a, Set(tables64::kErf0), rest)), x);
}

// erfc(x), all x: exp(-a^2) t P(t), t = 4 / (4 + a), a = |x|, and 2 minus that
// for x < 0. a = h + l with h^2 exact keeps the exponent exact.
HWY_INLINE V Erfc(V x) {
  const V four = Set(4.0);
  const V a = CapAbove(27.4, hn::Abs(x));
  const V sum = hn::Add(a, four);
  const V t = hn::Div(four, sum);
  V p = hn::Mul(t, Polynomial(hn::Sub(t, Set(0.375)), tables64::kErfc));
  // p belongs to a - shift, because t is rounded; its slope is 2 a p - 2 / sqrt(pi).
  const V lost = hn::Sub(a, hn::Sub(sum, four));
  const V shift = hn::MulAdd(hn::Mul(ProductLow(t, sum, four), Set(0.25)), sum, lost);
  p = hn::MulAdd(hn::MulSub(hn::Add(a, a), p, Set(tables64::kErf0)), shift, p);
  const V h = FromBits(hn::And(Bits(a), hn::Set(Du(), 0xfffffffff8000000u)));
  const V l = hn::Sub(a, h);
  // As in ExpNegative.
  const V magic = Set(kRoundMagic + 1023.0 + 64.0);
  const V m = hn::NegMulAdd(hn::Mul(a, a), Set(kLog2E), magic);
  const V n = hn::Sub(m, magic);
  const V power = FromBits(hn::ShiftLeft<52>(Bits(m)));
  V r = hn::NegMulAdd(h, h, hn::Mul(n, Set(-kLn2Hi)));
  r = hn::NegMulAdd(n, Set(kLn2Lo), r);
  r = hn::NegMulAdd(l, hn::Add(a, h), r);
  const V scaled = hn::Mul(hn::MulAdd(p, hn::Add(r, Expm1Tail(r)), p), power);
  const V y = hn::Mul(scaled, Set(0x1p-64));
  return If(hn::Lt(x, hn::Zero(Dd())), hn::Sub(Set(2.0), y), y);
}

}  // namespace f64
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
