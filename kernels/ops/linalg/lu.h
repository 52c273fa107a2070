// Batches of `count` row-major n x n matrices, one after the other, through LU with partial
// pivoting. Each call needs LuScratch bytes; calls may run in parallel.
#ifndef OPKIT_OPS_LINALG_LU_H_
#define OPKIT_OPS_LINALG_LU_H_

#include <cstddef>
#include <cstdint>

#include "opkit/dtype.h"

namespace opkit::linalg {

size_t LuScratch(DType dtype, size_t n, size_t m);

// All return whether every matrix was regular; a singular one stops the batch.
bool InverseBatch(DType dtype, const void* in, void* out, size_t n, size_t count, bool adjoint,
                  void* scratch);
// rhs and out: [count, n, m]
bool SolveBatch(DType dtype, const void* in, const void* rhs, void* out, size_t n, size_t m,
                size_t count, bool adjoint, void* scratch);
// lu: L below and U on and above the diagonal; perm: [count, n], row perm[i] of A is row i of L U.
bool LuBatch(DType dtype, const void* in, void* lu, int64_t* perm, size_t n, size_t count,
             void* scratch);
// The determinant, or with log_abs its sign (phase) in `out` and the logarithm of its magnitude.
void DeterminantBatch(DType dtype, const void* in, void* out, void* log_abs, size_t n, size_t count,
                      void* scratch);

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_LU_H_
