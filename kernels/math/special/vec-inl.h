// What the special functions share: elementary functions of double vectors and
// the frame of a kernel. Include after math/simd.h; once per instruction set.
//
// float32 kernels of this frame (those of pieces-inl.h are apart) run in double
// lanes too, with shorter approximants (kF), so cancellation costs them nothing.
// Results are not bit-equal between instruction sets: multiply-add is fused where
// the CPU can.
#if defined(OPKIT_MATH_SPECIAL_VEC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_SPECIAL_VEC_INL_H_
#undef OPKIT_MATH_SPECIAL_VEC_INL_H_
#else
#define OPKIT_MATH_SPECIAL_VEC_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "math/elementary64_core-inl.h"
#include "math/special/export.h"
#include "math/special/tables.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

using namespace ::opkit::special;  // NOLINT: the tables
namespace hn = hwy::HWY_NAMESPACE;

using f64::Dd;
using f64::Du;
using f64::If;
using f64::kInf;
using f64::kLn2Hi;
using f64::kLn2Lo;
using f64::kNan;
using f64::M;
using f64::ProductLow;
using f64::Set;
using f64::TwoSum;
using f64::V;
using Di = hn::RebindToSigned<Dd>;

constexpr double kPi = 3.14159265358979323846;

// The kCount coefficients kFrom, kFrom + kStep, .. as a polynomial in w.
template <size_t kFrom, size_t kStep, size_t kCount, size_t kN>
HWY_INLINE V HornerPart(V w, const double (&c)[kN]) {
  return f64::ChainSteps<kFrom, kStep>(w, c, std::make_index_sequence<kCount - 1>());
}

// A polynomial, coefficients lowest first. One long chain of multiply-adds would
// wait for itself: kF makes sums of two or four polynomials in a power of u, which
// costs an ULP or two of a double; else very long ones are cut where the terms are
// small enough not to matter.
template <bool kF, size_t kN>
HWY_INLINE V Horner(V u, const double (&c)[kN]) {
  const V u2 = hn::Mul(u, u), u4 = hn::Mul(u2, u2);
  if constexpr (kF ? kN < 6 : kN < 18) {
    return HornerPart<0, 1, kN>(u, c);
  } else if constexpr (!kF) {
    constexpr size_t kCut = kN < 26 ? 8 : 16;
    V power = hn::Mul(u4, u4);
    if constexpr (kCut == 16) power = hn::Mul(power, power);
    return hn::MulAdd(HornerPart<kCut, 1, kN - kCut>(u, c), power, HornerPart<0, 1, kCut>(u, c));
  } else if constexpr (kN < 14) {
    const V odd = HornerPart<1, 2, kN / 2>(u2, c);
    return hn::MulAdd(odd, u, HornerPart<0, 2, (kN + 1) / 2>(u2, c));
  } else {
    const V low =
        hn::MulAdd(HornerPart<1, 4, (kN + 2) / 4>(u4, c), u, HornerPart<0, 4, (kN + 3) / 4>(u4, c));
    const V high =
        hn::MulAdd(HornerPart<3, 4, kN / 4>(u4, c), u, HornerPart<2, 4, (kN + 1) / 4>(u4, c));
    return hn::MulAdd(high, u2, low);
  }
}

// A table of tables.h: a polynomial, for float64 over kQ where that is shorter.
template <size_t kNd, size_t kNq>
HWY_INLINE V Fit64(V t, double mid, const double (&d)[kNd], const double (&q)[kNq]) {
  const V u = mid != 0 ? hn::Sub(t, Set(mid)) : t;
  const V p = Horner<false>(u, d);
  if constexpr (kNq == 1) return p;
  return hn::Div(p, Horner<false>(u, q));
}
template <bool kF, size_t kNf, size_t kNd, size_t kNq>
HWY_INLINE V Fit(V t, double mid, const double (&f)[kNf], const double (&d)[kNd],
                 const double (&q)[kNq]) {
  if constexpr (kF) return Horner<true>(mid != 0 ? hn::Sub(t, Set(mid)) : t, f);
  return Fit64(t, mid, d, q);
}
#define OPKIT_FIT(kF, name, t) Fit<kF>(t, k##name##Mid, k##name##F, k##name##D, k##name##Q)
#define OPKIT_FIT64(name, t) Fit64(t, k##name##Mid, k##name##D, k##name##Q)

// exp(x). kF: relative error 1e-10 and the range cut to 1e-307..1e307, enough
// for a float32 result; 0 below. Else below 1 ULP, underflow gradual.
template <bool kF>
HWY_INLINE V Exp(V x) {
  const Dd d;
  const Du du;
  const V low = Set(kF ? -707.0 : -746.0), high = Set(kF ? 709.0 : 710.0);
  const M under = hn::Lt(x, low);
  x = If(under, low, x);
  x = If(hn::Gt(x, high), high, x);
  const V n = hn::Round(hn::Mul(x, Set(1.44269504088896340736)));
  const V r = hn::NegMulAdd(n, Set(kLn2Lo), hn::NegMulAdd(n, Set(kLn2Hi), x));
  // n + 1023 sits in the low bits of the sum; the shift makes it an exponent.
  const V magic = Set(6755399441055744.0 + 1023.0);
  if constexpr (kF) {
    const V scale = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(n, magic))));
    return hn::IfThenZeroElse(under, hn::Mul(Horner<true>(r, kExpF), scale));
  } else {
    const V half = hn::Round(hn::Mul(n, Set(0.5)));
    const V s1 = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(half, magic))));
    const V s2 =
        hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(hn::Sub(n, half), magic))));
    return hn::Mul(hn::Mul(Horner<false>(r, kExpD), s1), s2);
  }
}

// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for normal positive x.
HWY_INLINE V SplitExponent(V x, V& f) {
  const Dd d;
  const Du du;
  const auto bits = hn::BitCast(du, x);
  const auto biased =
      hn::ShiftRight<52>(hn::Add(bits, hn::Set(du, 0x3ff0000000000000ull - 0x3fe6a09e667f3bcdull)));
  const auto m = hn::Sub(bits, hn::ShiftLeft<52>(hn::Sub(biased, hn::Set(du, 1023))));
  f = hn::Sub(hn::BitCast(d, m), Set(1.0));
  return hn::Sub(hn::BitCast(d, hn::Or(biased, hn::Set(du, 0x4330000000000000ull))),
                 Set(4503599627370496.0 + 1023.0));
}

// log(1 + f) = 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + z AtanhTwice(z)), s = f / (2 + f), z = s^2.
template <size_t kN>
HWY_INLINE V AtanhTwice(V z, const double (&tail)[kN]) {
  const V t = Horner<false>(z, tail);
  return hn::Add(t, t);
}

// log(x) = k log(2) + 2 atanh(s) to the accuracy of a table for (atanh(s) / s - 1) / s^2.
template <size_t kN>
HWY_INLINE V LogShort(V x, const double (&tail)[kN]) {
  V f;
  const V k = SplitExponent(x, f);
  const V s = hn::Div(f, hn::Add(f, Set(2.0))), s2 = hn::Add(s, s);
  const V y = hn::MulAdd(hn::Mul(s2, hn::Mul(s, s)), Horner<true>(hn::Mul(s, s), tail), s2);
  return hn::MulAdd(k, Set(kLn2Hi + kLn2Lo), y);
}

// log(x) of normal positive x; garbage else.
HWY_INLINE V LogNormal(V x) {
  V f;
  const V k = SplitExponent(x, f);
  const V s = hn::Div(f, hn::Add(f, Set(2.0)));
  const V z = hn::Mul(s, s);
  const V half_sq = hn::Mul(Set(0.5), hn::Mul(f, f));
  const V r = hn::Mul(z, AtanhTwice(z, kAtanhNearD));
  const V low = hn::MulAdd(s, hn::Add(half_sq, r), hn::Mul(k, Set(kLn2Lo)));
  return hn::Sub(hn::Mul(k, Set(kLn2Hi)), hn::Sub(hn::Sub(half_sq, low), f));
}

// log(x) of normal positive x within 2e-13: exponents of float32 powers.
HWY_INLINE V LogMedium(V x) { return LogShort(x, kAtanhMediumF); }

// log(x) = returned + low for positive finite x, to about 1e-19 of max(|log(x)|, |x - 1|).
HWY_INLINE V LogPair(V x, V& low) {
  const M tiny = hn::Lt(x, Set(2.2250738585072014e-308));
  V f;
  V k = SplitExponent(If(tiny, hn::Mul(x, Set(18014398509481984.0)), x), f);
  k = hn::Sub(k, hn::IfThenElseZero(tiny, Set(54.0)));
  const V s = hn::Div(f, hn::Add(f, Set(2.0))), z = hn::Mul(s, s);
  const V half = hn::Mul(Set(0.5), f), half_sq = hn::Mul(half, f);
  const V square_low = ProductLow(half, f, half_sq);
  // f - f^2 / 2 + the rest, largest first.
  const V t = hn::Sub(f, half_sq);
  V rest = hn::Sub(hn::Sub(hn::Sub(f, t), half_sq), square_low);
  rest = hn::MulAdd(k, Set(kLn2Lo), rest);
  rest = hn::MulAdd(s, hn::MulAdd(z, AtanhTwice(z, kAtanhNearD), half_sq), rest);
  V lost;
  const V sum = TwoSum(hn::Mul(k, Set(kLn2Hi)), t, lost);
  rest = hn::Add(rest, lost);
  const V y = hn::Add(sum, rest);
  low = hn::Add(hn::Sub(sum, y), rest);
  return y;
}

// exp(x + low), low tiny.
HWY_INLINE V ExpPair(V x, V low) {
  const V e = Exp<false>(x);
  return If(hn::Lt(e, Set(kInf)), hn::MulAdd(e, low, e), e);
}

// log(x) of finite x > 0.
HWY_INLINE V LogPositive(V x) {
  const M tiny = hn::Lt(x, Set(2.2250738585072014e-308));
  const V y = LogNormal(If(tiny, hn::Mul(x, Set(18014398509481984.0)), x));
  return hn::Sub(y, hn::IfThenElseZero(tiny, Set(54 * 0.69314718055994530942)));
}

// log(x): -inf at 0, NaN below, inf at inf.
HWY_INLINE V Log(V x) {
  V y = LogPositive(x);
  y = If(hn::Eq(x, Set(kInf)), x, y);
  y = If(hn::Eq(x, Set(0.0)), Set(-kInf), y);
  return If(hn::Ge(x, Set(0.0)), y, Set(kNan));
}

// sin(pi r) for |r| <= 1/2.
HWY_INLINE V SinPiReduced(V r) { return hn::Mul(r, OPKIT_FIT64(SinPi, hn::Mul(r, r))); }

// sin(pi w), cos(pi w) with w = 2 m + w', any size; NaN for infinities.
HWY_INLINE void SinCosPi(V w, V& s, V& c) {
  const V n = hn::Round(w);
  const V r = hn::Sub(w, n);
  const V half = hn::Mul(n, Set(0.5));
  const M odd = hn::Ne(hn::Round(half), half);
  const V sign = hn::IfThenElseZero(odd, Set(-0.0));
  s = hn::Xor(SinPiReduced(r), sign);
  c = hn::Xor(SinPiReduced(hn::Sub(Set(0.5), hn::Abs(r))), sign);
}

// sin(x) and cos(x): Cody-Waite to 1.6e9, libm above.
inline HWY_NOINLINE void SinCos(V x, V& s, V& c) {
  const Dd d;
  const M big = hn::Not(hn::Lt(hn::Abs(x), Set(1.6e9)));
  const V xs = hn::IfThenZeroElse(big, x);
  const V n = hn::Round(hn::Mul(xs, Set(0.63661977236758134308)));
#if HWY_NATIVE_FMA
  // Exact: a multiple of 2^-52 below 1.
  V r = hn::NegMulAdd(n, Set(0x1.921fb54442d18p+0), xs);
  r = hn::NegMulAdd(n, Set(0x1.1a62633145c07p-54), r);
#else
  V r = hn::Sub(xs, hn::Mul(n, Set(0x1.921fb4p+0)));  // parts of 23 bits, n below 2^30
  r = hn::Sub(r, hn::Mul(n, Set(0x1.4442dp-24)));
  r = hn::Sub(r, hn::Mul(n, Set(0x1.8469898cc5170p-48)));
#endif
  const V z = hn::Mul(r, r);
  const V ps = hn::Mul(r, OPKIT_FIT64(SinQuarter, z));
  const V pc = OPKIT_FIT64(CosQuarter, z);
  const V quarter = hn::Sub(n, hn::Mul(Set(4.0), hn::Floor(hn::Mul(n, Set(0.25)))));
  const M two = hn::Ge(quarter, Set(2.0));
  const V half_turn = hn::Sub(quarter, hn::IfThenElseZero(two, Set(2.0)));
  const M odd = hn::Gt(half_turn, Set(0.5));
  const V flip = Set(-0.0);
  s = hn::Xor(If(odd, pc, ps), hn::IfThenElseZero(two, flip));
  c = hn::Xor(If(odd, ps, pc), hn::IfThenElseZero(hn::Xor(odd, two), flip));
  if (HWY_UNLIKELY(!hn::AllFalse(d, big))) {
    HWY_ALIGN double xa[HWY_MAX_LANES_D(Dd)], sa[HWY_MAX_LANES_D(Dd)], ca[HWY_MAX_LANES_D(Dd)];
    hn::Store(x, d, xa);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      sa[i] = std::sin(xa[i]);
      ca[i] = std::cos(xa[i]);
    }
    s = If(big, hn::Load(d, sa), s);
    c = If(big, hn::Load(d, ca), c);
  }
}

// --- kernels -----------------------------------------------------------------
// A function Fn says in which of its kRegions elements lie (Region<kF>) and
// evaluates one region (Eval<kF, r>), kF for results that become float32. Bit sets
// of regions: kExact are evaluated with kF = false for float32 too, in kNarrow lies
// no float64 argument.
struct Regions {
  static constexpr unsigned kExact = 0, kNarrow = 0;
};
constexpr bool Has(unsigned set, size_t region) { return ((set >> region) & 1) != 0; }

// The number of the first mask that holds, how many there are if none.
template <class... Masks>
HWY_INLINE V FirstOf(M first, Masks... rest) {
  constexpr double kCount = 1 + sizeof...(rest);
  const M all[] = {first, rest...};
  V number = Set(kCount);
  for (size_t i = 1 + sizeof...(rest); i-- > 0;)
    number = If(all[i], Set(static_cast<double>(i)), number);
  return number;
}

HWY_INLINE V LoadWide(const double* p) { return hn::LoadU(Dd(), p); }
HWY_INLINE V LoadWide(const float* p) {
  return hn::PromoteTo(Dd(), hn::LoadU(hn::Rebind<float, Dd>(), p));
}
HWY_INLINE void StoreFrom(V v, double* p) { hn::StoreU(v, Dd(), p); }
HWY_INLINE void StoreFrom(V v, float* p) {
  const hn::Rebind<float, Dd> narrow;
  hn::StoreU(hn::DemoteTo(narrow, v), narrow, p);
}

template <class Fn, class T>
HWY_NOINLINE size_t SortRegions(const T* const* x, T* y, size_t n) {
  for (size_t i = 0; i < n; i += hn::Lanes(Dd())) {
    V a[Fn::kIn];
    for (size_t k = 0; k < Fn::kIn; ++k) a[k] = LoadWide(x[k] + i);
    StoreFrom(Fn::template Region<std::is_same_v<T, float>>(a), y + i);
  }
  return Fn::kRegions;
}

template <class Fn, bool kF, size_t kR, class T>
HWY_NOINLINE void EvalRegion(const T* const* x, T* y, size_t n) {
  for (size_t i = 0; i < n; i += hn::Lanes(Dd())) {
    V a[Fn::kIn];
    for (size_t k = 0; k < Fn::kIn; ++k) a[k] = LoadWide(x[k] + i);
    StoreFrom(Fn::template Eval<kF, kR>(a), y + i);
  }
}

// A block of floats in doubles and the result back: code that exists for doubles only.
using Evaluate = void (*)(const double* const* x, double* y, size_t n);
inline HWY_NOINLINE void Widened(Evaluate evaluate, size_t inputs, const float* const* x, float* y,
                                 size_t n) {
  const size_t lanes = hn::Lanes(Dd());
  HWY_ALIGN double in[kMaxInputs][kBlock], out[kBlock];
  const double* p[kMaxInputs] = {in[0], in[1], in[2]};
  for (size_t k = 0; k < inputs; ++k) {
    for (size_t i = 0; i < n; i += lanes) StoreFrom(LoadWide(x[k] + i), in[k] + i);
  }
  evaluate(p, out, n);
  for (size_t i = 0; i < n; i += lanes) StoreFrom(LoadWide(out + i), y + i);
}

template <class Fn, size_t kR>
HWY_INLINE void EvalOne(const double* const* x, double* y, size_t n) {
  if constexpr (!Has(Fn::kNarrow, kR)) EvalRegion<Fn, false, kR>(x, y, n);
}
template <class Fn, size_t kR>
HWY_INLINE void EvalOne(const float* const* x, float* y, size_t n) {
  if constexpr (Has(Fn::kExact, kR)) {
    Widened(EvalRegion<Fn, false, kR, double>, Fn::kIn, x, y, n);
  } else {
    EvalRegion<Fn, true, kR>(x, y, n);
  }
}

template <class Fn, class T, size_t... kR>
HWY_INLINE void EvalAny(size_t region, const T* const* x, T* y, size_t n,
                        std::index_sequence<kR...>) {
  ((region == kR ? EvalOne<Fn, kR>(x, y, n) : void()), ...);
}

// A Kernel of export.h.
template <class Fn, class T>
HWY_INLINE size_t Apply(size_t region, const T* const* x, T* y, size_t n) {
  if (region == kSort) return SortRegions<Fn>(x, y, n);
  EvalAny<Fn>(region, x, y, n, std::make_index_sequence<Fn::kRegions>());
  return Fn::kRegions;
}

HWY_INLINE M IsWhole(V v) { return hn::Eq(hn::Floor(v), v); }

// TensorFlow's odd functions mostly give +0 at -0.
HWY_INLINE V PlusZero(V y) { return hn::Add(y, Set(0.0)); }

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_VEC_INL_H_
