// The batch functions of lu.h, once per instruction set.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "math/simd.h"
#include "ops/linalg/dense-inl.h"
#include "ops/linalg/lu-inl.h"
#include "ops/linalg/lu.h"
#include "ops/linalg/scalar.h"
#include "ops/linalg/soa-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::linalg::HWY_NAMESPACE {

// Scratch of one matrix: the factors, a panel, a row, a permutation.
template <class T>
struct MatrixScratch {
  MatrixScratch(size_t n, void* memory)
      : a(static_cast<T*>(memory)),
        panel(a + RoundUp(n * n)),
        row(panel + n * kBlock),
        perm(reinterpret_cast<int64_t*>(row + RoundUp(n))) {}
  static size_t RoundUp(size_t k) { return (k + 63) / 64 * 64; }
  static size_t Bytes(size_t n) {
    return (RoundUp(n * n) + n * kBlock + RoundUp(n)) * sizeof(T) + n * sizeof(int64_t);
  }
  T* a;
  T* panel;
  T* row;
  int64_t* perm;
};

template <class T>
HWY_INLINE void CopyMatrix(size_t n, bool adjoint, const T* in, T* a) {
  if (!adjoint) {
    std::memcpy(a, in, n * n * sizeof(T));
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) a[i * n + j] = Conj(in[j * n + i]);
  }
}

template <class T>
HWY_INLINE bool AllRegular(const GroupPivots<T>& pivots, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (pivots.regular[i] == Real<T>(0)) return false;
  }
  return true;
}

template <class T>
bool SolveTyped(const T* in, const T* rhs, T* out, size_t n, size_t m, size_t count, bool adjoint,
                void* scratch) {
  using L = Lane<T>;
  if (n <= kGroupOrder) {
    Real<T>* a = static_cast<Real<T>*>(scratch);
    Real<T>* b = a + n * n * L::kStride;
    GroupPivots<T> pivots;
    for (size_t i = 0; i < count; i += L::kLanes) {
      const size_t some = HWY_MIN(L::kLanes, count - i);
      PackLanes<T>(in + i * n * n, n * n, some, n * n, a);
      if (adjoint) AdjointLanes<T>(n, a);
      if (rhs != nullptr) {
        PackLanes<T>(rhs + i * n * m, n * m, some, n * m, b);
      } else {
        std::memset(b, 0, n * n * L::kStride * sizeof(Real<T>));
        for (size_t r = 0; r < n; ++r) {
          hn::Store(hn::Set(typename L::D(), Real<T>(1)), typename L::D(),
                    b + r * (n + 1) * L::kStride);
        }
      }
      LuGroup<T>(n, a, m, b, &pivots);
      if (!AllRegular<T>(pivots, some)) return false;
      BackSubstituteGroup<T>(n, a, m, b);
      UnpackLanes<T>(b, n * m, some, n * m, out + i * n * m);
    }
    return true;
  }
  const MatrixScratch<T> s(n, scratch);
  int sign;
  for (size_t i = 0; i < count; ++i) {
    T* x = out + i * n * m;
    CopyMatrix(n, adjoint, in + i * n * n, s.a);
    if (!LuMatrix<T>(n, s.a, s.perm, &sign, s.panel)) return false;
    if (rhs != nullptr) {
      for (size_t r = 0; r < n; ++r) {
        const T* from = rhs + i * n * m + static_cast<size_t>(s.perm[r]) * m;
        std::copy(from, from + m, x + r * m);
      }
      SolveTriangular<T>(true, true, false, n, m, s.a, n, x, m);
      SolveTriangular<T>(false, false, false, n, m, s.a, n, x, m);
      continue;
    }
    // inverse(A) = inverse(U) inverse(L) P: the permutation moves columns, last.
    std::fill(x, x + n * n, T(0));
    for (size_t r = 0; r < n; ++r) x[r * (n + 1)] = T(1);
    SolveTriangular<T>(true, true, true, n, n, s.a, n, x, n);
    SolveTriangular<T>(false, false, false, n, n, s.a, n, x, n);
    for (size_t r = 0; r < n; ++r) {
      std::copy(x + r * n, x + (r + 1) * n, s.row);
      for (size_t c = 0; c < n; ++c) x[r * n + static_cast<size_t>(s.perm[c])] = s.row[c];
    }
  }
  return true;
}

template <class T>
bool LuTyped(const T* in, T* out, int64_t* perm, size_t n, size_t count, void* scratch) {
  using L = Lane<T>;
  if (n <= kGroupOrder) {
    Real<T>* a = static_cast<Real<T>*>(scratch);
    GroupPivots<T> pivots;
    for (size_t i = 0; i < count; i += L::kLanes) {
      const size_t some = HWY_MIN(L::kLanes, count - i);
      PackLanes<T>(in + i * n * n, n * n, some, n * n, a);
      LuGroup<T>(n, a, 0, a, &pivots);
      if (!AllRegular<T>(pivots, some)) return false;
      UnpackLanes<T>(a, n * n, some, n * n, out + i * n * n);
      for (size_t lane = 0; lane < some; ++lane) {
        for (size_t r = 0; r < n; ++r) {
          perm[(i + lane) * n + r] = static_cast<int64_t>(pivots.row[r * L::kLanes + lane]);
        }
      }
    }
    return true;
  }
  const MatrixScratch<T> s(n, scratch);
  int sign;
  for (size_t i = 0; i < count; ++i) {
    CopyMatrix(n, false, in + i * n * n, out + i * n * n);
    if (!LuMatrix<T>(n, out + i * n * n, perm + i * n, &sign, s.panel)) return false;
  }
  return true;
}

// A product kept as mantissa and exponent, so that only the result can overflow.
template <class T>
class ScaledProduct {
 public:
  explicit ScaledProduct(Real<T> sign) : mantissa_(sign) {}
  void Multiply(T x) {
    Wide factor;
    if constexpr (kParts<T> == 2) {
      factor = Wide(x.real(), x.imag());
    } else {
      factor = static_cast<double>(x);
    }
    Normalise(&factor);
    mantissa_ = Times(mantissa_, factor);
    Normalise(&mantissa_);
  }
  T Value() const {
    if constexpr (kParts<T> == 2) {
      return T(static_cast<Real<T>>(Scaled(mantissa_.real())),
               static_cast<Real<T>>(Scaled(mantissa_.imag())));
    } else {
      return static_cast<T>(Scaled(mantissa_));
    }
  }
  T Phase() const {
    const double size = Abs(mantissa_);
    if (size == 0) return T(0);
    if constexpr (kParts<T> == 2) {
      return T(static_cast<Real<T>>(mantissa_.real() / size),
               static_cast<Real<T>>(mantissa_.imag() / size));
    } else {
      return static_cast<T>(std::isinf(size) ? std::copysign(1.0, mantissa_) : mantissa_ / size);
    }
  }
  Real<T> LogAbs() const {
    constexpr double kLn2 = 0.693147180559945309417;
    return static_cast<Real<T>>(std::log(Abs(mantissa_)) + static_cast<double>(exponent_) * kLn2);
  }

 private:
  using Wide = std::conditional_t<kParts<T> == 2, Complex128, double>;
  // Takes the exponent out of x where two such factors could leave double's range.
  void Normalise(Wide* x) {
    const double size = Largest(*x);
    if ((size > 1e-140 && size < 1e140) || size == 0 || !std::isfinite(size)) return;
    int e = 0;
    std::frexp(size, &e);
    *x = *x * std::ldexp(1.0, -e / 2) * std::ldexp(1.0, -e + e / 2);
    exponent_ += e;
  }
  static double Largest(double x) { return std::abs(x); }
  static double Largest(Complex128 x) { return std::max(std::abs(x.real()), std::abs(x.imag())); }
  double Scaled(double m) const {
    // Beyond int range the result is 0 or infinite already.
    const int64_t e = std::clamp<int64_t>(exponent_, -5000, 5000);
    return std::ldexp(m, static_cast<int>(e));
  }
  Wide mantissa_;
  int64_t exponent_ = 0;
};

template <class T>
HWY_INLINE void StoreDeterminant(const ScaledProduct<T>& product, T* out, T* log_abs) {
  if (log_abs == nullptr) {
    *out = product.Value();
    return;
  }
  *out = product.Phase();
  *log_abs = T(product.LogAbs());
}

template <class T>
void DeterminantTyped(const T* in, T* out, T* log_abs, size_t n, size_t count, void* scratch) {
  using L = Lane<T>;
  if (n <= kGroupOrder) {
    Real<T>* a = static_cast<Real<T>*>(scratch);
    GroupPivots<T> pivots;
    for (size_t i = 0; i < count; i += L::kLanes) {
      const size_t some = HWY_MIN(L::kLanes, count - i);
      PackLanes<T>(in + i * n * n, n * n, some, n * n, a);
      LuGroup<T>(n, a, 0, a, &pivots);
      for (size_t lane = 0; lane < some; ++lane) {
        ScaledProduct<T> product(pivots.sign[lane]);
        for (size_t r = 0; r < n; ++r) {
          const Real<T>* p = a + r * (n + 1) * L::kStride + lane;
          if constexpr (kParts<T> == 2) {
            product.Multiply(T(p[0], p[L::kLanes]));
          } else {
            product.Multiply(p[0]);
          }
        }
        StoreDeterminant(product, out + i + lane, log_abs ? log_abs + i + lane : nullptr);
      }
    }
    return;
  }
  const MatrixScratch<T> s(n, scratch);
  for (size_t i = 0; i < count; ++i) {
    int sign;
    CopyMatrix(n, false, in + i * n * n, s.a);
    LuMatrix<T>(n, s.a, s.perm, &sign, s.panel);
    ScaledProduct<T> product(static_cast<Real<T>>(sign));
    for (size_t r = 0; r < n; ++r) product.Multiply(s.a[r * (n + 1)]);
    StoreDeterminant(product, out + i, log_abs ? log_abs + i : nullptr);
  }
}

size_t LuScratchBytes(DType dtype, size_t n, size_t m) {
  size_t bytes = 0;
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             bytes = n <= kGroupOrder
                                         ? n * (n + m) * Lane<T>::kStride * sizeof(Real<T>)
                                         : MatrixScratch<T>::Bytes(n));
  return bytes;
}

bool LuSolve(DType dtype, const void* in, const void* rhs, void* out, size_t n, size_t m,
             size_t count, bool adjoint, void* scratch) {
  bool ok = true;
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             ok = SolveTyped(static_cast<const T*>(in), static_cast<const T*>(rhs),
                                             static_cast<T*>(out), n, m, count, adjoint, scratch));
  return ok;
}

bool LuFactors(DType dtype, const void* in, void* out, int64_t* perm, size_t n, size_t count,
               void* scratch) {
  bool ok = true;
  OPKIT_LINALG_TARGET_SWITCH(
      dtype, T,
      ok = LuTyped(static_cast<const T*>(in), static_cast<T*>(out), perm, n, count, scratch));
  return ok;
}

void LuDeterminant(DType dtype, const void* in, void* out, void* log_abs, size_t n, size_t count,
                   void* scratch) {
  OPKIT_LINALG_TARGET_SWITCH(dtype, T,
                             DeterminantTyped(static_cast<const T*>(in), static_cast<T*>(out),
                                              static_cast<T*>(log_abs), n, count, scratch));
}

}  // namespace opkit::linalg::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::linalg {
OPKIT_SIMD_EXPORT(LuScratchBytes);
OPKIT_SIMD_EXPORT(LuSolve);
OPKIT_SIMD_EXPORT(LuFactors);
OPKIT_SIMD_EXPORT(LuDeterminant);

size_t LuScratch(DType dtype, size_t n, size_t m) {
  return OPKIT_LINALG_CALL(LuScratchBytes, dtype)(dtype, n, m);
}

bool InverseBatch(DType dtype, const void* in, void* out, size_t n, size_t count, bool adjoint,
                  void* scratch) {
  return OPKIT_LINALG_CALL(LuSolve, dtype)(dtype, in, nullptr, out, n, n, count, adjoint, scratch);
}

bool SolveBatch(DType dtype, const void* in, const void* rhs, void* out, size_t n, size_t m,
                size_t count, bool adjoint, void* scratch) {
  return OPKIT_LINALG_CALL(LuSolve, dtype)(dtype, in, rhs, out, n, m, count, adjoint, scratch);
}

bool LuBatch(DType dtype, const void* in, void* lu, int64_t* perm, size_t n, size_t count,
             void* scratch) {
  return OPKIT_LINALG_CALL(LuFactors, dtype)(dtype, in, lu, perm, n, count, scratch);
}

void DeterminantBatch(DType dtype, const void* in, void* out, void* log_abs, size_t n, size_t count,
                      void* scratch) {
  OPKIT_LINALG_CALL(LuDeterminant, dtype)(dtype, in, out, log_abs, n, count, scratch);
}

}  // namespace opkit::linalg
#endif  // HWY_ONCE
