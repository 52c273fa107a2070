// Special functions over arrays, vectorised for the best instruction set of the
// CPU. Bounds are in ULP of the result's type against the true value (mpmath);
// the measured ones per function are in ACCURACY.md. y may be the array of an input.
#ifndef OPKIT_MATH_SPECIAL_SPECIAL_H_
#define OPKIT_MATH_SPECIAL_SPECIAL_H_

#include <cstddef>

namespace opkit::special {

#define OPKIT_SPECIAL_UNARY(name)                \
  void name(const float* x, float* y, size_t n); \
  void name(const double* x, double* y, size_t n)
#define OPKIT_SPECIAL_BINARY(name)                               \
  void name(const float* a, const float* x, float* y, size_t n); \
  void name(const double* a, const double* x, double* y, size_t n)

// log |Gamma(x)|; inf at 0 and the negative integers (DLMF 5.2).
OPKIT_SPECIAL_UNARY(Lgamma);
// The derivative of log Gamma; NaN at 0 and the negative integers.
OPKIT_SPECIAL_UNARY(Digamma);
// Inverse of erf on [-1, 1] and of the normal distribution function on [0, 1].
OPKIT_SPECIAL_UNARY(Erfinv);
OPKIT_SPECIAL_UNARY(Ndtri);
// Modified Bessel functions; the e forms are scaled by exp(-|x|) or exp(x).
OPKIT_SPECIAL_UNARY(BesselI0);
OPKIT_SPECIAL_UNARY(BesselI0e);
OPKIT_SPECIAL_UNARY(BesselI1);
OPKIT_SPECIAL_UNARY(BesselI1e);
OPKIT_SPECIAL_UNARY(BesselK0);
OPKIT_SPECIAL_UNARY(BesselK0e);
OPKIT_SPECIAL_UNARY(BesselK1);
OPKIT_SPECIAL_UNARY(BesselK1e);
OPKIT_SPECIAL_UNARY(BesselJ0);
OPKIT_SPECIAL_UNARY(BesselJ1);
OPKIT_SPECIAL_UNARY(BesselY0);
OPKIT_SPECIAL_UNARY(BesselY1);
// Dawson's integral exp(-x^2) int_0^x exp(t^2) dt (DLMF 7.2.5).
OPKIT_SPECIAL_UNARY(Dawsn);
// Ei(x) for x >= 0, NaN below as in TensorFlow (DLMF 6.2.5).
OPKIT_SPECIAL_UNARY(Expint);
// int_0^x cos(pi t^2 / 2) dt and sin (DLMF 7.2.7, 7.2.8).
OPKIT_SPECIAL_UNARY(FresnelCos);
OPKIT_SPECIAL_UNARY(FresnelSin);
// -int_1^x log(t) / (t - 1) dt, that is Li2(1 - x) (DLMF 25.12).
OPKIT_SPECIAL_UNARY(Spence);
// Regularised incomplete gamma functions P(a, x) and Q(a, x) (DLMF 8.2.4).
OPKIT_SPECIAL_BINARY(Igamma);
OPKIT_SPECIAL_BINARY(Igammac);
// Hurwitz zeta: sum over k >= 0 of (x + k)^-a (DLMF 25.11).
OPKIT_SPECIAL_BINARY(Zeta);
// The a-th derivative of digamma at x.
OPKIT_SPECIAL_BINARY(Polygamma);
// Regularised incomplete beta function I_x(a, b) (DLMF 8.17.2).
void Betainc(const float* a, const float* b, const float* x, float* y, size_t n);
void Betainc(const double* a, const double* b, const double* x, double* y, size_t n);

#undef OPKIT_SPECIAL_UNARY
#undef OPKIT_SPECIAL_BINARY

}  // namespace opkit::special

#endif  // OPKIT_MATH_SPECIAL_SPECIAL_H_
