#include "framework/quantize.h"

#include <limits>

#include "math/simd.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <typename Q>
void DequantizeLanes(const Q* x, float scale, int32_t zero_point, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<Q, decltype(d)> dq;
  const size_t lanes = hn::Lanes(d);
  // The difference has at most 17 bits, so only the product rounds.
  const auto real = [&](auto codes) HWY_ATTR {
    const auto steps = hn::Sub(hn::PromoteTo(di, codes), hn::Set(di, zero_point));
    return hn::Mul(hn::ConvertTo(d, steps), hn::Set(d, scale));
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(real(hn::LoadU(dq, x + i)), d, y + i);
  if (i < n) hn::StoreN(real(hn::LoadN(dq, x + i, n - i)), d, y + i, n - i);
}

template <typename Q>
void QuantizeLanes(const float* x, float scale, int32_t zero_point, Q* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<Q, decltype(d)> dq;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Set(d, static_cast<float>(zero_point));
  const auto low = hn::Set(d, static_cast<float>(std::numeric_limits<Q>::min()));
  const auto high = hn::Set(d, static_cast<float>(std::numeric_limits<Q>::max()));
  const auto code = [&](auto v) HWY_ATTR {
    const auto steps = hn::Div(v, hn::Set(d, scale));
    const auto whole = hn::Trunc(steps);
    // Exact; infinities give NaN here, which is not above a half.
    const auto half = hn::Ge(hn::Abs(hn::Sub(steps, whole)), hn::Set(d, 0.5f));
    const auto one = hn::CopySign(hn::Set(d, 1.0f), steps);
    const auto sum = hn::Add(hn::Add(whole, hn::IfThenElseZero(half, one)), zero);
    const auto known = hn::IfThenElse(hn::IsNaN(steps), zero, sum);
    return hn::DemoteTo(dq, hn::ConvertTo(di, hn::Min(hn::Max(known, low), high)));
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(code(hn::LoadU(d, x + i)), dq, y + i);
  if (i < n) hn::StoreN(code(hn::LoadN(d, x + i, n - i)), dq, y + i, n - i);
}

}  // namespace

#define OPKIT_DEFINE(name, Q)                                                        \
  void Dequantize##name(const Q* x, float scale, int32_t zero, float* y, size_t n) { \
    DequantizeLanes(x, scale, zero, y, n);                                           \
  }                                                                                  \
  void Quantize##name(const float* x, float scale, int32_t zero, Q* y, size_t n) {   \
    QuantizeLanes(x, scale, zero, y, n);                                             \
  }
OPKIT_DEFINE(Int8, int8_t)
OPKIT_DEFINE(UInt8, uint8_t)
OPKIT_DEFINE(Int16, int16_t)
#undef OPKIT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

#define OPKIT_TABLES(name)             \
  OPKIT_SIMD_EXPORT(Dequantize##name); \
  OPKIT_SIMD_EXPORT(Quantize##name);
OPKIT_TABLES(Int8)
OPKIT_TABLES(UInt8)
OPKIT_TABLES(Int16)

namespace internal {

#define OPKIT_DEFINE(name, Q)                                             \
  void Dequantize(const Q* x, const QuantParams& q, float* y, size_t n) { \
    OPKIT_SIMD_CALL(Dequantize##name)(x, q.scale, q.zero_point, y, n);    \
  }                                                                       \
  void Quantize(const float* x, const QuantParams& q, Q* y, size_t n) {   \
    OPKIT_SIMD_CALL(Quantize##name)(x, q.scale, q.zero_point, y, n);      \
  }
OPKIT_DEFINE(Int8, int8_t)
OPKIT_DEFINE(UInt8, uint8_t)
OPKIT_DEFINE(Int16, int16_t)
#undef OPKIT_DEFINE

}  // namespace internal
}  // namespace opkit
#endif  // HWY_ONCE
