// The adjoint of F(2x2, 3x3) (see winograd_simd.cc) with respect to its filter: for a tile d of the
// input and e, 2x2 pixels of the gradient, G' [(A e A') * (B' d B)] G, which takes 16 products
// where the sum itself takes 36. G is linear: it is applied once, to the sums over all tiles, which
// are matrix products of [channel, tile] and [tile, filter].
#include <algorithm>

#include "math/simd.h"
#include "ops/training/gemm.h"
#include "ops/training/winograd.h"
#include "ops/training/winograd_filter.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = hn::MaxLanes(D());
constexpr int64_t kPoints = FilterWinograd::kPoints;

// A x of two values
HWY_INLINE void Expand(V a, V b, V* out) {
  out[0] = a;
  out[1] = hn::Add(a, b);
  out[2] = hn::Sub(a, b);
  out[3] = hn::Neg(b);
}

// A e A' of the 2x2 pixels from `in` on, of which `height` x `width` exist, to tile `tile` of
// `count` in panels of filters.
void GradientPoints(const FilterWinograd& g, const float* in, int64_t height, int64_t width,
                    int64_t tile, int64_t count, float* out) {
  const D d;
  const int64_t n = g.conv.filters, row_step = g.conv.w.out * n;
  for (int64_t f = 0; f < g.padded(); f += kLanes) {
    const int64_t left = std::max<int64_t>(0, n - f);
    const auto load = [&](int64_t i, int64_t j) HWY_ATTR {
      if (i >= height || j >= width) return hn::Zero(d);
      const float* const from = in + i * row_step + j * n + f;
      return left >= kLanes ? hn::LoadU(d, from) : hn::LoadN(d, from, static_cast<size_t>(left));
    };
    V down[2][4];
    Expand(load(0, 0), load(1, 0), down[0]);
    Expand(load(0, 1), load(1, 1), down[1]);
    const int64_t first = f / (2 * kLanes) * (2 * kLanes);
    const int64_t panel = std::min(2 * kLanes, g.padded() - first);
    float* to = out + first * count + tile * panel + (f - first);
    HWY_UNROLL(4)
    for (int64_t i = 0; i < 4; ++i) {
      V all[4];
      Expand(down[0][i], down[1][i], all);
      HWY_UNROLL(4)
      for (int64_t j = 0; j < 4; ++j, to += g.gradient_step()) hn::StoreU(all[j], d, to);
    }
  }
}

void SumPoints(const FilterWinograd& g, const float* x, const float* dy, float* scratch,
               float* sums) {
  const InputConv& c = g.conv;
  const int64_t n = c.channels, padded = g.padded();
  float* const in = scratch;
  float* const gradient = in + kPoints * g.in_step();
  float* const edge = gradient + kPoints * g.gradient_step();
  for (int64_t first = 0; first < g.tiles(); first += g.block()) {
    const int64_t count = std::min(g.block(), g.tiles() - first);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t image = (first + i) / (g.rows() * g.columns());
      const int64_t row = (first + i) / g.columns() % g.rows() * 2;
      const int64_t column = (first + i) % g.columns() * 2;
      WinogradTile(x + image * c.h.in * c.w.in * n, c.h.in, c.w.in, n, row - c.h.pad,
                   column - c.w.pad, edge, g.in_step(), in + i * n);
      GradientPoints(g, dy + ((image * c.h.out + row) * c.w.out + column) * c.filters,
                     c.h.out - row, c.w.out - column, i, count, gradient);
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      Gemm(GemmArgs<float>{n, padded, count, in + p * g.in_step(), 1, n,
                           gradient + p * g.gradient_step(), 0, sums + p * g.sum_step(), padded,
                           first > 0, true},
           nullptr);
    }
  }
}

// G' x of four values
HWY_INLINE void Contract(V a, V b, V c, V e, V* out) {
  const V half = hn::Set(D(), 0.5f);
  const V sum = hn::Mul(half, hn::Add(b, c)), difference = hn::Mul(half, hn::Sub(b, c));
  out[0] = hn::Add(a, sum);
  out[1] = difference;
  out[2] = hn::Add(sum, e);
}

bool FromPoints(const FilterWinograd& g, const float* sums, float* dw) {
  const D d;
  const int64_t channels = g.conv.channels, filters = g.conv.filters, step = g.sum_step();
  V zero = hn::Zero(d);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t f = 0; f < filters; f += kLanes) {
      const float* const p = sums + c * g.padded() + f;
      float* to = dw + c * filters + f;
      V down[4][3];
      for (int64_t j = 0; j < 4; ++j) {
        const float* const q = p + j * step;
        Contract(hn::LoadU(d, q), hn::LoadU(d, q + 4 * step), hn::LoadU(d, q + 8 * step),
                 hn::LoadU(d, q + 12 * step), down[j]);
      }
      for (int64_t i = 0; i < 3; ++i) {
        V taps[3];
        Contract(down[0][i], down[1][i], down[2][i], down[3][i], taps);
        for (int64_t j = 0; j < 3; ++j, to += channels * filters) {
          if (f + kLanes <= filters) {
            hn::StoreU(taps[j], d, to);
          } else {
            hn::StoreN(taps[j], d, to, static_cast<size_t>(filters - f));
          }
          zero = hn::MulAdd(taps[j], hn::Zero(d), zero);
        }
      }
    }
  }
  return hn::AllTrue(d, hn::Eq(zero, hn::Zero(d)));
}

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(SumPoints);
OPKIT_SIMD_EXPORT(FromPoints);

void SumFilterPoints(const FilterWinograd& g, const float* x, const float* dy, float* scratch,
                     float* sums) {
  OPKIT_SIMD_CALL(SumPoints)(g, x, dy, scratch, sums);
}

bool FilterFromPoints(const FilterWinograd& g, const float* sums, float* dw) {
  return OPKIT_SIMD_CALL(FromPoints)(g, sums, dw);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
