// A small dense matrix product for the convolution gradients.
#ifndef OPKIT_OPS_TRAINING_GEMM_H_
#define OPKIT_OPS_TRAINING_GEMM_H_

#include <cstdint>

namespace opkit::training {

// C[m, n] = A[m, k] * B[k, n], added to C if `accumulate`. A has any strides, B and C are
// row-major.
template <typename T>
struct GemmArgs {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row;
  bool accumulate;
  // B comes as panels [k, columns] side by side: of two vectors of columns, the last of one or two.
  // Needs no scratch.
  bool packed = false;
};

// Elements of scratch a call needs.
constexpr int64_t kGemmScratch = 256 * 64;

void Gemm(const GemmArgs<float>& args, float* scratch);
void Gemm(const GemmArgs<double>& args, double* scratch);
void Gemm(const GemmArgs<int32_t>& args, int32_t* scratch);

}  // namespace opkit::training

#endif  // OPKIT_OPS_TRAINING_GEMM_H_
