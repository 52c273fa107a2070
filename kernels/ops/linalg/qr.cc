// Qr by Householder reflections, with LAPACK's and Eigen's signs: the diagonal of R is negative
// where that of A (after the reflections so far) is positive. float16 is computed in float.
#include <algorithm>

#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

namespace opkit::linalg {
namespace {

int64_t Columns(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t m = s[s.rank() - 2];
  return ctx.attr_bool("full_matrices") ? m : std::min(m, s.back());
}

Status SetShapes(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const Shape batch = BatchShape(s, 2);
  ctx.SetShape(0, batch.concat({s[s.rank() - 2], Columns(ctx)}));
  ctx.SetShape(1, batch.concat({Columns(ctx), s.back()}));
  return {};
}

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const int64_t m = s[s.rank() - 2], n = s.back(), c = Columns(ctx);
  const int64_t count = s.size(0, s.rank() - 2);
  if (count * m * c == 0) return {};
  DType dtype = ctx.dtype(0);
  const char* in = ctx.in<char>(0);
  char* q = ctx.out<char>(0);
  char* r = ctx.out<char>(1);
  const int64_t q_items = ctx.out_shape(0).size(), r_items = ctx.out_shape(1).size();
  const bool half = dtype == DType::kFloat16;
  if (half) {
    dtype = DType::kFloat32;
    float* wide = ctx.ScratchOf<float>(s.size() + q_items + r_items, 1);
    const Half* narrow = ctx.in<Half>(0);
    for (int64_t i = 0; i < s.size(); ++i) wide[i] = narrow[i];
    in = reinterpret_cast<const char*>(wide);
    q = reinterpret_cast<char*>(wide + s.size());
    r = reinterpret_cast<char*>(wide + s.size() + q_items);
  }
  const size_t size = DTypeSize(dtype);
  const size_t rows = static_cast<size_t>(m), columns = static_cast<size_t>(n);
  const size_t inner = static_cast<size_t>(c);
  ForBatch(ctx, count, kGroupUnit, 2.0 * static_cast<double>(m * c) * static_cast<double>(n + c),
           QrScratch(dtype, rows, columns, inner), [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin) * size;
             QrBatch(dtype, rows, columns, inner, static_cast<size_t>(end - begin),
                     in + i * rows * columns, q + i * rows * inner, r + i * inner * columns,
                     scratch);
           });
  if (half) {
    const float* wide_q = reinterpret_cast<const float*>(q);
    const float* wide_r = reinterpret_cast<const float*>(r);
    for (int64_t i = 0; i < q_items; ++i) ctx.out<Half>(0)[i] = Half(wide_q[i]);
    for (int64_t i = 0; i < r_items; ++i) ctx.out<Half>(1)[i] = Half(wide_r[i]);
  }
  return {};
}

OPKIT_OP(Qr)
    .Signature(R"(
      input: T[..., m, n] -> q: T, r: T
      T in {float32, float64, float16, complex64, complex128}
      full_matrices: bool = false
    )")
    .Shape(SetShapes)
    .Run(Run);

}  // namespace
}  // namespace opkit::linalg
