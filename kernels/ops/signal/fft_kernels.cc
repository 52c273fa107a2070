// Moves rows and columns between interleaved tensors and split planes around fft-inl.h, once per
// instruction set.
#include "ops/signal/fft_kernels.h"

#include <algorithm>

#include "math/simd.h"
#include "math/transpose-inl.h"
#include "ops/signal/fft-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::signal::HWY_NAMESPACE {

template <class R>
HWY_INLINE void Split(size_t n, const R* HWY_RESTRICT in, R* HWY_RESTRICT re, R* HWY_RESTRICT im) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Vec<R> a, b;
    hn::LoadInterleaved2(d, in + 2 * i, a, b);
    hn::StoreU(a, d, re + i);
    hn::StoreU(b, d, im + i);
  }
  for (; i < n; ++i) {
    re[i] = in[2 * i];
    im[i] = in[2 * i + 1];
  }
}

template <class R>
HWY_INLINE void Join(size_t n, R scale, const R* HWY_RESTRICT re, const R* HWY_RESTRICT im,
                     R* HWY_RESTRICT out) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const Vec<R> factor = hn::Set(d, scale);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreInterleaved2(hn::Mul(factor, hn::LoadU(d, re + i)),
                          hn::Mul(factor, hn::LoadU(d, im + i)), d, out + 2 * i);
  }
  for (; i < n; ++i) {
    out[2 * i] = scale * re[i];
    out[2 * i + 1] = scale * im[i];
  }
}

// Spectrum of 2 m reals from z, the transform of x[2k] + i x[2k+1].
template <class R>
HWY_INLINE void UnpackReal(size_t m, const R* roots, Planes<R> z, R* HWY_RESTRICT out) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const R* wr = roots;
  const R* wi = roots + m + 1;
  out[0] = z.re[0] + z.im[0];
  out[1] = R(0);
  out[2 * m] = z.re[0] - z.im[0];
  out[2 * m + 1] = R(0);
  const Vec<R> half = hn::Set(d, R(0.5));
  size_t k = 1;
  for (; k + lanes <= m; k += lanes) {
    const size_t mirror = m - k - lanes + 1;
    const Vec<R> ar = hn::LoadU(d, z.re + k), ai = hn::LoadU(d, z.im + k);
    const Vec<R> br = hn::Reverse(d, hn::LoadU(d, z.re + mirror));
    const Vec<R> bi = hn::Reverse(d, hn::LoadU(d, z.im + mirror));
    const Vec<R> er = hn::Mul(half, hn::Add(ar, br)), ei = hn::Mul(half, hn::Sub(ai, bi));
    const Vec<R> dr = hn::Mul(half, hn::Sub(ar, br)), di = hn::Mul(half, hn::Add(ai, bi));
    const Vec<R> cr = hn::LoadU(d, wr + k), ci = hn::LoadU(d, wi + k);
    hn::StoreInterleaved2(hn::MulAdd(cr, di, hn::MulAdd(ci, dr, er)),
                          hn::MulAdd(ci, di, hn::NegMulAdd(cr, dr, ei)), d, out + 2 * k);
  }
  for (; k < m; ++k) {
    const R ar = z.re[k], ai = z.im[k], br = z.re[m - k], bi = z.im[m - k];
    const R er = R(0.5) * (ar + br), ei = R(0.5) * (ai - bi);
    const R dr = R(0.5) * (ar - br), di = R(0.5) * (ai + bi);
    out[2 * k] = er + (wr[k] * di + wi[k] * dr);
    out[2 * k + 1] = ei - (wr[k] * dr - wi[k] * di);
  }
}

// The reverse of UnpackReal, times 2.
template <class R>
HWY_INLINE void PackReal(size_t m, const R* roots, Planes<R> z) {
  // In place on k and m - k together; z holds m + 1 values.
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const R* wr = roots;
  const R* wi = roots + m + 1;
  const R first = z.re[0], last = z.re[m];
  z.re[0] = first + last;
  z.im[0] = first - last;
  size_t k = 1;
  for (; 2 * (k + lanes) <= m; k += lanes) {  // both ends of a block stay apart
    const size_t mirror = m - k - lanes + 1;
    const Vec<R> ar = hn::LoadU(d, z.re + k), ai = hn::LoadU(d, z.im + k);
    const Vec<R> br = hn::Reverse(d, hn::LoadU(d, z.re + mirror));
    const Vec<R> bi = hn::Reverse(d, hn::LoadU(d, z.im + mirror));
    const Vec<R> er = hn::Add(ar, br), ei = hn::Sub(ai, bi);
    const Vec<R> dr = hn::Sub(ar, br), di = hn::Add(ai, bi);
    const Vec<R> cr = hn::LoadU(d, wr + k), ci = hn::LoadU(d, wi + k);
    const Vec<R> pr = hn::MulAdd(ci, di, hn::Mul(cr, dr));
    const Vec<R> pi = hn::NegMulAdd(ci, dr, hn::Mul(cr, di));
    hn::StoreU(hn::Sub(er, pi), d, z.re + k);
    hn::StoreU(hn::Add(ei, pr), d, z.im + k);
    hn::StoreU(hn::Reverse(d, hn::Add(er, pi)), d, z.re + mirror);
    hn::StoreU(hn::Reverse(d, hn::Sub(pr, ei)), d, z.im + mirror);
  }
  for (; 2 * k <= m; ++k) {
    const size_t j = m - k;
    const R ar = z.re[k], ai = z.im[k], br = z.re[j], bi = z.im[j];
    const R er = ar + br, ei = ai - bi, dr = ar - br, di = ai + bi;
    // conj(w) (dr + i di)
    const R pr = wr[k] * dr + wi[k] * di, pi = wr[k] * di - wi[k] * dr;
    z.re[k] = er - pi;
    z.im[k] = ei + pr;
    z.re[j] = er + pi;
    z.im[j] = pr - ei;
  }
}

template <class R>
HWY_INLINE void CarveScratch(size_t reals, R* scratch, Planes<R>* a, Planes<R>* b) {
  const size_t plane = reals / 4;
  *a = {scratch, scratch + plane};
  *b = {scratch + 2 * plane, scratch + 3 * plane};
}

template <class R>
HWY_INLINE void Scale(size_t n, R factor, const R* in, R* out) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const Vec<R> f = hn::Set(d, factor);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(f, hn::LoadU(d, in + i)), d, out + i);
  for (; i < n; ++i) out[i] = factor * in[i];
}

// rows(r)[j], j < count, to columns(j)[r], r < w, by small squares; or back.
template <class R, bool kToColumns, class Row, class ColumnOf>
HWY_INLINE void TransposeRows(size_t w, size_t count, const Row& row, const ColumnOf& column) {
  constexpr size_t kTile = 16 / sizeof(R);
  size_t r = 0;
  for (; r + kTile <= w; r += kTile) {
    size_t j = 0;
    for (; j + kTile <= count; j += kTile) {
      const R* from[kTile];
      R* to[kTile];
      for (size_t i = 0; i < kTile; ++i) {
        R* in_row = row(r + i) + j;
        R* in_column = column(j + i) + r;
        from[i] = kToColumns ? in_row : in_column;
        to[i] = kToColumns ? in_column : in_row;
      }
      simd::HWY_NAMESPACE::TransposeBlock<R>(from, to);
    }
    for (; j < count; ++j) {
      for (size_t i = r; i < r + kTile; ++i) {
        R* in_row = row(i) + j;
        R* in_column = column(j) + i;
        *(kToColumns ? in_column : in_row) = *(kToColumns ? in_row : in_column);
      }
    }
  }
  for (; r < w; ++r) {
    for (size_t j = 0; j < count; ++j) {
      R* in_row = row(r) + j;
      R* in_column = column(j) + r;
      *(kToColumns ? in_column : in_row) = *(kToColumns ? in_row : in_column);
    }
  }
}

// Row r of a tensor side, and column j of the planes: j counts reals, or alternates re and im.
template <class R>
struct SideRow {
  R* base;
  size_t stride;
  HWY_INLINE R* operator()(size_t r) const { return base + r * stride; }
};
template <class R>
struct PlaneColumn {
  Planes<R> planes;
  size_t w;
  bool complex;
  HWY_INLINE R* operator()(size_t j) const {
    if (!complex) return planes.re + j * w;
    return (j % 2 == 0 ? planes.re : planes.im) + j / 2 * w;
  }
};

// Short rows: `w` of them side by side, as columns. Real ones run as complex ones.
template <class R>
HWY_NOINLINE void ShortRows(RowKind kind, const FftPlan<R>& plan, bool inverse, R scale, size_t w,
                            const R* in, size_t in_stride, R* out, size_t out_stride, R* scratch) {
  const size_t n = plan.n;
  const size_t half = n / 2 + 1;
  Planes<R> a, b;
  CarveScratch(RowScratchReals(plan), scratch, &a, &b);
  R* source = const_cast<R*>(in);  // only read: kToColumns
  if (kind == RowKind::kRealToComplex) {
    TransposeRows<R, true>(w, n, SideRow<R>{source, in_stride}, PlaneColumn<R>{a, w, false});
    std::fill(a.im, a.im + n * w, R(0));
  } else {
    TransposeRows<R, true>(w, 2 * (kind == RowKind::kComplex ? n : half),
                           SideRow<R>{source, 2 * in_stride}, PlaneColumn<R>{a, w, true});
  }
  if (kind == RowKind::kComplexToReal) {
    std::fill(a.im, a.im + w, R(0));
    if (n % 2 == 0) std::fill(a.im + n / 2 * w, a.im + half * w, R(0));
    for (size_t k = half; k < n; ++k) {
      Scale(w, R(1), a.re + (n - k) * w, a.re + k * w);
      Scale(w, R(-1), a.im + (n - k) * w, a.im + k * w);
    }
  }
  if (inverse) {
    std::swap(a.re, a.im);
    std::swap(b.re, b.im);
  }
  Transform<R>(plan, w, &a, &b);
  if (inverse) std::swap(a.re, a.im);
  if (scale != R(1)) {
    Scale(n * w, scale, a.re, a.re);
    Scale(n * w, scale, a.im, a.im);
  }
  if (kind == RowKind::kComplexToReal) {
    TransposeRows<R, false>(w, n, SideRow<R>{out, out_stride}, PlaneColumn<R>{a, w, false});
    return;
  }
  if (kind == RowKind::kRealToComplex) {
    std::fill(a.im, a.im + w, R(0));
    if (n % 2 == 0) std::fill(a.im + n / 2 * w, a.im + half * w, R(0));
  }
  TransposeRows<R, false>(w, 2 * (kind == RowKind::kComplex ? n : half),
                          SideRow<R>{out, 2 * out_stride}, PlaneColumn<R>{a, w, true});
}

template <class R>
HWY_INLINE void Rows(RowKind kind, const FftPlan<R>& plan, bool inverse, R scale, size_t rows,
                     const R* in, size_t in_stride, R* out, size_t out_stride, R* scratch) {
  const size_t n = plan.n;
  const bool packed = plan.core != n;
  const size_t in_parts = kind == RowKind::kRealToComplex ? 1 : 2;
  const size_t out_parts = kind == RowKind::kComplexToReal ? 1 : 2;
  size_t row = 0;
  if (n <= kShortRow) {
    for (; row < rows; row += kRowBlock) {
      ShortRows(kind, plan, inverse, scale, HWY_MIN(kRowBlock, rows - row),
                in + row * in_stride * in_parts, in_stride, out + row * out_stride * out_parts,
                out_stride, scratch);
    }
    return;
  }
  for (; row < rows; ++row) {
    Planes<R> a, b;
    CarveScratch(RowScratchReals(plan), scratch, &a, &b);
    if (kind == RowKind::kComplex) {
      Split(n, in + 2 * row * in_stride, a.re, a.im);
      if (inverse) std::swap(a.re, a.im);
      Transform<R>(plan, 1, &a, &b);
      if (inverse) std::swap(a.re, a.im);
      Join(n, scale, a.re, a.im, out + 2 * row * out_stride);
    } else if (kind == RowKind::kRealToComplex) {
      const R* x = in + row * in_stride;
      R* y = out + 2 * row * out_stride;
      if (packed) {
        Split(n / 2, x, a.re, a.im);
        Transform<R>(plan, 1, &a, &b);
        UnpackReal(n / 2, plan.half_roots.data(), a, y);
      } else {
        std::copy(x, x + n, a.re);
        std::fill(a.im, a.im + n, R(0));
        Transform<R>(plan, 1, &a, &b);
        Join(n / 2 + 1, R(1), a.re, a.im, y);
        y[1] = R(0);
      }
    } else {
      const R* x = in + 2 * row * in_stride;
      R* y = out + row * out_stride;
      Split(n / 2 + 1, x, a.re, a.im);
      if (packed) {
        PackReal(n / 2, plan.half_roots.data(), a);
      } else {
        a.im[0] = R(0);
        for (size_t k = 1; k <= n / 2; ++k) {
          a.re[n - k] = a.re[k];
          a.im[n - k] = -a.im[k];
        }
      }
      std::swap(a.re, a.im);
      Transform<R>(plan, 1, &a, &b);
      std::swap(a.re, a.im);
      if (packed) {
        Join(n / 2, scale, a.re, a.im, y);
      } else {
        for (size_t k = 0; k < n; ++k) y[k] = scale * a.re[k];
      }
    }
  }
}

template <class R>
HWY_INLINE void Columns(const FftPlan<R>& plan, bool inverse, R scale, size_t columns, const R* in,
                        size_t in_stride, R* out, size_t out_stride, R* scratch) {
  const size_t block = ColumnBlock(plan.n);
  for (size_t first = 0; first < columns; first += block) {
    const size_t w = HWY_MIN(block, columns - first);
    Planes<R> a, b;
    CarveScratch(ColumnScratchReals(plan), scratch, &a, &b);
    for (size_t k = 0; k < plan.n; ++k) {
      Split(w, in + 2 * (k * in_stride + first), a.re + k * w, a.im + k * w);
    }
    if (inverse) {
      std::swap(a.re, a.im);
      std::swap(b.re, b.im);
    }
    Transform<R>(plan, w, &a, &b);
    if (inverse) std::swap(a.re, a.im);
    for (size_t k = 0; k < plan.n; ++k) {
      Join(w, scale, a.re + k * w, a.im + k * w, out + 2 * (k * out_stride + first));
    }
  }
}

void RowsF32(RowKind kind, const FftPlan<float>& plan, bool inverse, float scale, size_t rows,
             const float* in, size_t in_stride, float* out, size_t out_stride, float* scratch) {
  Rows(kind, plan, inverse, scale, rows, in, in_stride, out, out_stride, scratch);
}
void RowsF64(RowKind kind, const FftPlan<double>& plan, bool inverse, double scale, size_t rows,
             const double* in, size_t in_stride, double* out, size_t out_stride, double* scratch) {
  Rows(kind, plan, inverse, scale, rows, in, in_stride, out, out_stride, scratch);
}
void ColumnsF32(const FftPlan<float>& plan, bool inverse, float scale, size_t columns,
                const float* in, size_t in_stride, float* out, size_t out_stride, float* scratch) {
  Columns(plan, inverse, scale, columns, in, in_stride, out, out_stride, scratch);
}
void ColumnsF64(const FftPlan<double>& plan, bool inverse, double scale, size_t columns,
                const double* in, size_t in_stride, double* out, size_t out_stride,
                double* scratch) {
  Columns(plan, inverse, scale, columns, in, in_stride, out, out_stride, scratch);
}

}  // namespace opkit::signal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::signal {
OPKIT_SIMD_EXPORT(RowsF32);
OPKIT_SIMD_EXPORT(RowsF64);
OPKIT_SIMD_EXPORT(ColumnsF32);
OPKIT_SIMD_EXPORT(ColumnsF64);

template <>
void TransformRows<float>(RowKind kind, const FftPlan<float>& plan, bool inverse, float scale,
                          size_t rows, const float* in, size_t in_stride, float* out,
                          size_t out_stride, float* scratch) {
  OPKIT_SIMD_CALL(RowsF32)
  (kind, plan, inverse, scale, rows, in, in_stride, out, out_stride, scratch);
}
template <>
void TransformRows<double>(RowKind kind, const FftPlan<double>& plan, bool inverse, double scale,
                           size_t rows, const double* in, size_t in_stride, double* out,
                           size_t out_stride, double* scratch) {
  OPKIT_SIMD_CALL(RowsF64)
  (kind, plan, inverse, scale, rows, in, in_stride, out, out_stride, scratch);
}
template <>
void TransformColumns<float>(const FftPlan<float>& plan, bool inverse, float scale, size_t columns,
                             const float* in, size_t in_stride, float* out, size_t out_stride,
                             float* scratch) {
  OPKIT_SIMD_CALL(ColumnsF32)
  (plan, inverse, scale, columns, in, in_stride, out, out_stride, scratch);
}
template <>
void TransformColumns<double>(const FftPlan<double>& plan, bool inverse, double scale,
                              size_t columns, const double* in, size_t in_stride, double* out,
                              size_t out_stride, double* scratch) {
  OPKIT_SIMD_CALL(ColumnsF64)
  (plan, inverse, scale, columns, in, in_stride, out, out_stride, scratch);
}

}  // namespace opkit::signal
#endif  // HWY_ONCE
