// Division that truncates, of integers and of floats.
#include <algorithm>
#include <type_traits>

#include "math/elementary.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

template <typename T>
using Unsigned = std::make_unsigned_t<T>;

// The most negative number divided by -1 wraps to itself, with remainder 0.
template <typename T>
struct Quotient {
  static T Call(T a, T b) {
    if constexpr (std::is_signed_v<T>) {
      if (b == T{-1}) return static_cast<T>(Unsigned<T>{0} - static_cast<Unsigned<T>>(a));
    }
    return static_cast<T>(a / b);
  }
};
template <typename T>
struct Remainder {
  static T Call(T a, T b) {
    if constexpr (std::is_signed_v<T>) {
      if (b == T{-1}) return T{0};
    }
    return static_cast<T>(a % b);
  }
};

template <typename T>
Status CheckDivisor(OpContext& ctx) {
  if (ctx.out_shape(0).size() == 0) return {};
  const T* b = ctx.in<T>(1);
  const int64_t n = ctx.shape(1).size();
  for (int64_t i = 0; i < n; ++i) {
    if (b[i] == T{0}) {
      return Error("integer division by zero: element %lld of the divisor is 0",
                   static_cast<long long>(i));
    }
  }
  return {};
}

template <template <typename> class Fn, typename Types>
Status RunDivision(OpContext& ctx, Types types) {
  return ctx.Visit(0, types, [&](auto tag) -> Status {
    using T = decltype(tag);
    OPKIT_RETURN_IF_ERROR(CheckDivisor<T>(ctx));
    return BroadcastInputs<T, T>(ctx, 16384, [](const T* a, const T* b, T* y, size_t n) {
      for (size_t i = 0; i < n; ++i) y[i] = Fn<T>::Call(a[i], b[i]);
    });
  });
}

bool IsFloating(DType t) {
  return t == DType::kFloat32 || t == DType::kFloat64 || t == DType::kFloat16 ||
         t == DType::kBFloat16;
}

// The quotient is rounded to 16 bits before it is truncated, as in TF.
template <typename H>
Status TruncateDiv16(OpContext& ctx) {
  return BroadcastInputs<H, H>(ctx, 16384, [](const H* a, const H* b, H* y, size_t n) {
    constexpr size_t kBlock = 256;
    float quotient[kBlock];
    float divisor[kBlock];
    float one[kBlock];
    std::fill_n(one, kBlock, 1.0f);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t some = std::min(kBlock, n - i);
      ToFloat(a + i, quotient, some);
      ToFloat(b + i, divisor, some);
      for (size_t k = 0; k < some; ++k) quotient[k] /= divisor[k];
      FromFloat(quotient, y + i, some);
      ToFloat(y + i, quotient, some);
      math::TruncateDiv(quotient, one, quotient, some);
      FromFloat(quotient, y + i, some);
    }
  });
}

Status RunTruncateDiv(OpContext& ctx) {
  static constexpr BinaryRow kRow{math::TruncateDiv, math::TruncateDiv};
  switch (ctx.dtype(0)) {
    case DType::kFloat16:
      return TruncateDiv16<Half>(ctx);
    case DType::kBFloat16:
      return TruncateDiv16<BFloat16>(ctx);
    case DType::kFloat32:
    case DType::kFloat64:
      return RunBinary(kRow, ctx);
    default:
      break;
  }
  return RunDivision<Quotient>(ctx, IntegralTypes{});
}
OPKIT_OP(TruncateDiv)
    .Signature("x: T, y: T -> z: T\n T in {floating, integral}")
    .Shape(BroadcastShape)
    .Run(RunTruncateDiv);

Status RunTruncateMod(OpContext& ctx) {
  static constexpr BinaryRow kRow{math::TruncateMod, math::TruncateMod};
  if (IsFloating(ctx.dtype(0))) return RunBinary(kRow, ctx);
  return RunDivision<Remainder>(ctx, IndexTypes{});
}
OPKIT_OP(TruncateMod)
    .Signature("x: T, y: T -> z: T\n T in {floating, int32, int64}")
    .Shape(BroadcastShape)
    .Run(RunTruncateMod);

}  // namespace
}  // namespace opkit
