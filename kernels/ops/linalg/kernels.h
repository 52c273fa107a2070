// What the ops of dense matrices run, in *_simd.cc files: batches of `count` row-major matrices,
// one after the other. Each call needs scratch of its own, of as many bytes as the function of that
// name returns; calls may run in parallel. Vectors that are not wanted are null.
#ifndef OPKIT_OPS_LINALG_KERNELS_H_
#define OPKIT_OPS_LINALG_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "opkit/dtype.h"

namespace opkit::linalg {

// in, out: [count, n, n]. A matrix that is not positive definite gives NaN.
size_t CholeskyScratch(DType dtype, size_t n);
void CholeskyBatch(DType dtype, const void* in, void* out, size_t n, size_t count, void* scratch);

// in, v: [count, n, n], values: [count, n]. False when a matrix is not finite or does not converge.
size_t EighScratchBytes(DType dtype, size_t n);
bool EighBatch(DType dtype, size_t n, size_t count, const void* in, void* values, void* v,
               void* scratch);

// in: [count, m, n], q: [count, m, columns], r: [count, columns, n]
size_t QrScratch(DType dtype, size_t m, size_t n, size_t columns);
void QrBatch(DType dtype, size_t m, size_t n, size_t columns, size_t count, const void* in, void* q,
             void* r, void* scratch);

// With k = min(m, n), in: [count, m, n], s: [count, k], u: [count, m, full ? m : k],
// v: [count, n, full ? n : k]
size_t SvdScratchBytes(DType dtype, size_t m, size_t n, bool vectors, bool full);
void SvdBatch(DType dtype, size_t m, size_t n, bool full, size_t count, const void* in, void* s,
              void* u, void* v, void* scratch);

// Item i solves matrix a_index[i] of a[.., n, n] for right sides b_index[i] of b[.., n, m] into
// x[i, n, m].
size_t TriangularScratch(DType dtype, bool adjoint, size_t n, size_t m);
void TriangularBatch(DType dtype, bool lower, bool adjoint, size_t n, size_t m, size_t count,
                     const void* a, const int64_t* a_index, const void* b, const int64_t* b_index,
                     void* x, void* scratch);

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_KERNELS_H_
