// Elementary functions over arrays, vectorised for the best instruction set of
// the CPU; worst errors are in ACCURACY.md. x and y may be the same array.
#ifndef OPKIT_MATH_ELEMENTARY_H_
#define OPKIT_MATH_ELEMENTARY_H_

#include <complex>
#include <cstddef>

namespace opkit::math {

#define OPKIT_MATH_UNARY(name)                   \
  void name(const float* x, float* y, size_t n); \
  void name(const double* x, double* y, size_t n)
#define OPKIT_MATH_BINARY(name)                                  \
  void name(const float* a, const float* b, float* y, size_t n); \
  void name(const double* a, const double* b, double* y, size_t n)

OPKIT_MATH_UNARY(Acos);
OPKIT_MATH_UNARY(Acosh);
OPKIT_MATH_UNARY(Asin);
OPKIT_MATH_UNARY(Asinh);
OPKIT_MATH_UNARY(Atan);
OPKIT_MATH_UNARY(Atanh);
OPKIT_MATH_UNARY(Cosh);
OPKIT_MATH_UNARY(Elu);  // x, or expm1(x) for x < 0
OPKIT_MATH_UNARY(Erf);
OPKIT_MATH_UNARY(Erfc);
OPKIT_MATH_UNARY(Exp);
OPKIT_MATH_UNARY(Expm1);
OPKIT_MATH_UNARY(Log);
OPKIT_MATH_UNARY(Log1p);
OPKIT_MATH_UNARY(Reciprocal);
OPKIT_MATH_UNARY(Rint);  // half to even
OPKIT_MATH_UNARY(Selu);
OPKIT_MATH_UNARY(Sinh);
OPKIT_MATH_UNARY(Softplus);  // log(1 + exp(x))
OPKIT_MATH_UNARY(Softsign);  // x / (1 + |x|)
OPKIT_MATH_UNARY(Tan);
OPKIT_MATH_UNARY(Tanh);

// Complex versions; complex64 is computed in float64 and rounded once.
#define OPKIT_MATH_COMPLEX(name)                                             \
  void name(const std::complex<float>* x, std::complex<float>* y, size_t n); \
  void name(const std::complex<double>* x, std::complex<double>* y, size_t n)

OPKIT_MATH_COMPLEX(Acos);
OPKIT_MATH_COMPLEX(Acosh);
OPKIT_MATH_COMPLEX(Asin);
OPKIT_MATH_COMPLEX(Asinh);
OPKIT_MATH_COMPLEX(Atan);
OPKIT_MATH_COMPLEX(Atanh);
OPKIT_MATH_COMPLEX(Cosh);
OPKIT_MATH_COMPLEX(Expm1);
OPKIT_MATH_COMPLEX(Log1p);
OPKIT_MATH_COMPLEX(Reciprocal);
OPKIT_MATH_COMPLEX(Sinh);
OPKIT_MATH_COMPLEX(Tan);
#undef OPKIT_MATH_COMPLEX

OPKIT_MATH_BINARY(DivNoNan);  // a / b, 0 where b is 0
OPKIT_MATH_BINARY(MulNoNan);  // a * b, 0 where b is 0
OPKIT_MATH_BINARY(NextAfter);
OPKIT_MATH_BINARY(TruncateDiv);
OPKIT_MATH_BINARY(TruncateMod);  // C's fmod
OPKIT_MATH_BINARY(Xdivy);        // a / b, a where a is 0
OPKIT_MATH_BINARY(Xlog1py);      // a log1p(b), a where a is 0
OPKIT_MATH_BINARY(Xlogy);        // a log(b), a where a is 0

// Gradients: the first argument is the incoming gradient, except in the last
// five, which take the function's result first.
OPKIT_MATH_BINARY(EluGrad);
OPKIT_MATH_BINARY(Relu6Grad);
OPKIT_MATH_BINARY(ReluGrad);
OPKIT_MATH_BINARY(SeluGrad);
OPKIT_MATH_BINARY(SoftplusGrad);
OPKIT_MATH_BINARY(SoftsignGrad);
OPKIT_MATH_BINARY(ReciprocalGrad);
OPKIT_MATH_BINARY(RsqrtGrad);
OPKIT_MATH_BINARY(SigmoidGrad);
OPKIT_MATH_BINARY(SqrtGrad);
OPKIT_MATH_BINARY(TanhGrad);

#undef OPKIT_MATH_UNARY
#undef OPKIT_MATH_BINARY

}  // namespace opkit::math

#endif  // OPKIT_MATH_ELEMENTARY_H_
