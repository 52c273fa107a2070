// F(2x2, 3x3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015), after
// Winograd (1980): a 2x2 tile of the result is A' [(G g G') * (B' d B)] A, which takes 16 products
// where the sum itself takes 36. Summed over filters, each of the 16 points is a matrix product of
// [tile, filter] and [filter, channel]. Errors are relative to the largest term of a tile.
#include <algorithm>

#include "math/simd.h"
#include "math/transpose-inl.h"
#include "ops/training/gemm.h"
#include "ops/training/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = hn::MaxLanes(D());
constexpr int64_t kPoints = Winograd::kPoints;

// G x of three values
HWY_INLINE void TransformFilter(V a, V b, V c, V* out, size_t step) {
  const V half = hn::Set(D(), 0.5f), sum = hn::Mul(half, hn::Add(a, c)), mid = hn::Mul(half, b);
  out[0] = a;
  out[step] = hn::Add(sum, mid);
  out[2 * step] = hn::Sub(sum, mid);
  out[3 * step] = c;
}

// HWIO, turned by half a circle, to [point, panel of channels, filter, channel], channels filled up
// with zeros. Four channels at a time.
void FilterPoints(const Winograd& g, const float* filter, float* packed) {
  const D d;
  const int64_t channels = g.conv.channels, filters = g.conv.filters, padded = g.padded();
  const int64_t tap = channels * filters, point = filters * padded;
  HWY_ALIGN float points[kPoints][4][kLanes];
  for (int64_t c = 0; c < padded; c += 4) {
    const int64_t first = c / (2 * kLanes) * (2 * kLanes);
    const int64_t width = std::min(2 * kLanes, padded - first);
    for (int64_t at = 0; at < filters; at += kLanes) {
      const int64_t f = std::min(at, filters - kLanes);
      for (int64_t k = 0; k < 4; ++k) {
        V rows[12], all[kPoints];
        for (int64_t i = 0; i < 3; ++i) {  // taps from the last to the first
          const float* const row = filter + (6 - 3 * i) * tap + (c + k) * filters + f;
          const bool some = c + k < channels;
          const V x = some ? hn::LoadU(d, row + 2 * tap) : hn::Zero(d);
          const V y = some ? hn::LoadU(d, row + tap) : hn::Zero(d);
          const V z = some ? hn::LoadU(d, row) : hn::Zero(d);
          TransformFilter(x, y, z, rows + 4 * i, 1);
        }
        for (int64_t j = 0; j < 4; ++j) {
          TransformFilter(rows[j], rows[4 + j], rows[8 + j], all + j, 4);
        }
        for (int64_t p = 0; p < kPoints; ++p) hn::Store(all[p], d, points[p][k]);
      }
      for (int64_t p = 0; p < kPoints; ++p) {
        const float (*const from)[kLanes] = points[p];
        float* to = packed + p * point + first * filters + (c - first) + f * width;
        for (int64_t i = 0; i < kLanes; i += 4, to += 4 * width) {
          const float* const row[] = {from[0] + i, from[1] + i, from[2] + i, from[3] + i};
          float* const column[] = {to, to + width, to + 2 * width, to + 3 * width};
          simd::HWY_NAMESPACE::TransposeBlock<float>(row, column);
        }
      }
    }
  }
}

// B' d B of the 4x4 pixels from `in` on, which lie row_step and n apart, to 16 points.
HWY_INLINE void TransformTile(const float* in, int64_t row_step, int64_t n, int64_t out_step,
                              float* out) {
  const D d;
  for (int64_t at = 0; at < n; at += kLanes) {
    const int64_t f = std::min(at, n - kLanes);
    V x[4][4];
    HWY_UNROLL(4)
    for (int64_t j = 0; j < 4; ++j) {
      const float* const p = in + j * n + f;
      const V a = hn::LoadU(d, p), b = hn::LoadU(d, p + row_step);
      const V c = hn::LoadU(d, p + 2 * row_step), e = hn::LoadU(d, p + 3 * row_step);
      x[0][j] = hn::Sub(a, c);
      x[1][j] = hn::Add(b, c);
      x[2][j] = hn::Sub(c, b);
      x[3][j] = hn::Sub(b, e);
    }
    HWY_UNROLL(4)
    for (int64_t i = 0; i < 4; ++i) {
      float* const q = out + 4 * i * out_step + f;
      hn::StoreU(hn::Sub(x[i][0], x[i][2]), d, q);
      hn::StoreU(hn::Add(x[i][1], x[i][2]), d, q + out_step);
      hn::StoreU(hn::Sub(x[i][2], x[i][1]), d, q + 2 * out_step);
      hn::StoreU(hn::Sub(x[i][1], x[i][3]), d, q + 3 * out_step);
    }
  }
}

void GatherTile(const float* image, int64_t height, int64_t width, int64_t n, int64_t row,
                int64_t column, float* edge, int64_t out_step, float* out) {
  if (row >= 0 && row + 4 <= height && column >= 0 && column + 4 <= width) {
    return TransformTile(image + (row * width + column) * n, width * n, n, out_step, out);
  }
  for (int64_t i = 0; i < kPoints; ++i) {
    const int64_t y = row + i / 4, x = column + i % 4;
    if (y >= 0 && y < height && x >= 0 && x < width) {
      std::copy_n(image + (y * width + x) * n, n, edge + i * n);
    } else {
      std::fill_n(edge + i * n, n, 0.0f);
    }
  }
  TransformTile(edge, 4 * n, n, out_step, out);
}

// A' m A of 16 points to 2x2 pixels, of which `height` x `width` exist. Returns 0 in all lanes
// if they are finite.
V ScatterTile(const float* in, int64_t in_step, int64_t n, int64_t height, int64_t width,
              int64_t row_step, float* out) {
  const D d;
  V zero = hn::Zero(d);
  for (int64_t at = 0; at < n; at += kLanes) {
    const int64_t c = std::min(at, n - kLanes);
    V x[2][4];
    HWY_UNROLL(4)
    for (int64_t j = 0; j < 4; ++j) {
      const float* const p = in + j * in_step + c;
      const V a = hn::LoadU(d, p + 4 * in_step), b = hn::LoadU(d, p + 8 * in_step);
      x[0][j] = hn::Add(hn::LoadU(d, p), hn::Add(a, b));
      x[1][j] = hn::Sub(hn::Sub(a, b), hn::LoadU(d, p + 12 * in_step));
    }
    HWY_UNROLL(2)
    for (int64_t i = 0; i < 2; ++i) {
      if (i >= height) break;
      const V left = hn::Add(x[i][0], hn::Add(x[i][1], x[i][2]));
      hn::StoreU(left, d, out + i * row_step + c);
      zero = hn::MulAdd(left, hn::Zero(d), zero);
      if (width == 1) continue;
      const V right = hn::Sub(hn::Sub(x[i][1], x[i][2]), x[i][3]);
      hn::StoreU(right, d, out + i * row_step + n + c);
      zero = hn::MulAdd(right, hn::Zero(d), zero);
    }
  }
  return zero;
}

// Where a tile lies.
struct TilePlace {
  int64_t image, row, column;
  TilePlace(const Winograd& g, int64_t tile)
      : image(tile / (g.rows() * g.columns())),
        row(tile / g.columns() % g.rows()),
        column(tile % g.columns()) {}
};

bool InputTiles(const Winograd& g, const float* packed, const float* dy, float* scratch,
                float* dx) {
  const InputConv& c = g.conv;
  const int64_t filters = c.filters, padded = g.padded(), row_step = c.w.in * c.channels;
  float* const in = scratch;
  float* const out = in + kPoints * g.in_step();
  float* const edge = out + kPoints * g.out_step();
  V zero = hn::Zero(D());
  for (int64_t first = 0; first < g.tiles(); first += g.block()) {
    const int64_t count = std::min(g.block(), g.tiles() - first);
    for (int64_t i = 0; i < count; ++i) {
      const TilePlace at(g, first + i);
      GatherTile(dy + at.image * c.h.out * c.w.out * filters, c.h.out, c.w.out, filters,
                 2 * at.row + c.h.pad - 2, 2 * at.column + c.w.pad - 2, edge, g.in_step(),
                 in + i * filters);
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      Gemm(GemmArgs<float>{count, padded, filters, in + p * g.in_step(), filters, 1,
                           packed + p * filters * padded, 0, out + p * g.out_step(), padded, false,
                           true},
           nullptr);
    }
    for (int64_t i = 0; i < count; ++i) {
      const TilePlace at(g, first + i);
      const int64_t row = 2 * at.row, column = 2 * at.column;
      const V more =
          ScatterTile(out + i * padded, g.out_step(), c.channels,
                      std::min<int64_t>(2, c.h.in - row), std::min<int64_t>(2, c.w.in - column),
                      row_step, dx + (at.image * c.h.in + row) * row_step + column * c.channels);
      zero = hn::Add(zero, more);
    }
  }
  return hn::AllTrue(D(), hn::Eq(zero, hn::Zero(D())));
}

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(GatherTile);
OPKIT_SIMD_EXPORT(FilterPoints);
OPKIT_SIMD_EXPORT(InputTiles);

void WinogradTile(const float* image, int64_t height, int64_t width, int64_t n, int64_t row,
                  int64_t column, float* edge, int64_t out_step, float* out) {
  OPKIT_SIMD_CALL(GatherTile)(image, height, width, n, row, column, edge, out_step, out);
}

void WinogradFilter(const Winograd& g, const float* filter, float* packed) {
  OPKIT_SIMD_CALL(FilterPoints)(g, filter, packed);
}

bool WinogradInput(const Winograd& g, const float* packed, const float* dy, float* scratch,
                   float* dx) {
  return OPKIT_SIMD_CALL(InputTiles)(g, packed, dy, scratch, dx);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
