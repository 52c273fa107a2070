#include <algorithm>
#include <cmath>

#include "math/elementary.h"
#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/elementary-inl.h"

// clang-format off
#define OPKIT_EACH_PLAIN(X)                                                          \
  X(Acos) X(Asin) X(Atan) X(Cosh) X(Elu) X(Erf) X(Erfc) X(Exp) X(Expm1) X(Log)       \
  X(Log1p) X(Reciprocal) X(Rint) X(Selu) X(Softsign) X(Tanh)
// In two steps.
#define OPKIT_EACH_STAGED(X) X(Acosh) X(Asinh) X(Atanh) X(Sinh) X(Softplus)
// clang-format on
#define OPKIT_EACH_UNARY(X) OPKIT_EACH_PLAIN(X) OPKIT_EACH_STAGED(X) X(Tan)

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {

template <class D>
HWY_INLINE Vf<D> Reciprocal(D d, Vf<D> x) {
  return hn::Div(hn::Set(d, 1.0f), x);
}

template <class D>
HWY_INLINE Vf<D> Rint(D, Vf<D> x) {
  return hn::Round(x);  // which keeps the sign of zero
}

// Two vectors a step hide the latency of the polynomials.
#define OPKIT_DEFINE(name)                                              \
  void name##Array(const float* x, float* y, size_t n) {                \
    const hn::ScalableTag<float> d;                                     \
    const size_t lanes = hn::Lanes(d);                                  \
    size_t i = 0;                                                       \
    for (; i + 2 * lanes <= n; i += 2 * lanes) {                        \
      const auto a = name(d, hn::LoadU(d, x + i));                      \
      const auto b = name(d, hn::LoadU(d, x + i + lanes));              \
      hn::StoreU(a, d, y + i);                                          \
      hn::StoreU(b, d, y + i + lanes);                                  \
    }                                                                   \
    for (; i < n; i += lanes) {                                         \
      hn::StoreN(name(d, hn::LoadN(d, x + i, n - i)), d, y + i, n - i); \
    }                                                                   \
  }
OPKIT_EACH_PLAIN(OPKIT_DEFINE)
#undef OPKIT_DEFINE

// The first step, a root or quotient of long latency, runs four vectors ahead of the second:
// else the CPU's window is too short to fill the waiting with work on other vectors.
#define OPKIT_DEFINE(name)                                                                \
  void name##Array(const float* x, float* y, size_t n) {                                  \
    const hn::ScalableTag<float> d;                                                       \
    const size_t lanes = hn::Lanes(d);                                                    \
    constexpr size_t kAhead = 4;                                                          \
    const size_t step = kAhead * lanes;                                                   \
    size_t i = 0;                                                                         \
    if (n >= 2 * step) {                                                                  \
      Vf<decltype(d)> ahead[kAhead];                                                      \
      for (size_t k = 0; k < kAhead; ++k) {                                               \
        ahead[k] = name##Start(d, hn::LoadU(d, x + k * lanes));                           \
      }                                                                                   \
      for (; i + 2 * step <= n; i += step) {                                              \
        for (size_t k = 0; k < kAhead; ++k) {                                             \
          const float* from = x + i + k * lanes;                                          \
          const auto started = ahead[k];                                                  \
          ahead[k] = name##Start(d, hn::LoadU(d, from + step));                           \
          hn::StoreU(name##Finish(d, hn::LoadU(d, from), started), d, y + i + k * lanes); \
        }                                                                                 \
      }                                                                                   \
    }                                                                                     \
    for (; i < n; i += lanes) {                                                           \
      const auto v = hn::LoadN(d, x + i, n - i);                                          \
      hn::StoreN(name##Finish(d, v, name##Start(d, v)), d, y + i, n - i);                 \
    }                                                                                     \
  }
OPKIT_EACH_STAGED(OPKIT_DEFINE)
#undef OPKIT_DEFINE

// True when an argument is above kTanFastLimit, where the result is no use.
bool TanNearArray(const float* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, kTanFastLimit);
  auto far = hn::MaskFalse(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    far = hn::Or(far, hn::Gt(hn::Abs(v), limit));
    hn::StoreU(TanNear(d, v), d, y + i);
  }
  if (i < n) {
    const auto v = hn::LoadN(d, x + i, n - i);
    far = hn::Or(far, hn::Gt(hn::Abs(v), limit));
    hn::StoreN(TanNear(d, v), d, y + i, n - i);
  }
  return !hn::AllFalse(d, far);
}

// Above kTanFastLimit, where reduction needs hundreds of bits of 2/pi, libm's
// float64 tan, in a pass of its own: a call within the loop would keep the
// constants out of the registers.
void TanArray(const float* x, float* y, size_t n) {
  constexpr size_t kBlock = 2048;
  float copy[kBlock];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    const float* from = x + i;
    if (x == y) {
      std::copy_n(x + i, m, copy);
      from = copy;
    }
    if (HWY_LIKELY(!TanNearArray(from, y + i, m))) continue;
    for (size_t k = 0; k < m; ++k) {
      if (std::fabs(from[k]) > kTanFastLimit) {
        y[i + k] = static_cast<float>(std::tan(static_cast<double>(from[k])));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

#define OPKIT_TABLE(name) OPKIT_SIMD_EXPORT(name##Array);
OPKIT_EACH_UNARY(OPKIT_TABLE)

}  // namespace

namespace math {

#define OPKIT_F32(name) \
  void name(const float* x, float* y, size_t n) { OPKIT_SIMD_CALL(name##Array)(x, y, n); }
OPKIT_EACH_UNARY(OPKIT_F32)

}  // namespace math
}  // namespace opkit
#endif  // HWY_ONCE
