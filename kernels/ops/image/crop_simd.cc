// Bilinear rows of float32 images: vectors along the channels. Multiplications and additions are
// not fused, so results equal TF's.
#include "math/simd.h"
#include "ops/image/crop.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::image::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Tag>
HWY_INLINE hn::Vec<Tag> Blend(Tag d, const float* tl, const float* tr, const float* bl,
                              const float* br, hn::Vec<Tag> x, hn::Vec<Tag> y) {
  const auto a = hn::LoadU(d, tl), b = hn::LoadU(d, tr);
  const auto e = hn::LoadU(d, bl), f = hn::LoadU(d, br);
  const auto upper = hn::Add(a, hn::Mul(hn::Sub(b, a), x));
  const auto lower = hn::Add(e, hn::Mul(hn::Sub(f, e), x));
  return hn::Add(upper, hn::Mul(hn::Sub(lower, upper), y));
}

HWY_INLINE float BlendOne(float a, float b, float e, float f, float x, float y) {
  const float upper = a + (b - a) * x;
  const float lower = e + (f - e) * x;
  return upper + (lower - upper) * y;
}

void BilinearRow(const float* top, const float* bottom, float y_lerp, const Tap* taps,
                 int64_t width, int64_t depth, int64_t readable, float outside, float* out) {
  const hn::ScalableTag<float> d;
  const hn::FixedTag<float, 4> d4;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto y = hn::Set(d, y_lerp);
  const auto y4 = hn::Set(d4, y_lerp);
  for (int64_t i = 0; i < width; ++i, out += depth) {
    const Tap& t = taps[i];
    if (!t.inside) {
      for (int64_t c = 0; c < depth; ++c) out[c] = outside;
      continue;
    }
    const float *tl = top + t.low, *tr = top + t.high;
    const float *bl = bottom + t.low, *br = bottom + t.high;
    int64_t c = 0;
    // Three channels by one vector of four; the last lane is the next pixel's, written later.
    if (depth == 3 && i + 1 < width && t.high + 4 <= readable) {
      hn::StoreU(Blend(d4, tl, tr, bl, br, hn::Set(d4, t.lerp), y4), d4, out);
      continue;
    }
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
