// SIMD through Highway: one source file is compiled once per instruction set
// (x86: SSE4, AVX2, AVX-512; elsewhere the compiler's own target, such as NEON)
// and the best one that the CPU has is called at run time.
//
//   // scale.cc: everything before HWY_BEFORE_NAMESPACE is seen once per target,
//   // so headers need include guards and nothing else may be defined there.
//   #include "math/simd.h"
//   HWY_BEFORE_NAMESPACE();
//   namespace opkit::HWY_NAMESPACE {
//   namespace hn = hwy::HWY_NAMESPACE;
//   void Scale(const float* x, float a, float* y, size_t n) {  // once per target
//     const hn::ScalableTag<float> d;
//     for (size_t i = 0; i < n; i += hn::Lanes(d)) {
//       hn::StoreN(hn::Mul(hn::LoadN(d, x + i, n - i), hn::Set(d, a)), d, y + i, n - i);
//     }
//   }
//   }  // namespace opkit::HWY_NAMESPACE
//   HWY_AFTER_NAMESPACE();
//   #if HWY_ONCE
//   namespace opkit {
//   OPKIT_SIMD_EXPORT(Scale);  // makes the table of Scale's versions
//   void Twice(float* x, size_t n) { OPKIT_SIMD_CALL(Scale)(x, 2.0f, x, n); }
//   }
//   #endif  // HWY_ONCE
//
// Give per-target functions external names that are unique in their file, or
// put them in an anonymous namespace inside HWY_NAMESPACE. Avoid lambdas there:
// gcc and clang compile them for the baseline unless they carry HWY_ATTR.
//
// kernels/math and files named *_simd.cc neither allocate nor call what may throw: they are built
// without unwind tables.
//
// No include guard for the two Highway headers at the bottom: they have to be
// read again for each target.
#ifndef OPKIT_MATH_SIMD_H_
#define OPKIT_MATH_SIMD_H_

#include <atomic>

// Highway's functions for reporting failures inline instead of a library.
#ifndef HWY_HEADER_ONLY
#define HWY_HEADER_ONLY 1
#endif

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64)
#define OPKIT_SIMD_X86 1
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_AVX3_SPR | HWY_AVX3_ZEN4 | HWY_AVX3_DL | HWY_SSSE3 | HWY_SSE2 | HWY_AVX10_2)
#endif
// Without this the baseline would be plain SSE2 or an emulation.
#ifndef HWY_BASELINE_TARGETS
#define HWY_BASELINE_TARGETS HWY_SSE4
#endif
#else
#define OPKIT_SIMD_X86 0
#ifndef HWY_COMPILE_ONLY_STATIC
#define HWY_COMPILE_ONLY_STATIC 1
#endif
#endif

#ifndef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE __BASE_FILE__
#endif

namespace opkit::simd {

// Index into a table made by OPKIT_SIMD_EXPORT.
enum Level : int { kBaseline = 0, kAvx2 = 1, kAvx512 = 2 };

// Chosen level, or -1 before the first call. Set by DetectLevel and
// opkit_set_simd only.
extern std::atomic<int> g_level;

// Finds the best level of this CPU, stores and returns it.
int DetectLevel();

inline int CurrentLevel() {
  const int level = g_level.load(std::memory_order_relaxed);
  return level >= 0 ? level : DetectLevel();
}

}  // namespace opkit::simd

#if OPKIT_SIMD_X86
#define OPKIT_SIMD_EXPORT(fn)                                                            \
  static constexpr decltype(&N_SSE4::fn) fn##_simd_table[3] = {&N_SSE4::fn, &N_AVX2::fn, \
                                                               &N_AVX3::fn}
// For rare types, in fewer copies: there is no AVX-512 version.
#define OPKIT_SIMD_EXPORT_TO_AVX2(fn)                                                    \
  static constexpr decltype(&N_SSE4::fn) fn##_simd_table[3] = {&N_SSE4::fn, &N_AVX2::fn, \
                                                               &N_AVX2::fn}
#define OPKIT_SIMD_CALL(fn) (fn##_simd_table[::opkit::simd::CurrentLevel()])
#else
#define OPKIT_SIMD_EXPORT(fn)                                                \
  static constexpr decltype(&HWY_STATIC_DISPATCH(fn)) fn##_simd_table[1] = { \
      &HWY_STATIC_DISPATCH(fn)}
#define OPKIT_SIMD_EXPORT_TO_AVX2(fn) OPKIT_SIMD_EXPORT(fn)
#define OPKIT_SIMD_CALL(fn) (fn##_simd_table[0])
#endif

// The C interface, exported from libopkit. opkit_set_simd caps the instruction
// set ("auto", "sse4", "avx2", "avx512"; "neon" on Arm) for tests and benches.
// It returns 0, or -1 when the name is unknown or the CPU lacks it, and then
// changes nothing. opkit_get_simd returns the name of the set in use.
extern "C" {
__attribute__((visibility("default"))) int opkit_set_simd(const char* name);
__attribute__((visibility("default"))) const char* opkit_get_simd(void);
}

#endif  // OPKIT_MATH_SIMD_H_

#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
