// The float64 versions of elementary.h's functions of two arguments.
#include <cmath>

#include "math/elementary.h"

namespace opkit {
namespace {

constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kSeluScaleAlpha = 1.7580993408473768599402175208123;

// Factors in the order of the float32 version.
double RsqrtGradOf(double y, double g) {
  const double slope = -0.5 * y * y;
  if (y * g == 0) return 0;
  return (std::fabs(y) >= 1 && std::fabs(y) < 0x1p300) ? slope * y * g : slope * (y * g);
}

}  // namespace

namespace math {

// u and v are the two arguments in `value`.
#define OPKIT_LOOP(name, T, value)                    \
  void name(const T* a, const T* b, T* y, size_t n) { \
    for (size_t i = 0; i < n; ++i) {                  \
      const T u = a[i];                               \
      const T v = b[i];                               \
      y[i] = (value);                                 \
    }                                                 \
  }
OPKIT_LOOP(NextAfter, double, std::nextafter(u, v))
OPKIT_LOOP(TruncateMod, double, std::fmod(u, v))
OPKIT_LOOP(TruncateDiv, double, std::trunc(u / v))
OPKIT_LOOP(DivNoNan, double, v == 0 ? 0 : u / v)
OPKIT_LOOP(MulNoNan, double, v == 0 ? 0 : u * v)
OPKIT_LOOP(Xdivy, double, u == 0 ? u : u / v)
OPKIT_LOOP(Xlog1py, double, u == 0 ? u : u * std::log1p(v))
OPKIT_LOOP(Xlogy, double, u == 0 ? u : u * std::log(v))
OPKIT_LOOP(EluGrad, double, v < 0 ? (v + 1) * u : u)
OPKIT_LOOP(Relu6Grad, double, u*((v > 0 && v < 6) ? 1.0 : 0.0))
OPKIT_LOOP(ReluGrad, double, u*(v > 0 ? 1.0 : 0.0))
OPKIT_LOOP(SeluGrad, double, u*(v < 0 ? v + kSeluScaleAlpha : kSeluScale))
OPKIT_LOOP(SoftplusGrad, double, u / (std::exp(-v) + 1))
OPKIT_LOOP(SoftsignGrad, double, u / ((std::fabs(v) + 1) * (std::fabs(v) + 1)))
OPKIT_LOOP(ReciprocalGrad, double, v == 0 ? 0 : std::fabs(u) < 1 ? -(u * v) * u : -(u * u) * v)
OPKIT_LOOP(RsqrtGrad, double, RsqrtGradOf(u, v))
OPKIT_LOOP(SigmoidGrad, double, v * u * (1 - u))
OPKIT_LOOP(SqrtGrad, double, v == 0 ? 0 : v / (u + u))
OPKIT_LOOP(TanhGrad, double, v * ((1 - u) * (1 + u)))

}  // namespace math
}  // namespace opkit
