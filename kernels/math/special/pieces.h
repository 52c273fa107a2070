// How functions of float32 vectors become those of special.h.
#ifndef OPKIT_MATH_SPECIAL_PIECES_H_
#define OPKIT_MATH_SPECIAL_PIECES_H_

#include <cstddef>

namespace opkit::special {

constexpr float kPiecesLimit = 1.6e9f;

// A function over an array, compiled for one instruction set: whether results are
// missing, those of some |x| above kPiecesLimit.
using PiecesFn = bool (*)(const float* x, float* y, size_t n);
using WideFn = void (*)(const double* x, double* y, size_t n);

// y = fn(x), what is missing = wide(x). y may be x.
void RunPieces(PiecesFn fn, WideFn wide, const float* x, float* y, size_t n);

}  // namespace opkit::special

// Inside opkit::HWY_NAMESPACE: pieces::name over an array.
#define OPKIT_PIECES_ARRAY(name)                         \
  bool name##Array(const float* x, float* y, size_t n) { \
    return pieces::Map<pieces::name>(x, y, n);           \
  }

// Inside opkit, once: the function of special.h.
#define OPKIT_PIECES_EXPORT(name)                                    \
  OPKIT_SIMD_EXPORT(name##Array);                                    \
  void special::name(const float* x, float* y, size_t n) {           \
    RunPieces(OPKIT_SIMD_CALL(name##Array), special::name, x, y, n); \
  }

#endif  // OPKIT_MATH_SPECIAL_PIECES_H_
