// Dawson's integral, Ei and the Fresnel integrals of float32 vectors.
#include "math/simd.h"
#include "math/special/pieces-inl.h"
#include "math/special/special.h"

// clang-format off
#define OPKIT_PIECES_EACH_MISC(X) X(Dawsn) X(Expint) X(FresnelCos) X(FresnelSin)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

// x times a table in x^2, beyond it 1 / x times a polynomial.
struct Dawsn : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const Vf<D> zero = hn::Zero(d);  // added as TensorFlow has no negative zero here
    Vf<D> y = hn::MulAdd(EvenPieces(d, hn::Mul(x, x), 1.6f, OPKIT_PIECES(Dawson)), x, zero);
    const auto far = hn::Ge(hn::Abs(x), hn::Set(d, 11.0f));
    if (!hn::AllFalse(d, far)) {
      const Vf<D> inverse = hn::Div(hn::Set(d, 1.0f), x);
      const Vf<D> q = Horner(d, hn::Abs(inverse), kDawsonFar);
      y = hn::IfThenElse(far, hn::MulAdd(q, inverse, zero), y);
    }
    return y;
  }
};

// NaN below 0 and at infinity, where TensorFlow multiplies it by 0.
struct Expint : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const hn::RebindToUnsigned<D> du;
    const Vf<D> a = CapAbove(d, 93.6f, x);
    const auto bits = hn::ShiftRight<kWidePieces ? 22 : 23>(hn::BitCast(du, a));
    // The distance of sqrt(a) from the centre c, of which the root's rounding is no part.
    const auto& rows = OPKIT_PIECES(Ei);
    const Vf<D> square = Column(d, OPKIT_PIECES(EiSquare)[0], bits);
    const Vf<D> t = hn::Div(hn::Sub(a, square), hn::Add(hn::Sqrt(a), Column(d, rows[0], bits)));
    const Vf<D> p = RowsAt<1>(d, t, bits, rows);
    // Ei / 2: no step is over the range before the result is.
    Vf<D> y = hn::MulAdd(TimesPower<-8, 1, false>(d, p, a), hn::Set(d, 2.0f), hn::Sub(x, x));
    const auto low = hn::Lt(x, hn::Set(d, 0.625f));
    if (!hn::AllFalse(d, low)) {
      const Vf<D> above = hn::Sub(hn::Sub(x, hn::Set(d, kEiZero[0])), hn::Set(d, kEiZero[1]));
      const Vf<D> log = LogOver(d, x, kEiZero[0], kEiZero[1], kEiZero[2]);
      Vf<D> small = hn::MulAdd(above, Horner(d, x, kEiSmall), log);
      const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
      small = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Set(d, -kInf), small);
      y = hn::IfThenElse(low, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), nan, small), y);
    }
    return y;
  }
};

// x^2 / 2 - 2 n, in [-1, 1]: the phase of the Fresnel integrals over pi, rounded once.
template <class D>
HWY_INLINE Vf<D> HalfSquareMod2(D d, Vf<D> x) {
#if HWY_NATIVE_FMA
  // x^2 / 4 in two parts, exact as are their distances from integers.
  const Vf<D> half = hn::Mul(x, hn::Set(d, 0.5f)), high = hn::Mul(half, half);
  const Vf<D> low = hn::MulSub(half, half, high);
  const Vf<D> sum = hn::Add(hn::Sub(high, hn::Round(high)), hn::Sub(low, hn::Round(low)));
  const Vf<D> rest = hn::Sub(sum, hn::Round(sum));
  return hn::Add(rest, rest);
#else
  // float64, where squares of floats are exact.
  const hn::Half<D> dh;
  const hn::Rebind<double, decltype(dh)> dd;
  const auto reduce = [&](auto xh) HWY_ATTR {
    const auto v = hn::PromoteTo(dd, xh);
    const auto quarter = hn::Mul(hn::Mul(v, v), hn::Set(dd, 0.25));
    const auto rest = hn::Sub(quarter, hn::Round(quarter));
    return hn::DemoteTo(dh, hn::Add(rest, rest));
  };
  return hn::Combine(d, reduce(hn::UpperHalf(dh, x)), reduce(hn::LowerHalf(dh, x)));
#endif
}

// sin(pi r), |r| <= 1/2.
template <class D>
HWY_INLINE Vf<D> SinePi(D d, Vf<D> r) {
  return hn::Mul(r, Horner(d, hn::Mul(r, r), kSinPi));
}

template <bool kSine>
struct Fresnel : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    // The result is 1/2 from the cap on.
    const Vf<D> a = CapAbove(d, 1e9f, hn::Abs(x)), half = hn::Set(d, 0.5f);
    const auto near = hn::Lt(a, hn::Set(d, 1.6f));
    Vf<D> y = a;
    if (!hn::AllFalse(d, near)) {
      if constexpr (kSine) {
        y = StepPieces(d, a, OPKIT_STEP(FresnelSin), OPKIT_PIECES(FresnelSin));
        y = hn::Mul(hn::Mul(hn::Mul(a, a), a), y);
      } else {
        y = hn::Mul(a, StepPieces(d, a, OPKIT_STEP(FresnelCos), OPKIT_PIECES(FresnelCos)));
      }
    }
    if (!hn::AllTrue(d, near)) {
      const Vf<D> inverse = hn::Div(hn::Set(d, 1.0f), a), u = hn::Mul(inverse, inverse);
      const Vf<D> f = hn::Mul(inverse, Horner(d, u, kFresnelF));
      const Vf<D> g = hn::Mul(hn::Mul(inverse, u), Horner(d, u, kFresnelG));
      const Vf<D> phase = HalfSquareMod2(d, a);
      const Vf<D> turned = hn::Sub(half, hn::Abs(phase));
      const Vf<D> cosine = SinePi(d, turned);
      const Vf<D> sine = hn::CopySign(SinePi(d, hn::Sub(half, hn::Abs(turned))), phase);
      Vf<D> far;
      if constexpr (kSine) {
        far = hn::NegMulAdd(f, cosine, hn::NegMulAdd(g, sine, half));
      } else {
        far = hn::MulAdd(f, sine, hn::NegMulAdd(g, cosine, half));
      }
      y = hn::IfThenElse(near, y, far);
    }
    // TensorFlow gives +0 at -0.
    return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Zero(d), hn::CopySign(y, x));
  }
};
using FresnelCos = Fresnel<false>;
using FresnelSin = Fresnel<true>;

}  // namespace pieces

OPKIT_PIECES_EACH_MISC(OPKIT_PIECES_ARRAY)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_PIECES_EACH_MISC(OPKIT_PIECES_EXPORT)

}  // namespace opkit
#endif  // HWY_ONCE
