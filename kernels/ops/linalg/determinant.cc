// MatrixDeterminant and LogMatrixDeterminant: the product of LU's pivots. The determinant of an
// empty matrix is 1.
#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status Determinants(OpContext& ctx, bool logarithm) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (count == 0) return {};
  const DType dtype = ctx.dtype(0);
  const size_t size = DTypeSize(dtype);
  const size_t order = static_cast<size_t>(n);
  const char* in = ctx.in<char>(0);
  char* out = ctx.out<char>(0);
  char* log_abs = logarithm ? ctx.out<char>(1) : nullptr;
  ForBatch(ctx, count, kGroupUnit, Cubed(n) / 3 + 8, LuScratch(dtype, order, 0),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin);
             DeterminantBatch(dtype, in + i * order * order * size, out + i * size,
                              logarithm ? log_abs + i * size : nullptr, order,
                              static_cast<size_t>(end - begin), scratch);
           });
  return {};
}

Status RunDeterminant(OpContext& ctx) { return Determinants(ctx, false); }
Status RunLogDeterminant(OpContext& ctx) { return Determinants(ctx, true); }

OPKIT_OP(MatrixDeterminant)
    .Signature(R"(
      input: T[..., n, n] -> output: T[...]
      T in {float32, float64, complex64, complex128}
    )")
    .Run(RunDeterminant);

OPKIT_OP(LogMatrixDeterminant)
    .Signature(R"(
      input: T[..., n, n] -> sign: T[...], log_abs_determinant: T[...]
      T in {float32, float64, complex64, complex128}
    )")
    .Run(RunLogDeterminant);

}  // namespace
}  // namespace opkit::linalg
