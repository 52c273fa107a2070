// Moves rows and columns between interleaved tensors and split planes around fft-inl.h, once per
// instruction set.
#include "ops/signal/fft_kernels.h"

#include <algorithm>

#include "math/simd.h"
#include "ops/signal/fft-inl.h"
#include "ops/signal/turn-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::signal::HWY_NAMESPACE {

// Complex numbers that fill L2: beyond, what comes next is fetched ahead, in columns by some rows.
constexpr size_t kBeyondCache = 1 << 17, kRowsAhead = 2;

// Multiplies the imaginary parts by `sign`.
template <class R>
HWY_NOINLINE void Split(size_t n, R sign, const R* HWY_RESTRICT in, R* HWY_RESTRICT re,
                        R* HWY_RESTRICT im) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const Vec<R> factor = hn::Set(d, sign);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    Vec<R> a, b;
    hn::LoadInterleaved2(d, in + 2 * i, a, b);
    hn::StoreU(a, d, re + i);
    hn::StoreU(hn::Mul(b, factor), d, im + i);
  }
  for (; i < n; ++i) {
    re[i] = in[2 * i];
    im[i] = sign * in[2 * i + 1];
  }
}

template <class R>
HWY_NOINLINE void Join(size_t n, const R* HWY_RESTRICT re, const R* HWY_RESTRICT im,
                       const Interleaved<R>& out) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const R imag_scale = out.scale * out.sign;
  const Vec<R> first = hn::Set(d, out.scale), second = hn::Set(d, imag_scale);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreInterleaved2(hn::Mul(first, hn::LoadU(d, re + i)),
                          hn::Mul(second, hn::LoadU(d, im + i)), d, out.data + 2 * i);
  }
  for (; i < n; ++i) {
    out.data[2 * i] = out.scale * re[i];
    out.data[2 * i + 1] = imag_scale * im[i];
  }
}

// With E and T the halves of the spectrum of 2 m reals that come from the even and from the odd
// ones (times their roots), z = E + i T / root is the transform of x[2k] + i x[2k+1]. From
// a = z[k] and b = z[m-k], X[k] = E + T and X[m-k] = conj(E - T).
template <class V>
struct RealPair {
  V er, ei, tr, ti;
};
template <class R>
HWY_INLINE RealPair<Vec<R>> SplitPair(Cv<R> a, Cv<R> b, Vec<R> wr, Vec<R> wi) {
  const Vec<R> half = Constant<R>(0.5);
  const Vec<R> dr = hn::Mul(half, hn::Sub(a.re, b.re)), di = hn::Mul(half, hn::Add(a.im, b.im));
  return {hn::Mul(half, hn::Add(a.re, b.re)), hn::Mul(half, hn::Sub(a.im, b.im)),
          hn::MulAdd(wr, di, hn::Mul(wi, dr)), hn::NegMulAdd(wr, dr, hn::Mul(wi, di))};
}
// The reverse, times 2: a = X[k] and b = X[m-k] give the conjugates of z[k] and z[m-k].
template <class R>
HWY_INLINE void JoinPair(Cv<R> a, Cv<R> b, Vec<R> wr, Vec<R> wi, Cv<R>* z, Cv<R>* mirror) {
  const Vec<R> er = hn::Add(a.re, b.re), ei = hn::Sub(a.im, b.im);
  const Vec<R> dr = hn::Sub(a.re, b.re), di = hn::Add(a.im, b.im);
  const Vec<R> pr = hn::MulAdd(wi, di, hn::Mul(wr, dr));
  const Vec<R> pi = hn::NegMulAdd(wi, dr, hn::Mul(wr, di));
  *z = {hn::Sub(er, pi), hn::Neg(hn::Add(ei, pr))};
  *mirror = {hn::Add(er, pi), hn::Sub(ei, pr)};
}

// The spectrum of a row of 2 m reals.
template <class R>
HWY_NOINLINE void UnpackReal(size_t m, const R* roots, Planes<R> z, R* HWY_RESTRICT out) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const R* wr = roots;
  const R* wi = roots + m + 1;
  out[0] = z.re[0] + z.im[0];
  out[1] = R(0);
  out[2 * m] = z.re[0] - z.im[0];
  out[2 * m + 1] = R(0);
  if (m > lanes) {
    for (size_t i = 1; 2 * i <= m; i += lanes) {
      const size_t k = HWY_MIN(i, m - lanes), mirror = m - k - lanes + 1;
      const Cv<R> b = {hn::Reverse(d, hn::LoadU(d, z.re + mirror)),
                       hn::Reverse(d, hn::LoadU(d, z.im + mirror))};
      const auto p = SplitPair<R>({hn::LoadU(d, z.re + k), hn::LoadU(d, z.im + k)}, b,
                                  hn::LoadU(d, wr + k), hn::LoadU(d, wi + k));
      hn::StoreInterleaved2(hn::Add(p.er, p.tr), hn::Add(p.ei, p.ti), d, out + 2 * k);
      hn::StoreInterleaved2(hn::Reverse(d, hn::Sub(p.er, p.tr)),
                            hn::Reverse(d, hn::Sub(p.ti, p.ei)), d, out + 2 * mirror);
    }
    return;
  }
  for (size_t k = 1; k < m; ++k) {
    const R ar = z.re[k], ai = z.im[k], br = z.re[m - k], bi = z.im[m - k];
    const R dr = R(0.5) * (ar - br), di = R(0.5) * (ai + bi);
    out[2 * k] = R(0.5) * (ar + br) + (wr[k] * di + wi[k] * dr);
    out[2 * k + 1] = R(0.5) * (ai - bi) - (wr[k] * dr - wi[k] * di);
  }
}

// The conjugate of twice z from a spectrum.
template <class R>
HWY_NOINLINE void PackReal(size_t m, const R* roots, const R* HWY_RESTRICT in, Planes<R> z) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const R* wr = roots;
  const R* wi = roots + m + 1;
  z.re[0] = in[0] + in[2 * m];
  z.im[0] = in[2 * m] - in[0];
  if (m > lanes) {
    for (size_t i = 1; 2 * i <= m; i += lanes) {
      const size_t k = HWY_MIN(i, m - lanes), mirror = m - k - lanes + 1;
      Cv<R> a, b, other;
      hn::LoadInterleaved2(d, in + 2 * k, a.re, a.im);
      hn::LoadInterleaved2(d, in + 2 * mirror, b.re, b.im);
      b = {hn::Reverse(d, b.re), hn::Reverse(d, b.im)};
      JoinPair<R>(a, b, hn::LoadU(d, wr + k), hn::LoadU(d, wi + k), &a, &other);
      hn::StoreU(a.re, d, z.re + k);
      hn::StoreU(a.im, d, z.im + k);
      hn::StoreU(hn::Reverse(d, other.re), d, z.re + mirror);
      hn::StoreU(hn::Reverse(d, other.im), d, z.im + mirror);
    }
    return;
  }
  for (size_t k = 1; k < m; ++k) {
    const R ar = in[2 * k], ai = in[2 * k + 1], br = in[2 * (m - k)], bi = in[2 * (m - k) + 1];
    const R dr = ar - br, di = ai + bi;
    z.re[k] = ar + br - (wr[k] * di - wi[k] * dr);
    z.im[k] = -(ai - bi + (wr[k] * dr + wi[k] * di));
  }
}

// Both for a vector of rows side by side: a real spectrum of m + 1 columns to or from z. The
// imaginary parts at its ends count as zero.
template <class R, bool kUnpack>
HWY_NOINLINE void TurnRealColumns(size_t m, const R* roots, Planes<const R> from, Planes<R> to) {
  const Tag<R> d;
  const size_t lanes = hn::Lanes(d);
  const Vec<R> re = hn::LoadU(d, from.re);
  const Vec<R> other = hn::LoadU(d, kUnpack ? from.im : from.re + m * lanes);
  hn::StoreU(hn::Add(re, other), d, to.re);
  if constexpr (kUnpack) {
    hn::StoreU(hn::Zero(d), d, to.im);
    hn::StoreU(hn::Sub(re, other), d, to.re + m * lanes);
    hn::StoreU(hn::Zero(d), d, to.im + m * lanes);
  } else {
    hn::StoreU(hn::Sub(other, re), d, to.im);
  }
  for (size_t k = 1; 2 * k <= m; ++k) {
    const size_t i = k * lanes, j = (m - k) * lanes;
    const Vec<R> wr = hn::Set(d, roots[k]), wi = hn::Set(d, roots[m + 1 + k]);
    Cv<R> a = {hn::LoadU(d, from.re + i), hn::LoadU(d, from.im + i)};
    Cv<R> b = {hn::LoadU(d, from.re + j), hn::LoadU(d, from.im + j)};
    if constexpr (kUnpack) {
      const auto p = SplitPair<R>(a, b, wr, wi);
      a = {hn::Add(p.er, p.tr), hn::Add(p.ei, p.ti)};
      b = {hn::Sub(p.er, p.tr), hn::Sub(p.ti, p.ei)};
    } else {
      JoinPair<R>(a, b, wr, wi, &a, &b);
    }
    hn::StoreU(a.re, d, to.re + i);
    hn::StoreU(a.im, d, to.im + i);
    hn::StoreU(b.re, d, to.re + j);
    hn::StoreU(b.im, d, to.im + j);
  }
}

// Splits scratch into planes of real and imaginary parts.
template <class R>
HWY_INLINE void CarveScratch(size_t reals, R* scratch, size_t count, Planes<R>* planes) {
  const size_t plane = reals / (2 * count);
  for (size_t i = 0; i < count; ++i, scratch += 2 * plane) planes[i] = {scratch, scratch + plane};
}

// Column j of rows side by side, a vector of them: j counts reals, or alternates re and im.
template <class R>
HWY_INLINE R* ColumnOf(const Planes<R>& planes, bool complex, size_t j) {
  if (!complex) return planes.re + j * kLanes<R>;
  return (j % 2 == 0 ? planes.re : planes.im) + j / 2 * kLanes<R>;
}

// `count` reals of each of w <= kLanes rows to columns, odd columns of complex ones times sign.
// The columns of missing rows repeat the last row.
template <class R>
HWY_NOINLINE void LoadRows(size_t w, size_t count, bool complex, const R* in, size_t stride, R sign,
                           Planes<R> planes) {
  const Tag<R> d;
  constexpr size_t kL = kLanes<R>;
  const Vec<R> factor = hn::Set(d, complex ? sign : R(1));
  for (size_t i = 0; i < count; i += kL) {
    const size_t j = count < kL ? 0 : HWY_MIN(i, count - kL);
    Vec<R> v[kL], column[kL];
    HWY_UNROLL(16)
    for (size_t r = 0; r < kL; ++r) {
      const R* row = in + HWY_MIN(r, w - 1) * stride + j;
      v[r] = count < kL ? hn::LoadN(d, row, count) : hn::LoadU(d, row);
    }
    Turn<R, kL>(v, column);
    HWY_UNROLL(16)
    for (size_t k = 0; k < kL; ++k) {
      hn::StoreU(k % 2 == 0 ? column[k] : hn::Mul(column[k], factor), d,
                 ColumnOf(planes, complex, j + k));
    }
  }
}

// The way back, times scale.
template <class R>
HWY_NOINLINE void StoreRows(size_t w, size_t count, bool complex, Planes<R> planes,
                            const Interleaved<R>& out, size_t stride) {
  const Tag<R> d;
  constexpr size_t kL = kLanes<R>;
  const Vec<R> even = hn::Set(d, out.scale);
  const Vec<R> odd = complex ? hn::Mul(even, hn::Set(d, out.sign)) : even;
  for (size_t i = 0; i < count; i += kL) {
    const size_t j = count < kL ? 0 : HWY_MIN(i, count - kL);
    Vec<R> column[kL], v[kL];
    HWY_UNROLL(16)
    for (size_t k = 0; k < kL; ++k) {
      column[k] = hn::Mul(hn::LoadU(d, ColumnOf(planes, complex, j + k)), k % 2 == 0 ? even : odd);
    }
    Turn<R, kL>(column, v);
    HWY_UNROLL(16)
    for (size_t r = 0; r < kL; ++r) {
      if (r >= w) break;
      if (count < kL) {
        hn::StoreN(v[r], d, out.data + r * stride, count);
      } else {
        hn::StoreU(v[r], d, out.data + r * stride + j);
      }
    }
  }
}

// z[n-k] = conj(z[k]) for columns of w.
template <class R>
HWY_INLINE void MirrorColumns(size_t n, size_t w, Planes<R> z) {
  for (size_t k = n / 2 + 1; k < n; ++k) {
    for (size_t q = 0; q < w; ++q) {
      z.re[k * w + q] = z.re[(n - k) * w + q];
      z.im[k * w + q] = -z.im[(n - k) * w + q];
    }
  }
}

// w <= kLanes rows, side by side. Strides in reals.
template <class R>
HWY_NOINLINE void ShortRows(RowKind kind, const FftPlan<R>& plan, size_t w, const R* in,
                            size_t in_stride, const Interleaved<R>& out, size_t out_stride,
                            R* scratch) {
  constexpr size_t kL = kLanes<R>;
  const size_t n = plan.n, core = plan.core, half = n / 2 + 1;
  const bool packed = core != n;
  const R* roots = plan.half_roots.data();
  Planes<R> planes[2];
  CarveScratch(RowScratchReals(plan), scratch, 2, planes);
  Planes<R>& a = planes[0];
  Planes<R>& b = planes[1];
  if (kind == RowKind::kComplex || (kind == RowKind::kRealToComplex && packed)) {
    LoadRows(w, 2 * core, true, in, in_stride, out.sign, a);
  } else if (kind == RowKind::kRealToComplex) {
    LoadRows(w, n, false, in, in_stride, R(1), a);
    std::fill(a.im, a.im + n * kL, R(0));
  } else if (packed) {
    LoadRows(w, 2 * half, true, in, in_stride, R(1), b);
    TurnRealColumns<R, false>(core, roots, {b.re, b.im}, a);
  } else {
    LoadRows(w, 2 * half, true, in, in_stride, out.sign, a);
    std::fill(a.im, a.im + kL, R(0));
    MirrorColumns(n, kL, a);
  }
  Transform<R>(plan, kL, 1, nullptr, nullptr, planes);
  if (kind == RowKind::kComplex || (kind == RowKind::kComplexToReal && packed)) {
    StoreRows(w, 2 * core, true, a, out, out_stride);
  } else if (kind == RowKind::kComplexToReal) {
    StoreRows(w, n, false, a, out, out_stride);
  } else if (packed) {
    TurnRealColumns<R, true>(core, roots, {a.re, a.im}, b);
    StoreRows(w, 2 * half, true, b, out, out_stride);
  } else {
    std::fill(a.im, a.im + kL, R(0));
    StoreRows(w, 2 * half, true, a, out, out_stride);
  }
}

template <class R>
HWY_NOINLINE void LongRow(RowKind kind, const FftPlan<R>& plan, const R* in, size_t in_ahead,
                          const Interleaved<R>& out, R* scratch) {
  const size_t n = plan.n, core = plan.core, half = n / 2 + 1;
  const bool packed = core != n;
  const R* roots = plan.half_roots.data();
  Planes<R> planes[2];
  CarveScratch(RowScratchReals(plan), scratch, 2, planes);
  Planes<R>& a = planes[0];
  const bool reads = (kind == RowKind::kComplex || (kind == RowKind::kRealToComplex && packed)) &&
                     ReadsTensor(plan, 1);
  const bool writes = (kind == RowKind::kComplex || (kind == RowKind::kComplexToReal && packed)) &&
                      WritesTensor(plan, 1);
  if (reads) {
  } else if (kind == RowKind::kComplex || (kind == RowKind::kRealToComplex && packed)) {
    Split(core, out.sign, in, a.re, a.im);
  } else if (kind == RowKind::kRealToComplex) {
    std::copy(in, in + n, a.re);
    std::fill(a.im, a.im + n, R(0));
  } else if (packed) {
    PackReal(core, roots, in, a);
  } else {
    Split(half, out.sign, in, a.re, a.im);
    a.im[0] = R(0);
    MirrorColumns(n, 1, a);
  }
  const Interleaved<R> source{const_cast<R*>(in), R(1), out.sign, 0, in_ahead};
  Transform<R>(plan, 1, 1, reads ? &source : nullptr, writes ? &out : nullptr, planes);
  if (writes) {
  } else if (kind == RowKind::kComplex || (kind == RowKind::kComplexToReal && packed)) {
    Join(core, a.re, a.im, out);
  } else if (kind == RowKind::kComplexToReal) {
    for (size_t k = 0; k < n; ++k) out.data[k] = out.scale * a.re[k];
  } else if (packed) {
    UnpackReal(core, roots, a, out.data);
  } else {
    a.im[0] = R(0);
    Join(half, a.re, a.im, out);
  }
}

template <class R>
HWY_INLINE void Rows(RowKind kind, const FftPlan<R>& plan, bool inverse, R scale, size_t all,
                     size_t rows, const R* in, size_t in_stride, R* out, size_t out_stride,
                     R* scratch) {
  if (kind != RowKind::kRealToComplex) in_stride *= 2;
  if (kind != RowKind::kComplexToReal) out_stride *= 2;
  const R sign = inverse ? R(-1) : R(1);
  const bool together = RowsSideBySide(plan) && 2 * all >= kLanes<R>;
  const bool large = rows * plan.n >= kBeyondCache;
  for (size_t row = 0; row < rows;) {
    const Interleaved<R> to{out + row * out_stride, scale, sign, 0, large ? out_stride : 0};
    const size_t w = together ? HWY_MIN(kLanes<R>, rows - row) : 1;
    if (together) {
      ShortRows(kind, plan, w, in + row * in_stride, in_stride, to, out_stride, scratch);
    } else {
      LongRow(kind, plan, in + row * in_stride, large ? in_stride : 0, to, scratch);
    }
    row += w;
  }
}

template <class R>
HWY_INLINE void Columns(const FftPlan<R>& plan, bool inverse, R scale, size_t columns, const R* in,
                        size_t in_stride, R* out, size_t out_stride, R* scratch) {
  const size_t block = ColumnBlock(plan.n);
  const R sign = inverse ? R(-1) : R(1);
  const size_t rows = plan.n * in_stride >= kBeyondCache ? kRowsAhead : 0;
  size_t first = 0;
  while (first < columns) {
    const size_t w = HWY_MIN(block, columns - first);
    const bool wide = w > 1;  // a lone column is no contiguous row
    const bool reads = wide && ReadsTensor(plan, w), writes = wide && WritesTensor(plan, w);
    const size_t blocks =
        reads && writes ? HWY_MIN(ColumnBlocks(plan), HWY_MAX((columns - first) / w, 1)) : 1;
    Planes<R> planes[kMaxColumnBlocks + 1];
    CarveScratch(ColumnScratchReals(plan, blocks), scratch, blocks + 1, planes);
    const Interleaved<R> from{const_cast<R*>(in) + 2 * first, R(1), sign, in_stride,
                              2 * rows * in_stride};
    const Interleaved<R> to{out + 2 * first, scale, sign, out_stride, 2 * rows * out_stride};
    for (size_t k = 0; k < plan.n && !reads; ++k) {
      Split(w, sign, from.data + 2 * k * in_stride, planes->re + k * w, planes->im + k * w);
    }
    Transform<R>(plan, w, blocks, reads ? &from : nullptr, writes ? &to : nullptr, planes);
    for (size_t k = 0; k < plan.n && !writes; ++k) {
      Join(w, planes->re + k * w, planes->im + k * w,
           Interleaved<R>{to.data + 2 * k * out_stride, scale, sign, 0, 0});
    }
    first += w * blocks;
  }
}

void RowsF32(RowKind kind, const FftPlan<float>& plan, bool inverse, float scale, size_t all,
             size_t rows, const float* in, size_t in_stride, float* out, size_t out_stride,
             float* scratch) {
  Rows(kind, plan, inverse, scale, all, rows, in, in_stride, out, out_stride, scratch);
}
void RowsF64(RowKind kind, const FftPlan<double>& plan, bool inverse, double scale, size_t all,
             size_t rows, const double* in, size_t in_stride, double* out, size_t out_stride,
             double* scratch) {
  Rows(kind, plan, inverse, scale, all, rows, in, in_stride, out, out_stride, scratch);
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
                          size_t all, size_t rows, const float* in, size_t in_stride, float* out,
                          size_t out_stride, float* scratch) {
  OPKIT_SIMD_CALL(RowsF32)
  (kind, plan, inverse, scale, all, rows, in, in_stride, out, out_stride, scratch);
}
template <>
void TransformRows<double>(RowKind kind, const FftPlan<double>& plan, bool inverse, double scale,
                           size_t all, size_t rows, const double* in, size_t in_stride, double* out,
                           size_t out_stride, double* scratch) {
  OPKIT_SIMD_CALL(RowsF64)
  (kind, plan, inverse, scale, all, rows, in, in_stride, out, out_stride, scratch);
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
