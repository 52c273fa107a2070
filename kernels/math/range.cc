#include "math/range.h"

#include "math/simd.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::math::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
HWY_INLINE void Range(const T* x, int64_t n, T flip, T* low, T* high) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto bits = hn::Set(d, flip);
  auto lo = hn::Set(d, static_cast<T>(x[0] ^ flip)), hi = lo, lo2 = lo, hi2 = lo;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto a = hn::Xor(hn::LoadU(d, x + i), bits);
    const auto b = hn::Xor(hn::LoadU(d, x + i + lanes), bits);
    lo = hn::Min(lo, a);
    hi = hn::Max(hi, a);
    lo2 = hn::Min(lo2, b);
    hi2 = hn::Max(hi2, b);
  }
  for (; i < n; ++i) {
    const auto a = hn::Set(d, static_cast<T>(x[i] ^ flip));
    lo = hn::Min(lo, a);
    hi = hn::Max(hi, a);
  }
  *low = static_cast<T>(hn::ReduceMin(d, hn::Min(lo, lo2)) ^ flip);
  *high = static_cast<T>(hn::ReduceMax(d, hn::Max(hi, hi2)) ^ flip);
}

void Range32(const int32_t* x, int64_t n, int32_t flip, int32_t* low, int32_t* high) {
  Range(x, n, flip, low, high);
}
void Range64(const int64_t* x, int64_t n, int64_t flip, int64_t* low, int64_t* high) {
  Range(x, n, flip, low, high);
}

}  // namespace opkit::math::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::math {

OPKIT_SIMD_EXPORT(Range32);
OPKIT_SIMD_EXPORT(Range64);

void RangeOf(const int32_t* x, int64_t n, int32_t flip, int32_t* low, int32_t* high) {
  OPKIT_SIMD_CALL(Range32)(x, n, flip, low, high);
}
void RangeOf(const int64_t* x, int64_t n, int64_t flip, int64_t* low, int64_t* high) {
  OPKIT_SIMD_CALL(Range64)(x, n, flip, low, high);
}

}  // namespace opkit::math
#endif  // HWY_ONCE
