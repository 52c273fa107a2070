// Regularised incomplete gamma and beta functions.
#include "math/simd.h"
#include "math/special/gamma-inl.h"
#include "math/special/incomplete-inl.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

using LowerFn = IgammaFn<false>;
using UpperFn = IgammaFn<true>;

}  // namespace special

OPKIT_SPECIAL_MAP2(Igamma, LowerFn)
OPKIT_SPECIAL_MAP2(Igammac, UpperFn)
OPKIT_SPECIAL_MAP3(Betainc, BetaincFn)

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
