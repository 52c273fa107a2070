// CropAndResize: crops boxes out of images and resizes each to one size.
//
// Sampling positions are computed once a box, for rows and columns, with TF's float expressions.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "opkit/op.h"
#include "opkit/pointwise.h"
#include "ops/image/crop.h"

namespace opkit {
namespace {

using image::Tap;

Status CropShape(OpContext& ctx) {
  const Shape& image = ctx.shape(0);
  if (image[1] < 1 || image[2] < 1) {
    return Error("image of shape %s has no pixels", image.str().c_str());
  }
  const int32_t* size = ctx.in<int32_t>(3);
  if (size[0] < 1 || size[1] < 1) {
    return Error("crop_size is [%d, %d], want positive sizes", size[0], size[1]);
  }
  ctx.SetShape(0, Shape{ctx.shape(1)[0], size[0], size[1], image[3]});
  return {};
}

void FillTaps(float begin, float end, int64_t in_size, int64_t out_size, int64_t pitch,
              bool nearest, Tap* taps) {
  const auto span = static_cast<float>(in_size - 1);
  const float scale = out_size > 1 ? (end - begin) * span / static_cast<float>(out_size - 1) : 0.0f;
  for (int64_t i = 0; i < out_size; ++i) {
    const float at = out_size > 1 ? begin * span + static_cast<float>(i) * scale
                                  : static_cast<float>(0.5 * static_cast<double>(begin + end) *
                                                       static_cast<double>(span));
    Tap& t = taps[i];
    t.inside = at >= 0.0f && at <= span;  // false for NaN, which huge finite boxes can give
    t.pair = false;
    if (!t.inside) {
      t.low = t.high = 0;
      t.lerp = 0.0f;
      continue;
    }
    const float low = nearest ? std::round(at) : std::floor(at);
    t.low = static_cast<int64_t>(low) * pitch;
    t.high = nearest ? t.low : static_cast<int64_t>(std::ceil(at)) * pitch;
    t.lerp = at - low;
    t.pair = t.high == t.low + pitch;
  }
}

// depth > 0 fixes the number of channels at compile time.
template <int kDepth, typename T>
void BilinearRow(const T* top, const T* bottom, float y_lerp, const Tap* taps, int64_t width,
                 int64_t channels, float outside, float* out) {
  const int64_t depth = kDepth > 0 ? kDepth : channels;
  for (int64_t x = 0; x < width; ++x, out += depth) {
    const Tap& t = taps[x];
    if (!t.inside) {
      for (int64_t c = 0; c < depth; ++c) out[c] = outside;
      continue;
    }
    const T* const tl = top + t.low;
    const T* const tr = top + t.high;
    const T* const bl = bottom + t.low;
    const T* const br = bottom + t.high;
    const float x_lerp = t.lerp;
    for (int64_t c = 0; c < depth; ++c) {
      const auto a = static_cast<float>(tl[c]), b = static_cast<float>(tr[c]);
      const auto d = static_cast<float>(bl[c]), e = static_cast<float>(br[c]);
      const float upper = a + (b - a) * x_lerp;
      const float lower = d + (e - d) * x_lerp;
      out[c] = upper + (lower - upper) * y_lerp;
    }
  }
}

template <typename T>
void NearestRow(const T* row, const Tap* taps, int64_t width, int64_t depth, float outside,
                float* out) {
  for (int64_t x = 0; x < width; ++x, out += depth) {
    if (!taps[x].inside) {
      for (int64_t c = 0; c < depth; ++c) out[c] = outside;
      continue;
    }
    const T* const from = row + taps[x].low;
    for (int64_t c = 0; c < depth; ++c) out[c] = static_cast<float>(from[c]);
  }
}

struct Crop {
  int64_t height, width, depth, crop_height, crop_width;
  float outside;
  bool nearest;
};

template <typename T>
void CropRow(const Crop& g, const T* pixels, const Tap& ty, const Tap* columns, float* out) {
  if (!ty.inside) {
    for (int64_t i = 0; i < g.crop_width * g.depth; ++i) out[i] = g.outside;
    return;
  }
  if (g.nearest) {
    NearestRow<T>(pixels + ty.low, columns, g.crop_width, g.depth, g.outside, out);
    return;
  }
  const T* const top = pixels + ty.low;
  const T* const bottom = pixels + ty.high;
  if constexpr (std::is_same_v<T, float>) {
    const int64_t readable = g.height * g.width * g.depth - ty.high;
    image::BilinearRowF32(top, bottom, ty.lerp, columns, g.crop_width, g.depth, readable, g.outside,
                          out);
  } else if (g.depth == 3) {
    BilinearRow<3, T>(top, bottom, ty.lerp, columns, g.crop_width, 3, g.outside, out);
  } else {
    BilinearRow<0, T>(top, bottom, ty.lerp, columns, g.crop_width, g.depth, g.outside, out);
  }
}

// Sampling positions of every box: its rows, then its columns.
struct Boxes {
  int64_t count;
  const Tap* taps;
  const int32_t* image;
};

template <typename T>
void CropAll(OpContext& ctx, const Crop& g, const Boxes& boxes, const T* x) {
  float* const y = ctx.out<float>(0);
  const int64_t per_box = g.crop_height + g.crop_width;
  const int64_t pixels = g.height * g.width * g.depth, row = g.crop_width * g.depth;
  const int64_t grain = 1 + (1 << 14) / row;
  ctx.ParallelFor(boxes.count * g.crop_height, grain, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t b = u / g.crop_height, r = u % g.crop_height;
      const Tap* const mine = boxes.taps + b * per_box;
      CropRow<T>(g, x + boxes.image[b] * pixels, mine[r], mine + g.crop_height, y + u * row);
    }
  });
}

Status Run(OpContext& ctx) {
  const Shape& image = ctx.shape(0);
  const Shape& out = ctx.out_shape(0);
  const int64_t boxes = out[0];
  const float* box = ctx.in<float>(1);
  const int32_t* index = ctx.in<int32_t>(2);
  for (int64_t b = 0; b < boxes; ++b) {
    if (index[b] < 0 || index[b] >= image[0]) {
      return Error("box_ind[%lld] is %d, outside [0, %lld)", static_cast<long long>(b), index[b],
                   static_cast<long long>(image[0]));
    }
    for (int k = 0; k < 4; ++k) {
      if (!std::isfinite(box[4 * b + k])) {
        return Error("boxes[%lld, %d] is not finite", static_cast<long long>(b), k);
      }
    }
  }
  if (out.size() == 0) return {};
  const Crop g = {image[1],
                  image[2],
                  image[3],
                  out[1],
                  out[2],
                  ctx.attr_float("extrapolation_value"),
                  ctx.attr_string("method") == "nearest"};
  // Taps of all boxes first, so that rows of all boxes can be split among threads.
  const int64_t per_box = g.crop_height + g.crop_width;
  Tap* const taps = ctx.ScratchOf<Tap>(boxes * per_box);
  for (int64_t b = 0; b < boxes; ++b) {
    const float* at = box + 4 * b;
    Tap* const rows = taps + b * per_box;
    FillTaps(at[0], at[2], g.height, g.crop_height, g.width * g.depth, g.nearest, rows);
    FillTaps(at[1], at[3], g.width, g.crop_width, g.depth, g.nearest, rows + g.crop_height);
  }
  // Elements are taken as float32 one by one; all of them first, where crops read them often.
  const bool widen = 4 * out.size() >= image.size();
  const TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, int8_t, int16_t, int32_t,
                 int64_t>
      types;
  return ctx.Visit(0, types, [&](auto tag) {
    using T = decltype(tag);
    const Boxes all = {boxes, taps, index};
    if (std::is_same_v<T, float> || !widen) {
      CropAll<T>(ctx, g, all, ctx.in<T>(0));
    } else {
      float* const wide = ctx.ScratchOf<float>(image.size(), 1);
      ToFloat(ctx.in<T>(0), wide, static_cast<size_t>(image.size()));
      CropAll<float>(ctx, g, all, wide);
    }
    return Status();
  });
}

OPKIT_OP(CropAndResize)
    .Signature(R"(
      image: T[b, h, w, c], boxes: float32[n, 4], box_ind: int32[n], crop_size: int32[2]
        -> crops: float32
      T in {uint8, uint16, int8, int16, int32, int64, floating}
      method: string = bilinear in {bilinear, nearest}
      extrapolation_value: float = 0
    )")
    .Shape(CropShape)
    .ShapeFrom("crop_size")
    .Run(Run);

}  // namespace
}  // namespace opkit
