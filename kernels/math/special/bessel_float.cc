// Bessel functions of float32 vectors: piecewise polynomials, beyond them the
// expansions of DLMF 10.18 and 10.40 as polynomials in 1 / x^2 or 1 / x.
#include <limits>

#include "math/simd.h"
#include "math/special/pieces-inl.h"
#include "math/special/special.h"

// clang-format off
#define OPKIT_PIECES_EACH_BESSEL(X)                                            \
  X(BesselI0) X(BesselI0e) X(BesselI1) X(BesselI1e) X(BesselK0) X(BesselK0e)   \
  X(BesselK1) X(BesselK1e) X(BesselJ0) X(BesselJ1) X(BesselY0) X(BesselY1)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

// I_0 or I_1, times exp(-|x|) if kScaled.
template <int kOrder, bool kScaled>
struct BesselI : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    constexpr float kEnd = 94.0f;  // of the pieces
    Vf<D> a = hn::Abs(x);
    if constexpr (!kScaled) a = CapAbove(d, 92.3f, a);  // infinite from 91.91 on
    if constexpr (kScaled) {
      Vf<D> p = kOrder ? EvenPieces(d, a, 1.13f, OPKIT_PIECES(I1Scaled))
                       : EvenPieces(d, a, 1.13f, OPKIT_PIECES(I0Scaled));
      // TensorFlow gives +0 at -0, but -0 at -inf.
      if constexpr (kOrder == 1) p = hn::MulAdd(p, x, hn::Zero(d));
      const auto far = hn::Ge(a, hn::Set(d, kEnd));
      if (!hn::AllFalse(d, far)) {
        const Vf<D> inverse = hn::Div(hn::Set(d, 1.0f), a);
        Vf<D> q = kOrder ? Horner(d, inverse, kI1Far) : Horner(d, inverse, kI0Far);
        q = hn::Mul(q, hn::Sqrt(inverse));
        p = hn::IfThenElse(far, kOrder ? hn::CopySignToAbs(q, x) : q, p);
      }
      return p;
    }
    // In halves: no step is over the range before the result is. 2^8 x p is not denormal.
    Vf<D> p = kOrder ? EvenPieces(d, a, 1.13f, OPKIT_PIECES(I1))
                     : EvenPieces(d, a, 1.13f, OPKIT_PIECES(I0));
    if constexpr (kOrder == 1) p = hn::Mul(p, hn::Mul(x, hn::Set(d, 0x1p8f)));
    p = TimesPower<kOrder ? -21 : -7, 1, kOrder == 1>(d, p, a);
    return hn::MulAdd(p, hn::Set(d, 2.0f), hn::Sub(x, x));  // NaN at infinities
  }
};

// K_0 for 0 < x < 2^-9 (DLMF 10.31).
template <class D>
HWY_INLINE Vf<D> BesselK0Small(D d, Vf<D> x) {
  const Vf<D> z = hn::Mul(x, x);
  return hn::NegMulAdd(LogPositive(d, x), Horner(d, z, kI0Small), Horner(d, z, kK0Small));
}

// K_0 or K_1, times exp(x) if kScaled; inf for x <= 0.
template <int kOrder, bool kScaled>
struct BesselK : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const hn::RebindToUnsigned<D> du;
    const Vf<D> one = hn::Set(d, 1.0f);
    constexpr float kFirst = 0x1p-9f, kEnd = 0x1p7f;  // of the pieces
    Vf<D> a = x;
    if constexpr (kOrder == 1) a = CapBelow(d, 0x1p-140f, a);  // 1 / a is infinite there
    if constexpr (!kScaled) a = CapAbove(d, 105.0f, a);
    const Vf<D> root = hn::Sqrt(a), divisor = kOrder ? a : root;
    auto bits = hn::ShiftRight<kWidePieces ? 23 : 24>(hn::BitCast(du, a));
    if constexpr (kOrder == 1) bits = hn::Max(bits, hn::Set(du, kWidePieces ? 118u : 59u));
    Vf<D> y;
    if constexpr (kScaled) {
      y = kOrder ? Piecewise(d, root, bits, OPKIT_PIECES(K1Scaled))
                 : Piecewise(d, root, bits, OPKIT_PIECES(K0Scaled));
      y = hn::Div(y, divisor);
      const auto far = hn::Ge(x, hn::Set(d, kEnd));
      if (!hn::AllFalse(d, far)) {
        const Vf<D> inverse = hn::Div(one, a);
        const Vf<D> q = kOrder ? Horner(d, inverse, kK1Far) : Horner(d, inverse, kK0Far);
        y = hn::IfThenElse(far, hn::Mul(q, hn::Sqrt(inverse)), y);
      }
    } else {
      y = kOrder ? Piecewise(d, root, bits, OPKIT_PIECES(K1))
                 : Piecewise(d, root, bits, OPKIT_PIECES(K0));
      // 2^30 against underflow before the result's.
      y = TimesPower<30, -1, true>(d, y, a);
      y = hn::Div(y, hn::Mul(divisor, hn::Set(d, 0x1p30f)));
    }
    if constexpr (kOrder == 0) {
      const auto low = hn::Lt(x, hn::Set(d, kFirst));
      if (!hn::AllFalse(d, low)) {
        Vf<D> small = BesselK0Small(d, x);
        if constexpr (kScaled) {
          small = TimesExp<0>(d, small, CapBelow(d, 0.0f, CapAbove(d, 1.0f, x)));
        }
        small = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), small, hn::Set(d, kInf));
        y = hn::IfThenElse(low, small, y);
      }
    }
    return y;
  }
};

// sin(x + phase + turn pi) for 0 <= x <= kPiecesLimit, |phase| <= 1/16: reduced in float64.
template <class D>
HWY_INLINE Vf<D> SineOfSum(D d, Vf<D> x, Vf<D> phase, double turn) {
  const hn::Half<D> dh;
  const hn::Rebind<double, decltype(dh)> dd;
  const hn::RebindToUnsigned<decltype(dd)> du;
  const auto reduce = [&](auto xh, auto ph) HWY_ATTR {
    const auto v = hn::PromoteTo(dd, xh);
    const auto magic = hn::Set(dd, 6755399441055744.0);  // rounds to an integer
    const auto m =
        hn::Add(hn::MulAdd(v, hn::Set(dd, 0.31830988618379067154), hn::Set(dd, turn)), magic);
    const auto n = hn::Sub(m, magic);
    const auto rest = hn::Add(hn::PromoteTo(dd, ph), hn::Set(dd, turn * 3.14159265358979323846));
#if HWY_NATIVE_FMA
    const auto r = hn::NegMulAdd(n, hn::Set(dd, 0x1.921fb54442d18p+1), v);
    const auto low = hn::NegMulAdd(n, hn::Set(dd, 0x1.1a62633145c07p-53), rest);
#else
    // Parts of 23 bits, n below 2^30.
    auto r = hn::Sub(v, hn::Mul(n, hn::Set(dd, 0x1.921fb4p+1)));
    r = hn::Sub(r, hn::Mul(n, hn::Set(dd, 0x1.4442dp-23)));
    const auto low = hn::Sub(rest, hn::Mul(n, hn::Set(dd, 0x1.8469898cc5170p-47)));
#endif
    const auto sign = hn::BitCast(dd, hn::ShiftLeft<63>(hn::BitCast(du, m)));
    return hn::DemoteTo(dh, hn::Xor(hn::Add(r, low), sign));
  };
  const Vf<D> r = hn::Combine(d, reduce(hn::UpperHalf(dh, x), hn::UpperHalf(dh, phase)),
                              reduce(hn::LowerHalf(dh, x), hn::LowerHalf(dh, phase)));
  const Vf<D> z = hn::Mul(r, r);
  return hn::MulAdd(hn::Mul(r, z), Horner(d, z, kSine), r);
}

// J_0 or J_1 (turn 1/4, -1/4), Y_0 or Y_1 (-1/4, -3/4) for a >= 7.4.
template <int kOrder, class D>
HWY_INLINE Vf<D> BesselLarge(D d, Vf<D> a, double turn) {
  const Vf<D> inverse = hn::Div(hn::Set(d, kScale), a), w = hn::Mul(inverse, inverse);
  const Vf<D> modulus = kOrder ? Horner(d, w, kModulus1) : Horner(d, w, kModulus0);
  const Vf<D> phase = kOrder ? Horner(d, w, kPhase1) : Horner(d, w, kPhase0);
  const Vf<D> sine = SineOfSum(d, a, hn::Mul(phase, inverse), turn);
  return hn::Mul(hn::Mul(hn::Sqrt(inverse), modulus), sine);
}
constexpr float kLarge = 7.4f;

template <int kOrder>
struct BesselJ : Limited {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const Vf<D> a = hn::Abs(x);
    const auto near = hn::Lt(a, hn::Set(d, kLarge));
    Vf<D> y = a;
    if (!hn::AllFalse(d, near)) {
      y = kOrder ? StepPieces(d, a, OPKIT_STEP(J1), OPKIT_PIECES(J1))
                 : StepPieces(d, a, OPKIT_STEP(J0), OPKIT_PIECES(J0));
    }
    if (!hn::AllTrue(d, near)) {
      y = hn::IfThenElse(near, y, BesselLarge<kOrder>(d, a, kOrder ? -0.25 : 0.25));
    }
    return kOrder ? hn::Xor(y, hn::And(x, hn::Set(d, -0.0f))) : y;
  }
};

// Y_0 for 0 < x <= 1.45 or Y_1 for 0 < x <= 1.25.
template <int kOrder, class D>
HWY_INLINE Vf<D> BesselYSmall(D d, Vf<D> x) {
  const Vf<D> z = hn::Mul(x, x);
  if constexpr (kOrder == 0) {
    const Vf<D> hi = hn::Set(d, kY0Zero[0]);
    const Vf<D> above = hn::Sub(hn::Sub(x, hi), hn::Set(d, kY0Zero[1]));
    const Vf<D> rest = hn::Mul(hn::Mul(above, hn::Add(x, hi)), Horner(d, z, kY0Small));
    const Vf<D> log = LogOver(d, x, kY0Zero[0], kY0Zero[1], kY0Zero[2]);
    return hn::MulAdd(log, Horner(d, z, kJ0Small), rest);
  } else {
    const Vf<D> log = LogPositive(d, x);
    const Vf<D> s = hn::MulAdd(log, Horner(d, z, kJ1Small), Horner(d, z, kY1Small));
    return hn::MulAdd(x, s, hn::Div(hn::Set(d, -0.63661977236758134308f), x));
  }
}

// -inf below 0; Y_1(0) is NaN in TensorFlow's float32.
template <int kOrder>
struct BesselY : Limited {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const auto small = hn::Lt(x, hn::Set(d, kOrder ? 1.25f : 1.45f));
    const auto near = hn::Lt(x, hn::Set(d, kLarge));
    Vf<D> y = x;
    if (!hn::AllFalse(d, near)) {
      y = kOrder ? StepPieces(d, x, OPKIT_STEP(Y1), OPKIT_PIECES(Y1))
                 : StepPieces(d, x, OPKIT_STEP(Y0), OPKIT_PIECES(Y0));
      if (!hn::AllFalse(d, small)) {
        y = hn::IfThenElse(small, BesselYSmall<kOrder>(d, x), y);
        const auto outside = hn::Le(x, hn::Zero(d));
        y = hn::IfThenElse(outside, hn::Set(d, -kInf), y);
        if (kOrder == 1) {
          const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
          y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), nan, y);
        }
      }
    }
    if (!hn::AllTrue(d, near)) {
      y = hn::IfThenElse(near, y, BesselLarge<kOrder>(d, x, kOrder ? -0.75 : -0.25));
    }
    return y;
  }
};

using BesselI0 = BesselI<0, false>;
using BesselI0e = BesselI<0, true>;
using BesselI1 = BesselI<1, false>;
using BesselI1e = BesselI<1, true>;
using BesselK0 = BesselK<0, false>;
using BesselK0e = BesselK<0, true>;
using BesselK1 = BesselK<1, false>;
using BesselK1e = BesselK<1, true>;
using BesselJ0 = BesselJ<0>;
using BesselJ1 = BesselJ<1>;
using BesselY0 = BesselY<0>;
using BesselY1 = BesselY<1>;

}  // namespace pieces

OPKIT_PIECES_EACH_BESSEL(OPKIT_PIECES_ARRAY)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_PIECES_EACH_BESSEL(OPKIT_PIECES_EXPORT)

}  // namespace opkit
#endif  // HWY_ONCE
