// Special functions of one tensor, one row each.
#include "math/special/special.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

// TensorFlow's CPU kernels have no bfloat16; those of one line lack float16 too.
#define OPKIT_SPECIAL(name)                                       \
  constexpr UnaryRow k##name{special::name, special::name, 4096}; \
  OPKIT_UNARY(name, k##name, "x: T -> y: T\n T in {float16, float32, float64, quantized}")
#define OPKIT_SPECIAL_WIDE(name)                                  \
  constexpr UnaryRow k##name{special::name, special::name, 4096}; \
  OPKIT_UNARY(name, k##name, "x: T -> y: T\n T in {float32, float64, quantized}")

OPKIT_SPECIAL(BesselI0);
OPKIT_SPECIAL(BesselI0e);
OPKIT_SPECIAL(BesselI1);
OPKIT_SPECIAL(BesselI1e);
OPKIT_SPECIAL(BesselJ0);
OPKIT_SPECIAL(BesselJ1);
OPKIT_SPECIAL(BesselK0);
OPKIT_SPECIAL(BesselK0e);
OPKIT_SPECIAL(BesselK1);
OPKIT_SPECIAL(BesselK1e);
OPKIT_SPECIAL(BesselY0);
OPKIT_SPECIAL(BesselY1);
OPKIT_SPECIAL(Digamma);
OPKIT_SPECIAL(Lgamma);

OPKIT_SPECIAL_WIDE(Dawsn);
OPKIT_SPECIAL_WIDE(Erfinv);
OPKIT_SPECIAL_WIDE(Expint);
OPKIT_SPECIAL_WIDE(FresnelCos);
OPKIT_SPECIAL_WIDE(FresnelSin);
OPKIT_SPECIAL_WIDE(Ndtri);
OPKIT_SPECIAL_WIDE(Spence);

}  // namespace
}  // namespace opkit
