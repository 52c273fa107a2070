// CholeskyBatch and CholeskyScratch of kernels.h, once per instruction set.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "math/simd.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

template <class T>
HWY_INLINE void FinishRows(size_t n, bool ok, T* a) {
  const Real<T> nan = std::numeric_limits<Real<T>>::quiet_NaN();
  for (size_t i = 0; i < n; ++i) {
    if (!ok) std::fill(a + i * n, a + i * n + i + 1, T(nan));
    std::fill(a + i * n + i + 1, a + (i + 1) * n, T(0));
  }
}

// One matrix a lane.
template <class T>
HWY_NOINLINE void CholeskyGroup(size_t n, const T* in, size_t count, T* out, Real<T>* a) {
  using L = Lane<T>;
  using V = typename L::V;
  using RV = typename L::RV;
  using R = Real<T>;
  const typename L::D d;
  PackLanes<T>(in, n * n, count, n * n, a);
  RV worst = hn::Set(d, R(1));
  for (size_t j = 0; j < n; ++j) {
    R* row_j = a + j * n * L::kStride;
    RV pivot = L::RealOf(L::Load(row_j + j * L::kStride));
    for (size_t k = 0; k < j; ++k) {
      pivot = hn::Sub(pivot, L::AbsSquared(L::Load(row_j + k * L::kStride)));
    }
    worst = hn::IfThenElse(hn::Le(pivot, hn::Zero(d)), hn::Zero(d), worst);
    const RV root = hn::Sqrt(pivot);
    L::Store(L::FromReal(root), row_j + j * L::kStride);
    for (size_t i = j + 1; i < n; ++i) {
      R* row_i = a + i * n * L::kStride;
      V v = L::Load(row_i + j * L::kStride);
      for (size_t k = 0; k < j; ++k) {
        v = L::MulConjSub(L::Load(row_i + k * L::kStride), L::Load(row_j + k * L::kStride), v);
      }
      L::Store(L::DivReal(v, root), row_i + j * L::kStride);
    }
    for (size_t k = j + 1; k < n; ++k) L::Store(L::Zero(), row_j + k * L::kStride);
  }
  UnpackLanes<T>(a, n * n, count, n * n, out);
  if (!hn::AllTrue(d, hn::Eq(worst, hn::Set(d, R(1))))) {
    HWY_ALIGN R flags[L::kLanes];
    hn::Store(worst, d, flags);
    for (size_t m = 0; m < count; ++m) {
      if (flags[m] == R(0)) FinishRows(n, false, out + m * n * n);
    }
  }
}

// Factors the k x k block at a into its upper factor U = L^H, kept in `u` with rows of kBlock.
template <class T>
HWY_INLINE bool CholeskyBlock(size_t k, T* a, size_t lda, T* u) {
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = i; j < k; ++j) u[i * kBlock + j] = Conj(a[j * lda + i]);
  }
  for (size_t j = 0; j < k; ++j) {
    T* row = u + j * kBlock;
    const Real<T> pivot = RealPart(row[j]);
    if (pivot <= 0) return false;
    const Real<T> root = std::sqrt(pivot);
    row[j] = T(root);
    for (size_t i = j + 1; i < k; ++i) row[i] /= root;
    for (size_t i = j + 1; i < k; ++i) {
      Axpy<T>(k - i, -Conj(row[i]), row + i, u + i * kBlock + i);
    }
  }
  for (size_t i = 0; i < k; ++i) {
    for (size_t j = i; j < k; ++j) a[j * lda + i] = Conj(u[i * kBlock + j]);
  }
  return true;
}

// Panel columns are conjugated rows of a: panel(p, r) = conj(a[r, p]).
template <class T>
HWY_INLINE void PackAdjoint(size_t depth, size_t w, const T* a, size_t lda, Real<T>* panel) {
  constexpr size_t kWidth = kPanel<T> * kParts<T>;
  if (w < kPanel<T>) std::fill(panel, panel + depth * kWidth, Real<T>(0));
  for (size_t r = 0; r < w; ++r) {
    for (size_t p = 0; p < depth; ++p) {
      Real<T>* to = panel + p * kWidth + r * kParts<T>;
      to[0] = RealPart(a[r * lda + p]);
      if constexpr (kParts<T> == 2) to[1] = -ImagPart(a[r * lda + p]);
    }
  }
}

template <class T>
HWY_INLINE void UnpackAdjoint(size_t depth, size_t w, const Real<T>* panel, T* a, size_t lda) {
  constexpr size_t kWidth = kPanel<T> * kParts<T>;
  for (size_t r = 0; r < w; ++r) {
    for (size_t p = 0; p < depth; ++p) {
      const Real<T>* from = panel + p * kWidth + r * kParts<T>;
      Real<T>* to = AsReal(a + r * lda + p);
      to[0] = from[0];
      if constexpr (kParts<T> == 2) to[1] = -from[1];
    }
  }
}

// In place on the lower triangle, right-looking. The strip of panels that solves for the rows
// below a diagonal block is at once the packed operand of the update behind it.
template <class T>
HWY_NOINLINE bool CholeskyMatrix(size_t n, T* a, Real<T>* strip) {
  HWY_ALIGN Real<T> u_reals[kBlock * kBlock * kParts<T>];
  T* u = reinterpret_cast<T*>(u_reals);
  for (size_t q = 0; q < n; q += kBlock) {
    const size_t depth = HWY_MIN(kBlock, n - q);
    const size_t next = q + depth;
    if (!CholeskyBlock(depth, a + q * (n + 1), n, u)) return false;
    // Rows below: L21^H = inverse(L11) A21^H.
    Real<T>* panel = strip;
    for (size_t j = next; j < n; j += kPanel<T>, panel += kPanelReals<T>) {
      const size_t w = HWY_MIN(kPanel<T>, n - j);
      PackAdjoint<T>(depth, w, a + j * n + q, n, panel);
      SolvePanel<T>(true, false, true, depth, u, 1, kBlock, panel);
      UnpackAdjoint<T>(depth, w, panel, a + j * n + q, n);
    }
    // Columns [j, j + w) of the rows from j on. The upper part this touches is cleared at the end.
    panel = strip;
    for (size_t j = next; j < n; j += kPanel<T>, panel += kPanelReals<T>) {
      const size_t w = HWY_MIN(kPanel<T>, n - j);
      PanelProduct<T>(n - j, depth, w, a + j * n + q, n, panel, a + j * (n + 1), n);
    }
  }
  return true;
}

template <class T>
void CholeskyTyped(const T* in, T* out, size_t n, size_t count, Real<T>* scratch) {
  if (n <= kGroupOrder) {
    constexpr size_t kLanes = Lane<T>::kLanes;
    for (size_t m = 0; m < count; m += kLanes) {
      CholeskyGroup<T>(n, in + m * n * n, HWY_MIN(kLanes, count - m), out + m * n * n, scratch);
    }
    return;
  }
  for (size_t m = 0; m < count; ++m) {
    T* a = out + m * n * n;
    std::memcpy(a, in + m * n * n, n * n * sizeof(T));
    FinishRows(n, CholeskyMatrix<T>(n, a, scratch), a);
  }
}

void CholeskyBatch(DType dtype, const void* in, void* out, size_t n, size_t count, void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             CholeskyTyped(static_cast<const T*>(in), static_cast<T*>(out), n,
                                           count, static_cast<Real<T>*>(scratch)));
}

// Bytes CholeskyBatch needs.
size_t CholeskyScratch(DType dtype, size_t n) {
  size_t reals = 0;
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      reals = n <= kGroupOrder ? n * n * Lane<T>::kStride : (n / kPanel<T> + 1) * kPanelReals<T>);
  return reals * RealSize(dtype);
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
OPKIT_SIMD_EXPORT(CholeskyBatch);
OPKIT_SIMD_EXPORT(CholeskyScratch);

void CholeskyBatch(DType dtype, const void* in, void* out, size_t n, size_t count, void* scratch) {
  OPKIT_LINALG_CALL(CholeskyBatch, dtype)(dtype, in, out, n, count, scratch);
}

size_t CholeskyScratch(DType dtype, size_t n) {
  return OPKIT_LINALG_CALL(CholeskyScratch, dtype)(dtype, n);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
