// Bessel functions of orders 0 and 1 in float64: fits in x^2 near 0 and of the factors of
// Hankel's expansions beyond (DLMF 10.17, 10.40).
#include "math/simd.h"
#include "math/special/special.h"
#include "math/special/vec-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace special {

constexpr double kTwoOverPi = 0.63661977236758134308;

HWY_INLINE V Sqr(V x) { return hn::Mul(x, x); }

// Not inlined: what the scaled and the plain functions share.
// I_0 or I_1 for |x| <= 8.
template <int kOrder>
HWY_NOINLINE V BesselISmall(V x) {
  if constexpr (kOrder == 0) return OPKIT_FIT64(I0Small, Sqr(x));
  return PlusZero(hn::Mul(x, OPKIT_FIT64(I1Small, Sqr(x))));
}

// The same beyond, times exp(-|x|).
template <int kOrder>
HWY_NOINLINE V BesselIBig(V x) {
  const V v = hn::Div(Set(1.0), hn::Abs(x)), root = hn::Sqrt(v);
  if constexpr (kOrder == 0) return hn::Mul(OPKIT_FIT64(I0Big, v), root);
  return hn::Mul(hn::CopySign(OPKIT_FIT64(I1Big, v), x), root);
}

// I_0 or I_1, times exp(-|x|) if kScaled.
template <int kOrder, bool kScaled>
struct BesselIFn : Regions {
  static constexpr size_t kIn = 1, kRegions = kScaled ? 2 : 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = hn::Abs(a[0]);
    if constexpr (kScaled) return FirstOf(hn::Le(x, Set(8.0)));
    return FirstOf(hn::Le(x, Set(8.0)), hn::Lt(x, Set(kInf)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0], ax = hn::Abs(x);
    if constexpr (kR == 2) return Set(kNan);
    V y;
    if constexpr (kR == 0) {
      y = BesselISmall<kOrder>(x);
      if constexpr (kScaled) y = hn::Mul(y, Exp<false>(hn::Neg(ax)));
      return y;
    }
    y = BesselIBig<kOrder>(x);
    if constexpr (!kScaled) {
      // The square of exp(x / 2) reaches where exp(x) is over the range already.
      const V half = Exp<false>(hn::Mul(Set(0.5), ax));
      y = hn::Mul(hn::Mul(y, half), half);
    }
    return y;
  }
};

// K_0 or K_1 for 0 < x <= 1.
template <int kOrder>
HWY_NOINLINE V BesselKSmall(V x) {
  const V z = Sqr(x), log = LogPositive(x);
  if constexpr (kOrder == 0) {
    return hn::NegMulAdd(log, OPKIT_FIT64(I0One, z), OPKIT_FIT64(K0Small, z));
  }
  const V s = hn::MulAdd(log, OPKIT_FIT64(I1One, z), OPKIT_FIT64(K1Small, z));
  return hn::MulAdd(x, s, hn::Div(Set(1.0), x));
}

// The same beyond, times exp(x).
template <int kOrder>
HWY_NOINLINE V BesselKBig(V x) {
  const V v = hn::Div(Set(1.0), x), root = hn::Sqrt(v);
  if constexpr (kOrder == 0) return hn::Mul(OPKIT_FIT64(K0Big, v), root);
  return hn::Mul(OPKIT_FIT64(K1Big, v), root);
}

// K_0 or K_1, times exp(x) if kScaled.
template <int kOrder, bool kScaled>
struct BesselKFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    return If(hn::Gt(x, Set(0.0)), FirstOf(hn::Le(x, Set(1.0)), hn::Lt(x, Set(kInf))), Set(2.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    V y;
    if constexpr (kR == 2) {
      y = If(hn::Le(x, Set(0.0)), Set(kInf), x);
      return If(hn::Eq(x, Set(kInf)), Set(0.0), y);
    }
    if constexpr (kR == 0) {
      y = BesselKSmall<kOrder>(x);
      if constexpr (kScaled) y = hn::Mul(y, Exp<false>(x));
      return y;
    }
    y = BesselKBig<kOrder>(x);
    if constexpr (!kScaled) y = hn::Mul(y, Exp<false>(hn::Neg(x)));
    return y;
  }
};

// J_0 or J_1 for |x| <= 8, the zeros there exact factors.
template <int kOrder>
HWY_INLINE V BesselJSmall(V x) {
  const V ax = hn::Abs(x);
  constexpr double kHi[] = {kOrder ? kJ1Zero0Hi : kJ0Zero0Hi, kOrder ? kJ1Zero1Hi : kJ0Zero1Hi};
  constexpr double kLo[] = {kOrder ? kJ1Zero0Lo : kJ0Zero0Lo, kOrder ? kJ1Zero1Lo : kJ0Zero1Lo};
  const V f0 = hn::Mul(hn::Sub(hn::Sub(ax, Set(kHi[0])), Set(kLo[0])), hn::Add(ax, Set(kHi[0])));
  const V f1 = hn::Mul(hn::Sub(hn::Sub(ax, Set(kHi[1])), Set(kLo[1])), hn::Add(ax, Set(kHi[1])));
  V p;
  if constexpr (kOrder == 0) {
    p = OPKIT_FIT64(J0Small, Sqr(x));
  } else {
    p = hn::Mul(x, OPKIT_FIT64(J1Small, Sqr(x)));
  }
  return hn::Mul(hn::Mul(f0, f1), p);
}

// J and Y for x >= 8 from sin(x), cos(x) and the slowly varying P and Q. With
// chi = x - pi / 4 (- pi / 2) expanded there is no rounded phase.
template <int kOrder>
HWY_NOINLINE void BesselLarge(V x, V& j, V& y) {
  const V inv = hn::Div(Set(1.0), x), w = Sqr(inv);
  V p, q;
  if constexpr (kOrder == 0) {
    p = OPKIT_FIT64(P0, w);
    q = OPKIT_FIT64(Q0, w);
  } else {
    p = OPKIT_FIT64(P1, w);
    q = OPKIT_FIT64(Q1, w);
  }
  q = hn::Mul(q, inv);
  V s, c;
  SinCos(x, s, c);
  V sum = hn::Add(s, c), diff = hn::Sub(s, c);  // sqrt(2) cos(chi), sqrt(2) sin(chi), order 0
  if constexpr (kOrder == 1) {
    const V t = sum;
    sum = diff;
    diff = hn::Neg(t);
  }
  const V scale = hn::Sqrt(hn::Mul(inv, Set(1 / kPi)));
  j = hn::Mul(hn::MulSub(p, sum, hn::Mul(q, diff)), scale);
  y = hn::Mul(hn::MulAdd(p, diff, hn::Mul(q, sum)), scale);
}

template <int kOrder>
struct BesselJFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 2;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    return FirstOf(hn::Le(hn::Abs(a[0]), Set(8.0)));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 0) return BesselJSmall<kOrder>(x);
    V j, y;
    BesselLarge<kOrder>(hn::Abs(x), j, y);
    if constexpr (kOrder == 0) return j;
    return hn::Xor(j, hn::And(x, Set(-0.0)));
  }
};

template <int kOrder>
struct BesselYFn : Regions {
  static constexpr size_t kIn = 1, kRegions = 3;
  template <bool kF>
  static HWY_INLINE V Region(const V* a) {
    const V x = a[0];
    return If(hn::Gt(x, Set(0.0)), FirstOf(hn::Le(x, Set(8.0)), hn::Lt(x, Set(kInf))), Set(2.0));
  }
  template <bool kF, size_t kR>
  static HWY_INLINE V Eval(const V* a) {
    const V x = a[0];
    if constexpr (kR == 1) {
      V j, y;
      BesselLarge<kOrder>(x, j, y);
      return y;
    }
    if constexpr (kR == 2) {
      return If(hn::Le(x, Set(0.0)), Set(-kInf), Set(kNan));
    }
    const V z = Sqr(x);
    const V j = hn::Mul(LogPositive(x), BesselJSmall<kOrder>(x));
    if constexpr (kOrder == 0) {
      // The fits are shifted to be free of zeros.
      const V fit = hn::Sub(OPKIT_FIT64(Y0Small, z), Set(2.0));
      return hn::MulAdd(Set(kTwoOverPi), j, fit);
    }
    const V fit = hn::Mul(x, hn::Sub(OPKIT_FIT64(Y1Small, z), Set(1.0)));
    return hn::MulAdd(Set(kTwoOverPi), hn::Sub(j, hn::Div(Set(1.0), x)), fit);
  }
};

using BesselI0Fn = BesselIFn<0, false>;
using BesselI0eFn = BesselIFn<0, true>;
using BesselI1Fn = BesselIFn<1, false>;
using BesselI1eFn = BesselIFn<1, true>;
using BesselK0Fn = BesselKFn<0, false>;
using BesselK0eFn = BesselKFn<0, true>;
using BesselK1Fn = BesselKFn<1, false>;
using BesselK1eFn = BesselKFn<1, true>;
using BesselJ0Fn = BesselJFn<0>;
using BesselJ1Fn = BesselJFn<1>;
using BesselY0Fn = BesselYFn<0>;
using BesselY1Fn = BesselYFn<1>;

}  // namespace special

OPKIT_SPECIAL_KERNEL64(BesselI0, BesselI0Fn)
OPKIT_SPECIAL_KERNEL64(BesselI0e, BesselI0eFn)
OPKIT_SPECIAL_KERNEL64(BesselI1, BesselI1Fn)
OPKIT_SPECIAL_KERNEL64(BesselI1e, BesselI1eFn)
OPKIT_SPECIAL_KERNEL64(BesselK0, BesselK0Fn)
OPKIT_SPECIAL_KERNEL64(BesselK0e, BesselK0eFn)
OPKIT_SPECIAL_KERNEL64(BesselK1, BesselK1Fn)
OPKIT_SPECIAL_KERNEL64(BesselK1e, BesselK1eFn)
OPKIT_SPECIAL_KERNEL64(BesselJ0, BesselJ0Fn)
OPKIT_SPECIAL_KERNEL64(BesselJ1, BesselJ1Fn)
OPKIT_SPECIAL_KERNEL64(BesselY0, BesselY0Fn)
OPKIT_SPECIAL_KERNEL64(BesselY1, BesselY1Fn)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_SPECIAL_EXPORT64(BesselI0)
OPKIT_SPECIAL_EXPORT64(BesselI0e)
OPKIT_SPECIAL_EXPORT64(BesselI1)
OPKIT_SPECIAL_EXPORT64(BesselI1e)
OPKIT_SPECIAL_EXPORT64(BesselK0)
OPKIT_SPECIAL_EXPORT64(BesselK0e)
OPKIT_SPECIAL_EXPORT64(BesselK1)
OPKIT_SPECIAL_EXPORT64(BesselK1e)
OPKIT_SPECIAL_EXPORT64(BesselJ0)
OPKIT_SPECIAL_EXPORT64(BesselJ1)
OPKIT_SPECIAL_EXPORT64(BesselY0)
OPKIT_SPECIAL_EXPORT64(BesselY1)

}  // namespace opkit
#endif  // HWY_ONCE
