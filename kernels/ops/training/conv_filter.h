// Gradient of a convolution's filter at stride 1 by minimal filtering, float32.
#ifndef OPKIT_OPS_TRAINING_CONV_FILTER_H_
#define OPKIT_OPS_TRAINING_CONV_FILTER_H_

#include <cstdint>

#include "ops/training/conv_input.h"

namespace opkit::training {

// A whole batch; false, and dw to be written yet, where it does not pay or a result is not finite.
// Uses slot 0 of scratch.
bool FilterGradient(OpContext& ctx, const InputConv& c, int64_t batch, const float* x,
                    const float* dy, float* dw);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_CONV_FILTER_H_
