// TriangularBatch and TriangularScratch of kernels.h, once per instruction set.
#include <algorithm>

#include "math/simd.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// b[n, m] <- inverse(A) b for groups.
template <class T>
HWY_NOINLINE void TriangularGroup(bool lower, size_t n, size_t m, const Real<T>* a, Real<T>* b) {
  using L = Lane<T>;
  for (size_t step = 0; step < n; ++step) {
    const size_t i = lower ? step : n - 1 - step;
    const Real<T>* row = a + i * n * L::kStride;
    const typename L::V diagonal = L::Load(row + i * L::kStride);
    const size_t first = lower ? 0 : i + 1, last = lower ? i : n;
    for (size_t j = 0; j < m; ++j) {
      typename L::V v = L::Load(b + (i * m + j) * L::kStride);
      for (size_t k = first; k < last; ++k) {
        v = L::MulSub(L::Load(row + k * L::kStride), L::Load(b + (k * m + j) * L::kStride), v);
      }
      L::Store(L::Div(v, diagonal), b + (i * m + j) * L::kStride);
    }
  }
}

template <class T>
void TriangularTyped(bool lower, bool adjoint, size_t n, size_t m, size_t count, const T* a,
                     const int64_t* a_index, const T* b, const int64_t* b_index, T* x,
                     void* scratch) {
  using L = Lane<T>;
  if (n <= kGroupOrder && m <= kGroupOrder) {
    Real<T>* ga = static_cast<Real<T>*>(scratch);
    Real<T>* gb = ga + n * n * L::kStride;
    for (size_t i = 0; i < count; i += L::kLanes) {
      const size_t some = HWY_MIN(L::kLanes, count - i);
      PackLanesAt<T>(a, a_index + i, some, n * n, ga);
      PackLanesAt<T>(b, b_index + i, some, n * m, gb);
      if (adjoint) AdjointLanes<T>(n, ga);
      TriangularGroup<T>(lower != adjoint, n, m, ga, gb);
      UnpackLanes<T>(gb, n * m, some, n * m, x + i * n * m);
    }
    return;
  }
  T* transposed = static_cast<T*>(scratch);
  int64_t held = -1;
  for (size_t i = 0; i < count; ++i) {
    const T* matrix = a + static_cast<size_t>(a_index[i]) * n * n;
    const T* rhs = b + static_cast<size_t>(b_index[i]) * n * m;
    std::copy(rhs, rhs + n * m, x + i * n * m);
    if (adjoint && held != a_index[i]) {
      for (size_t r = 0; r < n; ++r) {
        for (size_t c = 0; c < n; ++c) transposed[c * n + r] = Conj(matrix[r * n + c]);
      }
      held = a_index[i];
    }
    SolveTriangular<T>(lower != adjoint, false, false, n, m, adjoint ? transposed : matrix, n,
                       x + i * n * m, m);
  }
}

void TriangularBatch(DType dtype, bool lower, bool adjoint, size_t n, size_t m, size_t count,
                     const void* a, const int64_t* a_index, const void* b, const int64_t* b_index,
                     void* x, void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      TriangularTyped(lower, adjoint, n, m, count, static_cast<const T*>(a), a_index,
                      static_cast<const T*>(b), b_index, static_cast<T*>(x), scratch));
}

size_t TriangularScratch(DType dtype, bool adjoint, size_t n, size_t m) {
  size_t bytes = 0;
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             bytes = n <= kGroupOrder && m <= kGroupOrder
                                         ? n * (n + m) * Lane<T>::kStride * sizeof(Real<T>)
                                         : (adjoint ? n * n * sizeof(T) : 0));
  return bytes;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
OPKIT_SIMD_EXPORT(TriangularBatch);
OPKIT_SIMD_EXPORT(TriangularScratch);

void TriangularBatch(DType dtype, bool lower, bool adjoint, size_t n, size_t m, size_t count,
                     const void* a, const int64_t* a_index, const void* b, const int64_t* b_index,
                     void* x, void* scratch) {
  OPKIT_LINALG_CALL(TriangularBatch, dtype)(dtype, lower, adjoint, n, m, count, a, a_index, b,
                                            b_index, x, scratch);
}

size_t TriangularScratch(DType dtype, bool adjoint, size_t n, size_t m) {
  return OPKIT_LINALG_CALL(TriangularScratch, dtype)(dtype, adjoint, n, m);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
