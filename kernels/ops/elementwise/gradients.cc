// Gradients of pointwise functions, without broadcasting.
#include <type_traits>

#include "math/elementary.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

#define OPKIT_GRADIENT(name, signature)                \
  constexpr BinaryRow k##name{math::name, math::name}; \
  OPKIT_OP(name).Signature(signature).Run([](OpContext& ctx) { return RunBinary(k##name, ctx); })

#define OPKIT_FEATURES "gradients: T[...], features: T[...] -> backprops: T[...]\n T in {floating}"
#define OPKIT_OUTPUTS "gradients: T[...], outputs: T[...] -> backprops: T[...]\n T in {floating}"
#define OPKIT_RESULT "y: T[...], dy: T[...] -> z: T[...]\n T in {floating}"

OPKIT_GRADIENT(EluGrad, OPKIT_OUTPUTS);
OPKIT_GRADIENT(SeluGrad, OPKIT_OUTPUTS);
OPKIT_GRADIENT(SoftplusGrad, OPKIT_FEATURES);
OPKIT_GRADIENT(SoftsignGrad, OPKIT_FEATURES);
OPKIT_GRADIENT(ReciprocalGrad, OPKIT_RESULT);
OPKIT_GRADIENT(RsqrtGrad, OPKIT_RESULT);
OPKIT_GRADIENT(SigmoidGrad, OPKIT_RESULT);
OPKIT_GRADIENT(SqrtGrad, OPKIT_RESULT);
OPKIT_GRADIENT(TanhGrad, OPKIT_RESULT);
// TF's older name of ReciprocalGrad.
OPKIT_OP(InvGrad).Signature(OPKIT_RESULT).Run([](OpContext& ctx) {
  return RunBinary(kReciprocalGrad, ctx);
});

Status RunLeakyReluGrad(OpContext& ctx) {
  const float alpha = ctx.attr_float("alpha");
  return ctx.Visit(0, FloatingTypes{}, [&](auto tag) {
    using T = decltype(tag);
    return BroadcastInputs<T, T>(ctx, 32768, [alpha](const T* g, const T* x, T* y, size_t n) {
      using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
      const C a = static_cast<C>(static_cast<T>(alpha));  // rounded to T, as in TF
      for (size_t i = 0; i < n; ++i) {
        const C slope = static_cast<C>(x[i]) > C{0} ? C{1} : a;
        y[i] = static_cast<T>(static_cast<C>(g[i]) * slope);
      }
    });
  });
}

OPKIT_OP(LeakyReluGrad)
    .Signature(R"(
      gradients: T[...], features: T[...] -> backprops: T[...]
      T in {floating}
      alpha: float = 0.2
    )")
    .Run(RunLeakyReluGrad);

}  // namespace
}  // namespace opkit
