// Gradient of the filter of a 3x3 convolution at stride 1 by minimal filtering, float32.
#ifndef OPKIT_OPS_TRAINING_WINOGRAD_FILTER_H_
#define OPKIT_OPS_TRAINING_WINOGRAD_FILTER_H_

#include <algorithm>
#include <cstdint>

#include "ops/training/conv_input.h"

namespace opkit::training {

// A tile is 2x2 pixels of the gradient and the 4x4 of the input that they were computed from. The
// points of some tiles at most are held: of the input as [point, tile, channel], of the gradient as
// panels of filters, [point, panel, tile, filter]. The sums are [point, channel, filter].
struct FilterWinograd {
  static constexpr int64_t kPoints = 16;
  static constexpr int64_t kSums = 1 << 16;  // of a point; beyond, they no longer stay in cache
  InputConv conv;
  int64_t images;

  // Whole vectors of either, tiles that are used, and so many that the sums' transform pays.
  bool Pays() const {
    return conv.h.kernel == 3 && conv.w.kernel == 3 && conv.h.dilation == 1 &&
           conv.w.dilation == 1 && conv.channels >= 16 && conv.filters >= 16 &&
           conv.channels <= kSums / conv.filters && conv.h.out >= 4 && conv.w.out >= 4 &&
           tiles() >= 32;
  }
  int64_t rows() const { return (conv.h.out + 1) / 2; }
  int64_t columns() const { return (conv.w.out + 1) / 2; }
  int64_t tiles() const { return images * rows() * columns(); }
  int64_t padded() const { return (conv.filters + 15) / 16 * 16; }
  // Tiles at a time: their points about half of L2, and enough to make up for touching all sums.
  int64_t block() const {
    constexpr int64_t kFloats = 1 << 17;
    return std::clamp<int64_t>(kFloats / (kPoints * (conv.channels + padded())), 48, 256);
  }
  // Distances of points: odd numbers of cache lines, for powers of two share cache sets.
  int64_t in_step() const { return (block() * conv.channels + 31) / 32 * 32 + 16; }
  int64_t gradient_step() const { return block() * padded() + 16; }
  int64_t sum_step() const { return conv.channels * padded() + 16; }
  int64_t sums() const { return kPoints * sum_step(); }
  int64_t scratch() const { return kPoints * (in_step() + gradient_step() + conv.channels); }
};

// The sums over all tiles of the images, whose transform is the gradient.
void SumFilterPoints(const FilterWinograd& g, const float* x, const float* dy, float* scratch,
                     float* sums);

// Writes dw. Returns false where a result is not finite: the transforms spread Inf and NaN over
// whole tiles, and may overflow themselves.
bool FilterFromPoints(const FilterWinograd& g, const float* sums, float* dw);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_WINOGRAD_FILTER_H_
