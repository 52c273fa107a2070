// MaxPool3D and AvgPool3D.
//
// float32 and float64 are pooled as they are; float16 and bfloat16 in float32 with one rounding at
// the end. Quantized maximum is exact and then, where input and output quantization
// differ, mapped through a table; the quantized mean is the float32 mean of the stored integers
// minus the zero point, times the ratio of the scales, rounded to nearest even. Where both
// quantizations agree, and TFLite's pooling has no other case, integers give the same.
#include "ops/pool3d/pool3d.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "opkit/op.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

using pool3d::Geometry;
using pool3d::Kind;

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
    const size_t at = static_cast<size_t>(first) + static_cast<size_t>(i);
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

// Per-node state: what shapes and attributes decide.
struct Plan {
  Geometry geometry;
};

Status Prepare(OpContext& ctx) { return Solve(ctx, &ctx.state<Plan>().geometry); }

Status PoolAll(OpContext& ctx, const Geometry& g, Kind kind, const void* x, void* y) {
  const pool3d::Passes& passes = pool3d::GetPasses(kind);
  const int64_t units = g.units(), own = pool3d::ScratchBytes(g, passes);
  const int64_t workers = std::min<int64_t>(ctx.threads(), units);
  char* const scratch = ctx.ScratchOf<char>(own * workers, 0);
  ctx.ParallelFor(workers, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      pool3d::Pool(g, passes, x, y, units * i / workers, units * (i + 1) / workers,
                   scratch + i * own);
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

bool SameQuantization(const OpContext& ctx) {
  const QuantParams in = ctx.quant_in(0), out = ctx.quant_out(0);
  return in.scale == out.scale && in.zero_point == out.zero_point;
}

// Requantizes in place; the identity when both quantizations agree.
template <typename T>
void Requantize(OpContext& ctx, T* y, int64_t n) {
  if (SameQuantization(ctx)) return;
  const QuantParams in = ctx.quant_in(0), out = ctx.quant_out(0);
  const float ratio = in.scale / out.scale;
  for (int64_t i = 0; i < n; ++i) {
    const float real = static_cast<float>(y[i] - in.zero_point) * ratio;
    y[i] = static_cast<T>(Saturate<T>(real + static_cast<float>(out.zero_point)));
  }
}

// y[i] = fn(x[i]), as a function of arrays.
template <typename Fn>
auto Each(Fn fn) {
  return [fn](const auto* x, auto* y, size_t n) {
    for (size_t i = 0; i < n; ++i) y[i] = fn(x[i]);
  };
}

// Pools `T` through float32; `from` and `to` convert arrays.
template <typename T, typename From, typename To>
Status PoolThroughFloat(OpContext& ctx, const Geometry& g, Kind kind, From from, To to) {
  const int64_t in_size = ctx.shape(0).size(), out_size = ctx.out_shape(0).size();
  const T* x = ctx.in<T>(0);
  T* y = ctx.out<T>(0);
  float* fx = ctx.ScratchOf<float>(in_size, 1);
  float* fy = ctx.ScratchOf<float>(out_size, 2);
  ctx.ParallelFor(in_size, 1 << 14,
                  [&](int64_t b, int64_t e) { from(x + b, fx + b, static_cast<size_t>(e - b)); });
  OPKIT_RETURN_IF_ERROR(PoolAll(ctx, g, kind, fx, fy));
  ctx.ParallelFor(out_size, 1 << 14,
                  [&](int64_t b, int64_t e) { to(fy + b, y + b, static_cast<size_t>(e - b)); });
  return {};
}

// The pooling that takes T as it is.
template <typename T>
constexpr Kind KindOf(bool mean) {
  if constexpr (std::is_same_v<T, float>) return mean ? pool3d::kAvgF32 : pool3d::kMaxF32;
  if constexpr (std::is_same_v<T, double>) return mean ? pool3d::kAvgF64 : pool3d::kMaxF64;
  if constexpr (std::is_same_v<T, Half>) return mean ? pool3d::kAvgF16 : pool3d::kMaxF16;
  if constexpr (std::is_same_v<T, BFloat16>) return mean ? pool3d::kAvgBF16 : pool3d::kMaxBF16;
  if constexpr (std::is_same_v<T, int8_t>) return mean ? pool3d::kAvgI8 : pool3d::kMaxI8;
  return mean ? pool3d::kAvgU8 : pool3d::kMaxU8;
}

using PoolTypes = TypeList<float, double, Half, BFloat16, int8_t, uint8_t, int16_t>;

Status RunMax(OpContext& ctx) {
  const Geometry& g = ctx.state<Plan>().geometry;
  const int64_t out_size = ctx.out_shape(0).size();
  if (out_size == 0) return {};
  return ctx.Visit(0, PoolTypes{}, [&](auto tag) -> Status {
    using T = decltype(tag);
    if constexpr (std::is_same_v<T, int16_t>) {  // exact in float32
      OPKIT_RETURN_IF_ERROR(PoolThroughFloat<T>(ctx, g, pool3d::kMaxF32,
                                                Each([](T v) { return static_cast<float>(v); }),
                                                Each([](float v) { return static_cast<T>(v); })));
    } else {
      OPKIT_RETURN_IF_ERROR(PoolAll(ctx, g, KindOf<T>(false), ctx.raw(0), ctx.out_raw(0)));
    }
    if constexpr (std::is_integral_v<T>) Requantize<T>(ctx, ctx.out<T>(0), out_size);
    return {};
  });
}

Status RunAvg(OpContext& ctx) {
  const Geometry& g = ctx.state<Plan>().geometry;
  if (ctx.out_shape(0).size() == 0) return {};
  return ctx.Visit(0, PoolTypes{}, [&](auto tag) -> Status {
    using T = decltype(tag);
    if constexpr (!std::is_integral_v<T>) {
      return PoolAll(ctx, g, KindOf<T>(true), ctx.raw(0), ctx.out_raw(0));
    } else {
      if constexpr (sizeof(T) == 1) {
        const int64_t plane = std::min(g.h.kernel, g.h.in) * std::min(g.w.kernel, g.w.in);
        if (SameQuantization(ctx) &&
            plane <= pool3d::kMaxByteWindow / std::min(g.d.kernel, g.d.in)) {
          return PoolAll(ctx, g, KindOf<T>(true), ctx.raw(0), ctx.out_raw(0));
        }
      }
      const QuantParams in = ctx.quant_in(0), out = ctx.quant_out(0);
      const float ratio = in.scale / out.scale;
      const auto offset = static_cast<float>(out.zero_point);
      return PoolThroughFloat<T>(ctx, g, pool3d::kAvgF32,
                                 Each([in](T v) { return static_cast<float>(v - in.zero_point); }),
                                 Each([ratio, offset](float v) {
                                   return static_cast<T>(Saturate<T>(v * ratio + offset));
                                 }));
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
    .State<Plan>()
    .Shape(PoolShape)
    .Prepare(Prepare)
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
    .State<Plan>()
    .Shape(PoolShape)
    .Prepare(Prepare)
    .Run(RunAvg);

}  // namespace
}  // namespace opkit
