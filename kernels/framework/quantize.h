// TFLite's DEQUANTIZE and QUANTIZE over arrays, bit for bit as its reference kernels.
#ifndef OPKIT_FRAMEWORK_QUANTIZE_H_
#define OPKIT_FRAMEWORK_QUANTIZE_H_

#include <cstddef>
#include <cstdint>

#include "opkit/op.h"

namespace opkit::internal {

// y = scale * (x - zero_point), rounded once. The zero point is a code of the type.
void Dequantize(const int8_t* x, const QuantParams& q, float* y, size_t n);
void Dequantize(const uint8_t* x, const QuantParams& q, float* y, size_t n);
void Dequantize(const int16_t* x, const QuantParams& q, float* y, size_t n);

// y = x / scale, divided in float32 and rounded half away from zero, plus the zero
// point; saturates. NaN, which has no code, becomes the zero point.
void Quantize(const float* x, const QuantParams& q, int8_t* y, size_t n);
void Quantize(const float* x, const QuantParams& q, uint8_t* y, size_t n);
void Quantize(const float* x, const QuantParams& q, int16_t* y, size_t n);

// y[i] = table[256 a[i] + b[i]], 65536 entries.
void LookupPairs(const uint8_t* table, const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n);

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_QUANTIZE_H_
