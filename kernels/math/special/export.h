// What the special functions share that does not depend on the instruction set.
#ifndef OPKIT_MATH_SPECIAL_EXPORT_H_
#define OPKIT_MATH_SPECIAL_EXPORT_H_

#include <cstddef>
#include <cstdint>

namespace opkit::special {

// A function of up to three arguments over a block, compiled for one
// instruction set. Its domain is cut into regions with a formula each. Called
// with kSort it writes the number of each element's region to y and returns how
// many regions there are; else it writes the results of one region's formula.
// Arrays hold whole vectors: n is rounded up.
template <typename T>
using Kernel = size_t (*)(size_t region, const T* const* x, T* y, size_t n);
constexpr size_t kSort = ~size_t{0};
constexpr size_t kMaxInputs = 3;
constexpr size_t kBlock = 512;  // elements of a block at most

// y[i] = f(x[0][i], ..) by the kernel of the instruction set in use, out of a
// table made by OPKIT_SIMD_EXPORT; y may be the array of an input. An element's
// result does not depend on its neighbours.
void Run(const Kernel<float>* kernels, size_t inputs, const float* const* x, float* y, size_t n);
void Run(const Kernel<double>* kernels, size_t inputs, const double* const* x, double* y, size_t n);

}  // namespace opkit::special

// Inside opkit::HWY_NAMESPACE: the kernels name##F32 and name##F64 of special::Fn.
#define OPKIT_SPECIAL_KERNELS(name, Fn)                                        \
  size_t name##F32(size_t region, const float* const* x, float* y, size_t n) { \
    return special::Apply<special::Fn>(region, x, y, n);                       \
  }                                                                            \
  OPKIT_SPECIAL_KERNEL64(name, Fn)
#define OPKIT_SPECIAL_KERNEL64(name, Fn)                                         \
  size_t name##F64(size_t region, const double* const* x, double* y, size_t n) { \
    return special::Apply<special::Fn>(region, x, y, n);                         \
  }

// Inside opkit, once: the functions of special.h.
#define OPKIT_SPECIAL_EXPORT64(name)                         \
  OPKIT_SIMD_EXPORT(name##F64);                              \
  void special::name(const double* x, double* y, size_t n) { \
    Run(name##F64_simd_table, 1, &x, y, n);                  \
  }
#define OPKIT_SPECIAL_EXPORT2(name)                                           \
  OPKIT_SIMD_EXPORT(name##F32);                                               \
  OPKIT_SIMD_EXPORT(name##F64);                                               \
  void special::name(const float* a, const float* x, float* y, size_t n) {    \
    const float* in[] = {a, x};                                               \
    Run(name##F32_simd_table, 2, in, y, n);                                   \
  }                                                                           \
  void special::name(const double* a, const double* x, double* y, size_t n) { \
    const double* in[] = {a, x};                                              \
    Run(name##F64_simd_table, 2, in, y, n);                                   \
  }
#define OPKIT_SPECIAL_EXPORT3(name)                                                            \
  OPKIT_SIMD_EXPORT(name##F32);                                                                \
  OPKIT_SIMD_EXPORT(name##F64);                                                                \
  void special::name(const float* a, const float* b, const float* x, float* y, size_t n) {     \
    const float* in[] = {a, b, x};                                                             \
    Run(name##F32_simd_table, 3, in, y, n);                                                    \
  }                                                                                            \
  void special::name(const double* a, const double* b, const double* x, double* y, size_t n) { \
    const double* in[] = {a, b, x};                                                            \
    Run(name##F64_simd_table, 3, in, y, n);                                                    \
  }

#endif  // OPKIT_MATH_SPECIAL_EXPORT_H_
