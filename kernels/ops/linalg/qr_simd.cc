// QrBatch and QrScratch of kernels.h, once per instruction set.
#include <algorithm>
#include <limits>

#include "math/simd.h"
#include "ops/linalg/householder-inl.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// q[m, columns] <- (I - tau v v^H) q for a group; v[k] = 1, v[i] below it at v + i * v_step.
template <class T>
HWY_INLINE void ReflectLanes(size_t k, size_t m, size_t first, size_t columns, size_t ld,
                             typename Lane<T>::V tau, const Real<T>* v, size_t v_step, Real<T>* q) {
  using L = Lane<T>;
  for (size_t j = first; j < columns; ++j) {
    Real<T>* top = q + (k * ld + j) * L::kStride;
    typename L::V w = L::Load(top);
    for (size_t i = k + 1; i < m; ++i) {
      w = L::ConjMulAdd(L::Load(v + i * v_step), L::Load(q + (i * ld + j) * L::kStride), w);
    }
    w = L::Mul(tau, w);
    L::Store(L::Sub(L::Load(top), w), top);
    for (size_t i = k + 1; i < m; ++i) {
      Real<T>* p = q + (i * ld + j) * L::kStride;
      L::Store(L::MulSub(L::Load(v + i * v_step), w, L::Load(p)), p);
    }
  }
}

template <class T>
HWY_NOINLINE void QrGroup(size_t m, size_t n, size_t columns, const T* in, size_t count, T* out_q,
                          T* out_r, Real<T>* a) {
  using L = Lane<T>;
  using RV = typename L::RV;
  const typename L::D d;
  const size_t steps = HWY_MIN(m, n);
  Real<T>* q = a + m * n * L::kStride;
  Real<T>* tau = q + m * columns * L::kStride;
  PackLanes<T>(in, m * n, count, m * n, a);
  for (size_t k = 0; k < steps; ++k) {
    Real<T>* pivot = a + k * (n + 1) * L::kStride;
    const typename L::V c0 = L::Load(pivot);
    RV tail = hn::Zero(d);
    for (size_t i = k + 1; i < m; ++i) {
      tail = hn::Add(tail, L::AbsSquared(L::Load(a + (i * n + k) * L::kStride)));
    }
    const RV tiny = hn::Set(d, std::numeric_limits<Real<T>>::min());
    const auto none = hn::And(hn::Le(tail, tiny), L::ImagBelow(c0, tiny));
    RV beta = hn::Sqrt(hn::Add(L::AbsSquared(c0), tail));
    beta = hn::IfThenElse(hn::Ge(L::RealOf(c0), hn::Zero(d)), hn::Neg(beta), beta);
    const typename L::V beta_v = L::FromReal(beta);
    const typename L::V denominator = L::Sub(c0, beta_v);
    for (size_t i = k + 1; i < m; ++i) {
      Real<T>* p = a + (i * n + k) * L::kStride;
      L::Store(L::Select(none, L::Zero(), L::Div(L::Load(p), denominator)), p);
    }
    const typename L::V t =
        L::Select(none, L::Zero(), L::Conj(L::DivReal(L::Sub(beta_v, c0), beta)));
    L::Store(t, tau + k * L::kStride);
    L::Store(L::FromReal(hn::IfThenElse(none, L::RealOf(c0), beta)), pivot);
    ReflectLanes<T>(k, m, k + 1, n, n, t, a + k * L::kStride, n * L::kStride, a);
  }
  std::fill(q, q + m * columns * L::kStride, Real<T>(0));
  for (size_t i = 0; i < columns; ++i) {
    L::Store(L::FromReal(hn::Set(d, Real<T>(1))), q + i * (columns + 1) * L::kStride);
  }
  for (size_t k = steps; k-- > 0;) {
    ReflectLanes<T>(k, m, k, columns, columns, L::Conj(L::Load(tau + k * L::kStride)),
                    a + k * L::kStride, n * L::kStride, q);
  }
  for (size_t i = 1; i < columns; ++i) {
    for (size_t j = 0; j < HWY_MIN(i, n); ++j) L::Store(L::Zero(), a + (i * n + j) * L::kStride);
  }
  UnpackLanes<T>(q, m * columns, count, m * columns, out_q);
  UnpackLanes<T>(a, columns * n, count, columns * n, out_r);
}

// Buffers: a[m, n], vectors[steps, m], tau[steps].
template <class T>
HWY_NOINLINE void QrMatrix(size_t m, size_t n, size_t columns, const T* in, T* q, T* r, T* a) {
  const size_t steps = HWY_MIN(m, n);
  T* vectors = a + m * n;
  T* tau = vectors + steps * m;
  std::copy(in, in + m * n, a);
  for (size_t k = 0; k < steps; ++k) {
    T* v = vectors + k * m;
    for (size_t i = k; i < m; ++i) v[i - k] = a[i * n + k];
    a[k * n + k] = T(MakeReflector<T>(m - k, v, tau + k));
    if (k + 1 < n) Reflect<T>(m - k, n - k - 1, v, tau[k], a + k * n + k + 1, n);
  }
  for (size_t i = 0; i < columns; ++i) {
    const size_t zeros = HWY_MIN(i, n);
    std::fill(r + i * n, r + i * n + zeros, T(0));
    std::copy(a + i * n + zeros, a + (i + 1) * n, r + i * n + zeros);
  }
  FormQ<T>(m, columns, steps, 0, true, vectors, m, tau, q);
}

template <class T>
void QrTyped(size_t m, size_t n, size_t columns, size_t count, const T* in, T* q, T* r,
             void* scratch) {
  const bool groups = HWY_MAX(m, n) <= kGroupOrder;
  const size_t step = groups ? Lane<T>::kLanes : 1;
  for (size_t i = 0; i < count; i += step) {
    const T* a = in + i * m * n;
    T* out_q = q + i * m * columns;
    T* out_r = r + i * columns * n;
    if (groups) {
      QrGroup<T>(m, n, columns, a, HWY_MIN(step, count - i), out_q, out_r,
                 static_cast<Real<T>*>(scratch));
    } else {
      QrMatrix<T>(m, n, columns, a, out_q, out_r, static_cast<T*>(scratch));
    }
  }
}

void QrBatch(DType dtype, size_t m, size_t n, size_t columns, size_t count, const void* in, void* q,
             void* r, void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             QrTyped(m, n, columns, count, static_cast<const T*>(in),
                                     static_cast<T*>(q), static_cast<T*>(r), scratch));
}

size_t QrScratch(DType dtype, size_t m, size_t n, size_t columns) {
  size_t bytes = 0;
  const size_t steps = HWY_MIN(m, n);
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      bytes = HWY_MAX(m, n) <= kGroupOrder
                  ? (m * n + m * columns + steps) * Lane<T>::kStride * sizeof(Real<T>)
                  : (m * n + steps * (m + 1)) * sizeof(T));
  return bytes;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
OPKIT_SIMD_EXPORT(QrBatch);
OPKIT_SIMD_EXPORT(QrScratch);

void QrBatch(DType dtype, size_t m, size_t n, size_t columns, size_t count, const void* in, void* q,
             void* r, void* scratch) {
  OPKIT_LINALG_CALL(QrBatch, dtype)(dtype, m, n, columns, count, in, q, r, scratch);
}

size_t QrScratch(DType dtype, size_t m, size_t n, size_t columns) {
  return OPKIT_LINALG_CALL(QrScratch, dtype)(dtype, m, n, columns);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
