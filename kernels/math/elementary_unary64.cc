// The float64 versions of elementary.h's functions of one argument.
#include <algorithm>
#include <cmath>

#include "math/elementary.h"

namespace opkit {
namespace {

// Float64 functions that libm lacks.
double EluF64(double x) { return x < 0 ? std::expm1(x) : x; }
double ReciprocalF64(double x) { return 1 / x; }
double SeluF64(double x) {
  constexpr double kScale = 1.0507009873554804934193349852946;
  constexpr double kScaleAlpha = 1.7580993408473768599402175208123;
  return x < 0 ? kScaleAlpha * std::expm1(x) : kScale * x;
}
double SoftplusF64(double x) {
  return x != x ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}
double SoftsignF64(double x) { return x / (1 + std::fabs(x)); }

template <double (*kFn)(double)>
void Map(const double* x, double* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = kFn(x[i]);
}

}  // namespace

namespace math {

#define OPKIT_F64(name, fn) \
  void name(const double* x, double* y, size_t n) { Map<fn>(x, y, n); }
OPKIT_F64(Acos, std::acos)
OPKIT_F64(Acosh, std::acosh)
OPKIT_F64(Asin, std::asin)
OPKIT_F64(Asinh, std::asinh)
OPKIT_F64(Atan, std::atan)
OPKIT_F64(Atanh, std::atanh)
OPKIT_F64(Cosh, std::cosh)
OPKIT_F64(Elu, EluF64)
OPKIT_F64(Erf, std::erf)
OPKIT_F64(Erfc, std::erfc)
OPKIT_F64(Exp, std::exp)
OPKIT_F64(Expm1, std::expm1)
OPKIT_F64(Log, std::log)
OPKIT_F64(Log1p, std::log1p)
OPKIT_F64(Reciprocal, ReciprocalF64)
OPKIT_F64(Rint, std::nearbyint)
OPKIT_F64(Selu, SeluF64)
OPKIT_F64(Sinh, std::sinh)
OPKIT_F64(Softplus, SoftplusF64)
OPKIT_F64(Softsign, SoftsignF64)
OPKIT_F64(Tan, std::tan)
OPKIT_F64(Tanh, std::tanh)

}  // namespace math
}  // namespace opkit
