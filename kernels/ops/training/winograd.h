// Gradient of the input of a 3x3 convolution at stride 1 by minimal filtering, float32.
#ifndef OPKIT_OPS_TRAINING_WINOGRAD_H_
#define OPKIT_OPS_TRAINING_WINOGRAD_H_

#include <algorithm>
#include <cstdint>

#include "ops/training/conv_input.h"

namespace opkit::training {

// A tile is 4x4 pixels of the gradient and 2x2 of the result; its transform has 16 points. `kTiles`
// tiles at most are held as matrices [point, tile, filter] and [point, tile, channel].
struct Winograd {
  static constexpr int64_t kPoints = 16;
  InputConv conv;
  int64_t images;

  // Whole vectors, tiles that are used, and so many that transforming the filter pays.
  bool Pays() const {
    return conv.h.kernel == 3 && conv.w.kernel == 3 && conv.h.dilation == 1 &&
           conv.w.dilation == 1 && conv.channels >= 16 && conv.filters >= 16 && conv.h.in >= 4 &&
           conv.w.in >= 4 && tiles() >= 32;
  }
  int64_t rows() const { return (conv.h.in + 1) / 2; }
  int64_t columns() const { return (conv.w.in + 1) / 2; }
  int64_t tiles() const { return images * rows() * columns(); }
  int64_t padded() const { return (conv.channels + 15) / 16 * 16; }
  // Tiles at a time: whole tiles of the matrix product, the matrices about half of L2.
  int64_t block() const {
    constexpr int64_t kFloats = 1 << 17, kStep = 12;
    const int64_t fit = kFloats / (kPoints * (conv.filters + padded()));
    return std::clamp<int64_t>(fit / kStep, 2, 8) * kStep;
  }
  // Distances of points: odd numbers of cache lines, for powers of two share cache sets.
  int64_t in_step() const { return block() * conv.filters + 16; }
  int64_t out_step() const { return block() * padded() + 16; }
  int64_t packed() const { return kPoints * conv.filters * padded(); }
  int64_t scratch() const { return kPoints * (in_step() + out_step() + conv.filters); }
};

// B' d B of a tile d, the 4x4 pixels from (row, column) on of an image of `height` x `width` pixels
// and n >= 16 channels, with zeros around; `edge` is room for 16 pixels. Points lie out_step apart.
void WinogradTile(const float* image, int64_t height, int64_t width, int64_t n, int64_t row,
                  int64_t column, float* edge, int64_t out_step, float* out);

void WinogradFilter(const Winograd& g, const float* filter, float* packed);

// Overwrites dx. Returns false where a result is not finite: the transforms then spread Inf and
// NaN over whole tiles, and may overflow themselves.
bool WinogradInput(const Winograd& g, const float* packed, const float* dy, float* scratch,
                   float* dx);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_WINOGRAD_H_
