// Transposing a square of numbers that fits 128-bit vectors, once per instruction set.
#if defined(OPKIT_MATH_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_TRANSPOSE_INL_H_
#undef OPKIT_MATH_TRANSPOSE_INL_H_
#else
#define OPKIT_MATH_TRANSPOSE_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::simd::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Transposes a block of as many rows as a 128-bit vector has lanes: p[i] + k for row i, element k
// becomes q[k] + i.
template <class R>
HWY_INLINE void TransposeBlock(const R* const* p, R* const* q) {
  const hn::Full128<R> d;
  if constexpr (sizeof(R) == 8) {
    const auto a = hn::LoadU(d, p[0]), b = hn::LoadU(d, p[1]);
    hn::StoreU(hn::InterleaveLower(d, a, b), d, q[0]);
    hn::StoreU(hn::InterleaveUpper(d, a, b), d, q[1]);
  } else {
    const hn::Full128<double> pairs;
    const auto a = hn::LoadU(d, p[0]), b = hn::LoadU(d, p[1]);
    const auto c = hn::LoadU(d, p[2]), e = hn::LoadU(d, p[3]);
    const auto ab0 = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
    const auto ab1 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
    const auto ce0 = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
    const auto ce1 = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab0, ce0)), d, q[0]);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab0, ce0)), d, q[1]);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab1, ce1)), d, q[2]);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab1, ce1)), d, q[3]);
  }
}

}  // namespace opkit::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
