// Svd: A = U diag(s) V^H with s descending. Non-finite matrices give NaN everywhere, as in TF.
#include <algorithm>
#include <cmath>
#include <limits>

#include "math/simd.h"
#include "opkit/op.h"
#include "ops/linalg/batch.h"
#include "ops/linalg/bidiagonal.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/svd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

template <class T>
bool RunsInGroups(size_t m, size_t n) {
  return kParts<T> == 1 && m == n && n <= kJacobiOrder;
}

// One matrix of any shape. u and v are null without vectors.
template <class T>
HWY_NOINLINE void SvdOne(size_t m, size_t n, bool full, const T* in, T* s, T* u, T* v,
                         void* scratch) {
  using R = Real<T>;
  const bool wide = m < n;
  const size_t rows = wide ? n : m, columns = wide ? m : n;
  const size_t kept = u == nullptr ? 0 : full ? rows : columns;
  const SvdScratch<T> b(rows, columns, kept, static_cast<char*>(scratch));
  R scale = 0;
  bool finite = true;
  for (size_t i = 0; i < m * n; ++i) {
    const R size = std::max(std::abs(RealPart(in[i])), std::abs(ImagPart(in[i])));
    finite = finite && std::isfinite(RealPart(in[i])) && std::isfinite(ImagPart(in[i]));
    scale = std::max(scale, size);
  }
  const size_t u_size = m * (full ? m : columns), v_size = n * (full ? n : columns);
  bool ok = finite;
  if (finite) {
    if (scale == 0) scale = 1;
    if (wide) {
      Transpose<T>(m, n, in, n, true, b.a, m);  // A^H = V S U^H
    } else {
      std::copy(in, in + m * n, b.a);
    }
    for (size_t i = 0; i < m * n; ++i) b.a[i] /= scale;
    ok = SvdMatrix<T>(rows, columns, b, b.values, wide ? v : u, kept, wide ? u : v);
  }
  if (!ok) {
    const T nan(std::numeric_limits<R>::quiet_NaN());
    std::fill(s, s + columns, nan);
    if (u != nullptr) std::fill(u, u + u_size, nan);
    if (v != nullptr) std::fill(v, v + v_size, nan);
    return;
  }
  for (size_t i = 0; i < columns; ++i) s[i] = T(b.values[i] * scale);
}

template <class T>
void SvdTyped(size_t m, size_t n, bool full, size_t count, const T* in, T* s, T* u, T* v,
              void* scratch) {
  const size_t k = std::min(m, n);
  const size_t u_size = m * (full ? m : k), v_size = n * (full ? n : k);
  if constexpr (kParts<T> == 1) {
    if (RunsInGroups<T>(m, n)) {
      constexpr size_t kLanes = Lane<T>::kLanes;
      for (size_t i = 0; i < count; i += kLanes) {
        SvdGroup<T>(n, in + i * n * n, HWY_MIN(kLanes, count - i), s + i * n,
                    u != nullptr ? u + i * u_size : nullptr,
                    u != nullptr ? v + i * v_size : nullptr, static_cast<T*>(scratch));
      }
      return;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    SvdOne<T>(m, n, full, in + i * m * n, s + i * k, u != nullptr ? u + i * u_size : nullptr,
              u != nullptr ? v + i * v_size : nullptr, scratch);
  }
}

void SvdBatch(DType dtype, size_t m, size_t n, bool full, size_t count, const void* in, void* s,
              void* u, void* v, void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      SvdTyped(m, n, full, count, static_cast<const T*>(in), static_cast<T*>(s), static_cast<T*>(u),
               static_cast<T*>(v), scratch));
}

size_t SvdScratchBytes(DType dtype, size_t m, size_t n, bool vectors, bool full) {
  size_t bytes = 0;
  const size_t rows = std::max(m, n), columns = std::min(m, n);
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             bytes = RunsInGroups<T>(m, n)
                                         ? 3 * n * n * Lane<T>::kStride * sizeof(Real<T>)
                                         : SvdScratch<T>::Bytes(rows, columns,
                                                                !vectors ? 0
                                                                : full   ? rows
                                                                         : columns));
  return bytes;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
namespace {
OPKIT_SIMD_EXPORT(SvdBatch);
OPKIT_SIMD_EXPORT(SvdScratchBytes);

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
  const auto batch = OPKIT_LINALG_CALL(SvdBatch, dtype);
  ForBatch(ctx, count, kGroupUnit,
           12.0 * static_cast<double>(std::max(m, n) * k) * static_cast<double>(k),
           OPKIT_LINALG_CALL(SvdScratchBytes, dtype)(dtype, rows, columns, vectors, full),
           [&](int64_t begin, int64_t end, void* scratch) {
             const size_t i = static_cast<size_t>(begin);
             batch(dtype, rows, columns, full, static_cast<size_t>(end - begin),
                   in + i * rows * columns * size, values + i * inner * size,
                   vectors ? u + i * u_size : nullptr, vectors ? v + i * v_size : nullptr, scratch);
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
#endif  // HWY_ONCE
