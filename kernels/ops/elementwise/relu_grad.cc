// ReluGrad and Relu6Grad, of integers as well: the gradient where 0 < feature (< 6), else 0.
#include <limits>
#include <type_traits>

#include "math/elementary.h"
#include "math/simd.h"
#include "opkit/pointwise.h"
// After simd.h, which sets the target.
#include "ops/elementwise/each-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// feature - 1 < end, unsigned: false for 0 and, where end is the type's largest, negative numbers.
template <typename U>
void Between(const U* gradient, const U* feature, uint64_t end, U* y, size_t n) {
  const hn::ScalableTag<U> d;
  const auto one = hn::Set(d, U{1});
  const auto limit = hn::Set(d, static_cast<U>(end));
  EachVector(gradient, feature, y, n, [&](auto g, auto x) HWY_ATTR {
    return hn::IfThenElseZero(hn::Lt(hn::Sub(x, one), limit), g);
  });
}

}  // namespace

// clang-format off
#define OPKIT_EACH_WIDTH(X) X(uint8) X(uint16) X(uint32) X(uint64)
// clang-format on
#define OPKIT_BETWEEN(U)                                                               \
  void Between_##U(const U##_t* g, const U##_t* x, uint64_t end, U##_t* y, size_t n) { \
    Between(g, x, end, y, n);                                                          \
  }
OPKIT_EACH_WIDTH(OPKIT_BETWEEN)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(U) OPKIT_SIMD_EXPORT(Between_##U);
OPKIT_EACH_WIDTH(OPKIT_TABLE)

constexpr BinaryRow kReluGrad{math::ReluGrad, math::ReluGrad};
constexpr BinaryRow kRelu6Grad{math::Relu6Grad, math::Relu6Grad};

template <typename U>
void Select(const U* g, const U* x, uint64_t end, U* y, size_t n) {
  if constexpr (sizeof(U) == 1) {
    OPKIT_SIMD_CALL(Between_uint8)(g, x, end, y, n);
  } else if constexpr (sizeof(U) == 2) {
    OPKIT_SIMD_CALL(Between_uint16)(g, x, end, y, n);
  } else if constexpr (sizeof(U) == 4) {
    OPKIT_SIMD_CALL(Between_uint32)(g, x, end, y, n);
  } else {
    OPKIT_SIMD_CALL(Between_uint64)(g, x, end, y, n);
  }
}

template <const BinaryRow& kRow, bool kSix>
Status RunRelu(OpContext& ctx) {
  switch (ctx.dtype(0)) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kFloat16:
    case DType::kBFloat16:
      return RunBinary(kRow, ctx);
    default:
      break;
  }
  return ctx.Visit(0, IntegralTypes{}, [&](auto tag) {
    using T = decltype(tag);
    using U = std::make_unsigned_t<T>;
    constexpr auto kEnd = kSix ? uint64_t{5} : static_cast<uint64_t>(std::numeric_limits<T>::max());
    const auto select = [](const U* g, const U* x, U* y, size_t n) { Select(g, x, kEnd, y, n); };
    return BroadcastInputs<U, U>(ctx, 65536, select);
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

}  // namespace
}  // namespace opkit
#endif  // HWY_ONCE
