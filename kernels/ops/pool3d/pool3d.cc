// MaxPool3D and AvgPool3D.
//
// float32 and float64 are pooled as they are; float16 and bfloat16 through float32 with one
// rounding at the end. Quantized maximum is exact and then, where input and output quantization
// differ, mapped through a table; the quantized mean is the float32 mean of the stored integers
// minus the zero point, times the ratio of the scales, rounded to nearest even.
#include "ops/pool3d/pool3d.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "opkit/op.h"

namespace opkit {
namespace {

using pool3d::Geometry;
using pool3d::PoolFn;

Status Solve(const OpContext& ctx, Geometry* g) {
  const Shape& s = ctx.shape(0);
  const auto& ksize = ctx.attr_ints("ksize");
  const auto& strides = ctx.attr_ints("strides");
  const bool channels_last = ctx.attr_string("data_format") == "NDHWC";
  const int c = channels_last ? 4 : 1, first = channels_last ? 1 : 2;
  if (ksize[0] != 1 || strides[0] != 1 || ksize[static_cast<size_t>(c)] != 1 ||
      strides[static_cast<size_t>(c)] != 1) {
    return Error("ksize and strides have to be 1 for batch and channels");
  }
  WindowDim* dims[] = {&g->d, &g->h, &g->w};
  const char* names[] = {"depth", "height", "width"};
  const Padding padding = ctx.attr_string("padding") == "SAME" ? Padding::kSame : Padding::kValid;
  for (int i = 0; i < 3; ++i) {
    const auto at = static_cast<size_t>(first + i);
    dims[i]->in = s[first + i];
    dims[i]->kernel = ksize[at];
    dims[i]->stride = strides[at];
    OPKIT_RETURN_IF_ERROR(SolveWindow(padding, 0, 0, names[i], dims[i]));
  }
  g->batch = channels_last ? s[0] : s[0] * s[1];
  g->channels = channels_last ? s[4] : 1;
  return {};
}

Status PoolShape(OpContext& ctx) {
  Geometry g;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, &g));
  const Shape& s = ctx.shape(0);
  if (ctx.attr_string("data_format") == "NDHWC") {
    ctx.SetShape(0, Shape{s[0], g.d.out, g.h.out, g.w.out, s[4]});
  } else {
    ctx.SetShape(0, Shape{s[0], s[1], g.d.out, g.h.out, g.w.out});
  }
  return {};
}

// Scratch of all workers has to stay within what the address space holds.
Status CheckScratch(const Geometry& g, int64_t workers, int64_t element) {
  constexpr int64_t kLimit = int64_t{1} << 40;
  const double bytes = static_cast<double>(g.padded_width()) * 2.0 *
                           static_cast<double>(g.channels) * static_cast<double>(workers) *
                           static_cast<double>(element) +
                       static_cast<double>(g.plane()) * static_cast<double>(workers * element);
  if (bytes > static_cast<double>(kLimit)) return Error("the pooling window is too large");
  return {};
}

template <typename T>
Status PoolAll(OpContext& ctx, const Geometry& g, PoolFn<T> pool, const T* x, T* y) {
  const int64_t units = g.units();
  const int64_t workers = std::min<int64_t>(ctx.threads(), units);
  OPKIT_RETURN_IF_ERROR(CheckScratch(g, workers, sizeof(T)));
  T* const scratch = ctx.ScratchOf<T>(g.scratch() * workers, 0);
  ctx.ParallelFor(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      pool(g, x, y, units * i / workers, units * (i + 1) / workers, scratch + i * g.scratch());
    }
  });
  return {};
}

template <typename T>
int32_t Saturate(float v) {
  constexpr float lo = static_cast<float>(std::numeric_limits<T>::min());
  constexpr float hi = static_cast<float>(std::numeric_limits<T>::max());
  return static_cast<int32_t>(std::nearbyint(std::min(std::max(v, lo), hi)));
}

// Requantizes in place; the identity when both quantizations agree.
template <typename T>
void Requantize(OpContext& ctx, T* y, int64_t n) {
  const QuantParams in = ctx.quant_in(0), out = ctx.quant_out(0);
  if (in.scale == out.scale && in.zero_point == out.zero_point) return;
  const float ratio = in.scale / out.scale;
  for (int64_t i = 0; i < n; ++i) {
    const float real = static_cast<float>(y[i] - in.zero_point) * ratio;
    y[i] = static_cast<T>(Saturate<T>(real + static_cast<float>(out.zero_point)));
  }
}

// Pools `T` through float32; `from` and `to` convert one element.
template <typename T, typename From, typename To>
Status PoolThroughFloat(OpContext& ctx, const Geometry& g, PoolFn<float> pool, From from, To to) {
  const int64_t in_size = ctx.shape(0).size(), out_size = ctx.out_shape(0).size();
  const T* x = ctx.in<T>(0);
  T* y = ctx.out<T>(0);
  float* fx = ctx.ScratchOf<float>(in_size, 1);
  float* fy = ctx.ScratchOf<float>(out_size, 2);
  ctx.ParallelFor(in_size, 1 << 14, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) fx[i] = from(x[i]);
  });
  OPKIT_RETURN_IF_ERROR(PoolAll<float>(ctx, g, pool, fx, fy));
  ctx.ParallelFor(out_size, 1 << 14, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) y[i] = to(fy[i]);
  });
  return {};
}

template <typename T>
PoolFn<T> MaxFn() {
  if constexpr (std::is_same_v<T, float>) return pool3d::MaxPoolF32();
  if constexpr (std::is_same_v<T, double>) return pool3d::MaxPoolF64();
  if constexpr (std::is_same_v<T, int8_t>) return pool3d::MaxPoolI8();
  if constexpr (std::is_same_v<T, uint8_t>) return pool3d::MaxPoolU8();
}

template <typename T>
constexpr bool kIsNarrowFloat = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

using PoolTypes = TypeList<float, double, Half, BFloat16, int8_t, uint8_t, int16_t>;

Status RunMax(OpContext& ctx) {
  Geometry g;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, &g));
  const int64_t out_size = ctx.out_shape(0).size();
  if (out_size == 0) return {};
  return ctx.Visit(0, PoolTypes{}, [&](auto tag) -> Status {
    using T = decltype(tag);
    if constexpr (kIsNarrowFloat<T>) {
      return PoolThroughFloat<T>(
          ctx, g, pool3d::MaxPoolF32(), [](T v) { return static_cast<float>(v); },
          // TF's maximum starts at the type's own lowest value, not float32's.
          [](float v) {
            constexpr float lowest = std::is_same_v<T, Half> ? -65504.0f : -3.38953139e38f;
            return T(v < lowest ? lowest : v);
          });
    } else {
      if constexpr (std::is_same_v<T, int16_t>) {  // exact in float32
        OPKIT_RETURN_IF_ERROR(PoolThroughFloat<T>(
            ctx, g, pool3d::MaxPoolF32(), [](T v) { return static_cast<float>(v); },
            [](float v) { return static_cast<T>(v); }));
      } else {
        OPKIT_RETURN_IF_ERROR(PoolAll<T>(ctx, g, MaxFn<T>(), ctx.in<T>(0), ctx.out<T>(0)));
      }
      if constexpr (std::is_integral_v<T>) Requantize<T>(ctx, ctx.out<T>(0), out_size);
      return {};
    }
  });
}

Status RunAvg(OpContext& ctx) {
  Geometry g;
  OPKIT_RETURN_IF_ERROR(Solve(ctx, &g));
  if (ctx.out_shape(0).size() == 0) return {};
  return ctx.Visit(0, PoolTypes{}, [&](auto tag) -> Status {
    using T = decltype(tag);
    if constexpr (std::is_same_v<T, float>) {
      return PoolAll<T>(ctx, g, pool3d::AvgPoolF32(), ctx.in<T>(0), ctx.out<T>(0));
    } else if constexpr (std::is_same_v<T, double>) {
      return PoolAll<T>(ctx, g, pool3d::AvgPoolF64(), ctx.in<T>(0), ctx.out<T>(0));
    } else if constexpr (kIsNarrowFloat<T>) {
      return PoolThroughFloat<T>(
          ctx, g, pool3d::AvgPoolF32(), [](T v) { return static_cast<float>(v); },
          [](float v) { return T(v); });
    } else {
      const QuantParams in = ctx.quant_in(0), out = ctx.quant_out(0);
      const float ratio = in.scale / out.scale;
      const auto offset = static_cast<float>(out.zero_point);
      return PoolThroughFloat<T>(
          ctx, g, pool3d::AvgPoolF32(), [in](T v) { return static_cast<float>(v - in.zero_point); },
          [ratio, offset](float v) { return static_cast<T>(Saturate<T>(v * ratio + offset)); });
    }
  });
}

OPKIT_OP(MaxPool3D)
    .Signature(R"(
      input: T[b, _, _, _, _] -> output: T
      T in {floating, quantized}
      ksize: list(int)[5]
      strides: list(int)[5]
      padding: string in {SAME, VALID}
      data_format: string = NDHWC in {NDHWC, NCDHW}
    )")
    .Shape(PoolShape)
    .Run(RunMax);

OPKIT_OP(AvgPool3D)
    .Signature(R"(
      input: T[b, _, _, _, _] -> output: T
      T in {floating, quantized}
      ksize: list(int)[5]
      strides: list(int)[5]
      padding: string in {SAME, VALID}
      data_format: string = NDHWC in {NDHWC, NCDHW}
    )")
    .Shape(PoolShape)
    .Run(RunAvg);

}  // namespace
}  // namespace opkit
