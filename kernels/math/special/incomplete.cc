// Regularised incomplete gamma and beta functions.
#include "math/simd.h"
#include "math/special/gamma-inl.h"
#include "math/special/incomplete-inl.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
#define OPKIT_GAMMA_KERNELS(name, upper)                                         \
  size_t name##F32(size_t region, const float* const* x, float* y, size_t n) {   \
    return special::GammaKernel<upper>(region, x, y, n);                         \
  }                                                                              \
  size_t name##F64(size_t region, const double* const* x, double* y, size_t n) { \
    return special::GammaKernel<upper>(region, x, y, n);                         \
  }
OPKIT_GAMMA_KERNELS(Igamma, false)
OPKIT_GAMMA_KERNELS(Igammac, true)
#undef OPKIT_GAMMA_KERNELS

OPKIT_SPECIAL_KERNELS(Betainc, BetaincFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT2(Igamma)
OPKIT_SPECIAL_EXPORT2(Igammac)
OPKIT_SPECIAL_EXPORT3(Betainc)

}  // namespace opkit
#endif  // HWY_ONCE
