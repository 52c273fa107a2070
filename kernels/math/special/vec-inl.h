// What the special functions share: elementary functions of double vectors and
// the block driver. Include after math/simd.h; once per instruction set.
//
// float32 kernels run in double lanes too, with shorter approximants (kF), so
// cancellation costs them nothing. Results are not bit-equal between
// instruction sets: multiply-add is fused where the CPU can.
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

#include "math/special/export.h"
#include "math/special/tables.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

using namespace ::opkit::special;  // NOLINT: the tables
namespace hn = hwy::HWY_NAMESPACE;

using Dd = hn::ScalableTag<double>;
using Du = hn::RebindToUnsigned<Dd>;
using Di = hn::RebindToSigned<Dd>;
using V = hn::Vec<Dd>;
using M = hn::Mask<Dd>;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 3.14159265358979323846;
constexpr double kLn2Hi = 0x1.62e42fefa3800p-1;  // 42 bits
constexpr double kLn2Lo = 0x1.ef35793c76730p-45;

HWY_INLINE V Set(double c) { return hn::Set(Dd(), c); }
HWY_INLINE V If(M m, V a, V b) { return hn::IfThenElse(m, a, b); }

// Coefficients lowest first.
template <size_t kN, size_t... kI>
HWY_INLINE V HornerSteps([[maybe_unused]] V u, const double (&c)[kN], std::index_sequence<kI...>) {
  V p = Set(c[kN - 1]);
  ((p = hn::MulAdd(p, u, Set(c[kN - 2 - kI]))), ...);
  return p;
}
template <size_t kN>
HWY_INLINE V Horner(V u, const double (&c)[kN]) {
  return HornerSteps(u, c, std::make_index_sequence<kN - 1>());
}

// A table of tables.h: a polynomial, for float64 over kQ where that is shorter.
template <bool kF, size_t kNf, size_t kNd, size_t kNq>
HWY_INLINE V Fit(V t, double mid, const double (&f)[kNf], const double (&d)[kNd],
                 const double (&q)[kNq]) {
  const V u = mid != 0 ? hn::Sub(t, Set(mid)) : t;
  if constexpr (kF) return Horner(u, f);
  const V p = Horner(u, d);
  if constexpr (kNq == 1) return p;
  return hn::Div(p, Horner(u, q));
}
#define OPKIT_FIT(kF, name, t) Fit<kF>(t, k##name##Mid, k##name##F, k##name##D, k##name##Q)

// exp(x). kF: relative error 3e-10 and the range cut to 1e-307..1e307, enough
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
  // Taylor: |r| <= 0.3466, next term 2e-10 and 4e-18.
  constexpr double kC[] = {1.0,
                           1.0,
                           1.0 / 2,
                           1.0 / 6,
                           1.0 / 24,
                           1.0 / 120,
                           1.0 / 720,
                           1.0 / 5040,
                           1.0 / 40320,
                           1.0 / 362880,
                           1.0 / 3628800,
                           1.0 / 39916800,
                           1.0 / 479001600,
                           1.0 / 6227020800.0};
  constexpr double kShort[] = {1.0,       1.0,       1.0 / 2,    1.0 / 6,    1.0 / 24,
                               1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320};
  // n + 1023 sits in the low bits of the sum; the shift makes it an exponent.
  const V magic = Set(6755399441055744.0 + 1023.0);
  if constexpr (kF) {
    const V scale = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(n, magic))));
    return hn::IfThenZeroElse(under, hn::Mul(Horner(r, kShort), scale));
  } else {
    const V half = hn::Round(hn::Mul(n, Set(0.5)));
    const V s1 = hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(half, magic))));
    const V s2 =
        hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(du, hn::Add(hn::Sub(n, half), magic))));
    return hn::Mul(hn::Mul(Horner(r, kC), s1), s2);
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

// log(1 + f) = 2 atanh(s) = f - f^2 / 2 + s (f^2 / 2 + z kLogTail(z)), s = f / (2 + f), z = s^2.
constexpr double kLogTail[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11,
                               2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};

// log(x) of normal positive x; garbage else. kF: relative error 3e-9.
template <bool kF>
HWY_INLINE V LogNormal(V x) {
  V f;
  const V k = SplitExponent(x, f);
  const V s = hn::Div(f, hn::Add(f, Set(2.0)));
  const V z = hn::Mul(s, s);
  if constexpr (kF) {
    constexpr double kShort[] = {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9};
    return hn::MulAdd(k, Set(kLn2Hi + kLn2Lo), hn::Mul(s, Horner(z, kShort)));
  } else {
    const V half_sq = hn::Mul(Set(0.5), hn::Mul(f, f));
    const V r = hn::Mul(z, Horner(z, kLogTail));
    const V low = hn::MulAdd(s, hn::Add(half_sq, r), hn::Mul(k, Set(kLn2Lo)));
    return hn::Sub(hn::Mul(k, Set(kLn2Hi)), hn::Sub(hn::Sub(half_sq, low), f));
  }
}

// log(x) of normal positive x within 2e-13: exponents of float32 powers.
HWY_INLINE V LogMedium(V x) {
  V f;
  const V k = SplitExponent(x, f);
  const V s = hn::Div(f, hn::Add(f, Set(2.0)));
  constexpr double kC[] = {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15};
  return hn::MulAdd(k, Set(kLn2Hi + kLn2Lo), hn::Mul(s, Horner(hn::Mul(s, s), kC)));
}

// a + b = returned + low, exactly.
HWY_INLINE V TwoSum(V a, V b, V& low) {
  const V sum = hn::Add(a, b), part = hn::Sub(sum, a);
  low = hn::Add(hn::Sub(a, hn::Sub(sum, part)), hn::Sub(b, part));
  return sum;
}

// a b - p exactly, for p = a b rounded and |a|, |b| below 1e290.
HWY_INLINE V ProductLow(V a, V b, V p) {
#if HWY_NATIVE_FMA
  return hn::MulSub(a, b, p);
#else
  const V split = Set(134217729.0);  // Veltkamp and Dekker: halves of 26 bits
  const V ca = hn::Mul(split, a), cb = hn::Mul(split, b);
  const V ah = hn::Sub(ca, hn::Sub(ca, a)), al = hn::Sub(a, ah);
  const V bh = hn::Sub(cb, hn::Sub(cb, b)), bl = hn::Sub(b, bh);
  const V cross = hn::Add(hn::Sub(hn::Mul(ah, bh), p), hn::Mul(ah, bl));
  return hn::Add(hn::Add(cross, hn::Mul(al, bh)), hn::Mul(al, bl));
#endif
}

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
  rest = hn::MulAdd(s, hn::MulAdd(z, Horner(z, kLogTail), half_sq), rest);
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

// log(x): -inf at 0, NaN below, inf at inf.
template <bool kF>
HWY_INLINE V Log(V x) {
  V y;
  if constexpr (kF) {
    y = LogNormal<true>(x);
  } else {
    const M tiny = hn::Lt(x, Set(2.2250738585072014e-308));
    y = LogNormal<false>(If(tiny, hn::Mul(x, Set(18014398509481984.0)), x));
    y = hn::Sub(y, hn::IfThenElseZero(tiny, Set(54 * 0.69314718055994530942)));
  }
  y = If(hn::Eq(x, Set(kInf)), x, y);
  y = If(hn::Eq(x, Set(0.0)), Set(-kInf), y);
  return If(hn::Ge(x, Set(0.0)), y, Set(kNan));
}

// sin(pi r) for |r| <= 1/2.
template <bool kF>
HWY_INLINE V SinPiReduced(V r) {
  return hn::Mul(r, OPKIT_FIT(kF, SinPi, hn::Mul(r, r)));
}

// sin(pi w), cos(pi w) with w = 2 m + w', any size; NaN for infinities.
template <bool kF>
HWY_INLINE void SinCosPi(V w, V& s, V& c) {
  const V n = hn::Round(w);
  const V r = hn::Sub(w, n);
  const V half = hn::Mul(n, Set(0.5));
  const M odd = hn::Ne(hn::Round(half), half);
  const V sign = hn::IfThenElseZero(odd, Set(-0.0));
  s = hn::Xor(SinPiReduced<kF>(r), sign);
  c = hn::Xor(SinPiReduced<kF>(hn::Sub(Set(0.5), hn::Abs(r))), sign);
}

// sin(x) and cos(x): Cody-Waite with three parts of pi / 2 to 1e6, libm above.
template <bool kF>
HWY_INLINE void SinCos(V x, V& s, V& c) {
  const Dd d;
  const M big = hn::Not(hn::Lt(hn::Abs(x), Set(1e6)));
  const V xs = hn::IfThenZeroElse(big, x);
  const V n = hn::Round(hn::Mul(xs, Set(0.63661977236758134308)));
  V r = hn::NegMulAdd(n, Set(1.57079632673412561417e+00), xs);  // 33 bits each
  r = hn::NegMulAdd(n, Set(6.07710050630396597660e-11), r);
  r = hn::NegMulAdd(n, Set(2.02226624879595063154e-21), r);
  const V z = hn::Mul(r, r);
  const V ps = hn::Mul(r, OPKIT_FIT(kF, SinQuarter, z));
  const V pc = OPKIT_FIT(kF, CosQuarter, z);
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

// --- the block driver --------------------------------------------------------
// A function Fn of kIn arguments says which of its kRegions an element lies in
// (In<r>, disjoint; the last region takes what is left, NaN included) and
// evaluates one region (Eval<kF, r>). A block is sorted by region with
// compress, each region is evaluated at full width, and expand puts the results
// back: no lane pays for the branch of another. Fix sets special values.
constexpr size_t kBlock = 512;

template <class D>
struct Args {
  hn::Vec<D> v[3];
};

template <class Fn, class T, size_t kR>
HWY_INLINE hn::Mask<hn::ScalableTag<T>> InRegion(const Args<hn::ScalableTag<T>>& a) {
  const hn::ScalableTag<T> d;
  if constexpr (kR + 1 < Fn::kRegions) {
    return Fn::template In<kR>(d, a.v);
  } else {
    hn::Mask<hn::ScalableTag<T>> any = hn::MaskFalse(d);
    if constexpr (kR >= 1) any = hn::Or(any, Fn::template In<0>(d, a.v));
    if constexpr (kR >= 2) any = hn::Or(any, Fn::template In<1>(d, a.v));
    if constexpr (kR >= 3) any = hn::Or(any, Fn::template In<2>(d, a.v));
    if constexpr (kR >= 4) any = hn::Or(any, Fn::template In<3>(d, a.v));
    if constexpr (kR >= 5) any = hn::Or(any, Fn::template In<4>(d, a.v));
    static_assert(kR <= 5, "add a line");
    return hn::Not(any);
  }
}

// y[i] = Eval<kR>(x[..][i]) for n elements rounded up to whole vectors.
template <class Fn, class T, size_t kR>
HWY_NOINLINE void EvalRegion(const T* const* x, T* y, size_t n) {
  const Dd d;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < n; i += lanes) {
    V a[3] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    if constexpr (std::is_same_v<T, float>) {
      const hn::Rebind<float, Dd> df;
      for (size_t k = 0; k < Fn::kIn; ++k) a[k] = hn::PromoteTo(d, hn::LoadU(df, x[k] + i));
      hn::StoreU(hn::DemoteTo(df, Fn::template Eval<true, kR>(a)), df, y + i);
    } else {
      for (size_t k = 0; k < Fn::kIn; ++k) a[k] = hn::LoadU(d, x[k] + i);
      hn::StoreU(Fn::template Eval<false, kR>(a), d, y + i);
    }
  }
}

template <class Fn, class T>
struct Buffers {
  static constexpr size_t kRow = kBlock + 64 / sizeof(T) * 2;
  T in[Fn::kRegions][Fn::kIn][kRow];
  T out[Fn::kRegions][kRow];
  size_t count[Fn::kRegions];
};

template <class Fn, class T, size_t kR>
HWY_INLINE void Append(const Args<hn::ScalableTag<T>>& a, Buffers<Fn, T>& b) {
  const hn::ScalableTag<T> d;
  const auto m = InRegion<Fn, T, kR>(a);
  size_t& c = b.count[kR];
  for (size_t k = 0; k < Fn::kIn; ++k) hn::StoreU(hn::Compress(a.v[k], m), d, b.in[kR][k] + c);
  c += hn::CountTrue(d, m);
}

// The lanes of m take p[0], p[1], ..; the others hold anything.
template <class D>
HWY_INLINE hn::Vec<D> ExpandFrom(D d, const hn::TFromD<D>* p, hn::Mask<D> m) {
#if HWY_TARGET == HWY_AVX2
  // gcc builds Highway's table of 256 entries on the stack at each call.
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    const hn::RebindToSigned<D> di;
    const hn::Rebind<uint8_t, D> db;
    const auto lanes = hn::PromoteTo(di, hn::LoadU(db, kExpandLanes.v[hn::BitsFromMask(d, m)]));
    return hn::TableLookupLanes(hn::LoadU(d, p), hn::IndicesFromVec(d, lanes));
  }
#endif
  return hn::Expand(hn::LoadU(d, p), m);
}

template <class Fn, class T, size_t kR>
HWY_INLINE void Merge(const Args<hn::ScalableTag<T>>& a, const Buffers<Fn, T>& b,
                      size_t (&taken)[Fn::kRegions], hn::Vec<hn::ScalableTag<T>>& y) {
  const hn::ScalableTag<T> d;
  const auto m = InRegion<Fn, T, kR>(a);
  y = hn::IfThenElse(m, ExpandFrom(d, b.out[kR] + taken[kR], m), y);
  taken[kR] += hn::CountTrue(d, m);
}

template <class Fn, class T, size_t kR>
HWY_INLINE void EvalOne(Buffers<Fn, T>& b) {
  const size_t n = b.count[kR];
  if (n == 0) return;
  const hn::ScalableTag<T> d;
  const T* x[3] = {};
  for (size_t k = 0; k < Fn::kIn; ++k) {
    // Lanes past the end repeat the last element: no stray slow cases.
    hn::StoreU(hn::Set(d, b.in[kR][k][n - 1]), d, b.in[kR][k] + n);
    x[k] = b.in[kR][k];
  }
  EvalRegion<Fn, T, kR>(x, b.out[kR], n);
}

template <class Fn, class T, size_t... kR>
HWY_NOINLINE void Block(const T* const* x, T* y, size_t n, Buffers<Fn, T>& b,
                        std::index_sequence<kR...>) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < Fn::kRegions; ++r) b.count[r] = 0;
  for (size_t i = 0; i < n; i += lanes) {
    Args<hn::ScalableTag<T>> a;
    for (size_t k = 0; k < Fn::kIn; ++k) a.v[k] = hn::LoadU(d, x[k] + i);
    (Append<Fn, T, kR>(a, b), ...);
  }
  const bool whole = ((b.count[kR] == n ? (EvalRegion<Fn, T, kR>(x, y, n), true) : false) || ...);
  if (!whole) (EvalOne<Fn, T, kR>(b), ...);
  size_t taken[Fn::kRegions] = {};
  for (size_t i = 0; i < n; i += lanes) {
    Args<hn::ScalableTag<T>> a;
    for (size_t k = 0; k < Fn::kIn; ++k) a.v[k] = hn::LoadU(d, x[k] + i);
    auto v = hn::Zero(d);
    if (whole) {
      v = hn::LoadU(d, y + i);
    } else {
      (Merge<Fn, T, kR>(a, b, taken, v), ...);
    }
    hn::StoreU(Fn::Fix(d, a.v, v), d, y + i);
  }
}

// y[i] = Fn(x[0][i], ..); y may be the array of an input. An element's result
// does not depend on its neighbours.
template <class Fn, class T>
HWY_INLINE void Map(const T* const* x, T* y, size_t n) {
  const auto regions = std::make_index_sequence<Fn::kRegions>();
  Buffers<Fn, T> b;
  const size_t lanes = hn::Lanes(hn::ScalableTag<T>());
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = n - i < kBlock ? n - i : kBlock;
    const T* p[3] = {};
    for (size_t k = 0; k < Fn::kIn; ++k) p[k] = x[k] + i;
    bool own = m % lanes == 0;
    for (size_t k = 0; k < Fn::kIn; ++k) own = own && x[k] != y;
    if (own) {
      Block<Fn, T>(p, y + i, m, b, regions);
      continue;
    }
    // The odd end, and in place: padded copies.
    T in[Fn::kIn][kBlock], out[kBlock];
    const size_t padded = (m + lanes - 1) / lanes * lanes;
    for (size_t k = 0; k < Fn::kIn; ++k) {
      for (size_t j = 0; j < padded; ++j) in[k][j] = p[k][j < m ? j : m - 1];
      p[k] = in[k];
    }
    Block<Fn, T>(p, out, padded, b, regions);
    std::memcpy(y + i, out, m * sizeof(T));
  }
}

template <class D>
HWY_INLINE hn::Vec<D> Num(D d, double c) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(c));
}

// TensorFlow's odd functions mostly give +0 at -0.
template <class D>
HWY_INLINE hn::Vec<D> PlusZeroAtZero(D d, hn::Vec<D> x, hn::Vec<D> y) {
  return hn::IfThenZeroElse(hn::Eq(x, hn::Zero(d)), y);
}

}  // namespace special
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_SPECIAL_VEC_INL_H_
