// The float64 versions of elementary.h's functions of one argument.
#include <cmath>

#include "math/elementary.h"
#include "math/simd.h"
#include "math/tail64.h"
// After simd.h, which sets the target.
#include "math/elementary64-inl.h"

// clang-format off
#define OPKIT_EACH_UNARY(X)                                                          \
  X(Acos) X(Acosh) X(Asin) X(Asinh) X(Atan) X(Atanh) X(Cosh) X(Elu) X(Erf) X(Erfc)   \
  X(Exp) X(Expm1) X(Log) X(Log1p) X(Reciprocal) X(Rint) X(Selu) X(Sinh) X(Softplus)  \
  X(Softsign) X(Tan) X(Tanh)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace f64 {

HWY_INLINE V Reciprocal(V x) { return hn::Div(Set(1.0), x); }

HWY_INLINE V Rint(V x) { return hn::Round(x); }

// NaN at infinities, as TF computes it.
HWY_INLINE V Softsign(V x) { return hn::Div(x, hn::Add(hn::Abs(x), Set(1.0))); }

}  // namespace f64

// n is a multiple of kTailBlock64. Consecutive steps do not depend on each
// other, which hides the latency of the polynomials.
#define OPKIT_DEFINE(name)                                   \
  void name##Array64(const double* x, double* y, size_t n) { \
    const f64::Dd d;                                         \
    for (size_t i = 0; i < n; i += hn::Lanes(d)) {           \
      hn::StoreU(f64::name(hn::LoadU(d, x + i)), d, y + i);  \
    }                                                        \
  }
OPKIT_EACH_UNARY(OPKIT_DEFINE)
#undef OPKIT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Array64);
OPKIT_EACH_UNARY(OPKIT_TABLE)

}  // namespace

namespace math {

#define OPKIT_F64(name)                                   \
  void name(const double* x, double* y, size_t n) {       \
    RunBlocks64(OPKIT_SIMD_CALL(name##Array64), x, y, n); \
  }
OPKIT_EACH_UNARY(OPKIT_F64)

}  // namespace math
}  // namespace opkit
#endif  // HWY_ONCE
