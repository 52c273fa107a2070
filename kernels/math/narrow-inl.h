// Vectors of float32 from and to arrays of 16-bit floats, compiled once per instruction set.
#if defined(OPKIT_MATH_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_NARROW_INL_H_
#undef OPKIT_MATH_NARROW_INL_H_
#else
#define OPKIT_MATH_NARROW_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "opkit/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A vector of the values at p.
template <class DF>
HWY_INLINE hn::Vec<DF> LoadWide(DF d, const BFloat16* p) {
  const hn::RebindToUnsigned<DF> du;
  const auto bits = hn::LoadU(hn::Rebind<uint16_t, DF>(), reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
}

// A vector at p, each value rounded to nearest, ties to even; NaNs become quiet.
template <class DF>
HWY_INLINE void StoreNarrow(hn::Vec<DF> v, DF, BFloat16* p) {
  const hn::RebindToUnsigned<DF> du;
  const hn::Rebind<uint16_t, DF> narrow;
  const auto bits = hn::BitCast(du, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu)));
  const auto nan = hn::Or(hn::And(bits, hn::Set(du, 0x80000000u)), hn::Set(du, 0x7fc00000u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  const auto top = hn::ShiftRight<16>(hn::IfThenElse(is_nan, nan, rounded));
  hn::StoreU(hn::TruncateTo(narrow, top), narrow, reinterpret_cast<uint16_t*>(p));
}

// Highway converts float16 in hardware from AVX2 on; before, Half does one by one.
template <class DF>
HWY_INLINE hn::Vec<DF> LoadWide(DF d, const Half* p) {
#if HWY_TARGET == HWY_SSE4
  HWY_ALIGN float wide[HWY_MAX_LANES_D(DF)];
  for (size_t i = 0; i < hn::Lanes(d); ++i) wide[i] = p[i];
  return hn::Load(d, wide);
#else
  const hn::Rebind<hwy::float16_t, DF> half;
  const hn::RebindToUnsigned<decltype(half)> bits;
  return hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(bits, reinterpret_cast<const uint16_t*>(p))));
#endif
}

template <class DF>
HWY_INLINE void StoreNarrow(hn::Vec<DF> v, [[maybe_unused]] DF d, Half* p) {
#if HWY_TARGET == HWY_SSE4
  HWY_ALIGN float wide[HWY_MAX_LANES_D(DF)];
  hn::Store(v, d, wide);
  for (size_t i = 0; i < hn::Lanes(d); ++i) p[i] = Half(wide[i]);
#else
  const hn::Rebind<hwy::float16_t, DF> half;
  const hn::RebindToUnsigned<decltype(half)> bits;
  hn::StoreU(hn::BitCast(bits, hn::DemoteTo(half, v)), bits, reinterpret_cast<uint16_t*>(p));
#endif
}

}  // namespace opkit::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
