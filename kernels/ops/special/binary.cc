// Special functions of two tensors with TF's broadcasting, one row each.
#include "math/special/special.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

#define OPKIT_SPECIAL2(name, inputs)                               \
  constexpr BinaryRow k##name{special::name, special::name, 2048}; \
  OPKIT_BINARY(name, k##name, inputs " -> z: T\n T in {float32, float64}")

OPKIT_SPECIAL2(Igamma, "a: T, x: T");
OPKIT_SPECIAL2(Igammac, "a: T, x: T");
OPKIT_SPECIAL2(Polygamma, "a: T, x: T");
OPKIT_SPECIAL2(Zeta, "x: T, q: T");

}  // namespace
}  // namespace opkit
