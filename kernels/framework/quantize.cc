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
  // Far beyond every code, yet small enough to convert and add to.
  const auto limit = hn::Set(d, 131072.0f);
  // Truncated after this is added, all numbers within the limit are rounded half away
  // from zero: 1/2 would lift the number just below it, too.
  const auto almost_half = hn::Set(d, 0x1.fffffep-2f);
  const auto zero = hn::Set(di, zero_point);
  const auto code = [&](auto v) HWY_ATTR {
    const auto steps = hn::Div(v, hn::Set(d, scale));
    const auto known = hn::IfThenElseZero(hn::Eq(steps, steps), steps);
    const auto near = hn::Min(hn::Max(known, hn::Neg(limit)), limit);
    const auto lifted = hn::Add(near, hn::CopySignToAbs(almost_half, near));
    return hn::Add(hn::ConvertInRangeTo(di, lifted), zero);
  };
  size_t i = 0;
  if constexpr (sizeof(Q) == 1) {
    const hn::Repartition<int16_t, decltype(d)> d16;
    const hn::Repartition<Q, decltype(d)> d8;
    const auto half = [&](const float* from) HWY_ATTR {
      return hn::OrderedDemote2To(d16, code(hn::LoadU(d, from)), code(hn::LoadU(d, from + lanes)));
    };
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      hn::StoreU(hn::OrderedDemote2To(d8, half(x + i), half(x + i + 2 * lanes)), d8, y + i);
    }
  }
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::DemoteTo(dq, code(hn::LoadU(d, x + i))), dq, y + i);
  }
  if (i < n) hn::StoreN(hn::DemoteTo(dq, code(hn::LoadN(d, x + i, n - i))), dq, y + i, n - i);
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
