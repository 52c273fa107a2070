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

constexpr BinaryRow kReluGrad{math::ReluGrad, math::ReluGrad};
constexpr BinaryRow kRelu6Grad{math::Relu6Grad, math::Relu6Grad};

bool IsFloating(DType t) {
  return t == DType::kFloat32 || t == DType::kFloat64 || t == DType::kFloat16 ||
         t == DType::kBFloat16;
}

// Integers as TF takes them: the gradient where 0 < feature (< 6), else 0.
template <const BinaryRow& kRow, bool kSix>
Status RunRelu(OpContext& ctx) {
  if (IsFloating(ctx.dtype(0))) return RunBinary(kRow, ctx);
  return ctx.Visit(0, IntegralTypes{}, [&](auto tag) {
    using T = decltype(tag);
    return BroadcastInputs<T, T>(ctx, 65536, [](const T* g, const T* x, T* y, size_t n) {
      for (size_t i = 0; i < n; ++i) {
        y[i] = (x[i] > T{0} && (!kSix || x[i] < T{6})) ? g[i] : T{0};
      }
    });
  });
}

#define OPKIT_RELU_GRADIENT(name, six)                                 \
  OPKIT_OP(name)                                                       \
      .Signature(                                                      \
          "gradients: T[...], features: T[...] -> backprops: T[...]\n" \
          "T in {floating, integral}")                                 \
      .Run(RunRelu<k##name, six>)

OPKIT_RELU_GRADIENT(ReluGrad, false);
OPKIT_RELU_GRADIENT(Relu6Grad, true);

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
