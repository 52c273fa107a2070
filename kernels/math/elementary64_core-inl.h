// What the float64 vector functions and the special functions share: constants, polynomials, exact
// sums. Include after math/simd.h, use inside opkit::HWY_NAMESPACE.
#if defined(OPKIT_MATH_ELEMENTARY64_CORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_MATH_ELEMENTARY64_CORE_INL_H_
#undef OPKIT_MATH_ELEMENTARY64_CORE_INL_H_
#else
#define OPKIT_MATH_ELEMENTARY64_CORE_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "math/minmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

namespace f64 {

using Dd = hn::ScalableTag<double>;
using Du = hn::RebindToUnsigned<Dd>;
using V = hn::Vec<Dd>;
using Vu = hn::Vec<Du>;
using M = hn::Mask<Dd>;

constexpr double kRoundMagic = 0x1.8p52;  // x + this rounds x to an integer
// ln(2) in two parts; the first has 42 bits, so n * kLn2Hi is exact.
constexpr double kLn2Hi = 0x1.62e42fefa3800p-1;
constexpr double kLn2Lo = 0x1.ef35793c76730p-45;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kLog2E = 0x1.71547652b82fep+0;
constexpr double kPi2Hi = 0x1.921fb54442d18p+0;
constexpr double kPi2Lo = 0x1.1a62633145c07p-54;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

HWY_INLINE V Set(double c) { return hn::Set(Dd(), c); }
HWY_INLINE V If(M m, V a, V b) { return hn::IfThenElse(m, a, b); }
HWY_INLINE Vu Bits(V x) { return hn::BitCast(Du(), x); }
HWY_INLINE V FromBits(Vu x) { return hn::BitCast(Dd(), x); }

// c[kFirst] + c[kFirst + kStep] t + ..., Horner; unrolled at any optimisation level.
template <size_t kFirst, size_t kStep, size_t kN, size_t... kI>
HWY_INLINE V ChainSteps([[maybe_unused]] V t, const double (&c)[kN], std::index_sequence<kI...>) {
  constexpr size_t kLast = kFirst + sizeof...(kI) * kStep;
  V p = Set(c[kLast]);
  ((p = hn::MulAdd(p, t, Set(c[kLast - (kI + 1) * kStep]))), ...);
  return p;
}
template <size_t kFirst, size_t kStep, size_t kN>
HWY_INLINE V Chain(V t, const double (&c)[kN]) {
  return ChainSteps<kFirst, kStep>(t, c, std::make_index_sequence<(kN - 1 - kFirst) / kStep>());
}

// Coefficients lowest first. Short ones in two chains, over even and odd powers;
// long ones in four with the leading two coefficients added last, where
// roundings count most.
template <size_t kN>
HWY_INLINE V Polynomial(V x, const double (&c)[kN]) {
  const V x2 = hn::Mul(x, x);
  if constexpr (kN < 16) {
    return hn::MulAdd(Chain<1, 2>(x2, c), x, Chain<0, 2>(x2, c));
  } else {
    const V x4 = hn::Mul(x2, x2);
    const V low = hn::MulAdd(Chain<3, 4>(x4, c), x, Chain<2, 4>(x4, c));
    const V high = hn::MulAdd(Chain<5, 4>(x4, c), x, Chain<4, 4>(x4, c));
    const V rest = hn::MulAdd(high, x2, low);
    return hn::MulAdd(hn::MulAdd(rest, x, Set(c[1])), x, Set(c[0]));
  }
}

// The smaller, or greater, of a constant and x; NaN when x is NaN.
HWY_INLINE V CapAbove(double cap, V x) { return MinOrSecond(Set(cap), x); }
HWY_INLINE V CapBelow(double cap, V x) { return MaxOrSecond(Set(cap), x); }

// a + b = returned + low, exactly.
HWY_INLINE V TwoSum(V a, V b, V& low) {
  const V sum = hn::Add(a, b);
  const V part = hn::Sub(sum, a);
  low = hn::Add(hn::Sub(a, hn::Sub(sum, part)), hn::Sub(b, part));
  return sum;
}

// a b - p exactly, for p = a b or near it, and |a|, |b| below 1e290.
HWY_INLINE V ProductLow(V a, V b, V p) {
#if HWY_NATIVE_FMA
  return hn::MulSub(a, b, p);
#else
  // Dekker: halves of 26 bits.
  const V split = Set(134217729.0);
  const V ca = hn::Mul(split, a);
  const V cb = hn::Mul(split, b);
  const V ah = hn::Sub(ca, hn::Sub(ca, a));
  const V bh = hn::Sub(cb, hn::Sub(cb, b));
  const V al = hn::Sub(a, ah);
  const V bl = hn::Sub(b, bh);
  const V cross = hn::Add(hn::Sub(hn::Mul(ah, bh), p), hn::Mul(ah, bl));
  return hn::Add(hn::Add(cross, hn::Mul(al, bh)), hn::Mul(al, bl));
#endif
}

// x z P(z), what an odd function x + x z P(z) adds to x; z = x^2.
template <size_t kN>
HWY_INLINE V OddTail(V x, V z, const double (&c)[kN]) {
  return hn::Mul(hn::Mul(x, z), Polynomial(z, c));
}

}  // namespace f64
}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
