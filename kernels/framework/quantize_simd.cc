#include <limits>

#include "framework/quantize.h"
#include "math/simd.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <typename Q>
void DequantizeLanes(const Q* x, Q flip, float scale, int32_t zero_point, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<Q, decltype(d)> dq;
  const size_t lanes = hn::Lanes(d);
  // The difference has at most 17 bits, so only the product rounds.
  const auto real = [&](auto codes) HWY_ATTR {
    const auto wide = hn::PromoteTo(di, hn::Xor(codes, hn::Set(dq, flip)));
    const auto steps = hn::Sub(wide, hn::Set(di, zero_point));
    return hn::Mul(hn::ConvertTo(d, steps), hn::Set(d, scale));
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(real(hn::LoadU(dq, x + i)), d, y + i);
  if (i < n) hn::StoreN(real(hn::LoadN(dq, x + i, n - i)), d, y + i, n - i);
}

template <typename Q>
void QuantizeLanes(const float* x, float scale, int32_t zero_point, Q flip, Q* y, size_t n) {
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
      const auto codes = hn::OrderedDemote2To(d8, half(x + i), half(x + i + 2 * lanes));
      hn::StoreU(hn::Xor(codes, hn::Set(d8, flip)), d8, y + i);
    }
  }
  const auto narrow = [&](auto v) HWY_ATTR {
    return hn::Xor(hn::DemoteTo(dq, code(v)), hn::Set(dq, flip));
  };
  for (; i + lanes <= n; i += lanes) hn::StoreU(narrow(hn::LoadU(d, x + i)), dq, y + i);
  if (i < n) hn::StoreN(narrow(hn::LoadN(d, x + i, n - i)), dq, y + i, n - i);
}

}  // namespace

void Dequantize8(const uint8_t* x, uint8_t flip, float scale, int32_t zero, float* y, size_t n) {
  DequantizeLanes(x, flip, scale, zero, y, n);
}
void Quantize8(const float* x, float scale, int32_t zero, uint8_t flip, uint8_t* y, size_t n) {
  QuantizeLanes(x, scale, zero, flip, y, n);
}
void Dequantize16(const int16_t* x, float scale, int32_t zero, float* y, size_t n) {
  DequantizeLanes(x, int16_t{0}, scale, zero, y, n);
}
void Quantize16(const float* x, float scale, int32_t zero, int16_t* y, size_t n) {
  QuantizeLanes(x, scale, zero, int16_t{0}, y, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SIMD_EXPORT(Dequantize8);
OPKIT_SIMD_EXPORT(Quantize8);
OPKIT_SIMD_EXPORT(Dequantize16);
OPKIT_SIMD_EXPORT(Quantize16);

namespace internal {

void Dequantize(DType t, const void* x, const QuantParams& q, float* y, size_t n) {
  if (t == DType::kQInt16) {
    const auto* codes = static_cast<const int16_t*>(x);
    return OPKIT_SIMD_CALL(Dequantize16)(codes, q.scale, q.zero_point, y, n);
  }
  // Signed codes and their zero point become unsigned ones: 128 more, or the upper bit flipped.
  const uint8_t flip = t == DType::kQInt8 ? 128 : 0;
  OPKIT_SIMD_CALL(Dequantize8)
  (static_cast<const uint8_t*>(x), flip, q.scale, q.zero_point + flip, y, n);
}

void Quantize(DType t, const float* x, const QuantParams& q, void* y, size_t n) {
  if (t == DType::kQInt16) {
    auto* codes = static_cast<int16_t*>(y);
    return OPKIT_SIMD_CALL(Quantize16)(x, q.scale, q.zero_point, codes, n);
  }
  const uint8_t flip = t == DType::kQInt8 ? 128 : 0;
  OPKIT_SIMD_CALL(Quantize8)
  (x, q.scale, q.zero_point + flip, flip, static_cast<uint8_t*>(y), n);
}

}  // namespace internal
}  // namespace opkit
#endif  // HWY_ONCE
