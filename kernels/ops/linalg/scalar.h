// Scalar arithmetic shared by the real and complex instances of the linear algebra kernels.
// std::complex's own operators check for infinities after each product; these do not.
#ifndef OPKIT_OPS_LINALG_SCALAR_H_
#define OPKIT_OPS_LINALG_SCALAR_H_

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>

#include "opkit/dtype.h"

namespace opkit::linalg {

template <class T>
struct ScalarTraits {
  using Real = T;
  static constexpr size_t parts = 1;
};
template <class R>
struct ScalarTraits<std::complex<R>> {
  using Real = R;
  static constexpr size_t parts = 2;
};
template <class T>
using Real = typename ScalarTraits<T>::Real;
template <class T>
constexpr size_t kParts = ScalarTraits<T>::parts;

template <class T>
Real<T>* AsReal(T* p) {
  return reinterpret_cast<Real<T>*>(p);  // complex is layout-compatible with R[2]
}
template <class T>
const Real<T>* AsReal(const T* p) {
  return reinterpret_cast<const Real<T>*>(p);
}

template <class T>
Real<T> RealPart(T x) {
  if constexpr (kParts<T> == 2) {
    return x.real();
  } else {
    return x;
  }
}
template <class T>
Real<T> ImagPart([[maybe_unused]] T x) {
  if constexpr (kParts<T> == 2) {
    return x.imag();
  } else {
    return Real<T>(0);
  }
}
template <class T>
T Conj(T x) {
  if constexpr (kParts<T> == 2) {
    return T(x.real(), -x.imag());
  } else {
    return x;
  }
}
template <class T>
T Times(T a, T b) {
  if constexpr (kParts<T> == 2) {
    return T(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
  } else {
    return a * b;
  }
}
// Without overflow in the intermediate squares. std::hypot takes several times as long, and pivots
// are compared for every entry.
template <class T>
Real<T> Abs(T x) {
  if constexpr (kParts<T> == 2) {
    const double re = x.real(), im = x.imag();
    const double squares = re * re + im * im;
    // Whether they lost nothing: not below 2^-900, not infinite, not NaN.
    if (squares >= 0x1p-900 && squares <= 0x1p1000) {
      return static_cast<Real<T>>(std::sqrt(squares));
    }
    return std::hypot(x.real(), x.imag());
  } else {
    return std::abs(x);
  }
}
template <class T>
Real<T> AbsSquared(T x) {
  if constexpr (kParts<T> == 2) {
    return x.real() * x.real() + x.imag() * x.imag();
  } else {
    return x * x;
  }
}
// Divides by one number as often as asked. Complex numbers by Smith's method (CACM 5, 1962): no
// overflow unless the quotient overflows.
template <class T>
class Divisor {
 public:
  explicit Divisor(T b) {
    if constexpr (kParts<T> == 2) {
      // Where the imaginary part is the larger, both sides are turned by -i.
      turned_ = !(std::abs(b.real()) >= std::abs(b.imag()));
      if (turned_) b = T(b.imag(), -b.real());
      ratio_ = b.imag() / b.real();
      denominator_ = b.real() + b.imag() * ratio_;
    } else {
      denominator_ = b;
    }
  }
  T operator()(T a) const {
    if constexpr (kParts<T> == 2) {
      if (turned_) a = T(a.imag(), -a.real());
      return T((a.real() + a.imag() * ratio_) / denominator_,
               (a.imag() - a.real() * ratio_) / denominator_);
    } else {
      return a / denominator_;
    }
  }

 private:
  Real<T> denominator_;
  Real<T> ratio_ = 0;
  bool turned_ = false;
};
template <class T>
T Divide(T a, T b) {
  return Divisor<T>(b)(a);
}
template <class T>
T Reciprocal(T b) {
  return Divide(T(1), b);
}

// Orders up to this run one matrix a lane.
constexpr size_t kGroupOrder = 8;
// Batches are split between threads at multiples of this: any instruction set's lanes divide it.
constexpr int64_t kGroupUnit = 16;

inline double Cubed(int64_t n) {
  const double x = static_cast<double>(n);
  return x * x * x;
}

inline bool IsComplex(DType dtype) {
  return dtype == DType::kComplex64 || dtype == DType::kComplex128;
}

inline size_t RealSize(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kComplex64 ? 4 : 8;
}

// Runs `statement` with T = the C++ type of dtype, one of the four that linear algebra takes.
#define OPKIT_LINALG_SWITCH(dtype, T, ...) \
  switch (dtype) {                         \
    case ::opkit::DType::kFloat32: {       \
      using T = float;                     \
      __VA_ARGS__;                         \
      break;                               \
    }                                      \
    case ::opkit::DType::kFloat64: {       \
      using T = double;                    \
      __VA_ARGS__;                         \
      break;                               \
    }                                      \
    case ::opkit::DType::kComplex64: {     \
      using T = ::opkit::Complex64;        \
      __VA_ARGS__;                         \
      break;                               \
    }                                      \
    default: {                             \
      using T = ::opkit::Complex128;       \
      __VA_ARGS__;                         \
    }                                      \
  }

// The real ones of them.
#define OPKIT_LINALG_REAL_SWITCH(dtype, T, ...) \
  if ((dtype) == ::opkit::DType::kFloat32) {    \
    using T = float;                            \
    __VA_ARGS__;                                \
  } else {                                      \
    using T = double;                           \
    __VA_ARGS__;                                \
  }

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_SCALAR_H_
