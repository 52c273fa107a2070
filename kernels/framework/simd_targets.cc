// Which instruction set the SIMD kernels run with, and the C functions that
// cap it.
#include <cstring>

#include "framework/cpu.h"
#include "math/simd.h"

// Highway re-reads this file for every target; one copy is enough.
#if HWY_ONCE

namespace opkit::simd {

std::atomic<int> g_level{-1};

namespace {

#if OPKIT_SIMD_X86
constexpr const char* kNames[] = {"sse4", "avx2", "avx512"};

int BestLevel() {
  const internal::CpuFeatures& cpu = internal::Cpu();
  return cpu.avx512 ? kAvx512 : cpu.avx2 ? kAvx2 : kBaseline;
}
#else
#if HWY_TARGET_IS_NEON
constexpr const char* kNames[] = {"neon"};
#else
constexpr const char* kNames[] = {"static"};
#endif

int BestLevel() { return kBaseline; }
#endif

}  // namespace

int DetectLevel() {
  const int best = BestLevel();
  int expected = -1;
  // A cap set by another thread in the meantime stays.
  if (g_level.compare_exchange_strong(expected, best)) return best;
  return expected;
}

}  // namespace opkit::simd

extern "C" {

int opkit_set_simd(const char* name) {
  using namespace opkit::simd;
  if (name == nullptr) return -1;
  const int best = BestLevel();
  if (std::strcmp(name, "auto") == 0) {
    g_level.store(best);
    return 0;
  }
  for (int level = 0; level <= best; ++level) {
    if (std::strcmp(name, kNames[level]) == 0) {
      g_level.store(level);
      return 0;
    }
  }
  return -1;
}

const char* opkit_get_simd(void) { return opkit::simd::kNames[opkit::simd::CurrentLevel()]; }

}  // extern "C"

#endif  // HWY_ONCE
