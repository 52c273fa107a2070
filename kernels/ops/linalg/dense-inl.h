// Row-major dense building blocks, compiled once per instruction set: dot, axpy, rotation, a
// blocked C -= A B and a blocked triangular solve, for float, double and both complex types.
// Complex numbers stay interleaved; a product is two real multiply-adds, the second on operands
// with real and imaginary parts swapped.
#if defined(OPKIT_LINALG_DENSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_LINALG_DENSE_INL_H_
#undef OPKIT_LINALG_DENSE_INL_H_
#else
#define OPKIT_LINALG_DENSE_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstring>

#include "hwy/highway.h"
#include "ops/linalg/scalar.h"

// The types of one instruction set: complex numbers use AVX2 where there is AVX-512, too, as their
// shuffles gain least from it and their code is the largest. OPKIT_LINALG_CALL is OPKIT_SIMD_CALL
// for a dtype.
#undef OPKIT_LINALG_TARGET_SWITCH
#if HWY_TARGET == HWY_AVX3
#define OPKIT_LINALG_TARGET_SWITCH OPKIT_LINALG_REAL_SWITCH
#else
#define OPKIT_LINALG_TARGET_SWITCH OPKIT_LINALG_SWITCH
#endif
#if OPKIT_SIMD_X86
#define OPKIT_LINALG_CALL(fn, dtype)                                                              \
  (fn##_simd_table[std::min<int>(::opkit::simd::CurrentLevel(), ::opkit::linalg::IsComplex(dtype) \
                                                                    ? ::opkit::simd::kAvx2        \
                                                                    : ::opkit::simd::kAvx512)])
#else
#define OPKIT_LINALG_CALL(fn, dtype) OPKIT_SIMD_CALL(fn)
#endif

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<Real<T>>;
template <class T>
using Vec = hn::Vec<Tag<T>>;

// A packed panel is two vectors wide; this many T.
template <class T>
constexpr size_t kPanel = 2 * hn::MaxLanes(Tag<T>()) / kParts<T>;
// Rows of a block, and so the depth of a packed panel.
constexpr size_t kBlock = 32;
// Reals in a packed panel of kBlock rows.
template <class T>
constexpr size_t kPanelReals = kBlock * 2 * hn::MaxLanes(Tag<T>());

// (re, im, ...) -> (-im, re, ...): multiplication by the imaginary unit.
template <class D, class V>
HWY_INLINE V TimesI(D d, V v) {
  const V swapped = hn::Reverse2(d, v);
  return hn::OddEven(swapped, hn::Neg(swapped));
}

// y += alpha x
template <class T>
HWY_NOINLINE void Axpy(size_t n, T alpha, const T* HWY_RESTRICT xt, T* HWY_RESTRICT yt) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const size_t count = n * kParts<T>;
  const Real<T>* HWY_RESTRICT x = AsReal(xt);
  Real<T>* HWY_RESTRICT y = AsReal(yt);
  const Vec<T> re = hn::Set(d, RealPart(alpha));
  const Vec<T> im = hn::Set(d, ImagPart(alpha));
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Vec<T> v = hn::LoadU(d, x + i);
    Vec<T> r = hn::MulAdd(re, v, hn::LoadU(d, y + i));
    if constexpr (kParts<T> == 2) r = hn::MulAdd(im, TimesI(d, v), r);
    hn::StoreU(r, d, y + i);
  }
  if (i < count) {
    const Vec<T> v = hn::LoadN(d, x + i, count - i);
    Vec<T> r = hn::MulAdd(re, v, hn::LoadN(d, y + i, count - i));
    if constexpr (kParts<T> == 2) r = hn::MulAdd(im, TimesI(d, v), r);
    hn::StoreN(r, d, y + i, count - i);
  }
}

// y += alpha x + beta z
template <class T>
HWY_NOINLINE void AxpyTwo(size_t n, T alpha, const T* HWY_RESTRICT xt, T beta,
                          const T* HWY_RESTRICT zt, T* HWY_RESTRICT yt) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const size_t count = n * kParts<T>;
  const Real<T>* HWY_RESTRICT x = AsReal(xt);
  const Real<T>* HWY_RESTRICT z = AsReal(zt);
  Real<T>* HWY_RESTRICT y = AsReal(yt);
  const Vec<T> xr = hn::Set(d, RealPart(alpha)), xi = hn::Set(d, ImagPart(alpha));
  const Vec<T> zr = hn::Set(d, RealPart(beta)), zi = hn::Set(d, ImagPart(beta));
  for (size_t i = 0; i < count; i += lanes) {
    const size_t left = count - i;
    const bool whole = left >= lanes;
    const Vec<T> u = whole ? hn::LoadU(d, x + i) : hn::LoadN(d, x + i, left);
    const Vec<T> v = whole ? hn::LoadU(d, z + i) : hn::LoadN(d, z + i, left);
    Vec<T> r = whole ? hn::LoadU(d, y + i) : hn::LoadN(d, y + i, left);
    r = hn::MulAdd(zr, v, hn::MulAdd(xr, u, r));
    if constexpr (kParts<T> == 2) {
      r = hn::MulAdd(zi, TimesI(d, v), hn::MulAdd(xi, TimesI(d, u), r));
    }
    if (whole) {
      hn::StoreU(r, d, y + i);
    } else {
      hn::StoreN(r, d, y + i, left);
    }
  }
}

// (re, im, ...) -> (re, -im, ...)
template <class D, class V>
HWY_INLINE V ConjLanes(D, V v) {
  return hn::OddEven(hn::Neg(v), v);
}

// sum of conj(x) y, or of x y without kConj
template <class T, bool kConj = true>
HWY_NOINLINE T Dot(size_t n, const T* HWY_RESTRICT xt, const T* HWY_RESTRICT yt) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const size_t count = n * kParts<T>;
  const Real<T>* HWY_RESTRICT x = AsReal(xt);
  const Real<T>* HWY_RESTRICT y = AsReal(yt);
  Vec<T> a0 = hn::Zero(d), a1 = a0, b0 = a0, b1 = a0;
  size_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    Vec<T> x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    const Vec<T> y0 = hn::LoadU(d, y + i), y1 = hn::LoadU(d, y + i + lanes);
    if constexpr (kParts<T> == 2 && !kConj) {
      x0 = ConjLanes(d, x0);
      x1 = ConjLanes(d, x1);
    }
    a0 = hn::MulAdd(x0, y0, a0);
    a1 = hn::MulAdd(x1, y1, a1);
    if constexpr (kParts<T> == 2) {
      b0 = hn::MulAdd(TimesI(d, x0), y0, b0);
      b1 = hn::MulAdd(TimesI(d, x1), y1, b1);
    }
  }
  for (; i < count; i += lanes) {
    const size_t left = count - i;
    Vec<T> x0 = left >= lanes ? hn::LoadU(d, x + i) : hn::LoadN(d, x + i, left);
    const Vec<T> y0 = left >= lanes ? hn::LoadU(d, y + i) : hn::LoadN(d, y + i, left);
    if constexpr (kParts<T> == 2 && !kConj) x0 = ConjLanes(d, x0);
    a0 = hn::MulAdd(x0, y0, a0);
    if constexpr (kParts<T> == 2) b0 = hn::MulAdd(TimesI(d, x0), y0, b0);
  }
  const Real<T> re = hn::ReduceSum(d, hn::Add(a0, a1));
  if constexpr (kParts<T> == 2) {
    // Re(conj(i x) y) = Im(conj(x) y)
    return T(re, hn::ReduceSum(d, hn::Add(b0, b1)));
  } else {
    return re;
  }
}

// Rotations down a chain of rows `step` apart: rows x, y at k step and (k + 1) step become
// c[k] x + s[k] y and c[k] y - s[k] x. kVectors vectors wide, or `last` reals of one.
template <class R, size_t kVectors>
HWY_INLINE void RotateStrip(size_t last, size_t count, const double* c, const double* s,
                            ptrdiff_t step, R* row) {
  const hn::ScalableTag<R> d;
  const size_t lanes = hn::Lanes(d);
  const bool whole = last == lanes;
  Vec<R> x[kVectors];
  HWY_UNROLL(4)
  for (size_t v = 0; v < kVectors; ++v) {
    x[v] = whole ? hn::LoadU(d, row + v * lanes) : hn::LoadN(d, row, last);
  }
  for (size_t k = 0; k < count; ++k, row += step) {
    const Vec<R> vc = hn::Set(d, static_cast<R>(c[k])), vs = hn::Set(d, static_cast<R>(s[k]));
    HWY_UNROLL(4)
    for (size_t v = 0; v < kVectors; ++v) {
      R* p = row + v * lanes;
      const Vec<R> y = whole ? hn::LoadU(d, p + step) : hn::LoadN(d, p + step, last);
      const Vec<R> turned = hn::MulAdd(vs, y, hn::Mul(vc, x[v]));
      if (whole) {
        hn::StoreU(turned, d, p);
      } else {
        hn::StoreN(turned, d, p, last);
      }
      x[v] = hn::NegMulAdd(vs, x[v], hn::Mul(vc, y));
    }
  }
  HWY_UNROLL(4)
  for (size_t v = 0; v < kVectors; ++v) {
    if (whole) {
      hn::StoreU(x[v], d, row + v * lanes);
    } else {
      hn::StoreN(x[v], d, row, last);
    }
  }
}

template <class R>
HWY_NOINLINE void RotateChain(size_t n, size_t count, const double* c, const double* s,
                              ptrdiff_t step, R* row) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<R>());
  size_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes) {
    RotateStrip<R, 4>(lanes, count, c, s, step, row + j);
  }
  for (; j < n; j += lanes) RotateStrip<R, 1>(HWY_MIN(lanes, n - j), count, c, s, step, row + j);
}

// Rotations of factors that are held transposed; of complex ones as pairs of reals.
template <class R>
struct TransposedFactors {
  size_t left_size, right_size;  // reals a row
  R* left;
  R* right;
  static void Apply(void* self, bool right, size_t first, ptrdiff_t step, size_t count,
                    const double* c, const double* s) {
    const TransposedFactors& f = *static_cast<TransposedFactors*>(self);
    const size_t size = right ? f.right_size : f.left_size;
    RotateChain<R>(size, count, c, s, step * static_cast<ptrdiff_t>(size),
                   (right ? f.right : f.left) + first * size);
  }
};

// Rows [0, k) of columns [j, j + w) of b into the panel p, zero beyond w.
template <class T>
HWY_NOINLINE void PackPanel(size_t k, size_t w, const T* b, size_t ldb, Real<T>* HWY_RESTRICT p) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  const size_t count = w * kParts<T>;
  for (size_t q = 0; q < k; ++q, p += 2 * lanes) {
    const Real<T>* row = AsReal(b + q * ldb);
    if (w == kPanel<T>) {
      hn::Store(hn::LoadU(d, row), d, p);
      hn::Store(hn::LoadU(d, row + lanes), d, p + lanes);
    } else {
      hn::Store(hn::LoadN(d, row, count), d, p);
      hn::Store(count > lanes ? hn::LoadN(d, row + lanes, count - lanes) : hn::Zero(d), d,
                p + lanes);
    }
  }
}

template <class T>
HWY_NOINLINE void UnpackPanel(size_t k, size_t w, const Real<T>* HWY_RESTRICT p, T* b, size_t ldb) {
  for (size_t q = 0; q < k; ++q) {
    std::memcpy(static_cast<void*>(b + q * ldb), p + q * kPanel<T> * kParts<T>, w * sizeof(T));
  }
}

// kRows rows of C -= A * panel. Complex A counts as two real rows, combined at the end.
template <class T, size_t kRows>
HWY_INLINE void MicroKernel(size_t k, size_t w, const T* HWY_RESTRICT a, size_t lda,
                            const Real<T>* HWY_RESTRICT p, T* HWY_RESTRICT c, size_t ldc) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  constexpr size_t kAcc = kRows * kParts<T>;
  Vec<T> acc0[kAcc], acc1[kAcc];
  HWY_UNROLL(8)
  for (size_t r = 0; r < kAcc; ++r) acc0[r] = acc1[r] = hn::Zero(d);
  const Real<T>* ar = AsReal(a);
  const size_t stride = lda * kParts<T>;
  for (size_t q = 0; q < k; ++q, p += 2 * lanes, ar += kParts<T>) {
    const Vec<T> b0 = hn::Load(d, p), b1 = hn::Load(d, p + lanes);
    HWY_UNROLL(8)
    for (size_t r = 0; r < kAcc; ++r) {
      const Vec<T> s = hn::Set(d, ar[r / kParts<T> * stride + r % kParts<T>]);
      acc0[r] = hn::MulAdd(s, b0, acc0[r]);
      acc1[r] = hn::MulAdd(s, b1, acc1[r]);
    }
  }
  HWY_UNROLL(8)
  for (size_t r = 0; r < kRows; ++r) {
    Vec<T> s0 = acc0[r * kParts<T>], s1 = acc1[r * kParts<T>];
    if constexpr (kParts<T> == 2) {
      s0 = hn::Add(s0, TimesI(d, acc0[2 * r + 1]));
      s1 = hn::Add(s1, TimesI(d, acc1[2 * r + 1]));
    }
    Real<T>* row = AsReal(c + r * ldc);
    if (w == kPanel<T>) {
      hn::StoreU(hn::Sub(hn::LoadU(d, row), s0), d, row);
      hn::StoreU(hn::Sub(hn::LoadU(d, row + lanes), s1), d, row + lanes);
    } else {
      const size_t count = w * kParts<T>;
      hn::StoreN(hn::Sub(hn::LoadN(d, row, count), s0), d, row, count);
      if (count > lanes) {
        hn::StoreN(hn::Sub(hn::LoadN(d, row + lanes, count - lanes), s1), d, row + lanes,
                   count - lanes);
      }
    }
  }
}

// C[m, w] -= A[m, k] * panel, w <= kPanel.
template <class T>
HWY_NOINLINE void PanelProduct(size_t m, size_t k, size_t w, const T* a, size_t lda,
                               const Real<T>* p, T* c, size_t ldc) {
  constexpr size_t kStep = kParts<T> == 2 ? 3 : 6;
  size_t i = 0;
  for (; i + kStep <= m; i += kStep) {
    MicroKernel<T, kStep>(k, w, a + i * lda, lda, p, c + i * ldc, ldc);
  }
  if constexpr (kParts<T> == 1) {
    if (i + 3 <= m) {
      MicroKernel<T, 3>(k, w, a + i * lda, lda, p, c + i * ldc, ldc);
      i += 3;
    }
  }
  for (; i < m; ++i) MicroKernel<T, 1>(k, w, a + i * lda, lda, p, c + i * ldc, ldc);
}

// C[m, n] -= A[m, k] B[k, n]
template <class T>
HWY_NOINLINE void ProductSub(size_t m, size_t n, size_t k, const T* a, size_t lda, const T* b,
                             size_t ldb, T* c, size_t ldc) {
  HWY_ALIGN Real<T> panel[kPanelReals<T>];
  for (size_t q = 0; q < k; q += kBlock) {
    const size_t depth = HWY_MIN(kBlock, k - q);
    for (size_t j = 0; j < n; j += kPanel<T>) {
      const size_t w = HWY_MIN(kPanel<T>, n - j);
      PackPanel<T>(depth, w, b + q * ldb + j, ldb, panel);
      PanelProduct<T>(m, depth, w, a + q, lda, panel, c + j, ldc);
    }
  }
}

// x *= s for the two vectors of one panel row.
template <class T>
HWY_INLINE void ScalePanelRow(T s, Real<T>* x) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t h = 0; h < 2 * lanes; h += lanes) {
    const Vec<T> v = hn::Load(d, x + h);
    Vec<T> r = hn::Mul(hn::Set(d, RealPart(s)), v);
    if constexpr (kParts<T> == 2) r = hn::MulAdd(hn::Set(d, ImagPart(s)), TimesI(d, v), r);
    hn::Store(r, d, x + h);
  }
}

// Panel <- inverse(A) panel for a k x k triangle; entry (p, q) is a[p * row + q * col], conjugated
// when conj is set, so transposes need no copy.
template <class T>
HWY_NOINLINE void SolvePanel(bool lower, bool unit, bool conj, size_t k, const T* a, size_t row,
                             size_t col, Real<T>* HWY_RESTRICT panel) {
  const Tag<T> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t step = 0; step < k; ++step) {
    const size_t q = lower ? step : k - 1 - step;
    Real<T>* x = panel + q * 2 * lanes;
    if (!unit) {
      const T diag = a[q * (row + col)];
      if constexpr (kParts<T> == 1) {
        const Vec<T> v = hn::Set(d, diag);
        hn::Store(hn::Div(hn::Load(d, x), v), d, x);
        hn::Store(hn::Div(hn::Load(d, x + lanes), v), d, x + lanes);
      } else {
        ScalePanelRow<T>(Reciprocal(conj ? Conj(diag) : diag), x);
      }
    }
    const Vec<T> x0 = hn::Load(d, x), x1 = hn::Load(d, x + lanes);
    const Vec<T> i0 = kParts<T> == 2 ? TimesI(d, x0) : x0;
    const Vec<T> i1 = kParts<T> == 2 ? TimesI(d, x1) : x1;
    const size_t first = lower ? q + 1 : 0, last = lower ? k : q;
    for (size_t p = first; p < last; ++p) {
      const T l = a[p * row + q * col];
      Real<T>* y = panel + p * 2 * lanes;
      const Vec<T> re = hn::Set(d, RealPart(l));
      Vec<T> y0 = hn::NegMulAdd(re, x0, hn::Load(d, y));
      Vec<T> y1 = hn::NegMulAdd(re, x1, hn::Load(d, y + lanes));
      if constexpr (kParts<T> == 2) {
        const Vec<T> im = hn::Set(d, conj ? -ImagPart(l) : ImagPart(l));
        y0 = hn::NegMulAdd(im, i0, y0);
        y1 = hn::NegMulAdd(im, i1, y1);
      }
      hn::Store(y0, d, y);
      hn::Store(y1, d, y + lanes);
    }
  }
}

// B[n, m] <- inverse(A) B for a triangular A[n, n], both row-major. With `identity_like`, row i of
// B holds zeros beyond column i (a lower solve of a lower matrix), which halves the work.
template <class T>
HWY_NOINLINE void SolveTriangular(bool lower, bool unit, bool identity_like, size_t n, size_t m,
                                  const T* a, size_t lda, T* b, size_t ldb) {
  if (m == 1 && ldb == 1) {
    for (size_t step = 0; step < n; ++step) {
      const size_t i = lower ? step : n - 1 - step;
      const T* r = a + i * lda;
      b[i] -= lower ? Dot<T, false>(i, r, b) : Dot<T, false>(n - 1 - i, r + i + 1, b + i + 1);
      if (!unit) b[i] = Divide(b[i], r[i]);
    }
    return;
  }
  HWY_ALIGN Real<T> panel[kPanelReals<T>];
  const size_t blocks = (n + kBlock - 1) / kBlock;
  for (size_t step = 0; step < blocks; ++step) {
    const size_t q = (lower ? step : blocks - 1 - step) * kBlock;
    const size_t depth = HWY_MIN(kBlock, n - q);
    const size_t columns = identity_like ? HWY_MIN(m, q + depth) : m;
    for (size_t j = 0; j < columns; j += kPanel<T>) {
      const size_t w = HWY_MIN(kPanel<T>, columns - j);
      PackPanel<T>(depth, w, b + q * ldb + j, ldb, panel);
      SolvePanel<T>(lower, unit, false, depth, a + q * (lda + 1), lda, 1, panel);
      UnpackPanel<T>(depth, w, panel, b + q * ldb + j, ldb);
      if (lower) {
        const size_t next = q + depth;
        PanelProduct<T>(n - next, depth, w, a + next * lda + q, lda, panel, b + next * ldb + j,
                        ldb);
      } else {
        PanelProduct<T>(q, depth, w, a + q, lda, panel, b + j, ldb);
      }
    }
  }
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
