// Functions of two floating tensors with TF's broadcasting, one row each.
#include "math/elementary.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

#define OPKIT_FUNCTION2(name)                          \
  constexpr BinaryRow k##name{math::name, math::name}; \
  OPKIT_BINARY(name, k##name, "x: T, y: T -> z: T\n T in {floating, quantized}")

OPKIT_FUNCTION2(DivNoNan);
OPKIT_FUNCTION2(MulNoNan);
OPKIT_FUNCTION2(Xdivy);
OPKIT_FUNCTION2(Xlog1py);
OPKIT_FUNCTION2(Xlogy);

constexpr BinaryRow kNextAfter{math::NextAfter, math::NextAfter};
OPKIT_BINARY(NextAfter, kNextAfter, "x1: T, x2: T -> output: T\n T in {float32, float64}");

}  // namespace
}  // namespace opkit
