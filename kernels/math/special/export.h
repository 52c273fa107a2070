// What the special functions share that does not depend on the instruction set.
#ifndef OPKIT_MATH_SPECIAL_EXPORT_H_
#define OPKIT_MATH_SPECIAL_EXPORT_H_

#include <cstddef>
#include <cstdint>

namespace opkit::special {

// v[bits][lane]: how many of the lanes below are set in the mask `bits`.
struct ExpandLanes {
  uint8_t v[256][8];
  constexpr ExpandLanes() : v() {
    for (int bits = 0; bits < 256; ++bits) {
      uint8_t below = 0;
      for (int lane = 0; lane < 8; ++lane) {
        v[bits][lane] = below;
        if ((bits >> lane) & 1) ++below;
      }
    }
  }
};
inline constexpr ExpandLanes kExpandLanes;

}  // namespace opkit::special

// Inside opkit::HWY_NAMESPACE: name##F32 and name##F64 of the function special::Fn.
#define OPKIT_SPECIAL_MAP1(name, Fn)                     \
  void name##F32(const float* x, float* y, size_t n) {   \
    const float* in[] = {x};                             \
    special::Map<special::Fn, float>(in, y, n);          \
  }                                                      \
  void name##F64(const double* x, double* y, size_t n) { \
    const double* in[] = {x};                            \
    special::Map<special::Fn, double>(in, y, n);         \
  }
#define OPKIT_SPECIAL_MAP2(name, Fn)                                      \
  void name##F32(const float* a, const float* x, float* y, size_t n) {    \
    const float* in[] = {a, x};                                           \
    special::Map<special::Fn, float>(in, y, n);                           \
  }                                                                       \
  void name##F64(const double* a, const double* x, double* y, size_t n) { \
    const double* in[] = {a, x};                                          \
    special::Map<special::Fn, double>(in, y, n);                          \
  }
#define OPKIT_SPECIAL_MAP3(name, Fn)                                                       \
  void name##F32(const float* a, const float* b, const float* x, float* y, size_t n) {     \
    const float* in[] = {a, b, x};                                                         \
    special::Map<special::Fn, float>(in, y, n);                                            \
  }                                                                                        \
  void name##F64(const double* a, const double* b, const double* x, double* y, size_t n) { \
    const double* in[] = {a, b, x};                                                        \
    special::Map<special::Fn, double>(in, y, n);                                           \
  }

// Inside opkit, once: the functions of special.h.
#define OPKIT_SPECIAL_EXPORT1(name)                                                               \
  OPKIT_SIMD_EXPORT(name##F32);                                                                   \
  OPKIT_SIMD_EXPORT(name##F64);                                                                   \
  void special::name(const float* x, float* y, size_t n) { OPKIT_SIMD_CALL(name##F32)(x, y, n); } \
  void special::name(const double* x, double* y, size_t n) { OPKIT_SIMD_CALL(name##F64)(x, y, n); }
#define OPKIT_SPECIAL_EXPORT2(name)                                           \
  OPKIT_SIMD_EXPORT(name##F32);                                               \
  OPKIT_SIMD_EXPORT(name##F64);                                               \
  void special::name(const float* a, const float* x, float* y, size_t n) {    \
    OPKIT_SIMD_CALL(name##F32)(a, x, y, n);                                   \
  }                                                                           \
  void special::name(const double* a, const double* x, double* y, size_t n) { \
    OPKIT_SIMD_CALL(name##F64)(a, x, y, n);                                   \
  }
#define OPKIT_SPECIAL_EXPORT3(name)                                                            \
  OPKIT_SIMD_EXPORT(name##F32);                                                                \
  OPKIT_SIMD_EXPORT(name##F64);                                                                \
  void special::name(const float* a, const float* b, const float* x, float* y, size_t n) {     \
    OPKIT_SIMD_CALL(name##F32)(a, b, x, y, n);                                                 \
  }                                                                                            \
  void special::name(const double* a, const double* b, const double* x, double* y, size_t n) { \
    OPKIT_SIMD_CALL(name##F64)(a, b, x, y, n);                                                 \
  }

#endif  // OPKIT_MATH_SPECIAL_EXPORT_H_
