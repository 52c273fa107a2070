// Minimum and maximum as x86 has them: the second operand where one is NaN, and of two zeros.
// Highway leaves both to the instruction set, and Arm's returns the number. Include after
// math/simd.h, use inside opkit::HWY_NAMESPACE.
#if defined(OPKIT_MATH_MINMAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_MINMAX_INL_H_
#undef OPKIT_MATH_MINMAX_INL_H_
#else
#define OPKIT_MATH_MINMAX_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// a where a < b, else b.
template <class V>
HWY_INLINE V MinOrSecond(V a, V b) {
  if constexpr (HWY_ARCH_X86 || !hwy::IsFloat<hn::TFromV<V>>()) {
    return hn::Min(a, b);
  } else {
    return hn::IfThenElse(hn::Lt(a, b), a, b);
  }
}

// a where a > b, else b.
template <class V>
HWY_INLINE V MaxOrSecond(V a, V b) {
  if constexpr (HWY_ARCH_X86 || !hwy::IsFloat<hn::TFromV<V>>()) {
    return hn::Max(a, b);
  } else {
    return hn::IfThenElse(hn::Gt(a, b), a, b);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // OPKIT_MATH_MINMAX_INL_H_
