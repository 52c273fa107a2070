// MaxPoolGrad, AvgPoolGrad, MaxPool3DGrad and AvgPool3DGrad.
//
// 2-D pooling is 3-D pooling over a depth of 1, and NCHW is batch * channels images with one
// channel, so one loop serves all. MaxPoolGrad sends the gradient to the first largest element of
// each window, as TF does; MaxPool3DGrad to every element within 1e-5 of the maximum, as TF does.
#include "ops/training/pool_grad.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "math/window.h"
#include "opkit/op.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

using training::Pool;
using training::Range;
using training::Taps;

// `shape` is the pooled tensor's shape, rank 4 or 5; *out gets the shape of the pooling's result.
Status Solve(const OpContext& ctx, const Shape& shape, Pool* p, Shape* out) {
  const int rank = shape.rank();
  const std::string& format = ctx.attr_string("data_format");
  const bool last = format == "NHWC" || format == "NDHWC";
  const int first = last ? 1 : 2, ch = last ? rank - 1 : 1;
  const auto& ksize = ctx.attr_ints("ksize");
  const auto& strides = ctx.attr_ints("strides");
  if (ksize.size() != static_cast<size_t>(rank) || strides.size() != ksize.size()) {
    return Error("ksize and strides have %zu and %zu values, want %d", ksize.size(), strides.size(),
                 rank);
  }
  const auto c = static_cast<size_t>(ch);
  if (ksize[0] != 1 || strides[0] != 1 || ksize[c] != 1 || strides[c] != 1) {
    return Error("ksize and strides have to be 1 for batch and channels");
  }
  const std::string& name = ctx.attr_string("padding");
  const Padding padding = name == "SAME"    ? Padding::kSame
                          : name == "VALID" ? Padding::kValid
                                            : Padding::kExplicit;
  std::vector<int64_t> pads;
  if (padding == Padding::kExplicit) {
    pads = ctx.attr_ints("explicit_paddings");
    if (pads.size() != 2 * ksize.size()) {
      return Error("explicit_paddings has %zu values, want %zu", pads.size(), 2 * ksize.size());
    }
    if (pads[0] != 0 || pads[1] != 0 || pads[2 * c] != 0 || pads[2 * c + 1] != 0) {
      return Error("explicit_paddings have to be 0 for batch and channels");
    }
  }
  WindowDim* dims[] = {&p->d, &p->h, &p->w};
  const char* names[] = {"depth", "height", "width"};
  p->d.in = p->d.out = 1;
  *out = shape;
  for (int i = rank - 2; i > 0; --i) {
    const int axis = first + i - 1;
    const auto a = static_cast<size_t>(axis);
    WindowDim* dim = dims[3 - (rank - 2) + i - 1];
    dim->in = shape[axis];
    dim->kernel = ksize[a];
    dim->stride = strides[a];
    const bool given = !pads.empty();
    OPKIT_RETURN_IF_ERROR(SolveWindow(padding, given ? pads[2 * a] : 0, given ? pads[2 * a + 1] : 0,
                                      names[dim == dims[0] ? 0 : (dim == dims[1] ? 1 : 2)], dim));
    if (given && (pads[2 * a] >= dim->kernel || pads[2 * a + 1] >= dim->kernel)) {
      return Error("a padding of %lld or more is as large as the window",
                   static_cast<long long>(dim->kernel));
    }
    (*out)[axis] = dim->out;
  }
  p->batch = last ? shape[0] : shape[0] * shape[1];
  p->channels = last ? shape[ch] : 1;
  return {};
}

// Calls f(first, count for d, h, w, index of the output element's first channel) a window.
template <typename F>
void ForWindows(const Pool& p, F&& f) {
  int64_t at = 0;
  for (int64_t od = 0; od < p.d.out; ++od) {
    const Range d = Taps(p.d, od);
    for (int64_t oh = 0; oh < p.h.out; ++oh) {
      const Range h = Taps(p.h, oh);
      for (int64_t ow = 0; ow < p.w.out; ++ow, at += p.channels) f(d, h, Taps(p.w, ow), at);
    }
  }
}

// One image. best and place have p.channels elements. Nine types have this loop and none is met in
// training: made small.
template <typename T>
[[gnu::cold, gnu::noinline]] void MaxImage(const Pool& p, const T* x, const T* dy, T* dx, T* best,
                                           int32_t* place) {
  const int64_t c = p.channels;
  std::fill_n(dx, p.in_image(), T(0));
  ForWindows(p, [&](Range d, Range h, Range w, int64_t at) {
    bool first = true;
    for (int64_t a = d.first; a < d.first + d.count; ++a) {
      for (int64_t b = h.first; b < h.first + h.count; ++b) {
        for (int64_t e = w.first; e < w.first + w.count; ++e) {
          const int64_t pixel = (a * p.h.in + b) * p.w.in + e;
          const T* const v = x + pixel * c;
          const auto id = static_cast<int32_t>(pixel);
          if (first) {
            std::copy_n(v, c, best);
            std::fill_n(place, c, id);
            first = false;
            continue;
          }
          for (int64_t k = 0; k < c; ++k) {
            const bool more = best[k] < v[k];
            best[k] = more ? v[k] : best[k];
            place[k] = more ? id : place[k];
          }
        }
      }
    }
    if (first) return;  // the window lies in the padding
    for (int64_t k = 0; k < c; ++k) {
      T& to = dx[place[k] * c + k];
      to = static_cast<T>(to + dy[at + k]);
    }
  });
}

// TF's 3-D rule: every element within 1e-5 of the window's maximum gets the whole gradient.
template <typename T>
void Max3DImage(const Pool& p, const T* x, const T* y, const T* dy, float* dx) {
  const int64_t c = p.channels;
  std::fill_n(dx, p.in_image(), 0.0f);
  ForWindows(p, [&](Range d, Range h, Range w, int64_t at) {
    for (int64_t a = d.first; a < d.first + d.count; ++a) {
      for (int64_t b = h.first; b < h.first + h.count; ++b) {
        for (int64_t e = w.first; e < w.first + w.count; ++e) {
          const int64_t base = ((a * p.h.in + b) * p.w.in + e) * c;
          for (int64_t k = 0; k < c; ++k) {
            const float difference =
                std::fabs(static_cast<float>(x[base + k]) - static_cast<float>(y[at + k]));
            dx[base + k] += difference < 1e-5f ? static_cast<float>(dy[at + k]) : 0.0f;
          }
        }
      }
    }
  });
}

// Runs image(n, scratch of that many bytes) for all images.
template <typename F>
void ForImages(OpContext& ctx, const Pool& p, int64_t bytes, F&& image) {
  const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(ctx.threads(), p.batch));
  const int64_t own = (bytes + 63) / 64 * 64;
  char* const scratch = ctx.ScratchOf<char>(own * workers, 1);
  ctx.ParallelFor(workers, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      for (int64_t n = p.batch * i / workers; n < p.batch * (i + 1) / workers; ++n) {
        image(n, scratch + i * own);
      }
    }
  });
}

Status CheckPooled(const char* name, const Shape& got, const Shape& want) {
  if (got == want) return {};
  return Error("%s is %s, want %s", name, got.str().c_str(), want.str().c_str());
}

using RealTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t>;

Status RunMaxGrad(OpContext& ctx) {
  Pool p = {};
  Shape pooled;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, ctx.shape(0), &p, &pooled));
  OPKIT_RETURN_IF_ERROR(CheckPooled("orig_output", ctx.shape(1), pooled));
  OPKIT_RETURN_IF_ERROR(CheckPooled("grad", ctx.shape(2), pooled));
  if (ctx.shape(0).size() == 0) return {};
  if (p.d.in * p.h.in * p.w.in > std::numeric_limits<int32_t>::max()) {
    return Error("an image of more than 2^31 pixels");
  }
  return ctx.Visit(0, RealTypes{}, [&](auto tag) {
    using T = decltype(tag);
    const T* x = ctx.in<T>(0);
    const T* dy = ctx.in<T>(2);
    T* const dx = ctx.out<T>(0);
    const int64_t in = p.in_image(), out = p.out_image();
    if constexpr (kIsNarrowFloat<T> || std::is_same_v<T, float>) {
      ForImages(ctx, p, 0, [&](int64_t n, char*) {
        training::MaxImage(p, x + n * in, dy + n * out, dx + n * in);
      });
    } else {
      const int64_t places = (p.channels * 4 + 63) / 64 * 64;
      const int64_t bytes = places + p.channels * static_cast<int64_t>(sizeof(T));
      ForImages(ctx, p, bytes, [&](int64_t n, char* mine) {
        MaxImage<T>(p, x + n * in, dy + n * out, dx + n * in, reinterpret_cast<T*>(mine + places),
                    reinterpret_cast<int32_t*>(mine));
      });
    }
    return Status();
  });
}

Status RunMax3DGrad(OpContext& ctx) {
  Pool p = {};
  Shape pooled;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, ctx.shape(0), &p, &pooled));
  OPKIT_RETURN_IF_ERROR(CheckPooled("orig_output", ctx.shape(1), pooled));
  OPKIT_RETURN_IF_ERROR(CheckPooled("grad", ctx.shape(2), pooled));
  if (ctx.shape(0).size() == 0) return {};
  return ctx.Visit<float, Half, BFloat16>(0, [&](auto tag) {
    using T = decltype(tag);
    const T *x = ctx.in<T>(0), *y = ctx.in<T>(1), *dy = ctx.in<T>(2);
    T* const dx = ctx.out<T>(0);
    const int64_t in = p.in_image(), out = p.out_image();
    const int64_t wide = kIsNarrowFloat<T> ? in * int64_t{sizeof(float)} : 0;
    ForImages(ctx, p, wide, [&](int64_t n, char* mine) {
      const auto add = [&](float* sums) {
        Max3DImage<T>(p, x + n * in, y + n * out, dy + n * out, sums);
      };
      if constexpr (kIsNarrowFloat<T>) {
        auto* const sums = reinterpret_cast<float*>(mine);
        add(sums);
        FromFloat(sums, dx + n * in, static_cast<size_t>(in));
      } else {
        add(dx + n * in);
      }
    });
    return Status();
  });
}

Status AvgGradShape(OpContext& ctx) {
  Shape out;
  for (const int64_t d : ctx.IntValues(0)) {
    if (d < 0)
      return Error("orig_input_shape has the negative size %lld", static_cast<long long>(d));
    out.push_back(d);
  }
  ctx.SetShape(0, out);
  return {};
}

// One over the size of each window of an image; of no use for one that lies in the padding.
template <typename T>
const T* Scales(OpContext& ctx, const Pool& p) {
  T* const scales = ctx.ScratchOf<T>(p.d.out * p.h.out * p.w.out, 2);
  T* to = scales;
  for (int64_t d = 0; d < p.d.out; ++d) {
    for (int64_t h = 0; h < p.h.out; ++h) {
      const int64_t rows = Taps(p.d, d).count * Taps(p.h, h).count;
      for (int64_t w = 0; w < p.w.out; ++w) {
        *to++ = T(1) / static_cast<T>(std::max<int64_t>(1, rows * Taps(p.w, w).count));
      }
    }
  }
  return scales;
}

// Rows under the same windows are computed once. `scratch`: room for the gradient and a row of a
// 16-bit float's result as float32.
template <typename T, typename S>
void AvgImage(const Pool& p, const T* dy, const S* scale, S* scratch, T* dx) {
  const int64_t width = p.w.in * p.channels;
  const S* wide;
  if constexpr (kIsNarrowFloat<T>) {
    ToFloat(dy, scratch, static_cast<size_t>(p.out_image()));
    wide = scratch;
  } else {
    wide = dy;
  }
  training::Cover od;
  for (int64_t d = 0; d < p.d.in; ++d) {
    od.MoveTo(p.d, d);
    training::Cover oh, before;
    for (int64_t h = 0; h < p.h.in; ++h, dx += width, before = oh) {
      oh.MoveTo(p.h, h);
      if (h > 0 && oh == before) {
        std::copy_n(dx - width, width, dx);
      } else if constexpr (kIsNarrowFloat<T>) {
        S* const row = scratch + p.out_image();
        training::AverageRow(p, od, oh, wide, scale, row);
        FromFloat(row, dx, static_cast<size_t>(width));
      } else {
        training::AverageRow(p, od, oh, wide, scale, dx);
      }
    }
  }
}

Status RunAvgGrad(OpContext& ctx) {
  Pool p = {};
  Shape pooled;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, ctx.out_shape(0), &p, &pooled));
  OPKIT_RETURN_IF_ERROR(CheckPooled("grad", ctx.shape(1), pooled));
  if (ctx.out_shape(0).size() == 0) return {};
  return ctx.Visit(1, FloatingTypes{}, [&](auto tag) {
    using T = decltype(tag);
    using S = std::conditional_t<kIsNarrowFloat<T>, float, T>;
    const T* dy = ctx.in<T>(1);
    T* const dx = ctx.out<T>(0);
    const S* const scale = Scales<S>(ctx, p);
    const int64_t in = p.in_image(), out = p.out_image();
    const int64_t wide = kIsNarrowFloat<T> ? out + p.w.in * p.channels : 0;
    ForImages(ctx, p, wide * int64_t{sizeof(S)}, [&](int64_t n, char* mine) {
      AvgImage<T, S>(p, dy + n * out, scale, reinterpret_cast<S*>(mine), dx + n * in);
    });
    return Status();
  });
}

OPKIT_OP(MaxPoolGrad)
    .Signature(R"(
      orig_input: T[_, _, _, _], orig_output: T[_, _, _, _], grad: T[_, _, _, _] -> output: T
      T in {floating, integral}
      ksize: list(int)[4]
      strides: list(int)[4]
      padding: string in {SAME, VALID, EXPLICIT}
      explicit_paddings: list(int) = []
      data_format: string = NHWC in {NHWC, NCHW}
    )")
    .Shape(SameAs<0>)
    .Run(RunMaxGrad);

OPKIT_OP(AvgPoolGrad)
    .Signature(R"(
      orig_input_shape: int32[4], grad: T[_, _, _, _] -> output: T
      T in {floating}
      ksize: list(int)[4]
      strides: list(int)[4]
      padding: string in {SAME, VALID}
      data_format: string = NHWC in {NHWC, NCHW}
    )")
    .Shape(AvgGradShape)
    .ShapeFrom("orig_input_shape")
    .Run(RunAvgGrad);

OPKIT_OP(MaxPool3DGrad)
    .Signature(R"(
      orig_input: T[_, _, _, _, _], orig_output: T[_, _, _, _, _], grad: T[_, _, _, _, _]
        -> output: T
      T in {float32, float16, bfloat16}
      ksize: list(int)[5]
      strides: list(int)[5]
      padding: string in {SAME, VALID}
      data_format: string = NDHWC in {NDHWC, NCDHW}
    )")
    .Shape(SameAs<0>)
    .Run(RunMax3DGrad);

OPKIT_OP(AvgPool3DGrad)
    .Signature(R"(
      orig_input_shape: int32[5], grad: T[_, _, _, _, _] -> output: T
      T in {floating}
      ksize: list(int)[5]
      strides: list(int)[5]
      padding: string in {SAME, VALID}
      data_format: string = NDHWC in {NDHWC, NCDHW}
    )")
    .Shape(AvgGradShape)
    .ShapeFrom("orig_input_shape")
    .Run(RunAvgGrad);

}  // namespace
}  // namespace opkit
