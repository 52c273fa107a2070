// Inverse error function and normal quantile of float32 vectors: x times a function of
// w = -log(1 - x^2) (Giles 2012), which is smooth up to the least of numbers.
#include "math/simd.h"
#include "math/special/pieces-inl.h"
#include "math/special/special.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace pieces {

// erfinv(x) / x from log(1 - x^2).
template <class D>
HWY_INLINE Vf<D> ErfinvRatio(D d, Vf<D> log) {
  const hn::RebindToUnsigned<D> du;
  const Vf<D> w = hn::Neg(log);
  const auto octave = hn::BitCast(du, hn::Add(w, hn::Set(d, 8.0f)));
  return Piecewise(d, w, hn::ShiftRight<kWidePieces ? 21 : 22>(octave), OPKIT_PIECES(Erfinv));
}

// On [-1, 1], infinite at the ends, NaN outside.
struct Erfinv : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> x) {
    const Vf<D> one = hn::Set(d, 1.0f), a = hn::Abs(x);
    const Vf<D> ratio =
        ErfinvRatio(d, LogScaled(d, 0.0f, hn::Mul(hn::Sub(one, x), hn::Add(one, x))));
    const Vf<D> y = hn::MulAdd(x, ratio, hn::Zero(d));  // TensorFlow gives +0 at -0
    const Vf<D> nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    const Vf<D> end = hn::CopySign(hn::Set(d, kInf), x);
    return hn::IfThenElse(hn::Lt(a, one), y, hn::IfThenElse(hn::Eq(a, one), end, nan));
  }
};

// On [0, 1], infinite at the ends, NaN outside: sqrt(2) erfinv(2 p - 1).
struct Ndtri : Everywhere {
  template <class D>
  static HWY_INLINE Vf<D> Eval(D d, Vf<D> p) {
    const Vf<D> one = hn::Set(d, 1.0f), q = hn::Sub(one, p);
    const Vf<D> ratio =
        ErfinvRatio(d, LogScaled(d, -24.0f, hn::Mul(hn::Mul(p, hn::Set(d, 0x1p26f)), q)));
    const Vf<D> x = hn::Mul(hn::Sub(p, hn::Set(d, 0.5f)), hn::Set(d, 2.82842712474619009760f));
    const Vf<D> y = hn::Mul(x, ratio);
    const auto inside = hn::And(hn::Gt(p, hn::Zero(d)), hn::Lt(p, one));
    Vf<D> end = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    end = hn::IfThenElse(hn::Eq(p, one), hn::Set(d, kInf), end);
    end = hn::IfThenElse(hn::Eq(p, hn::Zero(d)), hn::Set(d, -kInf), end);
    return hn::IfThenElse(inside, y, end);
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
