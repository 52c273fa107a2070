// Geometry of a pooling gradient and its SIMD kernels.
#ifndef OPKIT_OPS_TRAINING_POOL_GRAD_H_
#define OPKIT_OPS_TRAINING_POOL_GRAD_H_

#include <algorithm>
#include <cstdint>

#include "math/window.h"

namespace opkit::training {

struct Pool {
  int64_t batch, channels;
  WindowDim d, h, w;
  int64_t in_image() const { return d.in * h.in * w.in * channels; }
  int64_t out_image() const { return d.out * h.out * w.out * channels; }
};

struct Range {
  int64_t first, count;
};

// The input elements under window `o`.
inline Range Taps(const WindowDim& w, int64_t o) {
  const int64_t begin = std::max<int64_t>(0, w.start(o));
  const int64_t end = std::min(w.in, w.start(o) + w.kernel);
  return {begin, std::max<int64_t>(0, end - begin)};
}

// One image; dx is overwritten. scale: one over the size of each window.
void MaxImageF32(const Pool& p, const float* x, const float* dy, float* dx);
void AverageImage(const Pool& p, const float* dy, const float* scale, float* dx);
void AverageImage(const Pool& p, const double* dy, const double* scale, double* dx);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_POOL_GRAD_H_
