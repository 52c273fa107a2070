// Functions of one floating tensor, one row each.
#include "math/elementary.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

// Takes the quantized types too: TFLite has no such ops, int8 models get ours.
#define OPKIT_REAL(name)                              \
  constexpr UnaryRow k##name{math::name, math::name}; \
  OPKIT_UNARY(name, k##name, "x: T -> y: T\n T in {floating, quantized}")
#define OPKIT_FUNCTION(name)                                                         \
  constexpr UnaryRow k##name{math::name, math::name, 32768, math::name, math::name}; \
  OPKIT_UNARY(name, k##name, "x: T -> y: T\n T in {floating, complex, quantized}")
#define OPKIT_ACTIVATION(name)                        \
  constexpr UnaryRow k##name{math::name, math::name}; \
  OPKIT_UNARY(name, k##name, "features: T -> activations: T\n T in {floating, quantized}")

OPKIT_FUNCTION(Acos);
OPKIT_FUNCTION(Acosh);
OPKIT_FUNCTION(Asin);
OPKIT_FUNCTION(Asinh);
OPKIT_FUNCTION(Atan);
OPKIT_FUNCTION(Atanh);
OPKIT_FUNCTION(Cosh);
OPKIT_REAL(Erf);
OPKIT_REAL(Erfc);
OPKIT_FUNCTION(Expm1);
OPKIT_FUNCTION(Log1p);
OPKIT_FUNCTION(Reciprocal);
OPKIT_FUNCTION(Sinh);
OPKIT_FUNCTION(Tan);

OPKIT_ACTIVATION(Elu);
OPKIT_ACTIVATION(Selu);
OPKIT_ACTIVATION(Softplus);
OPKIT_ACTIVATION(Softsign);

// TF's older name of Reciprocal.
OPKIT_UNARY(Inv, kReciprocal, "x: T -> y: T\n T in {floating, complex, quantized}");

constexpr UnaryRow kRint{math::Rint, math::Rint};
OPKIT_UNARY(Rint, kRint, "x: T -> y: T\n T in {float32, float64}");

}  // namespace
}  // namespace opkit
