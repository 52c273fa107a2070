// Lu: L and U packed in one matrix, and the row permutation.
#include "ops/linalg/lu.h"

#include <atomic>

#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t n = s.back();
  const int64_t count = s.size(0, s.rank() - 2);
  if (n == 0 || count == 0) return {};
  const DType dtype = ctx.dtype(0);
  const size_t order = static_cast<size_t>(n);
  const size_t item = order * order * DTypeSize(dtype);
  const char* in = ctx.in<char>(0);
  char* out = ctx.out<char>(0);
  const bool narrow = ctx.out_dtype(1) == DType::kInt32;
  int64_t* perm = narrow ? ctx.ScratchOf<int64_t>(count * n, 1) : ctx.out<int64_t>(1);
  std::atomic<bool> regular{true};
  ForBatch(ctx, count, kGroupUnit, Cubed(n) / 3, LuScratch(dtype, order, 0),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin);
             if (!LuBatch(dtype, in + i * item, out + i * item, perm + i * order, order,
                          static_cast<size_t>(end - begin), scratch)) {
               regular = false;
             }
           });
  if (!regular) return Error("Input is not invertible.");
  if (narrow) {
    int32_t* p = ctx.out<int32_t>(1);
    for (int64_t i = 0; i < count * n; ++i) p[i] = static_cast<int32_t>(perm[i]);
  }
  return {};
}

OPKIT_OP(Lu)
    .Signature(R"(
      input: T[..., n, n] -> lu: T[..., n, n], p: output_idx_type[..., n]
      T in {float32, float64, complex64, complex128}
      output_idx_type in {int32, int64}
    )")
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
