// Inverse error function and normal quantile of float32 vectors: x times a function of
// u = 1 - x^2, for small u of w = -log(u) (Giles 2012), smooth up to the least of numbers.
#include "math/simd.h"
#include "math/special/pieces-inl.h"
#include "math/special/special.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

constexpr float kNear = 0x1.00001p-8f;

// erfinv(x) / x from u = 1 - x^2, kNear < u <= 1.
template <class D>
HWY_INLINE Vf<D> ErfinvNear(D d, Vf<D> u) {
  const hn::RebindToUnsigned<D> du;
  // 1 belongs to the octave below it. (gcc makes -1 anew in each round, out of the last result.)
  const auto bits = hn::Sub(hn::BitCast(du, u), hn::Set(du, 4u));
  return Piecewise(d, u, hn::ShiftRight<kWidePieces ? 22 : 23>(bits), OPKIT_PIECES(ErfinvNear));
}

// erfinv(x) / x from log(1 - x^2).
template <class D>
HWY_INLINE Vf<D> ErfinvFar(D d, Vf<D> log) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> w = hn::Neg(log);
  const auto octave = hn::BitCast(du, hn::Add(w, hn::Set(d, 8.0f)));
  return Piecewise(d, w, hn::ShiftRight<kWidePieces ? 21 : 22>(octave), OPKIT_PIECES(Erfinv));
}

// On [-1, 1], infinite at the ends, NaN outside.
struct Erfinv : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const Vf<D> one = hn::Set(d, 1.0f), u = hn::Mul(hn::Sub(one, x), hn::Add(one, x));
    Vf<D> y = hn::MulAdd(x, ErfinvNear(d, u), hn::Zero(d));  // TensorFlow gives +0 at -0
    const auto far = hn::Le(u, hn::Set(d, kNear));
    if (!hn::AllFalse(d, far)) {
      const Vf<D> a = hn::Abs(x), nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
      const Vf<D> inside = hn::Mul(x, ErfinvFar(d, LogScaled(d, 0.0f, u)));
      const Vf<D> end = hn::IfThenElse(hn::Eq(a, one), hn::CopySign(hn::Set(d, kInf), x), nan);
      y = hn::IfThenElse(far, hn::IfThenElse(hn::Lt(a, one), inside, end), y);
    }
    return y;
  }
};

// On [0, 1], infinite at the ends, NaN outside: sqrt(2) erfinv(2 p - 1).
struct Ndtri : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> p) {
    const Vf<D> one = hn::Set(d, 1.0f), four = hn::Set(d, 4.0f);
    const Vf<D> q = hn::NegMulAdd(p, four, four), u = hn::Mul(p, q);
    const Vf<D> x = hn::Mul(hn::Sub(p, hn::Set(d, 0.5f)), hn::Set(d, 2.82842712474619009760f));
    Vf<D> y = hn::Mul(x, ErfinvNear(d, u));
    const auto far = hn::Le(u, hn::Set(d, kNear));
    if (!hn::AllFalse(d, far)) {
      const Vf<D> log = LogScaled(d, -24.0f, hn::Mul(hn::Mul(p, hn::Set(d, 0x1p24f)), q));
      const auto inside = hn::And(hn::Gt(p, hn::Zero(d)), hn::Lt(p, one));
      Vf<D> end = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
      end = hn::IfThenElse(hn::Eq(p, one), hn::Set(d, kInf), end);
      end = hn::IfThenElse(hn::Eq(p, hn::Zero(d)), hn::Set(d, -kInf), end);
      y = hn::IfThenElse(far, hn::IfThenElse(inside, hn::Mul(x, ErfinvFar(d, log)), end), y);
    }
    return y;
  }
};

}  // namespace pieces

OPKIT_PIECES_ARRAY(Erfinv)
OPKIT_PIECES_ARRAY(Ndtri)

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {

OPKIT_PIECES_EXPORT(Erfinv)
OPKIT_PIECES_EXPORT(Ndtri)

}  // namespace opkit
#endif  // HWY_ONCE
