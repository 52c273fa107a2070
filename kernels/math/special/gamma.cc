// Log gamma and digamma in float64.
#include "math/simd.h"
#include "math/special/gamma-inl.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

OPKIT_SPECIAL_KERNEL64(Lgamma, LgammaFn)
OPKIT_SPECIAL_KERNEL64(Digamma, DigammaFn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT64(Lgamma)
OPKIT_SPECIAL_EXPORT64(Digamma)

}  // namespace opkit
#endif  // HWY_ONCE
