// TFLite's DEQUANTIZE and QUANTIZE over arrays, bit for bit as its reference kernels.
#ifndef OPKIT_FRAMEWORK_QUANTIZE_H_
#define OPKIT_FRAMEWORK_QUANTIZE_H_

#include <cstddef>
#include <cstdint>

#include "opkit/op.h"

namespace opkit::internal {

// Arrays of a quantized dtype.
// y = scale * (x - zero_point), rounded once. The zero point is a code of the type.
void Dequantize(DType t, const void* x, const QuantParams& q, float* y, size_t n);

// y = x / scale, divided in float32 and rounded half away from zero, plus the zero
// point; saturates. NaN, which has no code, becomes the zero point.
void Quantize(DType t, const float* x, const QuantParams& q, void* y, size_t n);

// y[i] = table[256 a[i] + b[i]], 65536 entries.
void LookupPairs(const uint8_t* table, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n);

// What a kernel computes of a pair: the difference of a from its zero point times a factor of b,
// rounded half to even; or the product or quotient of the real numbers, rounded as by Dequantize
// and Quantize, where 0 over anything, or anything over 0, is 0.
enum class PairForm : uint8_t { kFactors, kProduct, kQuotient, kQuotientNoNan };

struct PairKernel {
  PairForm form = PairForm::kFactors;
  uint8_t flip_a = 0;  // makes unsigned codes of patterns of a and b
  uint8_t flip_y = 0;  // makes patterns of signed results
  int16_t zero_y = 0;  // signed
  int32_t zero_a = 0;  // unsigned
  int32_t zero_b = 0;
  float scales[3] = {};
  float ratio = 0;  // of the scales, where this instead of them gives the same; else 0
  // Of each pattern of b the bytes of its float32 factor, least significant first.
  uint8_t planes[4][256] = {};
};

// Finds a kernel that gives the table of all pairs of 8-bit codes, first code major; false where
// there is none. The parameters are those of a, b and the result.
bool FindPairKernel(const uint8_t* table, bool is_signed, const QuantParams (&params)[3],
                    PairKernel& f);
// Whether the instruction set in use has the kernel: it may have changed.
bool CanRun(const PairKernel& f);
void RunPairKernel(const PairKernel& f, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n);

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_QUANTIZE_H_
