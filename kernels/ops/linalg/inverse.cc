// MatrixInverse, and MatrixSolve with the same elimination.
#include <atomic>

#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status RunInverse(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (n == 0 || count == 0) return {};
  const bool adjoint = ctx.attr_bool("adjoint");
  DType dtype = ctx.dtype(0);
  const char* in = ctx.in<char>(0);
  char* out = ctx.out<char>(0);
  const bool half = dtype == DType::kFloat16;
  if (half) {  // computed in float, rounded once
    dtype = DType::kFloat32;
    float* wide = ctx.ScratchOf<float>(2 * s.size(), 1);
    const Half* narrow = ctx.in<Half>(0);
    for (int64_t i = 0; i < s.size(); ++i) wide[i] = narrow[i];
    in = reinterpret_cast<const char*>(wide);
    out = reinterpret_cast<char*>(wide + s.size());
  }
  const size_t order = static_cast<size_t>(n);
  const size_t item = order * order * DTypeSize(dtype);
  std::atomic<bool> regular{true};
  ForBatch(ctx, count, kGroupUnit, Cubed(n) * 2, LuScratch(dtype, order, order),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t offset = static_cast<size_t>(begin) * item;
             if (!InverseBatch(dtype, in + offset, out + offset, order,
                               static_cast<size_t>(end - begin), adjoint, scratch)) {
               regular = false;
             }
           });
  if (!regular) return Error("Input is not invertible.");
  if (half) {
    const float* wide = reinterpret_cast<const float*>(out);
    Half* narrow = ctx.out<Half>(0);
    for (int64_t i = 0; i < s.size(); ++i) narrow[i] = Half(wide[i]);
  }
  return {};
}

Status RunSolve(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t m = ctx.shape(1).back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (n == 0 || m == 0 || count == 0) return {};
  const bool adjoint = ctx.attr_bool("adjoint");
  const DType dtype = ctx.dtype(0);
  const size_t order = static_cast<size_t>(n), columns = static_cast<size_t>(m);
  const size_t item = order * order * DTypeSize(dtype);
  const size_t item_rhs = order * columns * DTypeSize(dtype);
  const char* a = ctx.in<char>(0);
  const char* b = ctx.in<char>(1);
  char* x = ctx.out<char>(0);
  std::atomic<bool> regular{true};
  ForBatch(ctx, count, kGroupUnit, Cubed(n) + static_cast<double>(n) * static_cast<double>(n * m),
           LuScratch(dtype, order, columns), [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin);
             if (!SolveBatch(dtype, a + i * item, b + i * item_rhs, x + i * item_rhs, order,
                             columns, static_cast<size_t>(end - begin), adjoint, scratch)) {
               regular = false;
             }
           });
  if (!regular) return Error("Input matrix is not invertible.");
  return {};
}

OPKIT_OP(MatrixInverse)
    .Signature(R"(
      input: T[..., n, n] -> output: T[..., n, n]
      T in {float32, float64, float16, complex64, complex128}
      adjoint: bool = false
    )")
    .Run(RunInverse);

OPKIT_OP(MatrixSolve)
    .Signature(R"(
      matrix: T[..., n, n], rhs: T[..., n, m] -> output: T[..., n, m]
      T in {float32, float64, complex64, complex128}
      adjoint: bool = false
    )")
    .Run(RunSolve);

}  // namespace
}  // namespace opkit::linalg
