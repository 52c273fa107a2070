// Pooling gradients in float32, a vector of channels at a time: a window's state stays in
// registers, and the gradient of a maximum is added by masked vectors instead of scattered.
#include <algorithm>

#include "math/simd.h"
#include "ops/training/pool_grad.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;

template <bool kWhole>
HWY_INLINE V Load(D d, const float* p, size_t n) {
  return kWhole ? hn::LoadU(d, p) : hn::LoadN(d, p, n);
}

template <bool kWhole>
HWY_INLINE void Store(V v, D d, float* p, size_t n) {
  if (kWhole) {
    hn::StoreU(v, d, p);
  } else {
    hn::StoreN(v, d, p, n);
  }
}

// Channels [k, k + n) of one window. Places are counted within the window.
template <bool kWhole>
HWY_INLINE void MaxWindow(const Pool& p, Range rd, Range rh, Range rw, const float* x,
                          const float* dy, float* dx, size_t n) {
  const D d;
  const DI di;
  auto place = hn::Zero(di);
  auto best = hn::Zero(d);
  int32_t at = 0;
  for (int64_t a = rd.first; a < rd.first + rd.count; ++a) {
    for (int64_t b = rh.first; b < rh.first + rh.count; ++b) {
      const float* v = x + ((a * p.h.in + b) * p.w.in + rw.first) * p.channels;
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
      float* to = dx + ((a * p.h.in + b) * p.w.in + rw.first) * p.channels;
      for (int64_t e = 0; e < rw.count; ++e, ++at, to += p.channels) {
        const auto here = hn::RebindMask(d, hn::Eq(place, hn::Set(di, at)));
        const auto old = Load<kWhole>(d, to, n);
        Store<kWhole>(hn::IfThenElse(here, hn::Add(old, gradient), old), d, to, n);
      }
    }
  }
}

void MaxImage(const Pool& p, const float* x, const float* dy, float* dx) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t c = p.channels;
  for (int64_t i = 0; i < p.in_image(); ++i) dx[i] = 0.0f;
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

// The windows [first, end) that hold element i, for i from 0 upwards.
struct Cover {
  int64_t first = 0, end = 0;
  void MoveTo(const WindowDim& w, int64_t i) {
    while (end < w.out && w.start(end) <= i) ++end;
    while (first < end && w.start(first) + w.kernel <= i) ++first;
  }
};

// Some of the windows over a pixel: their gradients and one over their sizes.
template <typename T>
struct Windows {
  static constexpr int kMost = 32;
  const T* dy[kMost];
  T scale[kMost];
  int count = 0;
};

// dx = the sum of the windows' shares, added to dx unless they are the first.
template <typename T>
HWY_INLINE void AvgPixel(const Windows<T>& windows, bool more, int64_t c, T* dx) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto share = [&](int i, auto dy)
                         HWY_ATTR { return hn::Mul(dy, hn::Set(d, windows.scale[i])); };
  int64_t k = 0;
  for (; k + 2 * lanes <= c; k += 2 * lanes) {
    auto a = more ? hn::LoadU(d, dx + k) : hn::Zero(d);
    auto b = more ? hn::LoadU(d, dx + k + lanes) : hn::Zero(d);
    for (int i = 0; i < windows.count; ++i) {
      a = hn::Add(a, share(i, hn::LoadU(d, windows.dy[i] + k)));
      b = hn::Add(b, share(i, hn::LoadU(d, windows.dy[i] + k + lanes)));
    }
    hn::StoreU(a, d, dx + k);
    hn::StoreU(b, d, dx + k + lanes);
  }
  for (; k < c; k += lanes) {
    const auto n = static_cast<size_t>(std::min(lanes, c - k));
    auto a = more ? hn::LoadN(d, dx + k, n) : hn::Zero(d);
    for (int i = 0; i < windows.count; ++i) {
      a = hn::Add(a, share(i, hn::LoadN(d, windows.dy[i] + k, n)));
    }
    hn::StoreN(a, d, dx + k, n);
  }
}

// Pixel by pixel, so that each is written once; in the order of windows, which is TF's.
template <typename T>
HWY_INLINE void AvgImage(const Pool& p, const T* dy, const T* scale, T* dx) {
  const int64_t c = p.channels;
  Cover cd;
  for (int64_t d = 0; d < p.d.in; ++d) {
    cd.MoveTo(p.d, d);
    Cover ch;
    for (int64_t h = 0; h < p.h.in; ++h) {
      ch.MoveTo(p.h, h);
      Cover cw;
      for (int64_t w = 0; w < p.w.in; ++w, dx += c) {
        cw.MoveTo(p.w, w);
        Windows<T> windows;
        bool more = false;
        for (int64_t od = cd.first; od < cd.end; ++od) {
          for (int64_t oh = ch.first; oh < ch.end; ++oh) {
            for (int64_t ow = cw.first; ow < cw.end; ++ow) {
              const int64_t at = (od * p.h.out + oh) * p.w.out + ow;
              if (windows.count == Windows<T>::kMost) {
                AvgPixel(windows, more, c, dx);
                more = true;
                windows.count = 0;
              }
              windows.dy[windows.count] = dy + at * c;
              windows.scale[windows.count++] = scale[at];
            }
          }
        }
        AvgPixel(windows, more, c, dx);
      }
    }
  }
}

void AvgImage32(const Pool& p, const float* dy, const float* scale, float* dx) {
  AvgImage(p, dy, scale, dx);
}
void AvgImage64(const Pool& p, const double* dy, const double* scale, double* dx) {
  AvgImage(p, dy, scale, dx);
}

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(MaxImage);
OPKIT_SIMD_EXPORT(AvgImage32);
OPKIT_SIMD_EXPORT(AvgImage64);

void MaxImageF32(const Pool& p, const float* x, const float* dy, float* dx) {
  OPKIT_SIMD_CALL(MaxImage)(p, x, dy, dx);
}
void AverageImage(const Pool& p, const float* dy, const float* scale, float* dx) {
  OPKIT_SIMD_CALL(AvgImage32)(p, dy, scale, dx);
}
void AverageImage(const Pool& p, const double* dy, const double* scale, double* dx) {
  OPKIT_SIMD_CALL(AvgImage64)(p, dy, scale, dx);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
