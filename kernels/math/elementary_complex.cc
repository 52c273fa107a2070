#include <cmath>

#include "math/elementary.h"

namespace opkit::math {
namespace {

using C = std::complex<double>;

// exp(x + iy) - 1 without cancellation near 0: cos(y) - 1 = -2 sin(y / 2)^2.
C Expm1Of(C z) {
  const double s = std::sin(z.imag() / 2);
  const double re = std::expm1(z.real()) * std::cos(z.imag()) - 2 * s * s;
  return {re, std::exp(z.real()) * std::sin(z.imag())};
}

// log(1 + z): |1 + z|^2 - 1 = x (2 + x) + y^2.
C Log1pOf(C z) {
  const double x = z.real();
  const double y = z.imag();
  const double size = std::hypot(1 + x, y);
  const double re = size > 0.5 && size < 2 ? 0.5 * std::log1p(x * (2 + x) + y * y) : std::log(size);
  return {re, std::atan2(y, 1 + x)};
}

C ReciprocalOf(C z) { return 1.0 / z; }

template <typename T, C (*kFn)(C)>
void Map(const std::complex<T>* x, std::complex<T>* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = static_cast<std::complex<T>>(kFn(static_cast<C>(x[i])));
}

}  // namespace

#define OPKIT_COMPLEX(name, fn)                                                 \
  void name(const std::complex<float>* x, std::complex<float>* y, size_t n) {   \
    Map<float, fn>(x, y, n);                                                    \
  }                                                                             \
  void name(const std::complex<double>* x, std::complex<double>* y, size_t n) { \
    Map<double, fn>(x, y, n);                                                   \
  }
#define OPKIT_STD(name, fn)              \
  namespace {                            \
  C name##Of(C z) { return std::fn(z); } \
  }                                      \
  OPKIT_COMPLEX(name, name##Of)

OPKIT_STD(Acos, acos)
OPKIT_STD(Acosh, acosh)
OPKIT_STD(Asin, asin)
OPKIT_STD(Asinh, asinh)
OPKIT_STD(Atan, atan)
OPKIT_STD(Atanh, atanh)
OPKIT_STD(Cosh, cosh)
OPKIT_STD(Sinh, sinh)
OPKIT_STD(Tan, tan)
OPKIT_COMPLEX(Expm1, Expm1Of)
OPKIT_COMPLEX(Log1p, Log1pOf)
OPKIT_COMPLEX(Reciprocal, ReciprocalOf)

}  // namespace opkit::math
