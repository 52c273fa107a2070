// Log gamma, digamma and the dilogarithm of float32 vectors: piecewise polynomials,
// DLMF 5.5 (recurrence, reflection) below 1, 5.11 and 25.12.4 beyond the pieces.
#include <cfloat>
#include <limits>

#include "math/simd.h"
#include "math/special/gamma_tables.h"
#include "math/special/pieces-inl.h"
#include "math/special/special.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

// log |Gamma(m + e)| = log((m - 1)!) + e P_m(e), |e| <= 1/2, has its zeros 1 and 2 as
// factors. With x = m - 1 + e, x < 1, it is less log(x) log Gamma(x), and with
// -x = m - 1 + e, (m - 1)! in the logarithm, which hence is small near the zeros,
//   log |Gamma(x)| = log(pi e / sin(pi e)) - log(|e| (m - 1)!) - e P_m(e).
struct Lgamma : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const hn::RebindToUnsigned<D> du;
    const Vf<D> one = hn::Set(d, 1.0f), magic = hn::Set(d, kRoundMagic), r = hn::Abs(x);
    const auto raised = hn::Lt(x, one);
    const Vf<D> rounded = hn::Add(r, magic), e = hn::Sub(r, hn::Sub(rounded, magic));
    const auto m = hn::BitCast(du, hn::Add(rounded, hn::IfThenElseZero(raised, one)));
    const Vf<D> p = hn::Mul(e, RowsAt<0>(d, e, m, kLgamma));
    Vf<D> y = hn::Add(p, Column(d, kLogFactorial, m));
    if (!hn::AllFalse(d, raised)) {
      const auto negative = hn::Lt(x, hn::Zero(d));
      Vf<D> v = x, low = p;
      if (!hn::AllFalse(d, negative)) {
        v = hn::IfThenElse(negative, hn::Mul(hn::Abs(e), Column(d, kFactorial, m)), v);
        low = hn::IfThenElse(negative, hn::Sub(LogSine(d, e), p), low);
      }
      y = hn::IfThenElse(raised, hn::Sub(low, Log(d, v)), y);
    }
    const auto far = hn::Ge(r, hn::Set(d, 15.5f));
    if (!hn::AllFalse(d, far)) y = hn::IfThenElse(far, Far(d, x, r), y);
    return y;
  }

 private:
  // log(pi e / sin(pi e)).
  template <class D>
  static HWY_INLINE Vf<D> LogSine(D d, Vf<D> e) {
    const Vf<D> z = hn::Mul(e, e);
    return hn::Mul(z, Horner(d, z, kLogSine));
  }

  // r = |x| >= 15.5.
  template <class D>
  static HWY_INLINE Vf<D> Far(D d, Vf<D> x, Vf<D> r) {
    const Vf<D> one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f), log = hn::Sub(Log(d, r), one);
    const Vf<D> tail = Horner(d, hn::Div(one, r), kLgammaTail);
    // Infinite from where the nearest float is: roundings could miss that by a float.
    const auto over = hn::Ge(r, hn::Set(d, 0x1.895f1cp121f));
    Vf<D> y = hn::Min(hn::MulAdd(hn::Sub(r, half), log, tail), hn::Set(d, FLT_MAX));
    y = hn::IfThenElse(over, hn::Set(d, kInf), y);
    const auto negative = hn::Lt(x, hn::Zero(d));
    if (hn::AllFalse(d, negative)) return y;
    // log Gamma(1 + r) is log(r) more.
    const Vf<D> e = hn::Sub(r, hn::Round(r));
    const Vf<D> pole = hn::Sub(hn::Sub(LogSine(d, e), hn::Add(tail, one)), Log(d, hn::Abs(e)));
    const Vf<D> below = hn::NegMulAdd(hn::Add(r, half), log, pole);
    const auto whole = hn::Ge(r, hn::Set(d, 0x1p23f));
    return hn::IfThenElse(negative, hn::IfThenElse(whole, hn::Set(d, kInf), below), y);
  }
};

// digamma(1 + u), u = x - 1 or where x < 1 u = |x|: less 1 / x, and for x < 0 more
// pi cot(pi e), e the distance of u from an integer. NaN at the poles.
struct Digamma : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const hn::RebindToUnsigned<D> du;
    const Vf<D> zero = hn::Zero(d), one = hn::Set(d, 1.0f), r = hn::Abs(x);
    const auto raised = hn::Lt(x, one);
    const Vf<D> u = hn::Sub(r, hn::IfThenZeroElse(raised, one));
    const auto octave = hn::BitCast(du, hn::Add(u, one));
    Vf<D> y = Piecewise(d, u, hn::ShiftRight<kWidePieces ? 21 : 22>(octave), OPKIT_PIECES(Digamma));
    const auto far = hn::Ge(u, hn::Set(d, 15.0f));
    if (!hn::AllFalse(d, far)) {
      // With r for x < 0: digamma(1 + r) is 1 / r more than digamma(r).
      const Vf<D> inverse = hn::Div(one, r), square = hn::Mul(inverse, inverse);
      const Vf<D> half = hn::CopySign(hn::Mul(inverse, hn::Set(d, 0.5f)), x);
      const Vf<D> tail = hn::MulAdd(square, Horner(d, inverse, kDigammaTail), half);
      y = hn::IfThenElse(far, hn::Sub(Log(d, r), tail), y);
    }
    if (!hn::AllFalse(d, raised)) {
      const auto negative = hn::Lt(x, zero);
      Vf<D> pole = hn::Neg(x), rest = zero;
      if (!hn::AllFalse(d, negative)) {
        const Vf<D> e = hn::Sub(r, hn::Round(r));
        rest = hn::IfThenElseZero(negative, hn::Mul(e, Horner(d, hn::Mul(e, e), kCotangent)));
        pole = hn::IfThenElse(negative, e, pole);
      }
      // The reflection's terms first: y cancels their sum near the zeros.
      const Vf<D> low = hn::Add(hn::Add(hn::Div(one, pole), rest), y);
      const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
      y = hn::IfThenElse(raised, hn::IfThenElse(hn::Eq(pole, zero), nan, low), y);
    }
    return y;
  }
};

// (1 - x) times a table between 1 / 16 and 16; else with t = min(x, 1 / x) and L = log(x)
//   S(t) = pi^2 / 6 - log(t) log(1 - t) - S(1 - t), S(x) = S(t) or -L^2 / 2 - S(t).
struct Spence : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const hn::RebindToUnsigned<D> du;
    const Vf<D> one = hn::Set(d, 1.0f);
    const auto bits = hn::ShiftRight<kWidePieces ? 22 : 23>(hn::BitCast(du, x));
    Vf<D> y = hn::Mul(hn::Sub(one, x), Piecewise(d, x, bits, OPKIT_PIECES(Spence)));
    const auto near = BitsInRange(d, x, 0x3d800000, 0x41800000);
    if (!hn::AllTrue(d, near)) {
      const auto big = hn::Gt(x, one);
      const Vf<D> t = hn::IfThenElse(big, hn::Div(one, x), x);
      const Vf<D> log = Log(d, CapBelow(d, FLT_MIN, x));  // times 0 at 0
      const Vf<D> product = hn::Mul(t, Horner(d, t, kSpenceLog));
      const Vf<D> rest =
          hn::NegMulAdd(t, Horner(d, t, kSpenceRest), hn::Set(d, 1.64493406684822643647f));
      const Vf<D> half = hn::IfThenElseZero(big, hn::Mul(log, hn::Set(d, 0.5f)));
      const Vf<D> low = hn::MulAdd(log, product, hn::IfThenElse(big, hn::Neg(rest), rest));
      const Vf<D> far = hn::NegMulAdd(log, half, low);
      const auto inside = hn::And(hn::Ge(x, hn::Zero(d)), hn::Lt(x, hn::Set(d, kInf)));
      const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
      y = hn::IfThenElse(near, y, hn::IfThenElse(inside, far, nan));
    }
    return y;
  }
};

}  // namespace pieces

OPKIT_PIECES_ARRAY(Lgamma)
OPKIT_PIECES_ARRAY(Digamma)
OPKIT_PIECES_ARRAY(Spence)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_PIECES_EXPORT(Lgamma)
OPKIT_PIECES_EXPORT(Digamma)
OPKIT_PIECES_EXPORT(Spence)

}  // namespace opkit
#endif  // HWY_ONCE
