// SvdBatch and SvdScratchBytes of kernels.h, once per instruction set.
#include <algorithm>
#include <cmath>
#include <limits>

#include "math/simd.h"
#include "ops/linalg/bidiagonal.h"
#include "ops/linalg/kernels.h"
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
OPKIT_SIMD_EXPORT(SvdBatch);
OPKIT_SIMD_EXPORT(SvdScratchBytes);

void SvdBatch(DType dtype, size_t m, size_t n, bool full, size_t count, const void* in, void* s,
              void* u, void* v, void* scratch) {
  OPKIT_LINALG_CALL(SvdBatch, dtype)(dtype, m, n, full, count, in, s, u, v, scratch);
}

size_t SvdScratchBytes(DType dtype, size_t m, size_t n, bool vectors, bool full) {
  return OPKIT_LINALG_CALL(SvdScratchBytes, dtype)(dtype, m, n, vectors, full);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
