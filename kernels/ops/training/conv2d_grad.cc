// Conv2DBackpropFilter and Conv2DBackpropInput where conv_filter.h and conv_input.h have no quicker
// way: im2col in blocks of output rows that stay in cache, and one matrix product a block. Grouped
// convolution, dilation, explicit padding, NHWC and NCHW. float16 and bfloat16 compute in float32
// and round once.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "math/window.h"
#include "opkit/op.h"
#include "opkit/pointwise.h"
#include "ops/training/conv_filter.h"
#include "ops/training/conv_input.h"
#include "ops/training/gemm.h"
#include "ops/training/layout.h"

namespace opkit {
namespace {

using training::Gemm;
using training::GemmArgs;
using training::kGemmScratch;

struct Conv {
  int64_t batch, channels, filters;     // of input; of output
  int64_t groups, in_group, out_group;  // channels and filters of one group
  WindowDim h, w;

  static constexpr int64_t kElements = 1 << 16;
  int64_t taps() const { return h.kernel * w.kernel; }
  int64_t patch() const { return taps() * in_group; }  // columns of im2col
  int64_t in_image() const { return h.in * w.in * channels; }
  int64_t out_image() const { return h.out * w.out * filters; }
  // Output rows whose patches fit a fraction of L2.
  int64_t block_rows() const {
    return std::clamp<int64_t>(kElements / std::max<int64_t>(1, patch() * w.out), 1,
                               std::max<int64_t>(1, h.out));
  }
  int64_t block_elements() const { return block_rows() * w.out * patch(); }
  // Small images are taken several at a time.
  int64_t block_images() const {
    if (block_rows() < h.out) return 1;
    return std::clamp<int64_t>(kElements / std::max<int64_t>(1, block_elements()), 1,
                               std::max<int64_t>(1, batch));
  }
  int64_t units() const {
    return (batch + block_images() - 1) / block_images() *
           ((h.out + block_rows() - 1) / block_rows());
  }
};

// Dimensions in NHWC order whatever the data format.
Shape Nhwc(const Shape& s, bool nchw) { return nchw ? Shape{s[0], s[2], s[3], s[1]} : s; }
Shape FromNhwc(const Shape& s, bool nchw) { return nchw ? Shape{s[0], s[3], s[1], s[2]} : s; }

// `in` and `out` are NHWC shapes of the convolution's input and of the gradient of its output,
// `filter` is HWIO.
Status Solve(const OpContext& ctx, const Shape& in, const Shape& filter, const Shape& out,
             Conv* c) {
  const bool nchw = ctx.attr_string("data_format") == "NCHW";
  const auto& strides = ctx.attr_ints("strides");
  const auto& dilations = ctx.attr_ints("dilations");
  const auto& explicit_paddings = ctx.attr_ints("explicit_paddings");
  if (strides.size() != 4) return Error("strides has %zu values, want 4", strides.size());
  if (dilations.size() != 4) return Error("dilations has %zu values, want 4", dilations.size());
  const size_t h = nchw ? 2 : 1, ch = nchw ? 1 : 3;
  if (strides[0] != 1 || strides[ch] != 1 || dilations[0] != 1 || dilations[ch] != 1) {
    return Error("strides and dilations have to be 1 for batch and channels");
  }
  const std::string& name = ctx.attr_string("padding");
  const Padding padding = name == "SAME"    ? Padding::kSame
                          : name == "VALID" ? Padding::kValid
                                            : Padding::kExplicit;
  if (padding == Padding::kExplicit) {
    if (explicit_paddings.size() != 8) {
      return Error("explicit_paddings has %zu values, want 8", explicit_paddings.size());
    }
    if (explicit_paddings[0] != 0 || explicit_paddings[1] != 0 || explicit_paddings[2 * ch] != 0 ||
        explicit_paddings[2 * ch + 1] != 0) {
      return Error("explicit_paddings have to be 0 for batch and channels");
    }
  } else if (!explicit_paddings.empty()) {
    return Error("explicit_paddings is only for padding EXPLICIT");
  }
  WindowDim* dims[] = {&c->h, &c->w};
  for (size_t i = 0; i < 2; ++i) {
    const int at = static_cast<int>(i);
    dims[i]->in = in[1 + at];
    dims[i]->kernel = filter[at];
    dims[i]->stride = strides[h + i];
    dims[i]->dilation = dilations[h + i];
    const bool given = padding == Padding::kExplicit;
    OPKIT_RETURN_IF_ERROR(SolveWindow(padding, given ? explicit_paddings[2 * (h + i)] : 0,
                                      given ? explicit_paddings[2 * (h + i) + 1] : 0,
                                      i == 0 ? "height" : "width", dims[i]));
  }
  if (in[0] != out[0] || out[1] != c->h.out || out[2] != c->w.out || out[3] != filter[3]) {
    return Error("out_backprop is %s, want %s (both in NHWC order)", out.str().c_str(),
                 Shape{in[0], c->h.out, c->w.out, filter[3]}.str().c_str());
  }
  if (filter[2] < 1) {
    return Error("filter is %s, want a depth of at least 1", filter.str().c_str());
  }
  c->batch = in[0];
  c->channels = in[3];
  c->filters = filter[3];
  c->in_group = filter[2];
  c->groups = c->channels / c->in_group;
  if (c->in_group * c->groups != c->channels || c->groups < 1 || c->filters % c->groups != 0) {
    return Error("input has %lld channels and the filter is %s: not a (grouped) convolution",
                 static_cast<long long>(c->channels), filter.str().c_str());
  }
  c->out_group = c->filters / c->groups;
  return {};
}

Status ShapeValues(const OpContext& ctx, int input, Shape* out) {
  for (const int64_t d : ctx.IntValues(input)) {
    if (d < 0) return Error("a size is negative: %lld", static_cast<long long>(d));
    out->push_back(d);
  }
  return {};
}

// Copies (kGather) a patch row out of the image, or adds it to the image.
template <bool kGather, typename T>
void MovePatch(const Conv& c, int64_t oh, int64_t ow, int64_t group, T* image, T* patch) {
  const int64_t n = c.in_group;
  const int64_t iw0 = c.w.start(ow);
  const int64_t row = c.w.in * c.channels;
  const bool dense = c.groups == 1 && c.w.dilation == 1 && iw0 >= 0 &&
                     iw0 + c.w.kernel <= c.w.in;  // the taps of a kernel row are contiguous
  for (int64_t kh = 0; kh < c.h.kernel; ++kh) {
    const int64_t ih = c.h.start(oh) + kh * c.h.dilation;
    T* line = patch + kh * c.w.kernel * n;
    if (ih < 0 || ih >= c.h.in) {
      if (kGather) std::fill_n(line, c.w.kernel * n, T(0));
      continue;
    }
    T* const from = image + ih * row + group * n;
    if (dense) {
      T* const at = from + iw0 * c.channels;
      if (kGather) {
        std::memcpy(line, at, static_cast<size_t>(c.w.kernel * n) * sizeof(T));
      } else {
        for (int64_t i = 0; i < c.w.kernel * n; ++i) at[i] += line[i];
      }
      continue;
    }
    for (int64_t kw = 0; kw < c.w.kernel; ++kw) {
      const int64_t iw = iw0 + kw * c.w.dilation;
      T* const to = line + kw * n;
      if (iw < 0 || iw >= c.w.in) {
        if (kGather) std::fill_n(to, n, T(0));
        continue;
      }
      T* const at = from + iw * c.channels;
      if (kGather) {
        std::memcpy(to, at, static_cast<size_t>(n) * sizeof(T));
      } else {
        for (int64_t i = 0; i < n; ++i) at[i] += to[i];
      }
    }
  }
}

// Output columns whose tap lies inside the row: iw = ow * stride + shift.
struct TapColumns {
  int64_t begin, end, shift;
};
TapColumns ColumnsOfTap(const WindowDim& w, int64_t tap) {
  const int64_t shift = tap * w.dilation - w.pad, inside = w.in - shift;
  const int64_t begin = shift >= 0 ? 0 : std::min((-shift + w.stride - 1) / w.stride, w.out);
  const int64_t end =
      inside <= 0 ? begin : std::clamp<int64_t>((inside - 1) / w.stride + 1, begin, w.out);
  return {begin, end, shift};
}

// Patches of output rows [oh0, oh1) as [tap, pixel], for one channel; taps lie `pitch` apart.
template <typename T>
void GatherTaps(const Conv& c, const T* image, int64_t oh0, int64_t oh1, int64_t pitch, T* taps) {
  const int64_t step = c.w.stride;
  for (int64_t kh = 0; kh < c.h.kernel; ++kh) {
    for (int64_t kw = 0; kw < c.w.kernel; ++kw, taps += pitch) {
      const auto [begin, end, shift] = ColumnsOfTap(c.w, kw);
      T* to = taps;
      for (int64_t oh = oh0; oh < oh1; ++oh, to += c.w.out) {
        const int64_t ih = c.h.start(oh) + kh * c.h.dilation;
        if (ih < 0 || ih >= c.h.in) {
          std::fill_n(to, c.w.out, T(0));
          continue;
        }
        const T* const row = image + ih * c.w.in;
        std::fill_n(to, begin, T(0));
        if (step == 1) {
          std::copy_n(row + begin + shift, end - begin, to + begin);
        } else {
          for (int64_t ow = begin; ow < end; ++ow) to[ow] = row[ow * step + shift];
        }
        std::fill_n(to + end, c.w.out - end, T(0));
      }
    }
  }
}

// Gradient of the filter from units [begin, end) of c.units().
template <typename T>
void FilterRange(const Conv& c, const T* x, const T* dy, int64_t begin, int64_t end, T* patches,
                 T* panel, T* dw) {
  const int64_t rows = c.block_rows(), images = c.block_images();
  const int64_t blocks = (c.h.out + rows - 1) / rows;
  const int64_t k = c.patch();
  for (int64_t u = begin; u < end; ++u) {
    const int64_t n0 = u / blocks * images, n1 = std::min(c.batch, n0 + images);
    const int64_t oh0 = (u % blocks) * rows, oh1 = std::min(c.h.out, oh0 + rows);
    const int64_t pixels = (oh1 - oh0) * c.w.out, all = (n1 - n0) * pixels;
    // With one channel a row of the image is a row of each tap's patches.
    const bool by_tap = c.channels == 1;
    for (int64_t g = 0; g < c.groups; ++g) {
      T* to = patches;
      for (int64_t n = n0; n < n1; ++n) {
        // Only read through: MovePatch<true> does not write the image.
        T* const image = const_cast<T*>(x) + n * c.in_image();
        if (by_tap) {
          GatherTaps(c, image, oh0, oh1, all, to);
          to += pixels;
          continue;
        }
        for (int64_t oh = oh0; oh < oh1; ++oh) {
          for (int64_t ow = 0; ow < c.w.out; ++ow, to += k) {
            MovePatch<true>(c, oh, ow, g, image, to);
          }
        }
      }
      const T* b = dy + n0 * c.out_image() + oh0 * c.w.out * c.filters + g * c.out_group;
      Gemm(GemmArgs<T>{k, c.out_group, all, patches, by_tap ? all : 1, by_tap ? 1 : k, b, c.filters,
                       dw + g * c.out_group, c.filters, true},
           panel);
    }
  }
}

template <typename T>
void FilterGrad(OpContext& ctx, const Conv& c, const T* x, const T* dy, T* dw) {
  if constexpr (std::is_same_v<T, float>) {
    if (c.groups == 1 && c.h.stride == 1 && c.w.stride == 1 &&
        training::FilterGradient(ctx, {c.channels, c.filters, c.h, c.w}, c.batch, x, dy, dw)) {
      return;
    }
  }
  const int64_t size = c.patch() * c.filters;
  std::fill_n(dw, size, T(0));
  const int64_t units = c.units(), block = c.block_images() * c.block_elements();
  const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(ctx.threads(), units));
  const int64_t own = (block + kGemmScratch + size + 15) / 16 * 16;
  T* const scratch = ctx.ScratchOf<T>(own * workers, 0);
  ctx.ParallelFor(workers, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      T* const mine = scratch + i * own;
      T* const sum = i == 0 ? dw : mine + block + kGemmScratch;
      if (i > 0) std::fill_n(sum, size, T(0));
      FilterRange(c, x, dy, units * i / workers, units * (i + 1) / workers, mine, mine + block,
                  sum);
    }
  });
  for (int64_t i = 1; i < workers; ++i) {
    const T* sum = scratch + i * own + block + kGemmScratch;
    for (int64_t j = 0; j < size; ++j) dw[j] += sum[j];
  }
}

// Adds patches of output rows [oh0, oh1), each a row of `taps()` for its pixel, to an image of one
// channel: tap by tap, whole rows at a time.
template <typename T>
void ScatterTaps(const Conv& c, int64_t oh0, int64_t oh1, const T* patches, T* image) {
  const int64_t step = c.w.stride, taps = c.taps();
  for (int64_t oh = oh0; oh < oh1; ++oh, patches += c.w.out * taps) {
    for (int64_t kh = 0; kh < c.h.kernel; ++kh) {
      const int64_t ih = c.h.start(oh) + kh * c.h.dilation;
      if (ih < 0 || ih >= c.h.in) continue;
      for (int64_t kw = 0; kw < c.w.kernel; ++kw) {
        const TapColumns inside = ColumnsOfTap(c.w, kw);
        const T* const from = patches + kh * c.w.kernel + kw;
        T* const to = image + ih * c.w.in + inside.shift;
        for (int64_t ow = inside.begin; ow < inside.end; ++ow) to[ow * step] += from[ow * taps];
      }
    }
  }
}

template <typename T>
void InputGrad(OpContext& ctx, const Conv& c, const T* w, const T* dy, T* dx) {
  const int64_t k = c.patch();
  if (c.filters == 0) {
    std::fill_n(dx, c.batch * c.in_image(), T(0));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (c.groups == 1 && c.h.stride == 1 && c.w.stride == 1 &&
        training::InputGradient(ctx, {c.channels, c.filters, c.h, c.w}, c.batch, w, dy, dx)) {
      return;
    }
  }
  // Filters transposed to [group, out_group, patch]: rows of the product's right side.
  T* const wt = ctx.ScratchOf<T>(k * c.filters, 0);
  for (int64_t g = 0; g < c.groups; ++g) {
    for (int64_t f = 0; f < c.out_group; ++f) {
      T* const to = wt + (g * c.out_group + f) * k;
      for (int64_t i = 0; i < k; ++i) to[i] = w[i * c.filters + g * c.out_group + f];
    }
  }
  const int64_t rows = c.block_rows();
  const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(ctx.threads(), c.batch));
  const int64_t own = (c.block_elements() + kGemmScratch + 15) / 16 * 16;
  T* const scratch = ctx.ScratchOf<T>(own * workers, 1);
  ctx.ParallelFor(workers, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      T* const patches = scratch + i * own;
      T* const panel = patches + c.block_elements();
      for (int64_t n = c.batch * i / workers; n < c.batch * (i + 1) / workers; ++n) {
        T* const image = dx + n * c.in_image();
        std::fill_n(image, c.in_image(), T(0));
        for (int64_t oh0 = 0; oh0 < c.h.out; oh0 += rows) {
          const int64_t oh1 = std::min(c.h.out, oh0 + rows);
          const int64_t pixels = (oh1 - oh0) * c.w.out;
          for (int64_t g = 0; g < c.groups; ++g) {
            const T* a = dy + n * c.out_image() + oh0 * c.w.out * c.filters + g * c.out_group;
            Gemm(GemmArgs<T>{pixels, k, c.out_group, a, c.filters, 1, wt + g * c.out_group * k, k,
                             patches, k, false},
                 panel);
            if (c.channels == 1) {
              ScatterTaps(c, oh0, oh1, patches, image);
              continue;
            }
            T* from = patches;
            for (int64_t oh = oh0; oh < oh1; ++oh) {
              for (int64_t ow = 0; ow < c.w.out; ++ow, from += k) {
                MovePatch<false>(c, oh, ow, g, image, from);
              }
            }
          }
        }
      }
    }
  });
}

// T's tensor as NHWC of the type that is computed in; `slot` of scratch when it has to be made.
template <typename T, typename W>
const W* Prepared(OpContext& ctx, int input, bool nchw, int slot) {
  const T* x = ctx.in<T>(input);
  const Shape& s = ctx.shape(input);
  if (nchw) {
    W* y = ctx.ScratchOf<W>(s.size(), slot);
    training::SwapInner(x, s[0], s[1], s[2] * s[3], y);
    return y;
  }
  if constexpr (std::is_same_v<T, W>) {
    return x;
  } else {
    W* y = ctx.ScratchOf<W>(s.size(), slot);
    ToFloat(x, y, static_cast<size_t>(s.size()));
    return y;
  }
}

template <typename T>
using Work = std::conditional_t<kIsNarrowFloat<T>, float, T>;

Status FilterShape(OpContext& ctx) {
  Shape filter;
  OPKIT_RETURN_IF_ERROR(ShapeValues(ctx, 1, &filter));
  ctx.SetShape(0, filter);
  return {};
}

Status RunFilter(OpContext& ctx) {
  const bool nchw = ctx.attr_string("data_format") == "NCHW";
  Conv c;
  const Shape& filter = ctx.out_shape(0);
  OPKIT_RETURN_IF_ERROR(Solve(ctx, Nhwc(ctx.shape(0), nchw), filter, Nhwc(ctx.shape(2), nchw), &c));
  if (filter.size() == 0) return {};
  return ctx.Visit(0, FloatingTypes{}, [&](auto tag) {
    using T = decltype(tag);
    using W = Work<T>;
    const W* x = Prepared<T, W>(ctx, 0, nchw, 1);
    const W* dy = Prepared<T, W>(ctx, 2, nchw, 2);
    if constexpr (std::is_same_v<T, W>) {
      FilterGrad<W>(ctx, c, x, dy, ctx.out<T>(0));
    } else {
      W* dw = ctx.ScratchOf<W>(filter.size(), 3);
      FilterGrad<W>(ctx, c, x, dy, dw);
      FromFloat(dw, ctx.out<T>(0), static_cast<size_t>(filter.size()));
    }
    return Status();
  });
}

Status InputShape(OpContext& ctx) {
  Shape in;
  OPKIT_RETURN_IF_ERROR(ShapeValues(ctx, 0, &in));
  if (in.rank() == 2) {  // only height and width are given
    const bool nchw = ctx.attr_string("data_format") == "NCHW";
    const Shape full{ctx.shape(2)[0], in[0], in[1], ctx.shape(1)[2]};
    in = FromNhwc(full, nchw);
  }
  if (in.rank() != 4) return Error("input_sizes has %d values, want 4 or 2", in.rank());
  ctx.SetShape(0, in);
  return {};
}

Status RunInput(OpContext& ctx) {
  const bool nchw = ctx.attr_string("data_format") == "NCHW";
  Conv c;
  const Shape& out = ctx.out_shape(0);
  const Shape in = Nhwc(out, nchw);
  OPKIT_RETURN_IF_ERROR(Solve(ctx, in, ctx.shape(1), Nhwc(ctx.shape(2), nchw), &c));
  if (out.size() == 0) return {};
  return ctx.Visit<float, double, Half, BFloat16, int32_t>(1, [&](auto tag) {
    using T = decltype(tag);
    using W = Work<T>;
    const W* dy = Prepared<T, W>(ctx, 2, nchw, 2);
    // The filter is HWIO in both formats. InputGrad uses slots 0 and 1, dy is in slot 2, so a
    // converted filter and a result that is converted afterwards share slot 3.
    const W* w = nullptr;
    constexpr bool kConverted = !std::is_same_v<T, W>;
    const int64_t extra = kConverted ? ctx.shape(1).size() : 0;
    const int64_t result = nchw || kConverted ? out.size() : 0;
    W* const more = ctx.ScratchOf<W>(extra + result, 3);
    if constexpr (std::is_same_v<T, W>) {
      w = ctx.in<T>(1);
    } else {
      ToFloat(ctx.in<T>(1), more, static_cast<size_t>(extra));
      w = more;
    }
    if constexpr (std::is_same_v<T, W>) {
      if (!nchw) {
        InputGrad<W>(ctx, c, w, dy, ctx.out<T>(0));
        return Status();
      }
    }
    W* const dx = more + extra;
    InputGrad<W>(ctx, c, w, dy, dx);
    if (nchw) {
      training::SwapInner(dx, in[0], in[1] * in[2], in[3], ctx.out<T>(0));
    } else if constexpr (!std::is_same_v<T, W>) {
      FromFloat(dx, ctx.out<T>(0), static_cast<size_t>(out.size()));
    }
    return Status();
  });
}

#define OPKIT_CONV_ATTRS                         \
  "strides: list(int)\n"                         \
  "use_cudnn_on_gpu: bool = true\n"              \
  "padding: string in {SAME, VALID, EXPLICIT}\n" \
  "explicit_paddings: list(int) = []\n"          \
  "data_format: string = NHWC in {NHWC, NCHW}\n" \
  "dilations: list(int) = [1, 1, 1, 1]\n"

OPKIT_OP(Conv2DBackpropFilter)
    .Signature(
        "input: T[_, _, _, _], filter_sizes: int32[4], out_backprop: T[_, _, _, _]"
        " -> output: T\n"
        "T in {floating}\n" OPKIT_CONV_ATTRS)
    .Shape(FilterShape)
    .ShapeFrom("filter_sizes")
    .Run(RunFilter);

OPKIT_OP(Conv2DBackpropInput)
    .Signature(
        "input_sizes: int32[n], filter: T[_, _, _, _], out_backprop: T[_, _, _, _]"
        " -> output: T\n"
        "T in {floating, int32}\n" OPKIT_CONV_ATTRS)
    .Shape(InputShape)
    .ShapeFrom("input_sizes")
    .Run(RunInput);

}  // namespace
}  // namespace opkit
