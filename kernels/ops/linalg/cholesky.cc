// Cholesky: A = L L^H, reading the lower triangle of A only. A matrix that is not positive
// definite gives NaN in its lower triangle, as TF does.
#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (n == 0) return {};
  const DType dtype = ctx.dtype(0);
  const size_t item = static_cast<size_t>(n * n) * DTypeSize(dtype);
  const char* in = ctx.in<char>(0);
  char* out = ctx.out<char>(0);
  ForBatch(ctx, count, kGroupUnit, Cubed(n) / 3, CholeskyScratch(dtype, static_cast<size_t>(n)),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t offset = static_cast<size_t>(begin) * item;
             CholeskyBatch(dtype, in + offset, out + offset, static_cast<size_t>(n),
                           static_cast<size_t>(end - begin), scratch);
           });
  return {};
}

OPKIT_OP(Cholesky)
    .Signature(R"(
      input: T[..., n, n] -> output: T[..., n, n]
      T in {float32, float64, complex64, complex128}
    )")
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
