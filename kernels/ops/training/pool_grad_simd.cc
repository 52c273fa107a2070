// Pooling gradients, a vector of channels at a time: a window's state stays in registers, and the
// gradient of a maximum is added by masked vectors instead of scattered. 16-bit floats are float32
// in registers only.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/narrow-inl.h"
#include "opkit/pointwise.h"
#include "ops/training/pool_grad.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace narrow = ::opkit::HWY_NAMESPACE;

// n elements, or a whole vector of them.
template <bool kWhole, class D, typename T>
HWY_INLINE hn::Vec<D> Load(D d, const T* p, size_t n) {
  if constexpr (kIsNarrowFloat<T>) {
    if (kWhole) return narrow::LoadWide(d, p);
    T part[hn::MaxLanes(d)] = {};
    for (size_t i = 0; i < n; ++i) part[i] = p[i];
    return narrow::LoadWide(d, part);
  } else {
    return kWhole ? hn::LoadU(d, p) : hn::LoadN(d, p, n);
  }
}

template <bool kWhole, class D, typename T>
HWY_INLINE void Store(hn::Vec<D> v, D d, T* p, size_t n) {
  if constexpr (kIsNarrowFloat<T>) {
    if (kWhole) return narrow::StoreNarrow(v, d, p);
    T part[hn::MaxLanes(d)];
    narrow::StoreNarrow(v, d, part);
    for (size_t i = 0; i < n; ++i) p[i] = part[i];
  } else {
    kWhole ? hn::StoreU(v, d, p) : hn::StoreN(v, d, p, n);
  }
}

// Channels [k, k + n) of one window. Places are counted within the window. The sum is rounded to T
// after every addition, as in TF.
template <bool kWhole, typename T>
HWY_INLINE void MaxWindow(const Pool& p, Range rd, Range rh, Range rw, const T* x, const T* dy,
                          T* dx, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  auto place = hn::Zero(di);
  auto best = hn::Zero(d);
  int32_t at = 0;
  for (int64_t a = rd.first; a < rd.first + rd.count; ++a) {
    for (int64_t b = rh.first; b < rh.first + rh.count; ++b) {
      const T* v = x + ((a * p.h.in + b) * p.w.in + rw.first) * p.channels;
      for (int64_t e = 0; e < rw.count; ++e, ++at, v += p.channels) {
        const auto value = Load<kWhole>(d, v, n);
        if (at == 0) {
          best = value;
          continue;
        }
        const auto more = hn::Lt(best, value);
        best = hn::IfThenElse(more, value, best);
        place = hn::IfThenElse(hn::RebindMask(di, more), hn::Set(di, at), place);
      }
    }
  }
  const auto gradient = Load<kWhole>(d, dy, n);
  at = 0;
  for (int64_t a = rd.first; a < rd.first + rd.count; ++a) {
    for (int64_t b = rh.first; b < rh.first + rh.count; ++b) {
      T* to = dx + ((a * p.h.in + b) * p.w.in + rw.first) * p.channels;
      for (int64_t e = 0; e < rw.count; ++e, ++at, to += p.channels) {
        const auto here = hn::RebindMask(d, hn::Eq(place, hn::Set(di, at)));
        const auto old = Load<kWhole>(d, to, n);
        Store<kWhole>(hn::IfThenElse(here, hn::Add(old, gradient), old), d, to, n);
      }
    }
  }
}

template <typename T>
HWY_INLINE void ImageMax(const Pool& p, const T* x, const T* dy, T* dx) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t c = p.channels;
  std::memset(static_cast<void*>(dx), 0, static_cast<size_t>(p.in_image()) * sizeof(T));
  for (int64_t od = 0; od < p.d.out; ++od) {
    const Range rd = Taps(p.d, od);
    for (int64_t oh = 0; oh < p.h.out; ++oh) {
      const Range rh = Taps(p.h, oh);
      for (int64_t ow = 0; ow < p.w.out; ++ow, dy += c) {
        const Range rw = Taps(p.w, ow);
        if (rd.count * rh.count * rw.count == 0) continue;  // the window lies in the padding
        int64_t k = 0;
        for (; k + lanes <= c; k += lanes) {
          MaxWindow<true>(p, rd, rh, rw, x + k, dy + k, dx + k, 0);
        }
        if (k < c) {
          const auto n = static_cast<size_t>(c - k);
          MaxWindow<false>(p, rd, rh, rw, x + k, dy + k, dx + k, n);
        }
      }
    }
  }
}

void MaxImageF32(const Pool& p, const float* x, const float* dy, float* dx) {
  ImageMax(p, x, dy, dx);
}
#if HWY_TARGET != HWY_AVX3
void MaxImageF16(const Pool& p, const Half* x, const Half* dy, Half* dx) { ImageMax(p, x, dy, dx); }
void MaxImageBF16(const Pool& p, const BFloat16* x, const BFloat16* dy, BFloat16* dx) {
  ImageMax(p, x, dy, dx);
}
#endif

// Adds the sum of the shares of a column's windows, kVectors vectors of channels or n channels from
// `dy` and `dx` on, to the `count` pixels under it.
template <int kVectors, bool kWhole, typename T>
HWY_INLINE void AddShares(const Pool& p, Cover od, Cover oh, const T* dy, const T* scale, size_t n,
                          int64_t count, T* dx) {
  const hn::ScalableTag<T> d;
  constexpr auto kLanes = static_cast<int64_t>(hn::MaxLanes(d));
  const int64_t c = p.channels;
  hn::Vec<decltype(d)> share[kVectors];
  for (auto& v : share) v = hn::Zero(d);
  for (int64_t a = od.first; a < od.end; ++a) {
    for (int64_t b = oh.first; b < oh.end; ++b) {
      const int64_t at = (a * p.h.out + b) * p.w.out;
      const auto s = hn::Set(d, scale[at]);
      for (int v = 0; v < kVectors; ++v) {
        const T* const from = dy + at * c + v * kLanes;
        share[v] = hn::Add(share[v], hn::Mul(Load<kWhole>(d, from, n), s));
      }
    }
  }
  for (; count > 0; --count, dx += c) {
    for (int v = 0; v < kVectors; ++v) {
      T* const to = dx + v * kLanes;
      Store<kWhole>(hn::Add(Load<kWhole>(d, to, n), share[v]), d, to, n);
    }
  }
}

// A row stays in cache while windows are added to it.
template <typename T>
HWY_INLINE void RowAvg(const Pool& p, Cover od, Cover oh, const T* dy, const T* scale, T* dx) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const int64_t c = p.channels;
  std::memset(dx, 0, static_cast<size_t>(p.w.in * c) * sizeof(T));
  for (int64_t o = 0; o < p.w.out; ++o) {
    const Range taps = Taps(p.w, o);
    const T* const from = dy + o * c;
    T* const to = dx + taps.first * c;
    int64_t k = 0;
    for (; k + 4 * lanes <= c; k += 4 * lanes) {
      AddShares<4, true>(p, od, oh, from + k, scale + o, 0, taps.count, to + k);
    }
    for (; k + lanes <= c; k += lanes) {
      AddShares<1, true>(p, od, oh, from + k, scale + o, 0, taps.count, to + k);
    }
    if (k < c) {
      AddShares<1, false>(p, od, oh, from + k, scale + o, static_cast<size_t>(c - k), taps.count,
                          to + k);
    }
  }
}

void RowAvgF32(const Pool& p, Cover od, Cover oh, const float* dy, const float* scale, float* dx) {
  RowAvg(p, od, oh, dy, scale, dx);
}
#if HWY_TARGET != HWY_AVX3
void RowAvgF64(const Pool& p, Cover od, Cover oh, const double* dy, const double* scale,
               double* dx) {
  RowAvg(p, od, oh, dy, scale, dx);
}
#endif

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(MaxImageF32);
OPKIT_SIMD_EXPORT_TO_AVX2(MaxImageF16);
OPKIT_SIMD_EXPORT_TO_AVX2(MaxImageBF16);
OPKIT_SIMD_EXPORT_TO_AVX2(RowAvgF64);
OPKIT_SIMD_EXPORT(RowAvgF32);

void MaxImage(const Pool& p, const float* x, const float* dy, float* dx) {
  OPKIT_SIMD_CALL(MaxImageF32)(p, x, dy, dx);
}
void MaxImage(const Pool& p, const Half* x, const Half* dy, Half* dx) {
  OPKIT_SIMD_CALL(MaxImageF16)(p, x, dy, dx);
}
void MaxImage(const Pool& p, const BFloat16* x, const BFloat16* dy, BFloat16* dx) {
  OPKIT_SIMD_CALL(MaxImageBF16)(p, x, dy, dx);
}

void AverageRow(const Pool& p, Cover od, Cover oh, const float* dy, const float* scale, float* dx) {
  OPKIT_SIMD_CALL(RowAvgF32)(p, od, oh, dy, scale, dx);
}
void AverageRow(const Pool& p, Cover od, Cover oh, const double* dy, const double* scale,
                double* dx) {
  OPKIT_SIMD_CALL(RowAvgF64)(p, od, oh, dy, scale, dx);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
