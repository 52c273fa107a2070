// Logarithms of float32 vectors and the inverse hyperbolic functions, compiled
// once per instruction set. See math/elementary-inl.h.
#if defined(OPKIT_MATH_LOGARITHM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_LOGARITHM_INL_H_
#undef OPKIT_MATH_LOGARITHM_INL_H_
#else
#define OPKIT_MATH_LOGARITHM_INL_H_
#endif

#include <cfloat>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "math/elementary_pieces.h"
#include "math/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

// x y + z, where y has 12 bits and the sum is small against the product: rounded
// once with fused multiply-add, else by products of halves of x.
template <class D>
HWY_INLINE Vf<D> CancellingMulAdd(D d, Vf<D> x, Vf<D> y, Vf<D> z) {
#if HWY_NATIVE_FMA
  (void)d;
  return hn::MulAdd(x, y, z);
#else
  const hn::RebindToUnsigned<D> du;
  const Vf<D> high = hn::BitCast(d, hn::And(hn::BitCast(du, x), hn::Set(du, 0xfffff000u)));
  return hn::MulAdd(hn::Sub(x, high), y, hn::MulAdd(high, y, z));
#endif
}

// The logarithm of u = 2^k m: m lies in a piece of [0.7, 1.41) around c, log(u) =
// k ln(2) + log(c) + log1p(u / (2^k c) - 1). The piece that holds 1 has c = 1.
template <class D>
struct LogPiece {
  Vf<D> inverse;   // 2^-k / c, 12 bits
  Vf<D> exponent;  // 2^23 k
  Vf<D> centre;    // log(c)
};

// Splits u in [2^-126, 2^126).
template <class D>
HWY_INLINE LogPiece<D> SplitLog(D d, Vf<D> u) {
  const hn::RebindToSigned<D> di;
  const hn::RebindToUnsigned<D> du;
  const auto split = [&](int32_t first, auto shift, const auto& inverses, const auto& centres)
                         HWY_ATTR -> LogPiece<D> {
    const auto above = hn::Sub(hn::BitCast(di, u), hn::Set(di, first));
    const auto piece = hn::BitCast(du, hn::ShiftRight<decltype(shift)::value>(above));
    const auto exponent = hn::And(above, hn::Set(di, kExponent));
    const auto inverse = hn::BitCast(di, Lookup(d, inverses, piece));
    return {hn::BitCast(d, hn::Sub(inverse, exponent)), hn::ConvertTo(d, exponent),
            Lookup(d, centres, piece)};
  };
  if constexpr (kWidePieces) {
    return split(tables::kLogFirst16, std::integral_constant<int, 19>(), tables::kLogInverse16,
                 tables::kLogCentre16);
  } else {
    return split(tables::kLogFirst8, std::integral_constant<int, 20>(), tables::kLogInverse8,
                 tables::kLogCentre8);
  }
}

// log(u) from its piece and r = u / (2^k c) - 1.
template <class D>
HWY_INLINE Vf<D> JoinLog(D d, const LogPiece<D>& p, Vf<D> r) {
  const Vf<D> r2 = hn::Mul(r, r);
  const Vf<D> tail = Polynomial(d, r, kWidePieces ? tables::kLogTail16 : tables::kLogTail8);
  const Vf<D> log1p = hn::MulAdd(r2, tail, r);
#if HWY_NATIVE_FMA
  // The error of ln(2) is too small to count.
  return hn::Add(hn::MulAdd(p.exponent, hn::Set(d, 0x1.62e43p-24f), p.centre), log1p);
#else
  return hn::Add(hn::MulAdd(p.exponent, hn::Set(d, kLn2Hi * 0x1p-23f), p.centre),
                 hn::MulAdd(p.exponent, hn::Set(d, kLn2Lo * 0x1p-23f), log1p));
#endif
}

// log1p(x) for 2^-24 <= u = 1 + x < 2^126, but for the sign of 0.
template <class D>
HWY_INLINE Vf<D> Log1pOf(D d, Vf<D> x, Vf<D> u) {
  const LogPiece<D> p = SplitLog(d, u);
  const Vf<D> rest = hn::Sub(p.inverse, hn::Set(d, 1.0f));
  return JoinLog(d, p, CancellingMulAdd(d, x, p.inverse, rest));
}

// log(2^power x) for x in [2^-126, 2^126), power integral.
template <class D>
HWY_INLINE Vf<D> LogScaled(D d, float power, Vf<D> x) {
  LogPiece<D> p = SplitLog(d, x);
  if (power != 0.0f) p.exponent = hn::Add(p.exponent, hn::Set(d, power * 0x1p23f));
  return JoinLog(d, p, CancellingMulAdd(d, x, p.inverse, hn::Set(d, -1.0f)));
}

// log(2^power x) for x >= 2^60; infinity and NaN stay.
template <class D>
HWY_INLINE Vf<D> LogHuge(D d, float power, Vf<D> x) {
  const Vf<D> y = LogScaled(d, power + 32.0f, hn::Mul(x, hn::Set(d, 0x1p-32f)));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, FLT_MAX)), y, x);
}

// Whether the bits of x lie in [low, high), of which low is not negative: one comparison,
// of numbers moved so that low becomes the least.
template <class D>
HWY_INLINE hn::Mask<D> BitsInRange(D d, Vf<D> x, int32_t low, int32_t high) {
  const hn::RebindToSigned<D> di;
  constexpr int32_t kLeast = std::numeric_limits<int32_t>::min();
  const auto moved = hn::Sub(hn::BitCast(di, x), hn::Set(di, low ^ kLeast));
  return hn::RebindMask(d, hn::Lt(moved, hn::Set(di, kLeast + (high - low))));
}

// log1p(x), all x: NaN below -1, -inf at -1. The sign is x's: that of 0 counts.
template <class D>
HWY_INLINE Vf<D> Log1p(D d, Vf<D> x) {
  const Vf<D> minus_one = hn::Set(d, -1.0f);
  const Vf<D> u = hn::Sub(x, minus_one);
  const auto ok = BitsInRange(d, u, 0x33800000, 0x7e800000);
  Vf<D> y = Log1pOf(d, x, u);
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) {
    const Vf<D> pole = hn::Set(d, -std::numeric_limits<float>::infinity());
    const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const Vf<D> low = hn::IfThenElse(hn::Eq(x, minus_one), pole, nan);
    y = hn::IfThenElse(ok, y, hn::IfThenElse(hn::Le(x, minus_one), low, LogHuge(d, 0.0f, x)));
  }
  return hn::Or(y, hn::And(x, hn::Set(d, -0.0f)));
}

// log(x), all x: NaN below 0, -inf at 0.
template <class D>
HWY_INLINE Vf<D> Log(D d, Vf<D> x) {
  const auto ok = BitsInRange(d, x, 0x00800000, 0x7e800000);
  Vf<D> y = LogScaled(d, 0.0f, x);
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) {
    const Vf<D> zero = hn::Zero(d);
    const Vf<D> pole = hn::Set(d, -std::numeric_limits<float>::infinity());
    const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const Vf<D> denormal = LogScaled(d, -24.0f, hn::Mul(x, hn::Set(d, 0x1p24f)));
    const Vf<D> low = hn::IfThenElse(hn::Eq(x, zero), pole, nan);
    const Vf<D> small = hn::IfThenElse(hn::Gt(x, zero), denormal, low);
    const Vf<D> special =
        hn::IfThenElse(hn::Lt(x, hn::Set(d, FLT_MIN)), small, LogHuge(d, 0.0f, x));
    y = hn::IfThenElse(ok, y, special);
  }
  return y;
}

// From here on squares may overflow, and 1 does not count.
constexpr float kHuge = 0x1p60f;

// asinh(x), all x, in two steps: root = sqrt(1 + a^2), log(a + root).
template <class D>
HWY_INLINE Vf<D> AsinhStart(D d, Vf<D> x) {
  return hn::Sqrt(hn::MulAdd(x, x, hn::Set(d, 1.0f)));
}

template <class D>
HWY_INLINE Vf<D> AsinhFinish(D d, Vf<D> x, Vf<D> root) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> a = hn::Abs(x);
#if HWY_NATIVE_FMA
  // What the root lacks, which is less than its last place, in small results counts.
  const Vf<D> u = hn::Add(a, root);
  const LogPiece<D> p = SplitLog(d, u);
  const Vf<D> lack = hn::MulAdd(a, a, hn::NegMulAdd(root, root, one));
  const Vf<D> low =
      hn::MulAdd(lack, hn::Min(p.inverse, hn::Set(d, 0.5f)), hn::Sub(a, hn::Sub(u, root)));
  const Vf<D> r = hn::MulAdd(u, p.inverse, hn::Set(d, -1.0f));
  Vf<D> y = JoinLog(d, p, hn::MulAdd(low, p.inverse, r));
#else
  const Vf<D> w = hn::Add(a, hn::Div(hn::Mul(a, a), hn::Add(root, one)));
  Vf<D> y = Log1pOf(d, w, hn::Add(w, one));
#endif
  const auto ok = hn::Le(a, hn::Set(d, kHuge));
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) y = hn::IfThenElse(ok, y, LogHuge(d, 1.0f, a));
  return hn::CopySignToAbs(y, x);
}

// acosh(x), NaN below 1, in two steps: root = sqrt(t^2 + 2t), log1p(t + root), t = x - 1.
template <class D>
HWY_INLINE Vf<D> AcoshStart(D d, Vf<D> x) {
  const Vf<D> t = hn::Sub(x, hn::Set(d, 1.0f));
  return hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t)));
}

template <class D>
HWY_INLINE Vf<D> AcoshFinish(D d, Vf<D> x, Vf<D> root) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> t = hn::Sub(x, one);
  const LogPiece<D> p = SplitLog(d, hn::Add(x, root));
  const Vf<D> r = CancellingMulAdd(d, root, p.inverse, hn::Sub(p.inverse, one));
  Vf<D> y = JoinLog(d, p, CancellingMulAdd(d, t, p.inverse, r));
  const auto ok = BitsInRange(d, x, 0x3f800000, 0x5d800000);
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) {
    const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    y = hn::IfThenElse(ok, y, hn::IfThenElse(hn::Ge(x, one), LogHuge(d, 1.0f, x), nan));
  }
  return y;
}

// atanh(x), NaN outside [-1, 1], infinite at the ends, in two steps: q = 2a / (1 - a),
// log1p(q) / 2.
template <class D>
HWY_INLINE Vf<D> AtanhStart(D d, Vf<D> x) {
  const Vf<D> a = hn::Abs(x);
  return hn::Div(hn::Add(a, a), hn::Sub(hn::Set(d, 1.0f), a));
}

template <class D>
HWY_INLINE Vf<D> AtanhFinish(D d, Vf<D> x, Vf<D> q) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> u = hn::Add(q, one);
  const LogPiece<D> p = SplitLog(d, u);
  Vf<D> y = JoinLog(d, p, CancellingMulAdd(d, q, p.inverse, hn::Sub(p.inverse, one)));
  const auto ok = hn::Lt(hn::Abs(x), one);
  if (HWY_UNLIKELY(!hn::AllTrue(d, ok))) {
    const Vf<D> end =
        hn::IfThenElse(hn::Eq(hn::Abs(x), one), hn::Set(d, std::numeric_limits<float>::infinity()),
                       hn::Set(d, std::numeric_limits<float>::quiet_NaN()));
    y = hn::IfThenElse(ok, y, end);
  }
  return hn::Mul(y, hn::CopySignToAbs(hn::Set(d, 0.5f), x));
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
