// Gradient of a convolution's input at stride 1 as a convolution of the gradient, float32.
#ifndef OPKIT_OPS_TRAINING_CONV_INPUT_H_
#define OPKIT_OPS_TRAINING_CONV_INPUT_H_

#include <cstdint>

#include "math/window.h"

namespace opkit {

class OpContext;

namespace training {

struct InputConv {
  int64_t channels, filters;
  WindowDim h, w;  // stride 1

  // Columns of the gradient's rows, with zeros on both sides wherever a window reaches.
  int64_t pitch() const { return w.in + (w.kernel - 1) * w.dilation; }
  // Elements of the packed filter and of an image's rows.
  int64_t packed() const { return h.kernel * w.kernel * filters * ((channels + 15) / 16 * 16); }
  int64_t rows() const { return h.out * filters * pitch(); }
};

void PackFilter(const InputConv& c, const float* filter, float* packed);

// One image; dx is overwritten. `rows` is scratch.
void DirectInput(const InputConv& c, const float* packed, const float* dy, float* rows, float* dx);

// A whole batch, by minimal filtering or directly; false, and nothing done, where neither pays.
// Uses slots 0 and 1 of scratch.
bool InputGradient(OpContext& ctx, const InputConv& c, int64_t batch, const float* w,
                   const float* dy, float* dx);

}  // namespace training
}  // namespace opkit

#endif  // OPKIT_OPS_TRAINING_CONV_INPUT_H_
