// A tile of several pixels and two vectors of channels stays in registers while all taps and
// filters stream through it, so there are no patches to store and add up again. The gradient's rows
// are transposed to [row, filter, column], which makes a tile's factors neighbours in memory.
#include <algorithm>

#include "math/simd.h"
#include "math/transpose-inl.h"
#include "ops/training/conv_input.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::training::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;

// 28 of 32 registers hold the tile with AVX-512, 12 of 16 below.
#if HWY_TARGET == HWY_AVX3
constexpr int kTilePixels = 14;
#else
constexpr int kTilePixels = 6;
#endif

// Row `ih` of the result, channels [0, columns) from `panel` on.
struct Row {
  const InputConv& c;
  const float* rows;
  const float* panel;
  int64_t ih;
  int64_t columns;
  float* out;
};

// Out of line, for its loops would be unrolled in every size of tile.
HWY_NOINLINE void PutTile(const float* tile, int64_t pixels, int64_t width, int64_t columns,
                          float* out, int64_t step) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; pixels > 0; --pixels, tile += width, out += step) {
    int64_t i = 0;
    for (; i + lanes <= std::min(width, columns); i += lanes) {
      hn::StoreU(hn::LoadU(d, tile + i), d, out + i);
    }
    if (i < std::min(width, columns)) {
      hn::StoreN(hn::LoadU(d, tile + i), d, out + i, static_cast<size_t>(columns - i));
    }
  }
}

template <int kPixels, int kVectors>
HWY_INLINE void Tile(const Row& t, int64_t iw) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const InputConv& c = t.c;
  const int64_t pitch = c.pitch(), filters = c.filters;
  hn::Vec<D> sum[kPixels][kVectors];
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::Zero(d);
  }
  for (int64_t kh = 0; kh < c.h.kernel; ++kh) {
    const int64_t oh = t.ih + c.h.pad - kh * c.h.dilation;
    if (oh < 0 || oh >= c.h.out) continue;
    for (int64_t kw = 0; kw < c.w.kernel; ++kw) {
      const float* a = t.rows + oh * filters * pitch + iw + (c.w.kernel - 1 - kw) * c.w.dilation;
      const float* b = t.panel + (kh * c.w.kernel + kw) * filters * kVectors * lanes;
      for (int64_t f = 0; f < filters; ++f, a += pitch, b += kVectors * lanes) {
        hn::Vec<D> w[kVectors];
        for (int v = 0; v < kVectors; ++v) w[v] = hn::LoadU(d, b + v * lanes);
        for (int p = 0; p < kPixels; ++p) {
          const auto x = hn::Set(d, a[p]);
          for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::MulAdd(x, w[v], sum[p][v]);
        }
      }
    }
  }
  HWY_ALIGN float tile[kPixels * kVectors * HWY_MAX_LANES_D(D)];
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[p][v], d, tile + (p * kVectors + v) * lanes);
    }
  }
  PutTile(tile, kPixels, kVectors * lanes, t.columns, t.out + iw * c.channels, c.channels);
}

// A row in tiles of `pixels`; the last overlaps the one before.
template <int kPixels, int kVectors>
HWY_NOINLINE void Tiles(const Row& t, int64_t pixels) {
  if constexpr (kPixels > 1) {
    if (pixels < kPixels) return Tiles<kPixels - 1, kVectors>(t, pixels);
  }
  for (int64_t iw = 0; iw < t.c.w.in; iw += kPixels) {
    Tile<kPixels, kVectors>(t, std::min(iw, t.c.w.in - kPixels));
  }
}

// [row, column, filter] to [row, filter, column] with zeros on both sides.
void Transpose(const InputConv& c, const float* dy, float* rows) {
  const int64_t pitch = c.pitch(), n = c.filters;
  const int64_t left = (c.w.kernel - 1) * c.w.dilation - c.w.pad;  // column of dy's column 0
  const int64_t begin = std::max<int64_t>(0, -left);
  const int64_t end = std::max(begin, std::min(c.w.out, pitch - left));
  for (int64_t oh = 0; oh < c.h.out; ++oh, dy += c.w.out * n, rows += n * pitch) {
    for (int64_t f = 0; f < n; ++f) {
      std::fill_n(rows + f * pitch, left + begin, 0.0f);
      std::fill_n(rows + f * pitch + left + end, pitch - left - end, 0.0f);
    }
    int64_t ow = begin;
    for (; ow + 4 <= end; ow += 4) {
      const float* const from = dy + ow * n;
      float* const to = rows + left + ow;
      int64_t f = 0;
      for (; f + 4 <= n; f += 4) {
        const float* const p[] = {from + f, from + n + f, from + 2 * n + f, from + 3 * n + f};
        float* const q[] = {to + f * pitch, to + (f + 1) * pitch, to + (f + 2) * pitch,
                            to + (f + 3) * pitch};
        simd::HWY_NAMESPACE::TransposeBlock<float>(p, q);
      }
      for (; f < n; ++f) {
        for (int64_t i = 0; i < 4; ++i) to[f * pitch + i] = from[i * n + f];
      }
    }
    for (; ow < end; ++ow) {
      for (int64_t f = 0; f < n; ++f) rows[f * pitch + left + ow] = dy[ow * n + f];
    }
  }
}

// Channels that the panel from channel `first` on holds.
int64_t PanelWidth(const InputConv& c, int64_t first) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  return c.channels - first > lanes ? 2 * lanes : lanes;
}

// HWIO to panels of [tap, filter, channel], channels filled up with zeros.
void Pack(const InputConv& c, const float* filter, float* packed) {
  const int64_t taps = c.h.kernel * c.w.kernel;
  for (int64_t first = 0; first < c.channels;) {
    const int64_t width = PanelWidth(c, first);
    const int64_t columns = std::min(width, c.channels - first);
    for (int64_t tap = 0; tap < taps; ++tap, packed += c.filters * width) {
      const float* const from = filter + (tap * c.channels + first) * c.filters;
      if (columns < width) std::fill_n(packed, c.filters * width, 0.0f);
      for (int64_t i = 0; i < columns; ++i) {
        for (int64_t f = 0; f < c.filters; ++f) packed[f * width + i] = from[i * c.filters + f];
      }
    }
    first += width;
  }
}

void Image(const InputConv& c, const float* packed, const float* dy, float* rows, float* dx) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  Transpose(c, dy, rows);
  const int64_t tiles = (c.w.in + kTilePixels - 1) / kTilePixels;
  const int64_t pixels = (c.w.in + tiles - 1) / tiles;  // of nearly equal size
  for (int64_t first = 0; first < c.channels;) {
    const int64_t width = PanelWidth(c, first);
    for (int64_t ih = 0; ih < c.h.in; ++ih) {
      const Row row{c, rows, packed, ih, c.channels - first, dx + ih * c.w.in * c.channels + first};
      if (width == lanes) {
        Tiles<kTilePixels, 1>(row, pixels);
      } else {
        Tiles<kTilePixels, 2>(row, pixels);
      }
    }
    packed += c.h.kernel * c.w.kernel * c.filters * width;
    first += width;
  }
}

}  // namespace opkit::training::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::training {

OPKIT_SIMD_EXPORT(Pack);
OPKIT_SIMD_EXPORT(Image);

void PackFilter(const InputConv& c, const float* filter, float* packed) {
  OPKIT_SIMD_CALL(Pack)(c, filter, packed);
}

void DirectInput(const InputConv& c, const float* packed, const float* dy, float* rows, float* dx) {
  OPKIT_SIMD_CALL(Image)(c, packed, dy, rows, dx);
}

}  // namespace opkit::training
#endif  // HWY_ONCE
