// Separable 3-D pooling. A window's reduction is split into depth, height and width passes over
// contiguous rows, so k*k*k operations an output become at most k+k+k, and every pass is a plain
// vector loop whatever the number of channels.
#include <limits>

#include "math/simd.h"
#include "ops/pool3d/pool3d.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::pool3d::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many input rows a pass reads at once; longer windows fold the running result in.
constexpr int kMaxRows = 16;

// TF keeps the running value where the new one is NaN.
template <typename T>
struct MaxOp {
  static HWY_INLINE T Identity() { return std::numeric_limits<T>::lowest(); }
  static HWY_INLINE T Scalar(T acc, T x) { return x > acc ? x : acc; }
  template <class V>
  static HWY_INLINE V Vector(V acc, V x) {
#if HWY_ARCH_X86
    return hn::Max(x, acc);  // maxps: the second operand when unordered
#else
    return hn::IfThenElse(hn::Gt(x, acc), x, acc);
#endif
  }
};

template <typename T>
struct SumOp {
  static HWY_INLINE T Identity() { return T(0); }
  static HWY_INLINE T Scalar(T acc, T x) { return acc + x; }
  template <class V>
  static HWY_INLINE V Vector(V acc, V x) {
    return hn::Add(acc, x);
  }
};

// out[i] = identity op rows[0][i] op ... op rows[count-1][i]; out may be one of the rows.
template <typename T, class Op, int kCount>
HWY_INLINE int64_t ReduceBlock(const T* const* rows, int64_t n, T* out) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto identity = hn::Set(d, Op::Identity());
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    auto a = identity, b = identity;
    for (int r = 0; r < kCount; ++r) {
      a = Op::Vector(a, hn::LoadU(d, rows[r] + i));
      b = Op::Vector(b, hn::LoadU(d, rows[r] + i + lanes));
    }
    hn::StoreU(a, d, out + i);
    hn::StoreU(b, d, out + i + lanes);
  }
  for (; i + lanes <= n; i += lanes) {
    auto a = identity;
    for (int r = 0; r < kCount; ++r) a = Op::Vector(a, hn::LoadU(d, rows[r] + i));
    hn::StoreU(a, d, out + i);
  }
  return i;
}

template <typename T, class Op>
HWY_NOINLINE void ReduceRows(const T* const* rows, int count, int64_t n, T* out) {
  int64_t i = 0;
  switch (count) {
    case 1:
      i = ReduceBlock<T, Op, 1>(rows, n, out);
      break;
    case 2:
      i = ReduceBlock<T, Op, 2>(rows, n, out);
      break;
    case 3:
      i = ReduceBlock<T, Op, 3>(rows, n, out);
      break;
    default: {
      const hn::ScalableTag<T> d;
      const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
      for (; i + lanes <= n; i += lanes) {
        auto a = hn::Set(d, Op::Identity());
        for (int r = 0; r < count; ++r) a = Op::Vector(a, hn::LoadU(d, rows[r] + i));
        hn::StoreU(a, d, out + i);
      }
    }
  }
  for (; i < n; ++i) {
    T a = Op::Identity();
    for (int r = 0; r < count; ++r) a = Op::Scalar(a, rows[r][i]);
    out[i] = a;
  }
}

// Reduces `count` rows that start at `base` and lie `stride` apart, any count.
template <typename T, class Op>
HWY_NOINLINE void ReduceStrided(const T* base, int64_t stride, int64_t count, int64_t n, T* out) {
  const T* rows[kMaxRows];
  int64_t done = 0;
  do {
    int m = 0;
    if (done > 0) rows[m++] = out;
    while (m < kMaxRows && done < count) rows[m++] = base + stride * done++;
    ReduceRows<T, Op>(rows, m, n, out);
  } while (done < count);
}

// Collects rows and reduces them whenever kMaxRows are there, folding the result so far in.
template <typename T, class Op>
class RowFold {
 public:
  HWY_INLINE RowFold(int64_t n, T* out) : n_(n), out_(out) {}
  HWY_INLINE void Add(const T* row) {
    if (count_ == kMaxRows) {
      ReduceRows<T, Op>(rows_, count_, n_, out_);
      rows_[0] = out_;
      count_ = 1;
    }
    rows_[count_++] = row;
  }
  HWY_INLINE void Finish() { ReduceRows<T, Op>(rows_, count_, n_, out_); }

 private:
  const T* rows_[kMaxRows];
  int count_ = 0;
  int64_t n_;
  T* out_;
};

// The width pass for strides above 1: every output pixel from `taps` neighbouring ones.
template <typename T, class Op>
HWY_NOINLINE void ReducePixels(const T* line, int64_t taps, int64_t step, int64_t c, int64_t count,
                               T* out) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t o = 0; o < count; ++o, line += step, out += c) {
    int64_t i = 0;
    for (; i + lanes <= c; i += lanes) {
      auto a = hn::Set(d, Op::Identity());
      for (int64_t k = 0; k < taps; ++k) a = Op::Vector(a, hn::LoadU(d, line + k * c + i));
      hn::StoreU(a, d, out + i);
    }
    for (; i < c; ++i) {
      T a = Op::Identity();
      for (int64_t k = 0; k < taps; ++k) a = Op::Scalar(a, line[k * c + i]);
      out[i] = a;
    }
  }
}

template <typename T>
HWY_NOINLINE void DivideRow(T* y, int64_t n, int64_t count) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const T divisor = static_cast<T>(count);
  int64_t i = 0;
  if ((count & (count - 1)) == 0) {  // the reciprocal is exact
    const auto v = hn::Set(d, T(1) / divisor);
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, y + i), v), d, y + i);
  } else {
    const auto v = hn::Set(d, divisor);
    for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Div(hn::LoadU(d, y + i), v), d, y + i);
  }
  for (; i < n; ++i) y[i] = y[i] / divisor;
}

HWY_INLINE void ClipTaps(const WindowDim& w, int64_t o, int64_t* first, int64_t* count) {
  const int64_t start = w.start(o);
  const int64_t begin = start < 0 ? 0 : start;
  const int64_t end = start + w.kernel < w.in ? start + w.kernel : w.in;
  *first = begin;
  *count = end > begin ? end - begin : 0;
}

// Divides a finished output row by the number of input elements of each window.
template <typename T>
HWY_NOINLINE void DivideByCount(const Geometry& g, int64_t rows_in_window, T* y) {
  int64_t o = 0;
  while (o < g.w.out) {
    int64_t first, count;
    ClipTaps(g.w, o, &first, &count);
    int64_t end = o + 1;
    if (count == g.w.kernel) {  // a run of windows inside the input
      const int64_t last = (g.w.in - g.w.kernel + g.w.pad) / g.w.stride;
      end = last + 1 < g.w.out ? last + 1 : g.w.out;
    }
    DivideRow<T>(y + o * g.channels, (end - o) * g.channels, count * rows_in_window);
    o = end;
  }
}

template <typename T, class Op, bool kMean>
void Pool(const Geometry& g, const T* x, T* y, int64_t begin, int64_t end, T* scratch) {
  const int64_t c = g.channels, row = g.w.in * c, plane = g.plane();
  const int64_t padded = g.padded_width() * c;
  const int64_t ring = g.ring();
  T* const reduced = scratch;            // ring of rows, depth already reduced
  T* const line = scratch + ring * row;  // one padded row, depth and height reduced
  T* const dense = line + padded;        // width pass at stride 1, for few channels
  for (int64_t i = 0; i < padded; ++i) line[i] = Op::Identity();
  T* const line_body = line + g.w.pad * c;
  // Rows that several windows read are reduced over depth once.
  const bool reuse = g.h.kernel > g.h.stride && g.d.kernel > 1;
  const bool few_channels = c < 8 && g.w.stride > 1;

  for (int64_t u = begin; u < end; ++u) {
    const int64_t n = u / g.d.out, od = u % g.d.out;
    int64_t d0, nd;
    ClipTaps(g.d, od, &d0, &nd);
    const T* const volume = x + (n * g.d.in + d0) * plane;
    int64_t ready = 0;  // rows below this one are in the ring
    for (int64_t oh = 0; oh < g.h.out; ++oh) {
      int64_t h0, nh;
      ClipTaps(g.h, oh, &h0, &nh);
      RowFold<T, Op> fold(row, line_body);
      for (int64_t h = h0; h < h0 + nh; ++h) {
        if (!reuse) {
          for (int64_t a = 0; a < nd; ++a) fold.Add(volume + a * plane + h * row);
          continue;
        }
        T* const slot = reduced + (h % ring) * row;
        if (h >= ready) {
          ReduceStrided<T, Op>(volume + h * row, plane, nd, row, slot);
          ready = h + 1;
        }
        fold.Add(slot);
      }
      fold.Finish();
      T* const out = y + (u * g.h.out + oh) * g.w.out * c;
      if (g.w.stride == 1) {
        ReduceStrided<T, Op>(line, c, g.w.kernel, g.w.out * c, out);
      } else if (few_channels) {
        const int64_t span = (g.w.out - 1) * g.w.stride + 1;
        ReduceStrided<T, Op>(line, c, g.w.kernel, span * c, dense);
        for (int64_t o = 0; o < g.w.out; ++o) {
          const T* from = dense + o * g.w.stride * c;
          for (int64_t k = 0; k < c; ++k) out[o * c + k] = from[k];
        }
      } else {
        ReducePixels<T, Op>(line, g.w.kernel, g.w.stride * c, c, g.w.out, out);
      }
      if (kMean) DivideByCount<T>(g, nd * nh, out);
    }
  }
}

#define OPKIT_POOL(name, T, Op, mean)                                                      \
  void name(const Geometry& g, const T* x, T* y, int64_t begin, int64_t end, T* scratch) { \
    Pool<T, Op<T>, mean>(g, x, y, begin, end, scratch);                                    \
  }
OPKIT_POOL(MaxF32, float, MaxOp, false)
OPKIT_POOL(MaxF64, double, MaxOp, false)
OPKIT_POOL(MaxI8, int8_t, MaxOp, false)
OPKIT_POOL(MaxU8, uint8_t, MaxOp, false)
OPKIT_POOL(AvgF32, float, SumOp, true)
OPKIT_POOL(AvgF64, double, SumOp, true)
#undef OPKIT_POOL

}  // namespace opkit::pool3d::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::pool3d {

OPKIT_SIMD_EXPORT(MaxF32);
OPKIT_SIMD_EXPORT(MaxF64);
OPKIT_SIMD_EXPORT(MaxI8);
OPKIT_SIMD_EXPORT(MaxU8);
OPKIT_SIMD_EXPORT(AvgF32);
OPKIT_SIMD_EXPORT(AvgF64);

PoolFn<float> MaxPoolF32() { return OPKIT_SIMD_CALL(MaxF32); }
PoolFn<double> MaxPoolF64() { return OPKIT_SIMD_CALL(MaxF64); }
PoolFn<int8_t> MaxPoolI8() { return OPKIT_SIMD_CALL(MaxI8); }
PoolFn<uint8_t> MaxPoolU8() { return OPKIT_SIMD_CALL(MaxU8); }
PoolFn<float> AvgPoolF32() { return OPKIT_SIMD_CALL(AvgF32); }
PoolFn<double> AvgPoolF64() { return OPKIT_SIMD_CALL(AvgF64); }

}  // namespace opkit::pool3d
#endif  // HWY_ONCE
