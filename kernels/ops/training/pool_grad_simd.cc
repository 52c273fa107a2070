// Pooling gradients in float32, a vector of channels at a time: a window's state stays in
// registers, and gradients are added by masked vectors instead of scattered element by element.
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

template <bool kWhole>
HWY_INLINE void AvgWindow(const Pool& p, Range rd, Range rh, Range rw, const float* dy, float* dx,
                          float scale, size_t n) {
  const D d;
  const auto share = hn::Mul(Load<kWhole>(d, dy, n), hn::Set(d, scale));
  for (int64_t a = rd.first; a < rd.first + rd.count; ++a) {
    for (int64_t b = rh.first; b < rh.first + rh.count; ++b) {
      float* to = dx + ((a * p.h.in + b) * p.w.in + rw.first) * p.channels;
      for (int64_t e = 0; e < rw.count; ++e, to += p.channels) {
        Store<kWhole>(hn::Add(Load<kWhole>(d, to, n), share), d, to, n);
      }
    }
  }
}

template <bool kMax>
HWY_INLINE void Image(const Pool& p, const float* x, const float* dy, float* dx) {
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
        const int64_t count = rd.count * rh.count * rw.count;
        if (count == 0) continue;  // the window lies in the padding
        const float scale = 1.0f / static_cast<float>(count);
        int64_t k = 0;
        for (; k + lanes <= c; k += lanes) {
          if (kMax) {
            MaxWindow<true>(p, rd, rh, rw, x + k, dy + k, dx + k, 0);
          } else {
            AvgWindow<true>(p, rd, rh, rw, dy + k, dx + k, scale, 0);
          }
        }
        if (k < c) {
          const auto n = static_cast<size_t>(c - k);
          if (kMax) {
            MaxWindow<false>(p, rd, rh, rw, x + k, dy + k, dx + k, n);
          } else {
            AvgWindow<false>(p, rd, rh, rw, dy + k, dx + k, scale, n);
          }
        }
      }
    }
  }
}

void MaxImage(const Pool& p, const float* x, const float* dy, float* dx) {
  Image<true>(p, x, dy, dx);
}
void AvgImage(const Pool& p, const float* dy, float* dx) { Image<false>(p, dy, dy, dx); }

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(MaxImage);
OPKIT_SIMD_EXPORT(AvgImage);

void MaxImageF32(const Pool& p, const float* x, const float* dy, float* dx) {
  OPKIT_SIMD_CALL(MaxImage)(p, x, dy, dx);
}
void AvgImageF32(const Pool& p, const float* dy, float* dx) {
  OPKIT_SIMD_CALL(AvgImage)(p, dy, dx);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
