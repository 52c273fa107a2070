// What the special functions of float32 vectors share: tables of pieces and the
// loop over an array. Include after math/simd.h; once per instruction set.
#if defined(OPKIT_MATH_SPECIAL_PIECES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_SPECIAL_PIECES_INL_H_
#undef OPKIT_MATH_SPECIAL_PIECES_INL_H_
#else
#define OPKIT_MATH_SPECIAL_PIECES_INL_H_
#endif

#include <cfloat>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "math/logarithm-inl.h"
#include "math/special/pieces.h"
#include "math/special/pieces_tables.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

using namespace ::opkit::pieces;  // NOLINT: the tables

constexpr float kInf = std::numeric_limits<float>::infinity();

// Of two tables the one of 16 pieces where a register holds as many.
template <size_t kA, size_t kB>
constexpr const auto& Pick(const float (&wide)[kA][16], const float (&narrow)[kB][8]) {
  if constexpr (kWidePieces) {
    return wide;
  } else {
    return narrow;
  }
}
#define OPKIT_PIECES(name) Pick(k##name##16, k##name##8)

// row[bits mod kN].
template <class D, size_t kN>
HWY_INLINE Vf<D> Column(D d, const float (&row)[kN], Vu<D> bits) {
  constexpr size_t kLanes = HWY_MAX_LANES_D(D);
  if constexpr (kN <= 2 * kLanes) {
    return Lookup(d, row, bits);
  } else {
    static_assert(kN == 4 * kLanes, "at most four registers");
    using Half = float[kN / 2];
    const hn::RebindToUnsigned<D> du;
    const auto upper = hn::TestBit(bits, hn::Set(du, static_cast<uint32_t>(kN / 2)));
    const auto& low = *reinterpret_cast<const Half*>(row);
    const auto& high = *reinterpret_cast<const Half*>(row + kN / 2);
    return hn::IfThenElse(hn::RebindMask(d, upper), Lookup(d, high, bits), Lookup(d, low, bits));
  }
}

// The rows of a table from kFirst on as a polynomial in t. The two leading coefficients
// are added last, so that only one rounding counts.
template <size_t kFirst, class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> RowsAt(D d, Vf<D> t, Vu<D> bits, const float (&rows)[kRows][kN]) {
  const auto c = [&](size_t row) HWY_ATTR { return Column(d, rows[row], bits); };
  const Vf<D> t2 = hn::Mul(t, t);
  // Pairs (c + c' t) of coefficients from the third on, joined by Horner in t^2.
  size_t i = kRows - 1;
  Vf<D> p = c(i);
  if constexpr ((kRows - kFirst) % 2 == 0) p = hn::MulAdd(p, t, c(--i));
#pragma GCC unroll 8
  for (; i > kFirst + 2; i -= 2) p = hn::MulAdd(p, t2, hn::MulAdd(c(i - 1), t, c(i - 2)));
  p = hn::MulAdd(p, t, c(kFirst + 1));
  return hn::MulAdd(p, t, c(kFirst));
}

// A table at a: row 0 holds the centres.
template <class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> Piecewise(D d, Vf<D> a, Vu<D> bits, const float (&rows)[kRows][kN]) {
  return RowsAt<1>(d, hn::Sub(a, Column(d, rows[0], bits)), bits, rows);
}

// A table at even steps of a logarithm that is linear between powers of 2: 1.5 times the
// bits of a / scale + 2 count 8 (16) pieces of two thirds (one third) of an octave; a < 83 scale.
template <class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> EvenPieces(D d, Vf<D> a, float scale, const float (&rows)[kRows][kN]) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> above = hn::MulAdd(a, hn::Set(d, 1.0f / scale), hn::Set(d, 2.0f));
  const auto bits = hn::BitCast(du, above);
  const auto steps = hn::Add(bits, hn::ShiftRight<1>(bits));
  return Piecewise(d, a, hn::ShiftRight<kN == 16 ? 22 : 23>(steps), rows);
}

// A table around the multiples of 1 / scale less shift / scale.
template <class D, size_t kRows, size_t kN>
HWY_INLINE Vf<D> StepPieces(D d, Vf<D> a, float scale, float shift,
                            const float (&rows)[kRows][kN]) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> m =
      hn::Add(hn::MulAdd(a, hn::Set(d, scale), hn::Set(d, shift)), hn::Set(d, kRoundMagic));
  return Piecewise(d, a, hn::BitCast(du, m), rows);
}
#define OPKIT_STEP(name)                              \
  (kWidePieces ? k##name##Scale16 : k##name##Scale8), \
      (kWidePieces ? k##name##Shift16 : k##name##Shift8)

// 2^kExtra w exp(x) where 2^kExtra exp(x) is normal: two roundings and those of w.
template <int kExtra, class D>
HWY_INLINE Vf<D> TimesExp(D d, Vf<D> w, Vf<D> x) {
  Vf<D> n, power;
  const Vf<D> q = ExpSplit<kExtra>(d, x, n, power);
  w = hn::Mul(w, power);
  return hn::MulAdd(w, q, w);
}

// 2^kExtra w power(kSign a) where 2^kExtra power(kSign a) is normal, power(a) =
// 2^(kLog2E a + shift), kLog2E the float: as ExpNormal, but one step is exact and the roots are
// almost; tables hold what is left. Relative
// error of the polynomial 2.6e-8, if kLong 2e-10.
template <int kExtra, int kSign, bool kLong, class D>
HWY_INLINE Vf<D> TimesPower(D d, Vf<D> w, Vf<D> a) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> magic = hn::Set(d, kRoundMagic + 8.0f * kExtra);
  const Vf<D> slope = hn::Set(d, kSign * 8.0f * kLog2E);
  const Vf<D> m = hn::MulAdd(a, slope, magic), n = hn::Sub(m, magic);
  const auto bits = hn::BitCast(du, m);
  const Vf<D> root = Column(d, OPKIT_PIECES(PowerRoots)[0], bits);
  const Vf<D> power = hn::BitCast(d, hn::Add(hn::BitCast(du, root), hn::ShiftLeft<20>(bits)));
#if HWY_NATIVE_FMA
  const Vf<D> r = hn::MulSub(a, slope, n);
#else
  // 1 / slope in two parts, of which the first has 12 bits.
  Vf<D> r = hn::Sub(a, hn::Mul(n, hn::Set(d, kSign * kPowerStep[0])));
  r = hn::Mul(hn::Sub(r, hn::Mul(n, hn::Set(d, kSign * kPowerStep[1]))), slope);
#endif
  // The longer one makes up for what multiply-add that is not fused loses.
  constexpr bool kExact = kLong || !HWY_NATIVE_FMA;
  const Vf<D> p = kExact ? Horner(d, r, kEighthLong) : Horner(d, r, kEighth);
  w = hn::Mul(w, power);
  return hn::MulAdd(w, hn::Mul(r, p), w);
}

// log(x) for 0 < x < 2^100, denormal too; anything else beyond.
template <class D>
HWY_INLINE Vf<D> LogPositive(D d, Vf<D> x) {
  return LogScaled(d, -24.0f, hn::Mul(x, hn::Set(d, 0x1p24f)));
}

// log(x / c) for finite x > 0, relatively accurate where x is near c = hi + lo.
template <class D>
HWY_INLINE Vf<D> LogOver(D d, Vf<D> x, float hi, float lo, float inverse) {
  const hn::RebindToSigned<D> di;
  const auto small = hn::Lt(x, hn::Set(d, FLT_MIN));
  const auto bits = hn::BitCast(di, hn::IfThenElse(small, hn::Mul(x, hn::Set(d, 0x1p24f)), x));
  // 2^-e x in [0.75, 1.5) c; m = 2^-e x / c - 1.
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, hn::BitCast(di, hn::Set(d, 0.75f * hi))));
  const Vf<D> scaled = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const Vf<D> k = hn::Sub(hn::ConvertTo(d, e), hn::IfThenElseZero(small, hn::Set(d, 24.0f)));
  const Vf<D> above = hn::Sub(hn::Sub(scaled, hn::Set(d, hi)), hn::Set(d, lo));
  const Vf<D> m = hn::Mul(above, hn::Set(d, inverse));
  const Vf<D> q = hn::MulAdd(Polynomial(d, m, kLog1p), m, hn::Set(d, -0.5f));
  const Vf<D> rest = hn::MulAdd(k, hn::Set(d, kLn2Lo), hn::Mul(hn::Mul(m, m), q));
  return hn::MulAdd(k, hn::Set(d, kLn2Hi), hn::Add(m, rest));
}

// Base of functions Fn with Fn::Eval(d, x), kPartial if not above kPiecesLimit.
struct Everywhere {
  static constexpr bool kPartial = false;
};
struct Limited {
  static constexpr bool kPartial = true;
};

// A PiecesFn.
template <class Fn>
HWY_INLINE bool Map(const float* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto beyond = hn::MaskFalse(d);
  // The odd end takes the same way: the code of a function is long.
  for (size_t i = 0; i < n; i += lanes) {
    const bool whole = i + lanes <= n;
    const auto v = whole ? hn::LoadU(d, x + i) : hn::LoadN(d, x + i, n - i);
    if constexpr (Fn::kPartial) {
      const auto limit = hn::Set(d, ::opkit::special::kPiecesLimit);
      beyond = hn::Or(beyond, hn::Gt(hn::Abs(v), limit));
    }
    const auto result = Fn::Eval(d, v);
    if (HWY_LIKELY(whole)) {
      hn::StoreU(result, d, y + i);
    } else {
      hn::StoreN(result, d, y + i, n - i);
    }
  }
  return !hn::AllFalse(d, beyond);
}

}  // namespace pieces
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_PIECES_INL_H_
