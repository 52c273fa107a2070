// The float64 versions of elementary.h's functions of two arguments.
#include <cmath>

#include "math/elementary.h"
#include "math/simd.h"
#include "math/tail64.h"
// After simd.h, which sets the target.
#include "math/elementary64-inl.h"

// clang-format off
#define OPKIT_EACH_BINARY(X)                                                       \
  X(DivNoNan) X(NextAfter) X(TruncateDiv) X(TruncateMod) X(Xdivy) X(Xlog1py)       \
  X(Xlogy) X(EluGrad) X(MulNoNan) X(ReluGrad) X(Relu6Grad) X(SeluGrad)             \
  X(SigmoidGrad) X(SoftplusGrad) X(SoftsignGrad) X(ReciprocalGrad) X(RsqrtGrad)    \
  X(SqrtGrad) X(TanhGrad)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace f64 {

HWY_INLINE M IsZero(V x) { return hn::Eq(x, hn::Zero(Dd())); }

HWY_INLINE V DivNoNan(V a, V b) { return hn::IfThenZeroElse(IsZero(b), hn::Div(a, b)); }

HWY_INLINE V MulNoNan(V a, V b) { return hn::IfThenZeroElse(IsZero(b), hn::Mul(a, b)); }

HWY_INLINE V Xdivy(V a, V b) { return If(IsZero(a), a, hn::Div(a, b)); }

HWY_INLINE V Xlog1py(V a, V b) { return If(IsZero(a), a, hn::Mul(a, Log1p(b))); }

HWY_INLINE V Xlogy(V a, V b) { return If(IsZero(a), a, hn::Mul(a, Log(b))); }

HWY_INLINE V TruncateDiv(V a, V b) {
  const V q = hn::Div(a, b);
  return hn::CopySign(hn::Trunc(q), q);
}

// Steps the representation by one, away from 0 or towards it.
HWY_INLINE V NextAfter(V a, V b) {
  const V zero = hn::Zero(Dd());
  const M away = hn::Not(hn::Xor(hn::Gt(b, a), hn::Gt(a, zero)));
  const Vu one = hn::Set(Du(), uint64_t{1});
  const V moved = If(away, FromBits(hn::Add(Bits(a), one)), FromBits(hn::Sub(Bits(a), one)));
  const V y = If(IsZero(a), hn::CopySign(FromBits(one), b), moved);
  const V ordered = If(hn::Eq(a, b), b, y);
  return If(hn::Or(hn::IsNaN(a), hn::IsNaN(b)), hn::Add(a, b), ordered);
}

// a - trunc(a / b) b. A fused product leaves it exact while the quotient is below
// 2^52; the quotient may be rounded up to the next integer, one divisor too many.
// Other lanes, and all of them where nothing is fused, go to libm.
HWY_INLINE V TruncateMod(V a, V b) {
  const Dd d;
  const V q = hn::Trunc(hn::Div(a, b));
  const V r = hn::NegMulAdd(q, b, a);
  const M over = hn::Lt(hn::CopySign(r, hn::Xor(r, a)), hn::Zero(d));
  const V near = hn::CopySign(hn::Add(r, hn::IfThenElseZero(over, hn::CopySign(b, a))), a);
  V result = If(hn::Lt(hn::Abs(a), hn::Abs(b)), a, near);
  const M fast = hn::And(hn::Lt(hn::Abs(q), Set(HWY_NATIVE_FMA ? 0x1p52 : 0.0)),
                         hn::Le(hn::Abs(b), Set(DBL_MAX)));
  if (HWY_UNLIKELY(!hn::AllTrue(d, fast))) {
    HWY_ALIGN double x[HWY_MAX_LANES_D(Dd)];
    HWY_ALIGN double y[HWY_MAX_LANES_D(Dd)];
    hn::Store(a, d, x);
    hn::Store(b, d, y);
    for (size_t i = 0; i < hn::Lanes(d); ++i) y[i] = std::fmod(x[i], y[i]);
    result = hn::Load(d, y);
  }
  return result;
}

HWY_INLINE V EluGrad(V g, V y) {
  return If(hn::Lt(y, hn::Zero(Dd())), hn::Mul(hn::Add(y, Set(1.0)), g), g);
}

// Both multiply by 0 or 1, so that NaN and Inf stay visible.
HWY_INLINE V ReluGrad(V g, V x) {
  return hn::Mul(g, hn::IfThenElseZero(hn::Gt(x, hn::Zero(Dd())), Set(1.0)));
}

HWY_INLINE V Relu6Grad(V g, V x) {
  const M inside = hn::And(hn::Gt(x, hn::Zero(Dd())), hn::Lt(x, Set(6.0)));
  return hn::Mul(g, hn::IfThenElseZero(inside, Set(1.0)));
}

HWY_INLINE V SeluGrad(V g, V y) {
  const M negative = hn::Lt(y, hn::Zero(Dd()));
  return hn::Mul(g, If(negative, hn::Add(y, Set(kSeluScaleAlpha)), Set(kSeluScale)));
}

HWY_INLINE V SigmoidGrad(V y, V g) { return hn::Mul(hn::Mul(g, y), hn::Sub(Set(1.0), y)); }

HWY_INLINE V TanhGrad(V y, V g) {
  return hn::Mul(g, hn::Mul(hn::Sub(Set(1.0), y), hn::Add(Set(1.0), y)));
}

HWY_INLINE V SoftplusGrad(V g, V x) { return hn::Div(g, hn::Add(Exp(hn::Neg(x)), Set(1.0))); }

HWY_INLINE V SoftsignGrad(V g, V x) {
  const V t = hn::Add(hn::Abs(x), Set(1.0));
  return hn::Div(g, hn::Mul(t, t));
}

// These three give 0 for a zero gradient even where the slope is not finite.
// The order of the factors is that of the float32 versions.
HWY_INLINE V ReciprocalGrad(V y, V g) {
  const M small = hn::Lt(hn::Abs(y), Set(1.0));
  const V first = hn::Mul(y, If(small, g, y));
  return hn::IfThenZeroElse(IsZero(g), hn::Mul(hn::Neg(first), If(small, y, g)));
}

HWY_INLINE V SqrtGrad(V y, V g) { return hn::IfThenZeroElse(IsZero(g), hn::Div(g, hn::Add(y, y))); }

HWY_INLINE V RsqrtGrad(V y, V g) {
  const V size = hn::Abs(y);
  const M middle = hn::And(hn::Ge(size, Set(1.0)), hn::Lt(size, Set(0x1p300)));
  const V t = hn::Mul(y, g);
  const V slope = hn::Mul(hn::Mul(y, y), Set(-0.5));
  const V z = hn::Mul(If(middle, hn::Mul(slope, y), slope), If(middle, g, t));
  return hn::IfThenZeroElse(hn::Or(IsZero(t), IsZero(g)), z);
}

}  // namespace f64

// n is a multiple of kTailBlock64.
#define OPKIT_DEFINE(name)                                                       \
  void name##Array64(const double* a, const double* b, double* y, size_t n) {    \
    const f64::Dd d;                                                             \
    for (size_t i = 0; i < n; i += hn::Lanes(d)) {                               \
      hn::StoreU(f64::name(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i); \
    }                                                                            \
  }
OPKIT_EACH_BINARY(OPKIT_DEFINE)
#undef OPKIT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Array64);
OPKIT_EACH_BINARY(OPKIT_TABLE)

}  // namespace

namespace math {

#define OPKIT_F64(name)                                              \
  void name(const double* a, const double* b, double* y, size_t n) { \
    RunBlocks64(OPKIT_SIMD_CALL(name##Array64), a, b, y, n);         \
  }
OPKIT_EACH_BINARY(OPKIT_F64)

}  // namespace math
}  // namespace opkit
#endif  // HWY_ONCE
