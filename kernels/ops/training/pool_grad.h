// Geometry of a pooling gradient and its SIMD kernels.
#ifndef OPKIT_OPS_TRAINING_POOL_GRAD_H_
#define OPKIT_OPS_TRAINING_POOL_GRAD_H_

#include <algorithm>
#include <cstdint>

#include "math/window.h"
#include "opkit/dtype.h"

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

// The windows [first, end) that hold an element; elements are to come in order.
struct Cover {
  int64_t first = 0, end = 0;
  bool operator==(const Cover& b) const { return first == b.first && end == b.end; }
  void MoveTo(const WindowDim& w, int64_t i) {
    while (end < w.out && w.start(end) <= i) ++end;
    while (first < end && w.start(first) + w.kernel <= i) ++first;
  }
};

// One image; dx is overwritten.
void MaxImage(const Pool& p, const float* x, const float* dy, float* dx);
void MaxImage(const Pool& p, const Half* x, const Half* dy, Half* dx);
void MaxImage(const Pool& p, const BFloat16* x, const BFloat16* dy, BFloat16* dx);

// One row under windows od and oh of a mean's image; dx is overwritten. scale: one over the size of
// each window.
void AverageRow(const Pool& p, Cover od, Cover oh, const float* dy, const float* scale, float* dx);
void AverageRow(const Pool& p, Cover od, Cover oh, const double* dy, const double* scale,
                double* dx);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_POOL_GRAD_H_
