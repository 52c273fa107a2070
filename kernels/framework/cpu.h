// What this CPU has, of the features that kernels are chosen by.
#ifndef OPKIT_FRAMEWORK_CPU_H_
#define OPKIT_FRAMEWORK_CPU_H_

namespace opkit::internal {

struct CpuFeatures {
  bool avx2 = false;    // with FMA, F16C and the bit manipulation of its time
  bool avx512 = false;  // F, CD, VL, DQ, BW, and avx2
  bool vbmi = false;    // of AVX-512
};

const CpuFeatures& Cpu();

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_CPU_H_
