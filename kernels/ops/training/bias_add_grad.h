// The float32 vector kernel of BiasAddGrad.
#ifndef OPKIT_OPS_TRAINING_BIAS_ADD_GRAD_H_
#define OPKIT_OPS_TRAINING_BIAS_ADD_GRAD_H_

#include <cstdint>

namespace opkit::training {

// sums[c] = sum over `rows` rows of x[r * width + c].
void SumRowsF32(const float* x, int64_t rows, int64_t width, float* sums);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_BIAS_ADD_GRAD_H_
