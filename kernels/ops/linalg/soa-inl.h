// One small matrix per SIMD lane, compiled once per instruction set. Element e of the group is one
// vector (two for complex: a plane of real and a plane of imaginary parts), so every algorithm
// reads like scalar code and works on Lanes matrices at once.
#if defined(OPKIT_LINALG_SOA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_SOA_INL_H_
#undef OPKIT_LINALG_SOA_INL_H_
#else
#define OPKIT_LINALG_SOA_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "math/transpose-inl.h"
#include "ops/linalg/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using simd::HWY_NAMESPACE::TransposeBlock;

// Arithmetic on a group's element: Lane<T>::V is a vector, or a pair of them for complex T.
template <class T>
struct Lane {
  using R = T;
  using D = hn::ScalableTag<R>;
  using RV = hn::Vec<D>;
  using M = hn::Mask<D>;
  using V = RV;
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kStride = kLanes;  // reals an element

  static HWY_INLINE V Load(const R* p) { return hn::Load(D(), p); }
  static HWY_INLINE void Store(V v, R* p) { hn::Store(v, D(), p); }
  static HWY_INLINE V FromReal(RV v) { return v; }
  static HWY_INLINE RV RealOf(V v) { return v; }
  static HWY_INLINE V Add(V a, V b) { return hn::Add(a, b); }
  static HWY_INLINE V Sub(V a, V b) { return hn::Sub(a, b); }
  // |imaginary part|^2 <= limit
  static HWY_INLINE M ImagBelow(V, RV limit) { return hn::Ge(limit, hn::Zero(D())); }
  static HWY_INLINE V Mul(V a, V b) { return hn::Mul(a, b); }
  static HWY_INLINE V Scale(RV s, V a) { return hn::Mul(s, a); }
  static HWY_INLINE V DivReal(V a, RV s) { return hn::Div(a, s); }
  static HWY_INLINE V Div(V a, V b) { return hn::Div(a, b); }
  static HWY_INLINE V MulSub(V a, V b, V c) { return hn::NegMulAdd(a, b, c); }      // c - a b
  static HWY_INLINE V MulConjSub(V a, V b, V c) { return hn::NegMulAdd(a, b, c); }  // c - a conj(b)
  static HWY_INLINE V ConjMulAdd(V a, V b, V c) { return hn::MulAdd(a, b, c); }     // c + conj(a) b
  static HWY_INLINE V Conj(V a) { return a; }
  static HWY_INLINE RV AbsSquared(V a) { return hn::Mul(a, a); }
  static HWY_INLINE RV Magnitude(V a) { return hn::Abs(a); }
  static HWY_INLINE V Select(M m, V a, V b) { return hn::IfThenElse(m, a, b); }
  static HWY_INLINE V Zero() { return hn::Zero(D()); }
};

template <class Rt>
struct Lane<std::complex<Rt>> {
  using R = Rt;
  using D = hn::ScalableTag<R>;
  using RV = hn::Vec<D>;
  using M = hn::Mask<D>;
  struct V {
    RV re, im;
  };
  static constexpr size_t kLanes = hn::MaxLanes(D());
  static constexpr size_t kStride = 2 * kLanes;

  static HWY_INLINE V Load(const R* p) { return {hn::Load(D(), p), hn::Load(D(), p + kLanes)}; }
  static HWY_INLINE void Store(V v, R* p) {
    hn::Store(v.re, D(), p);
    hn::Store(v.im, D(), p + kLanes);
  }
  static HWY_INLINE V FromReal(RV v) { return {v, hn::Zero(D())}; }
  static HWY_INLINE RV RealOf(V v) { return v.re; }
  static HWY_INLINE V Add(V a, V b) { return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)}; }
  static HWY_INLINE V Sub(V a, V b) { return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)}; }
  static HWY_INLINE M ImagBelow(V a, RV limit) { return hn::Le(hn::Mul(a.im, a.im), limit); }
  static HWY_INLINE V Mul(V a, V b) {
    return {hn::NegMulAdd(a.im, b.im, hn::Mul(a.re, b.re)),
            hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
  }
  static HWY_INLINE V Scale(RV s, V a) { return {hn::Mul(s, a.re), hn::Mul(s, a.im)}; }
  static HWY_INLINE V DivReal(V a, RV s) { return {hn::Div(a.re, s), hn::Div(a.im, s)}; }
  static HWY_INLINE V Div(V a, V b) {
    // Scaled by the larger part of b, so that |b|^2 neither overflows nor vanishes.
    const RV big = hn::Max(hn::Abs(b.re), hn::Abs(b.im));
    const V s = DivReal(b, big);
    const RV norm = hn::Mul(AbsSquared(s), big);
    return DivReal(MulConj(a, s), norm);
  }
  static HWY_INLINE V MulConj(V a, V b) {
    return {hn::MulAdd(a.im, b.im, hn::Mul(a.re, b.re)),
            hn::NegMulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
  }
  static HWY_INLINE V MulSub(V a, V b, V c) {
    return {hn::MulAdd(a.im, b.im, hn::NegMulAdd(a.re, b.re, c.re)),
            hn::NegMulAdd(a.re, b.im, hn::NegMulAdd(a.im, b.re, c.im))};
  }
  static HWY_INLINE V MulConjSub(V a, V b, V c) {
    return {hn::NegMulAdd(a.im, b.im, hn::NegMulAdd(a.re, b.re, c.re)),
            hn::MulAdd(a.re, b.im, hn::NegMulAdd(a.im, b.re, c.im))};
  }
  static HWY_INLINE V ConjMulAdd(V a, V b, V c) {
    return {hn::MulAdd(a.im, b.im, hn::MulAdd(a.re, b.re, c.re)),
            hn::NegMulAdd(a.im, b.re, hn::MulAdd(a.re, b.im, c.im))};
  }
  static HWY_INLINE V Conj(V a) { return {a.re, hn::Neg(a.im)}; }
  static HWY_INLINE RV AbsSquared(V a) { return hn::MulAdd(a.re, a.re, hn::Mul(a.im, a.im)); }
  static HWY_INLINE RV Magnitude(V a) {
    const RV re = hn::Abs(a.re), im = hn::Abs(a.im);
    const RV big = hn::Max(re, im);
    const RV ratio = hn::Div(hn::Min(re, im), big);
    const RV one = hn::Set(D(), R(1));
    const RV r = hn::Mul(big, hn::Sqrt(hn::MulAdd(ratio, ratio, one)));
    return hn::IfThenElse(hn::Eq(big, hn::Zero(D())), big, r);
  }
  static HWY_INLINE V Select(M m, V a, V b) {
    return {hn::IfThenElse(m, a.re, b.re), hn::IfThenElse(m, a.im, b.im)};
  }
  static HWY_INLINE V Zero() { return {hn::Zero(D()), hn::Zero(D())}; }
};

// The matrix at rows[lane] of `reals` numbers into each lane of a group.
template <class R>
HWY_NOINLINE void PackRows(const R* const* rows, size_t reals, R* HWY_RESTRICT group) {
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<R>());
  constexpr size_t kTile = 16 / sizeof(R);
  size_t e = 0;
  for (; e + kTile <= reals; e += kTile) {
    for (size_t lane = 0; lane < kLanes; lane += kTile) {
      const R* from[kTile];
      R* to[kTile];
      for (size_t i = 0; i < kTile; ++i) {
        from[i] = rows[lane + i] + e;
        to[i] = group + (e + i) * kLanes + lane;
      }
      TransposeBlock<R>(from, to);
    }
  }
  for (; e < reals; ++e) {
    for (size_t lane = 0; lane < kLanes; ++lane) group[e * kLanes + lane] = rows[lane][e];
  }
}

template <class R>
HWY_NOINLINE void UnpackRows(const R* HWY_RESTRICT group, size_t stride, size_t count, size_t reals,
                             R* dst) {
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<R>());
  constexpr size_t kTile = 16 / sizeof(R);
  size_t lane = 0;
  for (; lane + kTile <= count; lane += kTile) {
    size_t e = 0;
    for (; e + kTile <= reals; e += kTile) {
      const R* from[kTile];
      R* to[kTile];
      for (size_t i = 0; i < kTile; ++i) {
        from[i] = group + (e + i) * kLanes + lane;
        to[i] = dst + (lane + i) * stride + e;
      }
      TransposeBlock<R>(from, to);
    }
    for (; e < reals; ++e) {
      for (size_t i = lane; i < lane + kTile; ++i) dst[i * stride + e] = group[e * kLanes + i];
    }
  }
  for (; lane < count; ++lane) {
    for (size_t e = 0; e < reals; ++e) dst[lane * stride + e] = group[e * kLanes + lane];
  }
}

// `count` matrices of `size` elements, `stride` T apart, into one group; lanes beyond count repeat
// the last matrix, so they hold nothing that could fail on its own.
template <class T>
HWY_INLINE void PackLanes(const T* src, size_t stride, size_t count, size_t size, Real<T>* group) {
  const Real<T>* rows[Lane<T>::kLanes];
  for (size_t lane = 0; lane < Lane<T>::kLanes; ++lane) {
    rows[lane] = AsReal(src + HWY_MIN(lane, count - 1) * stride);
  }
  PackRows<Real<T>>(rows, size * kParts<T>, group);
}

// The same with matrix index[lane] of src in each lane.
template <class T>
HWY_INLINE void PackLanesAt(const T* src, const int64_t* index, size_t count, size_t size,
                            Real<T>* group) {
  const Real<T>* rows[Lane<T>::kLanes];
  for (size_t lane = 0; lane < Lane<T>::kLanes; ++lane) {
    rows[lane] = AsReal(src + static_cast<size_t>(index[HWY_MIN(lane, count - 1)]) * size);
  }
  PackRows<Real<T>>(rows, size * kParts<T>, group);
}

template <class T>
HWY_INLINE void UnpackLanes(const Real<T>* group, size_t stride, size_t count, size_t size,
                            T* dst) {
  UnpackRows<Real<T>>(group, stride * kParts<T>, count, size * kParts<T>, AsReal(dst));
}

// Conjugate transpose of an n x n group in place.
template <class T>
HWY_NOINLINE void AdjointLanes(size_t n, Real<T>* group) {
  using L = Lane<T>;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      Real<T>* p = group + (i * n + j) * L::kStride;
      Real<T>* q = group + (j * n + i) * L::kStride;
      const typename L::V a = L::Conj(L::Load(p)), b = L::Conj(L::Load(q));
      L::Store(b, p);
      L::Store(a, q);
    }
  }
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
