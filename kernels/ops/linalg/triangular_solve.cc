// MatrixTriangularSolve: X with A X = B or A^H X = B for a triangular A; batch dimensions
// broadcast. As in TF a zero on the diagonal is no error: it divides.
#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status SetShapes(OpContext& ctx) {
  const Shape &a = ctx.shape(0), &b = ctx.shape(1);
  if (b.rank() < 2) return Error("rhs has rank %d, want at least 2", b.rank());
  if (a.back() != b[b.rank() - 2]) {
    return Error("matrix is %s and rhs %s: want as many rows in rhs", a.str().c_str(),
                 b.str().c_str());
  }
  Shape batch;
  if (!BroadcastShapes(BatchShape(a, 2), BatchShape(b, 2), &batch)) {
    return Error("batch dimensions of matrix %s and rhs %s do not broadcast", a.str().c_str(),
                 b.str().c_str());
  }
  ctx.SetShape(0, batch.concat({a.back(), b.back()}));
  return {};
}

// index[i]: which matrix of a tensor with these batch dimensions serves item i of the output.
void FillIndex(const Shape& batch, const Shape& own, int64_t* index) {
  int64_t strides[Shape::kMaxRank] = {};
  int64_t stride = 1;
  const int shift = batch.rank() - own.rank();
  for (int d = own.rank() - 1; d >= 0; --d) {
    strides[d + shift] = own[d] == 1 ? 0 : stride;
    stride *= own[d];
  }
  int64_t at[Shape::kMaxRank] = {};
  const int64_t count = batch.size();
  int64_t current = 0;
  for (int64_t i = 0; i < count; ++i) {
    index[i] = current;
    for (int d = batch.rank() - 1; d >= 0; --d) {
      current += strides[d];
      if (++at[d] < batch[d]) break;
      current -= strides[d] * batch[d];
      at[d] = 0;
    }
  }
}

Status Run(OpContext& ctx) {
  const Shape& out = ctx.out_shape(0);
  if (out.size() == 0) return {};
  const Shape batch = BatchShape(out, 2);
  const int64_t n = out[out.rank() - 2], m = out.back(), count = batch.size();
  const bool lower = ctx.attr_bool("lower"), adjoint = ctx.attr_bool("adjoint");
  const DType dtype = ctx.dtype(0);
  const size_t rows = static_cast<size_t>(n), columns = static_cast<size_t>(m);
  int64_t* index = ctx.ScratchOf<int64_t>(2 * count, 1);
  FillIndex(batch, BatchShape(ctx.shape(0), 2), index);
  FillIndex(batch, BatchShape(ctx.shape(1), 2), index + count);
  const size_t item = rows * columns * DTypeSize(dtype);
  const void* a = ctx.raw(0);
  const void* b = ctx.raw(1);
  char* x = ctx.out<char>(0);
  ForBatch(ctx, count, kGroupUnit, static_cast<double>(n * n) * static_cast<double>(m) / 2,
           TriangularScratch(dtype, adjoint, rows, columns),
           [&](int64_t begin, int64_t end, void* scratch) {
             TriangularBatch(dtype, lower, adjoint, rows, columns, static_cast<size_t>(end - begin),
                             a, index + begin, b, index + count + begin,
                             x + static_cast<size_t>(begin) * item, scratch);
           });
  return {};
}

OPKIT_OP(MatrixTriangularSolve)
    .Signature(R"(
      matrix: T[..., n, n], rhs: T -> output: T
      T in {float32, float64, complex64, complex128}
      lower: bool = true
      adjoint: bool = false
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
