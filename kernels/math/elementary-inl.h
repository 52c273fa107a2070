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

#include <cmath>
#include <cstdint>
#include <limits>

#include "math/elementary_pieces.h"
#include "math/elementary_tables.h"
// Exponentials, logarithms and their kin.
#include "math/exponential-inl.h"
#include "math/logarithm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

constexpr float kPi2Hi = 0x1.921fb6p+0f;
constexpr float kPi2Lo = -0x1.777a5cp-25f;

// c0 + c1 t + ... of the piece that bits name, as (c0 + t^2 Q(t)) + c1 t: two
// roundings count, one where c0 = 0. Pairs of coefficients go in parallel, as
// the length of the chain limits the speed.
template <class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> PiecePolynomial(D d, Vf<D> t, Vu<D> bits, const float (&rows)[kRows][kN]) {
  static_assert(kRows == 6 || kRows == 7, "degree 5 or 6");
  const auto c = [&](size_t i) HWY_ATTR { return Lookup(d, rows[i], bits); };
  const Vf<D> t2 = hn::Mul(t, t);
  Vf<D> q = hn::MulAdd(c(5), t, c(4));
  if constexpr (kRows == 7) q = hn::MulAdd(c(kRows - 1), t2, q);
  q = hn::MulAdd(q, t2, hn::MulAdd(c(3), t, c(2)));
  return hn::MulAdd(c(1), t, hn::MulAdd(q, t2, c(0)));
}

// erf(x), all x: polynomials around the multiples of a step, for |x| up to a cap
// where they are exactly 1 in every rounding; nowhere are they more: both were
// tried for all floats from 3 on. Multiples of the step are exact.
template <class D>
HWY_INLINE Vf<D> Erf(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> a = CapAbove(d, 3.9285f, hn::Abs(x));
  const Vf<D> magic = hn::Set(d, kRoundMagic);
  const auto piece = [&](float step, const auto& rows) HWY_ATTR {
    const Vf<D> m = hn::MulAdd(a, hn::Set(d, 1.0f / step), magic);
    const Vf<D> t = hn::NegMulAdd(hn::Sub(m, magic), hn::Set(d, step), a);
    return PiecePolynomial(d, t, hn::BitCast(du, m), rows);
  };
  Vf<D> y;
  if constexpr (kWidePieces) {
    y = piece(tables::kErfStep16, tables::kErf16);
  } else {
    y = piece(tables::kErfStep8, tables::kErf8);
  }
  return hn::CopySignToAbs(y, x);
}

// erfc(x), all x: exp(-a^2), a = |x|, times a table for erfc(a) / exp(-a^2), and 2 minus that for
// x < 0. The variable of the table, (a - c) / (a + 2), brings down the degree.
template <class D>
HWY_INLINE Vf<D> Erfc(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> a = CapAbove(d, 10.19f, hn::Abs(x));
  const auto octave = hn::BitCast(du, hn::Add(a, hn::Set(d, tables::kErfcFirst)));
  Vf<D> p;
  const auto piece = [&](Vu<D> bits, const auto& rows) HWY_ATTR {
    constexpr size_t kRows = sizeof(rows) / sizeof(rows[0]);
    const Vf<D> c = Lookup(d, rows[0], bits);
    const Vf<D> t = hn::Div(hn::Sub(a, c), hn::Add(a, hn::Set(d, tables::kErfcShift)));
    p = Lookup(d, rows[kRows - 1], bits);
    for (size_t i = kRows - 1; i-- > 1;) p = hn::MulAdd(p, t, Lookup(d, rows[i], bits));
  };
  if constexpr (kWidePieces) {
    piece(hn::ShiftRight<21>(octave), tables::kErfc16);
  } else {
    piece(hn::ShiftRight<22>(octave), tables::kErfc8);
  }
  // As in ExpSplit, with what a^2 loses by rounding.
  const Vf<D> magic = hn::Set(d, kRoundMagic + 127.0f + 30.0f);
  const Vf<D> square = hn::Mul(a, a);
  const Vf<D> m = hn::MulAdd(square, hn::Set(d, -kLog2E), magic);
  const Vf<D> n = hn::Sub(m, magic);
#if HWY_NATIVE_FMA
  const Vf<D> part = hn::NegMulSub(n, hn::Set(d, tables::kErfcLn2), square);
  const Vf<D> r = hn::Sub(part, hn::MulSub(a, a, square));
#else
  const Vf<D> h = hn::BitCast(d, hn::And(hn::BitCast(du, a), hn::Set(du, 0xfffff000u)));
  Vf<D> r = hn::NegMulAdd(h, h, hn::Mul(n, hn::Set(d, -kLn2Hi)));
  r = hn::NegMulAdd(n, hn::Set(d, tables::kErfcLn2 - kLn2Hi), r);
  r = hn::NegMulAdd(hn::Sub(a, h), hn::Add(a, h), r);
#endif
  p = hn::MulAdd(p, Expm1Reduced(d, r), p);
  const Vf<D> two = hn::Set(d, 2.0f);
#if HWY_TARGET <= HWY_AVX3
  const Vf<D> y = hn::MulByFloorPow2(p, n);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(two, y), y);
#else
  p = hn::Mul(p, hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, m))));
  // Denormal results are the low bits of a sum with the least normal number.
  const Vf<D> least = hn::IfThenElseZero(hn::Gt(x, hn::Set(d, 9.194549f)), hn::Set(d, FLT_MIN));
  const Vf<D> scale = hn::Xor(hn::Set(d, 0x1p-30f), hn::And(x, hn::Set(d, -0.0f)));
  const Vf<D> sum = hn::MulAdd(p, scale, hn::IfNegativeThenElse(x, two, least));
  return hn::BitCast(d, hn::Sub(hn::BitCast(du, sum), hn::BitCast(du, least)));
#endif
}

// atan(x), all x: atan(c) + atan(t), t = (|x| - c) / (1 + c |x|), c from a table
// whose pieces are halves (8 entries) or quarters (16) of the octaves of
// |x| + 1/2. c = 0 for the first, which keeps small results exact.
template <class D>
HWY_INLINE Vf<D> Atan(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> size = hn::Abs(x);
  const Vf<D> a = CapAbove(d, 0x1p60f, size);
  const auto octave = hn::BitCast(du, hn::Add(CapAbove(d, 7.0f, size), hn::Set(d, 0.5f)));
  const auto piece = [&](auto bits, const auto& rows, const auto& tail) HWY_ATTR {
    const Vf<D> c = Lookup(d, rows[0], bits);
    const Vf<D> t = hn::Div(hn::Sub(a, c), hn::MulAdd(a, c, hn::Set(d, 1.0f)));
    const Vf<D> z = hn::Mul(t, t);
    const Vf<D> sum = hn::Add(Lookup(d, rows[1], bits), t);
    return hn::MulAdd(hn::Mul(t, z), Horner(d, z, tail), sum);
  };
  Vf<D> y;
  if constexpr (kWidePieces) {
    y = piece(hn::ShiftRight<21>(octave), tables::kAtan16, tables::kAtanTail16);
  } else {
    y = piece(hn::ShiftRight<22>(octave), tables::kAtan8, tables::kAtanTail8);
  }
  return hn::CopySignToAbs(y, x);
}

// asin(x), NaN outside [-1, 1]: asin(u) = u + u z P(z), z = 4 u^2, of u = |x| up to 1/2, above
// pi/2 - 2 asin(u), u = sqrt((1 - |x|) / 2). Below, s is -|x| or 2 u, whose signs differ so that
// both are subtracted; pi/2 is a product, which has more digits than a float.
template <class D>
HWY_INLINE Vf<D> Asin(D d, Vf<D> x) {
  const hn::RebindToSigned<D> di;
  const Vf<D> minus = hn::Or(x, hn::Set(d, -0.0f));
  const auto large =
      hn::RebindMask(d, hn::Gt(hn::BitCast(di, minus), hn::BitCast(di, hn::Set(d, -0.5f))));
  const Vf<D> twice = hn::Add(minus, minus);
  const Vf<D> far = hn::Add(twice, hn::Set(d, 2.0f));
  const Vf<D> z = hn::Min(hn::Mul(twice, twice), far);
  const Vf<D> s = hn::IfThenElse(large, hn::Sqrt(far), minus);
  const Vf<D> p = Horner(d, z, tables::kAsin);
#if HWY_NATIVE_FMA
  const Vf<D> base = hn::IfThenElseZero(large, hn::Set(d, tables::kPi2A));
  const Vf<D> y = hn::MulSub(base, hn::Set(d, tables::kPi2B), hn::MulAdd(hn::Mul(s, z), p, s));
#else
  const Vf<D> base = hn::IfThenElseZero(large, hn::Set(d, kPi2Hi));
  const Vf<D> rest = hn::IfThenElseZero(large, hn::Set(d, kPi2Lo));
  const Vf<D> y = hn::Sub(base, hn::Add(s, hn::Sub(hn::Mul(hn::Mul(s, z), p), rest)));
#endif
  return hn::CopySignToAbs(y, x);
}

// acos(x), NaN outside [-1, 1]: sqrt(1 - |x|) P(|x|), and pi minus that for x < 0.
template <class D>
HWY_INLINE Vf<D> Acos(D d, Vf<D> x) {
  const Vf<D> a = hn::Abs(x);
  const Vf<D> root = hn::Sqrt(hn::Sub(hn::Set(d, 1.0f), a));
  const Vf<D> base = hn::IfNegativeThenElse(x, hn::Set(d, 2.0f * kPi2Hi), hn::Zero(d));
  return hn::MulAdd(hn::Xor(root, hn::And(x, hn::Set(d, -0.0f))), Horner(d, a, tables::kAcos),
                    base);
}

constexpr float kTanFastLimit = 32768.0f;

// Remainder of x modulo pi/2 with the quotient n, |x| <= kTanFastLimit.
template <class D>
HWY_INLINE Vf<D> ReducePi2(D d, Vf<D> x, Vf<D> n) {
#if HWY_NATIVE_FMA
  // pi/2 in three parts of 24 bits, all positive, which keeps the sign of zero; the
  // first difference is exact.
  Vf<D> r = hn::NegMulAdd(n, hn::Set(d, 0x1.921fb4p+0f), x);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.4442d0p-24f), r);
  return hn::NegMulAdd(n, hn::Set(d, 0x1.846988p-48f), r);
#else
  // In float64, pi/2 in two parts of which the first has 33 bits.
  const hn::Rebind<double, hn::Half<D> > dd;
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

// tan(x) for |x| <= kTanFastLimit; NaN stays NaN.
template <class D>
HWY_INLINE Vf<D> TanNear(D d, Vf<D> x) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic);
  const Vf<D> m = hn::MulAdd(x, hn::Set(d, 0x1.45f306p-1f), magic);  // 2 / pi
  const Vf<D> r = ReducePi2(d, x, hn::Sub(m, magic));
  const Vf<D> z = hn::Mul(r, r);
  const Vf<D> num = hn::Mul(r, Horner(d, z, tables::kTanNum));
  const Vf<D> den = Horner(d, z, tables::kTanDen);
  const auto odd = hn::MaskFromVec(
      hn::BitCast(d, hn::VecFromMask(du, hn::TestBit(hn::BitCast(du, m), hn::Set(du, 1u)))));
  return hn::Div(hn::IfThenElse(odd, hn::Neg(den), num), hn::IfThenElse(odd, num, den));
}

// x / (1 + |x|); NaN at infinities, as TF computes it.
template <class D>
HWY_INLINE Vf<D> Softsign(D d, Vf<D> x) {
  return hn::Div(x, hn::Add(hn::Abs(x), hn::Set(d, 1.0f)));
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
