// A function of two vectors over arrays of one type.
// Include after math/simd.h, use inside opkit::HWY_NAMESPACE.
#if defined(OPKIT_OPS_ELEMENTWISE_EACH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_OPS_ELEMENTWISE_EACH_INL_H_
#undef OPKIT_OPS_ELEMENTWISE_EACH_INL_H_
#else
#define OPKIT_OPS_ELEMENTWISE_EACH_INL_H_
#endif

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// y = fn(a, b), n elements.
template <typename T, class Fn>
HWY_INLINE void EachVector(const T* a, const T* b, T* y, size_t n, Fn fn) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(fn(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
  }
  if (i < n) {
    hn::StoreN(fn(hn::LoadN(d, a + i, n - i), hn::LoadN(d, b + i, n - i)), d, y + i, n - i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_OPS_ELEMENTWISE_EACH_INL_H_
