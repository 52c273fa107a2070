// NCHW <-> NHWC and narrow float conversions for the training kernels.
#ifndef OPKIT_OPS_TRAINING_LAYOUT_H_
#define OPKIT_OPS_TRAINING_LAYOUT_H_

#include <cstdint>

namespace opkit::training {

// [batch, a, b] -> [batch, b, a], converting elements.
template <typename From, typename To>
void SwapInner(const From* x, int64_t batch, int64_t a, int64_t b, To* y) {
  for (int64_t n = 0; n < batch; ++n, x += a * b, y += a * b) {
    for (int64_t i = 0; i < a; ++i) {
      for (int64_t j = 0; j < b; ++j) y[j * a + i] = static_cast<To>(x[i * b + j]);
    }
  }
}

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_LAYOUT_H_
