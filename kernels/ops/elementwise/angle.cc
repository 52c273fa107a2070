// Angle: the argument of complex numbers.
#include <algorithm>
#include <complex>

#include "math/simd.h"
#include "opkit/pointwise.h"
// After simd.h, which sets the target.
#include "math/elementary-inl.h"
#include "math/elementary64-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::HWY_NAMESPACE {

// With r = atan(low / high) of the smaller and the larger magnitude, the angle is quarters pi / 2
// plus r, or minus r if `back` holds.
template <class D>
struct Octant {
  hn::Vec<D> low, high, quarters;
  hn::Mask<D> back;
};
template <class D>
HWY_INLINE Octant<D> OctantOf(D d, hn::Vec<D> re, hn::Vec<D> im) {
  using T = hn::TFromD<D>;
  const auto zero = hn::Zero(d), one = hn::Set(d, T(1));
  const auto x = hn::Abs(re), y = hn::Abs(im);
  const auto steep = hn::Gt(y, x);
  const auto left = hn::Lt(hn::CopySign(one, re), zero);  // -0 too
  const auto low = hn::IfThenElse(steep, x, y), high = hn::IfThenElse(steep, y, x);
  // Equal magnitudes: 1 / 1, infinities too, but 0 / 1 for zeros.
  const auto same = hn::Eq(low, high);
  return {hn::IfThenElse(same, hn::IfThenElseZero(hn::Gt(low, zero), one), low),
          hn::IfThenElse(same, one, high),
          hn::IfThenElse(steep, one, hn::IfThenElseZero(left, hn::Set(d, T(2)))),
          hn::Xor(steep, left)};
}

HWY_INLINE hn::Vec<hn::ScalableTag<float>> AngleOf(hn::ScalableTag<float> d,
                                                   hn::Vec<hn::ScalableTag<float>> re,
                                                   hn::Vec<hn::ScalableTag<float>> im) {
  const auto o = OctantOf(d, re, im);
  auto y = hn::Div(o.low, o.high);
  y = hn::IfThenElse(o.back, hn::Neg(y), y);
  const auto z = hn::Mul(y, y);
  const auto rest = hn::MulAdd(hn::Mul(y, z), Horner(d, z, tables::kAtan),
                               hn::Mul(o.quarters, hn::Set(d, kPi2Lo)));
  return hn::CopySign(hn::MulAdd(o.quarters, hn::Set(d, kPi2Hi), hn::Add(y, rest)), im);
}

// r is pi / 4 + atan((low - high) / (low + high)) where that is above 1/2.
HWY_INLINE f64::V AngleOf(f64::Dd d, f64::V re, f64::V im) {
  const auto o = OctantOf(d, re, im);
  const f64::V half = f64::Set(0.5);
  const auto middle = hn::Gt(o.low, hn::Mul(half, o.high));
  // Halved: the sum may not overflow. Numbers that lose a bit are far below any sum that counts.
  const f64::V low = hn::Mul(half, o.low), high = hn::Mul(half, o.high);
  f64::V y = hn::Div(f64::If(middle, hn::Sub(low, high), o.low),
                     f64::If(middle, hn::Add(low, high), o.high));
  f64::V eighths = hn::IfThenElseZero(middle, f64::Set(1.0));
  y = f64::If(o.back, hn::Neg(y), y);
  eighths = hn::Add(f64::If(o.back, hn::Neg(eighths), eighths), hn::Add(o.quarters, o.quarters));
  const f64::V rest = hn::MulAdd(eighths, f64::Set(f64::kPi2Lo / 2),
                                 f64::OddTail(y, hn::Mul(y, y), tables64::kAtan));
  return hn::CopySign(hn::MulAdd(eighths, f64::Set(f64::kPi2Hi / 2), hn::Add(y, rest)), im);
}

// n complex numbers as pairs. The last vector is moved back over ones already done, as results do
// not depend on their lane.
template <class T>
HWY_INLINE void AngleArray(const T* x, T* out, size_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  HWY_ALIGN T in[2 * hn::MaxLanes(d)], few[hn::MaxLanes(d)];
  T* to = out;
  const size_t count = n;
  if (n < lanes) {
    std::fill(std::copy(x, x + 2 * n, in), in + 2 * lanes, T(1));
    x = in;
    to = few;
    n = lanes;
  }
  for (size_t i = 0; i < n; i += lanes) {
    const size_t k = HWY_MIN(i, n - lanes);
    hn::Vec<decltype(d)> re, im;
    hn::LoadInterleaved2(d, x + 2 * k, re, im);
    hn::StoreU(AngleOf(d, re, im), d, to + k);
  }
  if (to == few) std::copy(few, few + count, out);
}

void AngleF32(const float* x, float* y, size_t n) { AngleArray(x, y, n); }
void AngleF64(const double* x, double* y, size_t n) { AngleArray(x, y, n); }

}  // namespace opkit::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

OPKIT_SIMD_EXPORT(AngleF32);
OPKIT_SIMD_EXPORT(AngleF64);

Status Prepare(OpContext& ctx) {
  const DType want = ctx.dtype(0) == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
  if (ctx.out_dtype(0) != want) {
    return Error("output is %s, want %s for %s", DTypeName(ctx.out_dtype(0)), DTypeName(want),
                 DTypeName(ctx.dtype(0)));
  }
  return {};
}

Status Run(OpContext& ctx) {
  constexpr int64_t kGrain = 16384;
  if (ctx.dtype(0) == DType::kComplex64) {
    return MapInput<Complex64, float>(ctx, kGrain, [](const Complex64* x, float* y, size_t n) {
      OPKIT_SIMD_CALL(AngleF32)(reinterpret_cast<const float*>(x), y, n);
    });
  }
  return MapInput<Complex128, double>(ctx, kGrain, [](const Complex128* x, double* y, size_t n) {
    OPKIT_SIMD_CALL(AngleF64)(reinterpret_cast<const double*>(x), y, n);
  });
}

OPKIT_OP(Angle)
    .Signature(R"(
      input: T -> output: Tout
      T in {complex}
      Tout in {float32, float64}
    )")
    .Shape(SameAs<0>)
    .Prepare(Prepare)
    .Run(Run);

}  // namespace
}  // namespace opkit
#endif  // HWY_ONCE
