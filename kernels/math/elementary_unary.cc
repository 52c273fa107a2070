#include <algorithm>
#include <cmath>

#include "math/elementary.h"
#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/elementary-inl.h"

// clang-format off
#define OPKIT_EACH_UNARY(X)                                                          \
  X(Acos) X(Acosh) X(Asin) X(Asinh) X(Atan) X(Atanh) X(Cosh) X(Elu) X(Erf) X(Erfc)   \
  X(Exp) X(Expm1) X(Log) X(Log1p) X(Reciprocal) X(Rint) X(Selu) X(Sinh) X(Softplus)  \
  X(Softsign) X(Tan) X(Tanh)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE Vf<D> Reciprocal(D d, Vf<D> x) {
  return hn::Div(hn::Set(d, 1.0f), x);
}

template <class D>
HWY_INLINE Vf<D> Rint(D, Vf<D> x) {
  return hn::CopySign(hn::Round(x), x);
}

// Two vectors a step hide the latency of the polynomials.
#define OPKIT_DEFINE(name)                                              \
  void name##Array(const float* x, float* y, size_t n) {                \
    const hn::ScalableTag<float> d;                                     \
    const size_t lanes = hn::Lanes(d);                                  \
    size_t i = 0;                                                       \
    for (; i + 2 * lanes <= n; i += 2 * lanes) {                        \
      const auto a = name(d, hn::LoadU(d, x + i));                      \
      const auto b = name(d, hn::LoadU(d, x + i + lanes));              \
      hn::StoreU(a, d, y + i);                                          \
      hn::StoreU(b, d, y + i + lanes);                                  \
    }                                                                   \
    for (; i < n; i += lanes) {                                         \
      hn::StoreN(name(d, hn::LoadN(d, x + i, n - i)), d, y + i, n - i); \
    }                                                                   \
  }
OPKIT_EACH_UNARY(OPKIT_DEFINE)
#undef OPKIT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Array);
OPKIT_EACH_UNARY(OPKIT_TABLE)

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

#define OPKIT_F32(name) \
  void name(const float* x, float* y, size_t n) { OPKIT_SIMD_CALL(name##Array)(x, y, n); }
OPKIT_EACH_UNARY(OPKIT_F32)

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
#endif  // HWY_ONCE
