// Bilinear rows of float32 images: vectors along the channels. Multiplications and additions are
// not fused, so results equal TF's.
#include "math/simd.h"
#include "ops/image/crop.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::image::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
HWY_INLINE V Mix(V a, V b, V e, V f, V x, V y) {
  const auto upper = hn::Add(a, hn::Mul(hn::Sub(b, a), x));
  const auto lower = hn::Add(e, hn::Mul(hn::Sub(f, e), x));
  return hn::Add(upper, hn::Mul(hn::Sub(lower, upper), y));
}

template <class Tag>
HWY_INLINE hn::Vec<Tag> Blend(Tag d, const float* tl, const float* tr, const float* bl,
                              const float* br, hn::Vec<Tag> x, hn::Vec<Tag> y) {
  return Mix(hn::LoadU(d, tl), hn::LoadU(d, tr), hn::LoadU(d, bl), hn::LoadU(d, br), x, y);
}

HWY_INLINE float BlendOne(float a, float b, float e, float f, float x, float y) {
  const float upper = a + (b - a) * x;
  const float lower = e + (f - e) * x;
  return upper + (lower - upper) * y;
}

// Three channels by vectors of four; the last lane is the next pixel's, written later. Returns how
// many pixels are done: from the first that lies outside or whose vector would leave the image, the
// caller goes on.
HWY_INLINE int64_t ThreeChannels(const float* top, const float* bottom, float y_lerp,
                                 const Tap* taps, int64_t width, int64_t readable, float* out) {
  const hn::FixedTag<float, 4> d;
  const auto y = hn::Set(d, y_lerp);
  int64_t i = 0;
  for (; i + 1 < width && taps[i].inside && taps[i].high + 4 <= readable; ++i, out += 3) {
    const int64_t low = taps[i].low, high = taps[i].high;
    const auto x = hn::Set(d, taps[i].lerp);
    hn::StoreU(Blend(d, top + low, top + high, bottom + low, bottom + high, x, y), d, out);
  }
  return i;
}

// Two neighbouring pixels of one channel under each of two taps.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> Pairs(const float* row, const Tap* t) {
  const hn::FixedTag<float, 4> d;
  const hn::FixedTag<float, 2> two;
  return hn::Combine(d, hn::LoadU(two, row + t[1].low), hn::LoadU(two, row + t[0].low));
}

// One channel, four pixels at a time; returns how many are done.
HWY_INLINE int64_t OneChannel(const float* top, const float* bottom, float y_lerp, const Tap* taps,
                              int64_t width, float* out) {
  const hn::FixedTag<float, 4> d;
  const auto y = hn::Set(d, y_lerp);
  int64_t i = 0;
  for (; i + 4 <= width; i += 4) {
    const Tap* const t = taps + i;
    if (!(t[0].pair & t[1].pair & t[2].pair & t[3].pair)) break;
    HWY_ALIGN const float lerps[4] = {t[0].lerp, t[1].lerp, t[2].lerp, t[3].lerp};
    const auto x = hn::Load(d, lerps);
    const auto top01 = Pairs(top, t), top23 = Pairs(top, t + 2);
    const auto bottom01 = Pairs(bottom, t), bottom23 = Pairs(bottom, t + 2);
    const auto a = hn::ConcatEven(d, top23, top01), b = hn::ConcatOdd(d, top23, top01);
    const auto e = hn::ConcatEven(d, bottom23, bottom01);
    const auto f = hn::ConcatOdd(d, bottom23, bottom01);
    hn::StoreU(Mix(a, b, e, f, x, y), d, out + i);
  }
  return i;
}

void BilinearRow(const float* top, const float* bottom, float y_lerp, const Tap* taps,
                 int64_t width, int64_t depth, int64_t readable, float outside, float* out) {
  const hn::ScalableTag<float> d;
  const hn::FixedTag<float, 4> d4;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto y = hn::Set(d, y_lerp);
  const auto y4 = hn::Set(d4, y_lerp);
  for (int64_t i = 0; i < width; ++i, out += depth) {
    if (depth == 3) {
      const int64_t done = ThreeChannels(top, bottom, y_lerp, taps + i, width - i, readable, out);
      i += done;
      out += 3 * done;
    } else if (depth == 1) {
      const int64_t done = OneChannel(top, bottom, y_lerp, taps + i, width - i, out);
      i += done;
      out += done;
      if (i == width) break;
    }
    const Tap& t = taps[i];
    if (!t.inside) {
      for (int64_t c = 0; c < depth; ++c) out[c] = outside;
      continue;
    }
    const float *tl = top + t.low, *tr = top + t.high;
    const float *bl = bottom + t.low, *br = bottom + t.high;
    int64_t c = 0;
    const auto x = hn::Set(d, t.lerp);
    for (; c + lanes <= depth; c += lanes) {
      hn::StoreU(Blend(d, tl + c, tr + c, bl + c, br + c, x, y), d, out + c);
    }
    const auto x4 = hn::Set(d4, t.lerp);
    for (; c + 4 <= depth; c += 4) {
      hn::StoreU(Blend(d4, tl + c, tr + c, bl + c, br + c, x4, y4), d4, out + c);
    }
    for (; c < depth; ++c) out[c] = BlendOne(tl[c], tr[c], bl[c], br[c], t.lerp, y_lerp);
  }
}

}  // namespace opkit::image::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::image {

OPKIT_SIMD_EXPORT(BilinearRow);

void BilinearRowF32(const float* top, const float* bottom, float y_lerp, const Tap* taps,
                    int64_t width, int64_t depth, int64_t readable, float outside, float* out) {
  OPKIT_SIMD_CALL(BilinearRow)(top, bottom, y_lerp, taps, width, depth, readable, outside, out);
}

}  // namespace opkit::image
#endif  // HWY_ONCE
