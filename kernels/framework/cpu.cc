#include "framework/cpu.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

#include <cstdint>
#endif

namespace opkit::internal {
namespace {

// Asks the CPU itself: the compiler's __builtin_cpu_supports brings 5 kB of tables of all
// features and models into a library.
#if defined(__x86_64__) || defined(__i386__)
bool HasAll(uint32_t found, uint32_t wanted) { return (found & wanted) == wanted; }

CpuFeatures Detect() {
  CpuFeatures out;
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return out;
  if (!HasAll(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) return out;
  // The registers that the operating system keeps: 1, 2 halves of ymm; 5, 6, 7 masks and zmm.
  uint32_t kept, high;
  __asm__ volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return out;
  out.avx2 = HasAll(kept, 0x06) && HasAll(b, bit_AVX2 | bit_BMI | bit_BMI2);
  out.avx512 = out.avx2 && HasAll(kept, 0xe6) &&
               HasAll(b, bit_AVX512F | bit_AVX512CD | bit_AVX512VL | bit_AVX512DQ | bit_AVX512BW);
  out.vbmi = out.avx512 && HasAll(c, bit_AVX512VBMI);
  return out;
}
#else
CpuFeatures Detect() { return {}; }
#endif

}  // namespace

const CpuFeatures& Cpu() {
  static const CpuFeatures features = Detect();
  return features;
}

}  // namespace opkit::internal
