#include <algorithm>

#include "math/elementary.h"
#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/elementary-inl.h"

// clang-format off
#define OPKIT_EACH_BINARY(X)                                                     \
  X(DivNoNan) X(MulNoNan) X(NextAfter) X(TruncateDiv) X(Xdivy) X(Xlog1py)        \
  X(Xlogy) X(EluGrad) X(Relu6Grad) X(ReluGrad) X(SeluGrad) X(SoftplusGrad)       \
  X(SoftsignGrad) X(ReciprocalGrad) X(RsqrtGrad) X(SigmoidGrad) X(SqrtGrad) X(TanhGrad)
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE Vf<D> DivNoNan(D d, Vf<D> a, Vf<D> b) {
  return hn::IfThenZeroElse(hn::Eq(b, hn::Zero(d)), hn::Div(a, b));
}

template <class D>
HWY_INLINE Vf<D> MulNoNan(D d, Vf<D> a, Vf<D> b) {
  return hn::IfThenZeroElse(hn::Eq(b, hn::Zero(d)), hn::Mul(a, b));
}

template <class D>
HWY_INLINE Vf<D> TruncateDiv(D, Vf<D> a, Vf<D> b) {
  const Vf<D> q = hn::Div(a, b);
  return hn::CopySign(hn::Trunc(q), q);
}

template <class D>
HWY_INLINE Vf<D> Xdivy(D d, Vf<D> a, Vf<D> b) {
  return hn::IfThenElse(hn::Eq(a, hn::Zero(d)), a, hn::Div(a, b));
}

template <class D>
HWY_INLINE Vf<D> Xlog1py(D d, Vf<D> a, Vf<D> b) {
  return hn::IfThenElse(hn::Eq(a, hn::Zero(d)), a, hn::Mul(a, Log1p(d, b)));
}

template <class D>
HWY_INLINE Vf<D> Xlogy(D d, Vf<D> a, Vf<D> b) {
  return hn::IfThenElse(hn::Eq(a, hn::Zero(d)), a, hn::Mul(a, Log(d, b)));
}

// Gradients through relu multiply by 0 or 1, so that NaN and Inf stay visible.
template <class D>
HWY_INLINE Vf<D> ReluGrad(D d, Vf<D> g, Vf<D> x) {
  return hn::Mul(g, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f)));
}

template <class D>
HWY_INLINE Vf<D> Relu6Grad(D d, Vf<D> g, Vf<D> x) {
  const auto inside = hn::And(hn::Gt(x, hn::Zero(d)), hn::Lt(x, hn::Set(d, 6.0f)));
  return hn::Mul(g, hn::IfThenElseZero(inside, hn::Set(d, 1.0f)));
}

// Steps the representation by one, away from 0 or towards it.
template <class D>
HWY_INLINE Vf<D> NextAfter(D d, Vf<D> a, Vf<D> b) {
  const hn::RebindToUnsigned<D> du;
  const auto zero = hn::Zero(d);
  const auto one = hn::Set(du, 1u);
  const auto bits = hn::BitCast(du, a);
  const auto away = hn::Not(hn::Xor(hn::Gt(b, a), hn::Gt(a, zero)));
  const auto moved =
      hn::IfThenElse(away, hn::BitCast(d, hn::Add(bits, one)), hn::BitCast(d, hn::Sub(bits, one)));
  const auto y = hn::IfThenElse(hn::Eq(a, zero), hn::CopySign(hn::BitCast(d, one), b), moved);
  const auto ordered = hn::IfThenElse(hn::Eq(a, b), b, y);
  return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::IsNaN(b)), hn::Add(a, b), ordered);
}

template <class D>
HWY_INLINE Vf<D> EluGrad(D d, Vf<D> g, Vf<D> y) {
  const Vf<D> slope = hn::Add(y, hn::Set(d, 1.0f));
  return hn::IfThenElse(hn::Lt(y, hn::Zero(d)), hn::Mul(slope, g), g);
}

template <class D>
HWY_INLINE Vf<D> SeluGrad(D d, Vf<D> g, Vf<D> y) {
  // scale * alpha in two parts: y comes close to its negative.
  const Vf<D> slope = hn::Add(hn::Add(y, hn::Set(d, 0x1.c212ccp+0f)), hn::Set(d, 0x1.903c0cp-26f));
  return hn::Mul(g,
                 hn::IfThenElse(hn::Lt(y, hn::Zero(d)), slope, hn::Set(d, 1.0507009873554804934f)));
}

// g times the logistic function of x: with 2^n (1 + q) = exp(-|x|) the power is
// applied in halves around g, so that only the result can underflow.
template <class D>
HWY_INLINE Vf<D> SoftplusGrad(D d, Vf<D> g, Vf<D> x) {
  const Vf<D> one = hn::Set(d, 1.0f);
  const Vf<D> zero = hn::Zero(d);
  Vf<D> n;
  Vf<D> unused;
  const Vf<D> q = ExpSplit<0>(d, CapBelow(d, -150.0f, hn::Neg(hn::Abs(x))), n, unused);
  const Vf<D> e = hn::Add(q, one);
  const Vf<D> half = hn::Floor(hn::Mul(n, hn::Set(d, 0.5f)));
  const Vf<D> s1 = Pow2(d, half);
  const Vf<D> s2 = Pow2(d, hn::Sub(n, half));
  const Vf<D> sum = hn::MulAdd(hn::Mul(e, s1), s2, one);
  const auto negative = hn::Lt(x, zero);
  const Vf<D> low = hn::Mul(hn::Mul(hn::Mul(hn::Div(e, sum), s1), g), s2);
  const Vf<D> y = hn::IfThenElse(negative, low, hn::Div(g, sum));
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, -150.0f)), hn::Mul(g, zero), y);
}

template <class D>
HWY_INLINE Vf<D> SoftsignGrad(D d, Vf<D> g, Vf<D> x) {
  const Vf<D> t = hn::Add(hn::Abs(x), hn::Set(d, 1.0f));
  return hn::Div(g, hn::Mul(t, t));
}

template <class D>
HWY_INLINE Vf<D> TanhGrad(D d, Vf<D> y, Vf<D> g) {
  const Vf<D> one = hn::Set(d, 1.0f);
  return hn::Mul(g, hn::Mul(hn::Sub(one, y), hn::Add(one, y)));
}

template <class D>
HWY_INLINE Vf<D> SigmoidGrad(D d, Vf<D> y, Vf<D> g) {
  return hn::Mul(hn::Mul(g, y), hn::Sub(hn::Set(d, 1.0f), y));
}

// These three give 0 for a zero gradient even where the slope is not finite.
// The order of the factors keeps a product that is normal from passing through
// the denormals.
template <class D>
HWY_INLINE Vf<D> ReciprocalGrad(D d, Vf<D> y, Vf<D> g) {
  const auto small = hn::Lt(hn::Abs(y), hn::Set(d, 1.0f));
  const Vf<D> first = hn::Mul(y, hn::IfThenElse(small, g, y));
  const Vf<D> z = hn::Mul(hn::Neg(first), hn::IfThenElse(small, y, g));
  return hn::IfThenZeroElse(hn::Eq(g, hn::Zero(d)), z);
}

template <class D>
HWY_INLINE Vf<D> SqrtGrad(D d, Vf<D> y, Vf<D> g) {
  return hn::IfThenZeroElse(hn::Eq(g, hn::Zero(d)), hn::Div(g, hn::Add(y, y)));
}

template <class D>
HWY_INLINE Vf<D> RsqrtGrad(D d, Vf<D> y, Vf<D> g) {
  const Vf<D> size = hn::Abs(y);
  const auto middle = hn::And(hn::Ge(size, hn::Set(d, 1.0f)), hn::Lt(size, hn::Set(d, 0x1p40f)));
  const Vf<D> t = hn::Mul(y, g);
  const Vf<D> slope = hn::Mul(hn::Mul(y, y), hn::Set(d, -0.5f));
  const Vf<D> z =
      hn::Mul(hn::IfThenElse(middle, hn::Mul(slope, y), slope), hn::IfThenElse(middle, g, t));
  const auto none = hn::Or(hn::Eq(t, hn::Zero(d)), hn::Eq(g, hn::Zero(d)));
  return hn::IfThenZeroElse(none, z);
}

#define OPKIT_DEFINE(name)                                                              \
  void name##Array(const float* a, const float* b, float* y, size_t n) {                \
    const hn::ScalableTag<float> d;                                                     \
    const size_t lanes = hn::Lanes(d);                                                  \
    size_t i = 0;                                                                       \
    for (; i + 2 * lanes <= n; i += 2 * lanes) {                                        \
      const auto u = name(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i));                 \
      const auto v = name(d, hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes)); \
      hn::StoreU(u, d, y + i);                                                          \
      hn::StoreU(v, d, y + i + lanes);                                                  \
    }                                                                                   \
    for (; i < n; i += lanes) {                                                         \
      const size_t m = n - i;                                                           \
      hn::StoreN(name(d, hn::LoadN(d, a + i, m), hn::LoadN(d, b + i, m)), d, y + i, m); \
    }                                                                                   \
  }
OPKIT_EACH_BINARY(OPKIT_DEFINE)
#undef OPKIT_DEFINE

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Array);
OPKIT_EACH_BINARY(OPKIT_TABLE)

}  // namespace

namespace math {

#define OPKIT_F32(name)                                           \
  void name(const float* a, const float* b, float* y, size_t n) { \
    OPKIT_SIMD_CALL(name##Array)(a, b, y, n);                     \
  }
OPKIT_EACH_BINARY(OPKIT_F32)

// Exact in float64, where quotients up to 2^52 need no call of libm.
void TruncateMod(const float* a, const float* b, float* y, size_t n) {
  constexpr size_t kBlock = 256;
  double u[kBlock];
  double v[kBlock];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    std::copy_n(a + i, m, u);
    std::copy_n(b + i, m, v);
    TruncateMod(u, v, u, m);
    for (size_t k = 0; k < m; ++k) y[i + k] = static_cast<float>(u[k]);
  }
}

}  // namespace math
}  // namespace opkit
#endif  // HWY_ONCE
