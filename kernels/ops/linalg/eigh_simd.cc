// EighBatch and EighScratchBytes of kernels.h, once per instruction set.
#include <algorithm>
#include <cmath>

#include "math/simd.h"
#include "ops/linalg/eigh-inl.h"
#include "ops/linalg/kernels.h"
#include "ops/linalg/scalar.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// Largest magnitude of the lower triangle, or -1 if it is not finite.
template <class T>
HWY_INLINE Real<T> LowerScale(size_t n, const T* a) {
  Real<T> scale = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      const Real<T> re = std::abs(RealPart(a[i * n + j])), im = std::abs(ImagPart(a[i * n + j]));
      if (!std::isfinite(re) || !std::isfinite(im)) return -1;
      scale = std::max({scale, re, im});
    }
  }
  return scale == Real<T>(0) ? Real<T>(1) : scale;
}

// Lower triangle over scale, mirrored; the diagonal's imaginary part does not count.
template <class T>
HWY_INLINE void Mirror(size_t n, Real<T> scale, const T* in, T* a) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < i; ++j) {
      const T x = in[i * n + j] / scale;
      a[i * n + j] = x;
      a[j * n + i] = Conj(x);
    }
    a[i * n + i] = T(RealPart(in[i * n + i]) / scale);
  }
}

template <class T>
HWY_NOINLINE bool EighGroup(size_t n, const T* in, size_t count, T* values, T* v,
                            Real<T>* scratch) {
  using L = Lane<T>;
  using R = Real<T>;
  constexpr size_t kLanes = L::kLanes;
  R* a = scratch;
  R* q = a + n * n * L::kStride;
  R* tau = q + n * n * L::kStride;
  R* w = tau + n * L::kStride;
  R* d = w + n * L::kStride;
  R* e = d + n * kLanes;
  T* plain = reinterpret_cast<T*>(e + n * kLanes);
  HWY_ALIGN R scales[kLanes];
  HWY_ALIGN R failed[kLanes];
  for (size_t lane = 0; lane < count; ++lane) {
    scales[lane] = LowerScale<T>(n, in + lane * n * n);
    if (scales[lane] < R(0)) return false;
    Mirror<T>(n, scales[lane], in + lane * n * n, plain + lane * n * n);
  }
  PackLanes<T>(plain, n * n, count, n * n, a);
  TridiagonaliseGroup<T>(n, a, d, e, v != nullptr ? q : nullptr, tau, w);
  TridiagonalQrGroup<T>(n, d, e, v != nullptr ? q : nullptr, failed);
  for (size_t lane = 0; lane < count; ++lane) {
    if (failed[lane] != R(0)) return false;
    size_t order[kGroupOrder];
    R value[kGroupOrder];
    for (size_t i = 0; i < n; ++i) {
      order[i] = i;
      value[i] = d[i * kLanes + lane];
    }
    for (size_t i = 0; i < n; ++i) {
      const size_t best = static_cast<size_t>(std::min_element(value + i, value + n) - value);
      std::swap(value[i], value[best]);
      std::swap(order[i], order[best]);
      values[lane * n + i] = T(value[i] * scales[lane]);
    }
    if (v == nullptr) continue;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        const R* p = q + (i * n + order[j]) * L::kStride + lane;
        R* to = AsReal(v + lane * n * n + i * n + j);
        for (size_t part = 0; part < kParts<T>; ++part) to[part] = p[part * kLanes];
      }
    }
  }
  return true;
}

template <class T>
bool EighTyped(size_t n, size_t count, const T* in, T* values, T* v, void* scratch) {
  if (n <= kGroupOrder) {
    constexpr size_t kLanes = Lane<T>::kLanes;
    for (size_t i = 0; i < count; i += kLanes) {
      if (!EighGroup<T>(n, in + i * n * n, HWY_MIN(kLanes, count - i), values + i * n,
                        v != nullptr ? v + i * n * n : nullptr, static_cast<Real<T>*>(scratch))) {
        return false;
      }
    }
    return true;
  }
  const EighScratch<T> b(n, static_cast<char*>(scratch));
  for (size_t i = 0; i < count; ++i) {
    const T* a = in + i * n * n;
    const Real<T> scale = LowerScale<T>(n, a);
    if (scale < 0) return false;
    Mirror<T>(n, scale, a, b.a);
    // The real values go to the front of w, free by then.
    Real<T>* real_values = AsReal(b.w);
    if (!EighMatrix<T>(n, b, real_values, v != nullptr ? v + i * n * n : nullptr)) return false;
    for (size_t j = 0; j < n; ++j) values[i * n + j] = T(real_values[j] * scale);
  }
  return true;
}

bool EighBatch(DType dtype, size_t n, size_t count, const void* in, void* values, void* v,
               void* scratch) {
  bool ok = true;
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             ok = EighTyped(n, count, static_cast<const T*>(in),
                                            static_cast<T*>(values), static_cast<T*>(v), scratch));
  return ok;
}

size_t EighScratchBytes(DType dtype, size_t n) {
  size_t bytes = 0;
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      bytes = n <= kGroupOrder ? (2 * n * n + 2 * n) * Lane<T>::kStride * sizeof(Real<T>) +
                                     2 * n * Lane<T>::kLanes * sizeof(Real<T>) +
                                     n * n * Lane<T>::kLanes * sizeof(T)
                               : EighScratch<T>::Bytes(n));
  return bytes;
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
OPKIT_SIMD_EXPORT(EighBatch);
OPKIT_SIMD_EXPORT(EighScratchBytes);

bool EighBatch(DType dtype, size_t n, size_t count, const void* in, void* values, void* v,
               void* scratch) {
  return OPKIT_LINALG_CALL(EighBatch, dtype)(dtype, n, count, in, values, v, scratch);
}

size_t EighScratchBytes(DType dtype, size_t n) {
  return OPKIT_LINALG_CALL(EighScratchBytes, dtype)(dtype, n);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
