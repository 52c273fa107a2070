// Householder reflections H = I - tau v v^H with v[0] = 1, compiled once per instruction set.
// Sign conventions as in LAPACK's and Eigen's Householder vectors: H x = beta e1 with beta real
// and of the sign opposite to Re x[0]; a vector that needs no reflection keeps its sign.
#if defined(OPKIT_LINALG_HOUSEHOLDER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_HOUSEHOLDER_INL_H_
#undef OPKIT_LINALG_HOUSEHOLDER_INL_H_
#else
#define OPKIT_LINALG_HOUSEHOLDER_INL_H_
#endif

#include <cmath>
#include <limits>
#include <type_traits>

#include "hwy/highway.h"
#include "math/transpose-inl.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// Replaces x by v; returns beta.
template <class T>
HWY_INLINE Real<T> MakeReflector(size_t n, T* x, T* tau) {
  using R = Real<T>;
  const R tiny = std::numeric_limits<R>::min();
  const R tail = n > 1 ? RealPart(Dot<T>(n - 1, x + 1, x + 1)) : R(0);
  const T c0 = x[0];
  R beta = RealPart(c0);
  x[0] = T(1);
  *tau = T(0);
  if (tail <= tiny && ImagPart(c0) * ImagPart(c0) <= tiny) {
    for (size_t i = 1; i < n; ++i) x[i] = T(0);
    return beta;
  }
  beta = std::sqrt(AbsSquared(c0) + tail);
  if (RealPart(c0) >= R(0)) beta = -beta;
  const T denominator = c0 - T(beta);
  const T inverse = Reciprocal(denominator);
  for (size_t i = 1; i < n; ++i) {
    if constexpr (kParts<T> == 2) {
      x[i] = Times(x[i], inverse);
    } else {
      x[i] /= denominator;
    }
  }
  *tau = Conj((T(beta) - c0) / beta);
  return beta;
}

// A[m, w] <- H A for kVectors vectors of columns, the last one with `last` reals.
template <class T, size_t kVectors>
HWY_INLINE void ReflectStrip(size_t m, size_t last, const T* v, T tau, Real<T>* a, size_t stride) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const bool whole = last == lanes;
  Vec<T> sum[kVectors], turned[kVectors];
  HWY_UNROLL(4)
  for (size_t k = 0; k < kVectors; ++k) sum[k] = turned[k] = hn::Zero(d);
  const Real<T>* row = a;
  for (size_t i = 0; i < m; ++i, row += stride) {
    const Vec<T> re = hn::Set(d, RealPart(v[i])), im = hn::Set(d, ImagPart(v[i]));
    HWY_UNROLL(4)
    for (size_t k = 0; k < kVectors; ++k) {
      const Vec<T> x = k + 1 < kVectors || whole ? hn::LoadU(d, row + k * lanes)
                                                 : hn::LoadN(d, row + k * lanes, last);
      sum[k] = hn::MulAdd(re, x, sum[k]);
      if constexpr (kParts<T> == 2) turned[k] = hn::MulAdd(im, x, turned[k]);
    }
  }
  const Vec<T> tau_re = hn::Set(d, RealPart(tau)), tau_im = hn::Set(d, ImagPart(tau));
  HWY_UNROLL(4)
  for (size_t k = 0; k < kVectors; ++k) {
    if constexpr (kParts<T> == 2) {
      const Vec<T> w = hn::Sub(sum[k], TimesI(d, turned[k]));  // v^H A
      sum[k] = hn::MulAdd(tau_im, TimesI(d, w), hn::Mul(tau_re, w));
      turned[k] = TimesI(d, sum[k]);
    } else {
      sum[k] = hn::Mul(tau_re, sum[k]);
    }
  }
  Real<T>* to = a;
  for (size_t i = 0; i < m; ++i, to += stride) {
    const Vec<T> re = hn::Set(d, RealPart(v[i])), im = hn::Set(d, ImagPart(v[i]));
    HWY_UNROLL(4)
    for (size_t k = 0; k < kVectors; ++k) {
      const bool full = k + 1 < kVectors || whole;
      Real<T>* p = to + k * lanes;
      Vec<T> x = full ? hn::LoadU(d, p) : hn::LoadN(d, p, last);
      x = hn::NegMulAdd(re, sum[k], x);
      if constexpr (kParts<T> == 2) x = hn::NegMulAdd(im, turned[k], x);
      if (full) {
        hn::StoreU(x, d, p);
      } else {
        hn::StoreN(x, d, p, last);
      }
    }
  }
}

// A[m, n] <- H A
template <class T>
HWY_NOINLINE void Reflect(size_t m, size_t n, const T* v, T tau, T* a, size_t lda) {
  if (tau == T(0)) return;
  const size_t lanes = hn::Lanes(Tag<T>());
  const size_t count = n * kParts<T>, stride = lda * kParts<T>;
  Real<T>* p = AsReal(a);
  size_t j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    ReflectStrip<T, 4>(m, lanes, v, tau, p + j, stride);
  }
  for (; j < count; j += lanes) {
    ReflectStrip<T, 1>(m, HWY_MIN(lanes, count - j), v, tau, p + j, stride);
  }
}

// q[m, n] <- (H_0 ... H_{k-1}) of the identity's first n columns; adjoint reflections when
// `adjoint`. v + i * ldv holds vector i, which acts on rows from i + offset on.
template <class T>
HWY_NOINLINE void FormQ(size_t m, size_t n, size_t k, size_t offset, bool adjoint, const T* v,
                        size_t ldv, const T* tau, T* q) {
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) q[i * n + j] = T(i == j ? 1 : 0);
  }
  for (size_t i = k; i-- > 0;) {
    const size_t first = i + offset;
    if (first >= m || first >= n) continue;  // the identity's columns before `first` stay
    Reflect<T>(m - first, n - first, v + i * ldv, adjoint ? Conj(tau[i]) : tau[i],
               q + first * n + first, n);
  }
}

// Side of the tiles that Transpose takes: their lines stay in the first cache.
constexpr size_t kTransposeSide = 16;

// A whole tile by vectors.
template <class T>
HWY_INLINE void TransposeTile(const T* a, size_t lda, T* at, size_t ldt) {
  using Word = std::conditional_t<sizeof(T) == 8, double, float>;
  constexpr size_t kSide = 16 / sizeof(T);
  for (size_t i = 0; i < kTransposeSide; i += kSide) {
    for (size_t j = 0; j < kTransposeSide; j += kSide) {
      const Word* from[kSide];
      Word* to[kSide];
      for (size_t k = 0; k < kSide; ++k) {
        from[k] = reinterpret_cast<const Word*>(a + (i + k) * lda + j);
        to[k] = reinterpret_cast<Word*>(at + (j + k) * ldt + i);
      }
      simd::HWY_NAMESPACE::TransposeBlock<Word>(from, to);
    }
  }
}

// at[n, m] = transpose of a[m, n], conjugated on request.
template <class T>
HWY_NOINLINE void Transpose(size_t m, size_t n, const T* a, size_t lda, bool conj, T* at,
                            size_t ldt) {
  for (size_t i0 = 0; i0 < m; i0 += kTransposeSide) {
    for (size_t j0 = 0; j0 < n; j0 += kTransposeSide) {
      const size_t i1 = HWY_MIN(m, i0 + kTransposeSide), j1 = HWY_MIN(n, j0 + kTransposeSide);
      if constexpr (sizeof(T) <= 8) {
        if (i1 - i0 == kTransposeSide && j1 - j0 == kTransposeSide && !conj) {
          TransposeTile<T>(a + i0 * lda + j0, lda, at + j0 * ldt + i0, ldt);
          continue;
        }
      }
      for (size_t i = i0; i < i1; ++i) {
        for (size_t j = j0; j < j1; ++j) {
          at[j * ldt + i] = conj ? Conj(a[i * lda + j]) : a[i * lda + j];
        }
      }
    }
  }
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
