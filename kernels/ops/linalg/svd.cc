// Svd: A = U diag(s) V^H with s descending. Non-finite matrices give NaN everywhere, as in TF.
#include <algorithm>

#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

Status SetShapes(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const Shape batch = BatchShape(s, 2);
  const int64_t m = s[s.rank() - 2], n = s.back(), k = std::min(m, n);
  const bool full = ctx.attr_bool("full_matrices");
  ctx.SetShape(0, batch.concat({k}));
  if (!ctx.attr_bool("compute_uv")) {  // as TF's shape function: empty
    ctx.SetShape(1, {0});
    ctx.SetShape(2, {0});
    return {};
  }
  ctx.SetShape(1, batch.concat({m, full ? m : k}));
  ctx.SetShape(2, batch.concat({n, full ? n : k}));
  return {};
}

// The identity, for the side of an empty matrix that has rows.
void FillIdentity(int64_t count, int64_t n, DType dtype, char* out) {
  std::fill_n(out, static_cast<size_t>(count * n * n) * DTypeSize(dtype), 0);
  OPKIT_LINALG_SWITCH(dtype, T, {
    T* a = reinterpret_cast<T*>(out);
    for (int64_t i = 0; i < count * n; ++i) a[i * n + i % n] = T(1);
  });
}

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t m = s[s.rank() - 2], n = s.back(), k = std::min(m, n);
  const int64_t count = s.size(0, s.rank() - 2);
  const bool vectors = ctx.attr_bool("compute_uv"), full = ctx.attr_bool("full_matrices");
  const DType dtype = ctx.dtype(0);
  if (count == 0) return {};
  if (k == 0) {
    if (vectors && full) {
      if (m > 0) FillIdentity(count, m, dtype, ctx.out<char>(1));
      if (n > 0) FillIdentity(count, n, dtype, ctx.out<char>(2));
    }
    return {};
  }
  const size_t size = DTypeSize(dtype);
  const size_t rows = static_cast<size_t>(m), columns = static_cast<size_t>(n);
  const size_t inner = static_cast<size_t>(k);
  const size_t u_size = rows * (full ? rows : inner) * size;
  const size_t v_size = columns * (full ? columns : inner) * size;
  const char* in = ctx.in<char>(0);
  char* values = ctx.out<char>(0);
  char* u = vectors ? ctx.out<char>(1) : nullptr;
  char* v = vectors ? ctx.out<char>(2) : nullptr;
  ForBatch(ctx, count, kGroupUnit,
           12.0 * static_cast<double>(std::max(m, n) * k) * static_cast<double>(k),
           SvdScratchBytes(dtype, rows, columns, vectors, full),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin);
             SvdBatch(dtype, rows, columns, full, static_cast<size_t>(end - begin),
                      in + i * rows * columns * size, values + i * inner * size,
                      vectors ? u + i * u_size : nullptr, vectors ? v + i * v_size : nullptr,
                      scratch);
           });
  return {};
}

OPKIT_OP(Svd)
    .Signature(R"(
      input: T[..., m, n] -> s: T, u: T, v: T
      T in {float32, float64, complex64, complex128}
      compute_uv: bool = true
      full_matrices: bool = false
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
