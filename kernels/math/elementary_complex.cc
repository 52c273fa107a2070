// Complex elementary functions. The vector code takes the finite arguments of
// ordinary size; a vector with any other goes to libm, which knows them all.
#include <algorithm>
#include <cmath>

#include "math/elementary.h"
#include "math/simd.h"
#include "math/tail64.h"
// After simd.h, which sets the target.
#include "math/elementary64-inl.h"

// clang-format off
// Those whose complex64 version is the complex128 one between conversions.
#define OPKIT_EACH_WIDENED(X)                                                   \
  X(Acos) X(Acosh) X(Asin) X(Asinh) X(Atan) X(Atanh) X(Cosh) X(Expm1) X(Log1p)  \
  X(Sinh) X(Tan)
#define OPKIT_EACH_COMPLEX(X) OPKIT_EACH_WIDENED(X) X(Reciprocal)
// clang-format on

namespace opkit::complex_libm {
// The same functions for n numbers, any arguments; complex numbers as pairs.
#define OPKIT_DECLARE(name) void name(const double* x, double* y, size_t n);
OPKIT_EACH_COMPLEX(OPKIT_DECLARE)
#undef OPKIT_DECLARE
}  // namespace opkit::complex_libm

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace f64 {

struct Z {
  V re, im;
};

// Neither part NaN nor beyond its limit.
HWY_INLINE M Within(Z z, double re_limit, double im_limit) {
  return hn::And(hn::Le(hn::Abs(z.re), Set(re_limit)), hn::Le(hn::Abs(z.im), Set(im_limit)));
}

// Sizes whose squares neither overflow nor underflow.
constexpr double kHuge = 0x1p400;
constexpr double kTiny = 0x1p-400;

// The parts below are functions of their own, for the size of the code.
HWY_NOINLINE void SinCosOf(V x, V& sine, V& cosine) { SinCos(x, sine, cosine); }
HWY_NOINLINE V AngleOf(V y, V x) { return Atan2(y, x); }
HWY_NOINLINE V Log1pOf(V x) { return Log1p(x); }

// Every function sets ok to the lanes that it computes.

HWY_INLINE Z Reciprocal(Z z, M& ok) {
  const V size = hn::Max(hn::Abs(z.re), hn::Abs(z.im));
  ok = hn::And(Within(z, kHuge, kHuge), hn::Ge(size, Set(kTiny)));
  const V norm = hn::MulAdd(z.re, z.re, hn::Mul(z.im, z.im));
  return {hn::Div(z.re, norm), hn::Div(hn::Neg(z.im), norm)};
}

// sinh(x) and cosh(x) from e = expm1(|x|), |x| <= 700.
HWY_NOINLINE void SinhCosh(V x, V& sinh, V& cosh) {
  const V one = Set(1.0);
  const V half = Set(0.5);
  const V e = Expm1(hn::Abs(x));
  const V slope = hn::Div(e, hn::Add(e, one));
  sinh = hn::CopySign(hn::Mul(half, hn::Add(e, slope)), x);
  cosh = hn::MulAdd(hn::Mul(half, e), slope, one);
}

HWY_INLINE Z Sinh(Z z, M& ok) {
  ok = Within(z, 700.0, kTanFastLimit);
  V sinh, cosh, sine, cosine;
  SinhCosh(z.re, sinh, cosh);
  SinCosOf(z.im, sine, cosine);
  return {hn::Mul(sinh, cosine), hn::Mul(cosh, sine)};
}

HWY_INLINE Z Cosh(Z z, M& ok) {
  ok = Within(z, 700.0, kTanFastLimit);
  V sinh, cosh, sine, cosine;
  SinhCosh(z.re, sinh, cosh);
  SinCosOf(z.im, sine, cosine);
  return {hn::Mul(cosh, cosine), hn::Mul(sinh, sine)};
}

// Kahan 1987, "Branch cuts for complex elementary functions": with t = tan(x)
// and s = sinh(y), (t + i (1 + t^2) cosh(y) s) / (1 + (1 + t^2) s^2).
HWY_INLINE Z Tan(Z z, M& ok) {
  ok = Within(z, kTanFastLimit, 100.0);
  const V one = Set(1.0);
  V sinh, cosh, sine, cosine;
  SinhCosh(z.im, sinh, cosh);
  SinCosOf(z.re, sine, cosine);
  const V t = hn::Div(sine, cosine);
  const V scaled = hn::Mul(hn::MulAdd(t, t, one), sinh);
  const V bottom = hn::MulAdd(scaled, sinh, one);
  return {hn::Div(t, bottom), hn::Div(hn::Mul(scaled, cosh), bottom)};
}

// exp(z) - 1 without cancellation near 0: (exp(x) - 1) cos(y) - (1 - cos(y)).
HWY_INLINE Z Expm1(Z z, M& ok) {
  ok = Within(z, 700.0, kTanFastLimit);
  const V one = Set(1.0);
  V sine, cosine;
  SinCosOf(z.im, sine, cosine);
  const V near = hn::Div(hn::Mul(sine, sine), hn::Add(one, cosine));
  const V versine = If(hn::Gt(cosine, hn::Zero(Dd())), near, hn::Sub(one, cosine));
  return {hn::MulSub(Expm1(z.re), cosine, versine), hn::Mul(Exp(z.re), sine)};
}

// log(1 + z): |1 + z|^2 - 1 = x (2 + x) + y^2, but log(|1 + z|^2) near the pole.
HWY_INLINE Z Log1p(Z z, M& ok) {
  const V u = hn::Add(z.re, Set(1.0));
  const V y2 = hn::Mul(z.im, z.im);
  const V norm = hn::MulAdd(u, u, y2);
  ok = hn::And(Within(z, kHuge, kHuge), hn::Ge(norm, Set(0x1p-800)));
  V log = Log1pOf(hn::MulAdd(z.re, hn::Add(z.re, Set(2.0)), y2));
  const M small = hn::Lt(norm, Set(0.25));
  if (!hn::AllFalse(Dd(), small)) log = If(small, Log(norm), log);
  return {hn::Mul(log, Set(0.5)), AngleOf(z.im, u)};
}

// Hull, Fairgrieve and Tang 1997, "Implementing the complex arcsine and
// arccosine functions using exception handling". For x, y >= 0, with
// a = (|z + 1| + |z - 1|) / 2: side = sqrt(a^2 - x^2), which is opposite to acos's
// real part where x is adjacent, and the logarithm that is the imaginary part.
HWY_NOINLINE void ArcParts(V x, V y, V& side, V& log, M& ok) {
  const V one = Set(1.0);
  const V half = Set(0.5);
  const V y2 = hn::Mul(y, y);
  const V beyond = hn::Sub(x, one);
  const V xp = hn::Add(x, one);
  const V r = hn::Sqrt(hn::MulAdd(xp, xp, y2));
  const V s = hn::Sqrt(hn::MulAdd(beyond, beyond, y2));
  const V a = hn::Mul(half, hn::Add(r, s));
  // s + |x - 1| and s - |x - 1|, then a - x and a - 1.
  const V sum = hn::Add(s, hn::Abs(beyond));
  const V difference = hn::Div(y2, sum);
  const V first = hn::Div(y2, hn::Add(r, xp));
  const M inside = hn::Lt(x, one);
  const V a_x = hn::Mul(half, hn::Add(first, If(inside, sum, difference)));
  const V a_1 = hn::Mul(half, hn::Add(first, If(inside, difference, sum)));
  side = hn::Sqrt(hn::Mul(hn::Add(a, x), a_x));
  log = Log1pOf(hn::Add(a_1, hn::Sqrt(hn::Mul(a_1, hn::Add(a, one)))));
  const M regular = hn::And(hn::Or(hn::Ge(y, Set(kTiny)), hn::Eq(y, hn::Zero(Dd()))),
                            hn::Gt(sum, hn::Zero(Dd())));
  ok = hn::And(Within({x, y}, kHuge, kHuge), regular);
}

HWY_INLINE Z Asin(Z z, M& ok) {
  V side, log;
  ArcParts(hn::Abs(z.re), hn::Abs(z.im), side, log, ok);
  return {AngleOf(z.re, side), hn::CopySign(log, z.im)};
}

HWY_INLINE Z Acos(Z z, M& ok) {
  V side, log;
  ArcParts(hn::Abs(z.re), hn::Abs(z.im), side, log, ok);
  return {AngleOf(side, z.re), hn::CopySign(log, hn::Neg(z.im))};
}

// asinh(z) = i asin(-i z).
HWY_INLINE Z Asinh(Z z, M& ok) {
  const Z turned = Asin(Z{z.im, z.re}, ok);
  return {turned.im, turned.re};
}

// acosh(z) is i acos(z) or -i acos(z), with a real part >= 0.
HWY_INLINE Z Acosh(Z z, M& ok) {
  const Z angle = Acos(z, ok);
  return {hn::Abs(angle.im), hn::CopySign(angle.re, z.im)};
}

// log1p(4x / ((1 - x)^2 + y^2)) / 4 + i atan2(2y, (1 - x) (1 + x) - y^2) / 2, x >= 0.
HWY_INLINE Z Atanh(Z z, M& ok) {
  const V one = Set(1.0);
  const V x = hn::Abs(z.re);
  const V y2 = hn::Mul(z.im, z.im);
  const V before = hn::Sub(one, x);
  const V norm = hn::MulAdd(before, before, y2);
  ok = hn::And(Within(z, kHuge, kHuge), hn::Ge(norm, Set(0x1p-800)));
  const V log = Log1pOf(hn::Div(hn::Mul(x, Set(4.0)), norm));
  const V adjacent = hn::MulSub(before, hn::Add(one, x), y2);
  const V angle = AngleOf(hn::Add(z.im, z.im), adjacent);
  return {hn::CopySign(hn::Mul(log, Set(0.25)), z.re), hn::Mul(angle, Set(0.5))};
}

// atan(z) = -i atanh(i z).
HWY_INLINE Z Atan(Z z, M& ok) {
  const Z turned = Atanh(Z{z.im, z.re}, ok);
  return {turned.im, turned.re};
}

}  // namespace f64

// n doubles, a multiple of kComplexBlock.
#define OPKIT_DEFINE(name)                                   \
  void name##Complex(const double* x, double* y, size_t n) { \
    const f64::Dd d;                                         \
    const size_t lanes = hn::Lanes(d);                       \
    for (size_t i = 0; i < n; i += 2 * lanes) {              \
      f64::Z z;                                              \
      hn::LoadInterleaved2(d, x + i, z.re, z.im);            \
      f64::M ok;                                             \
      const f64::Z w = f64::name(z, ok);                     \
      if (HWY_LIKELY(hn::AllTrue(d, ok))) {                  \
        hn::StoreInterleaved2(w.re, w.im, d, y + i);         \
      } else {                                               \
        complex_libm::name(x + i, y + i, lanes);             \
      }                                                      \
    }                                                        \
  }
OPKIT_EACH_COMPLEX(OPKIT_DEFINE)
#undef OPKIT_DEFINE

// n complex64, a multiple of the lanes of every instruction set. In float64 no square of a float32
// overflows, nor does the additional rounding of one quotient for both parts count.
void ReciprocalComplex64(const float* x, float* y, size_t n) {
  const f64::Dd d;
  const hn::Rebind<float, f64::Dd> narrow;
  const size_t lanes = hn::Lanes(d);
  const auto one = hn::Set(d, 1.0);
  for (size_t i = 0; i < 2 * n; i += 2 * lanes) {
    hn::Vec<decltype(narrow)> re_in, im_in;
    hn::LoadInterleaved2(narrow, x + i, re_in, im_in);
    const auto re = hn::PromoteTo(d, re_in);
    const auto im = hn::PromoteTo(d, im_in);
    const auto norm = hn::MulAdd(re, re, hn::Mul(im, im));
    const auto regular = hn::And(hn::Gt(norm, hn::Zero(d)), hn::Lt(norm, hn::Set(d, 0x1p300)));
    if (HWY_LIKELY(hn::AllTrue(d, regular))) {
      const auto over = hn::Div(one, norm);
      hn::StoreInterleaved2(hn::DemoteTo(narrow, hn::Mul(re, over)),
                            hn::DemoteTo(narrow, hn::Mul(hn::Neg(im), over)), narrow, y + i);
    } else {
      double wide[2 * HWY_MAX_LANES_D(f64::Dd)];
      std::copy_n(x + i, 2 * lanes, wide);
      complex_libm::Reciprocal(wide, wide, lanes);
      for (size_t k = 0; k < 2 * lanes; ++k) y[i + k] = static_cast<float>(wide[k]);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

using C = std::complex<double>;

// exp(x + iy) - 1 without cancellation near 0: cos(y) - 1 = -2 sin(y / 2)^2.
C Expm1Of(C z) {
  const double s = std::sin(z.imag() / 2);
  const double re = std::expm1(z.real()) * std::cos(z.imag()) - 2 * s * s;
  return {re, std::exp(z.real()) * std::sin(z.imag())};
}

// log(1 + z): |1 + z|^2 - 1 = x (2 + x) + y^2.
C Log1pOf(C z) {
  const double x = z.real();
  const double y = z.imag();
  const double size = std::hypot(1 + x, y);
  const double re = size > 0.5 && size < 2 ? 0.5 * std::log1p(x * (2 + x) + y * y) : std::log(size);
  return {re, std::atan2(y, 1 + x)};
}

C ReciprocalOf(C z) { return 1.0 / z; }

#define OPKIT_STD(name, fn) \
  C name##Of(C z) { return std::fn(z); }
OPKIT_STD(Acos, acos)
OPKIT_STD(Acosh, acosh)
OPKIT_STD(Asin, asin)
OPKIT_STD(Asinh, asinh)
OPKIT_STD(Atan, atan)
OPKIT_STD(Atanh, atanh)
OPKIT_STD(Cosh, cosh)
OPKIT_STD(Sinh, sinh)
OPKIT_STD(Tan, tan)

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Complex);
OPKIT_EACH_COMPLEX(OPKIT_TABLE)
OPKIT_SIMD_EXPORT(ReciprocalComplex64);

// Doubles of at least a vector of every instruction set, and a multiple of them.
constexpr size_t kComplexBlock = 16;

void RunComplex(math::UnaryLoop64 loop, const C* x, C* y, size_t n) {
  math::RunBlocks64<kComplexBlock>(loop, reinterpret_cast<const double*>(x),
                                   reinterpret_cast<double*>(y), 2 * n);
}

// Computed in complex128 and rounded once.
void RunComplex(math::UnaryLoop64 loop, const std::complex<float>* x, std::complex<float>* y,
                size_t n) {
  constexpr size_t kChunk = 256;
  const float* from = reinterpret_cast<const float*>(x);
  float* to = reinterpret_cast<float*>(y);
  double wide[kChunk];
  for (size_t i = 0; i < 2 * n; i += kChunk) {
    const size_t count = std::min(kChunk, 2 * n - i);
    std::copy(from + i, from + i + count, wide);
    math::RunBlocks64<kComplexBlock>(loop, wide, wide, count);
    for (size_t k = 0; k < count; ++k) to[i + k] = static_cast<float>(wide[k]);
  }
}

}  // namespace

#define OPKIT_LIBM(name)                                          \
  void complex_libm::name(const double* x, double* y, size_t n) { \
    for (size_t i = 0; i < 2 * n; i += 2) {                       \
      const C w = name##Of(C(x[i], x[i + 1]));                    \
      y[i] = w.real();                                            \
      y[i + 1] = w.imag();                                        \
    }                                                             \
  }
OPKIT_EACH_COMPLEX(OPKIT_LIBM)

namespace math {

#define OPKIT_COMPLEX128(name)                                                  \
  void name(const std::complex<double>* x, std::complex<double>* y, size_t n) { \
    RunComplex(OPKIT_SIMD_CALL(name##Complex), x, y, n);                        \
  }
OPKIT_EACH_COMPLEX(OPKIT_COMPLEX128)

#define OPKIT_COMPLEX64(name)                                                 \
  void name(const std::complex<float>* x, std::complex<float>* y, size_t n) { \
    RunComplex(OPKIT_SIMD_CALL(name##Complex), x, y, n);                      \
  }
OPKIT_EACH_WIDENED(OPKIT_COMPLEX64)

void Reciprocal(const std::complex<float>* x, std::complex<float>* y, size_t n) {
  constexpr size_t kBlock = 8;  // at least the doubles of every vector
  const auto loop = OPKIT_SIMD_CALL(ReciprocalComplex64);
  const float* from = reinterpret_cast<const float*>(x);
  float* to = reinterpret_cast<float*>(y);
  const size_t whole = n / kBlock * kBlock;
  loop(from, to, whole);
  if (whole == n) return;
  float pad[2 * kBlock];
  std::fill_n(pad, 2 * kBlock, 1.0f);
  std::copy(from + 2 * whole, from + 2 * n, pad);
  loop(pad, pad, kBlock);
  std::copy_n(pad, 2 * (n - whole), to + 2 * whole);
}

}  // namespace math
}  // namespace opkit
#endif  // HWY_ONCE
