// Element types. qint8, quint8 and qint16 are int8, uint8 and int16 tensors that carry per-tensor
// affine quantization; the same storage without it is int8, uint8, int16.
#ifndef OPKIT_DTYPE_H_
#define OPKIT_DTYPE_H_

#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace opkit {

enum class DType : uint8_t {
  kInvalid = 0,
  kFloat32,
  kFloat64,
  kFloat16,
  kBFloat16,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUInt8,
  kUInt16,
  kUInt32,
  kUInt64,
  kBool,
  kComplex64,
  kComplex128,
  kString,
  kResource,
  kVariant,
  kQInt8,
  kQUInt8,
  kQInt16,
  kCount
};

using DTypeSet = uint32_t;  // bit i = DType(i)
constexpr DTypeSet Bit(DType t) { return DTypeSet{1} << static_cast<unsigned>(t); }

const char* DTypeName(DType t);  // "float32", "qint8", ...
size_t DTypeSize(DType t);       // bytes an element; 0 for string, resource and variant
DType StorageType(DType t);      // qint8 -> int8, others unchanged
constexpr bool IsQuantized(DType t) {
  return t == DType::kQInt8 || t == DType::kQUInt8 || t == DType::kQInt16;
}
DType DTypeFromTfLite(int tflite_type);  // TfLiteType -> DType (never a quantized one)
int DTypeToTfLite(DType t);              // DType -> TfLiteType
DType DTypeFromTf(int tf_enum);          // tensorflow.DataType (types.proto); kInvalid if none
int DTypeToTf(DType t);                  // DType -> tensorflow.DataType; 0 if none

// IEEE binary16, converted through float with one rounding to nearest even.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value) : bits(FromFloat(value)) {}
  operator float() const { return ToFloat(bits); }  // NOLINT: exact, so formulas may rely on it

  static float ToFloat(uint16_t h) {
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
    const uint32_t magnitude = h & 0x7fffu;
    uint32_t f;
    if (magnitude >= 0x7c00u) {
      f = 0x7f800000u | ((magnitude & 0x3ffu) << 13);
    } else if (magnitude >= 0x400u) {
      f = (magnitude << 13) + 0x38000000u;
    } else {  // denormal: exact in float
      const float v = static_cast<float>(magnitude) * 5.9604644775390625e-8f;
      std::memcpy(&f, &v, 4);
    }
    f |= sign;
    float out;
    std::memcpy(&out, &f, 4);
    return out;
  }
  static uint16_t FromFloat(float value) {
    uint32_t f;
    std::memcpy(&f, &value, 4);
    const uint32_t sign = (f >> 16) & 0x8000u;
    f &= 0x7fffffffu;
    if (f > 0x7f800000u) {  // NaN stays NaN, quiet, payload's top bits kept
      return static_cast<uint16_t>(sign | 0x7e00u | ((f >> 13) & 0x3ffu));
    }
    if (f >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to infinity
    if (f < 0x38800000u) {  // below the smallest normal: add a magic number, let the FPU round
      float v;
      std::memcpy(&v, &f, 4);
      v += 0.5f;
      std::memcpy(&f, &v, 4);
      return static_cast<uint16_t>(sign | (f - 0x3f000000u));
    }
    const uint32_t odd = (f >> 13) & 1u;
    f += 0xc8000fffu + odd;  // rebias the exponent by -112 and round to nearest even
    return static_cast<uint16_t>(sign | (f >> 13));
  }
};

struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value) : bits(FromFloat(value)) {}
  operator float() const { return ToFloat(bits); }  // NOLINT: exact, so formulas may rely on it

  static float ToFloat(uint16_t b) {
    const uint32_t f = static_cast<uint32_t>(b) << 16;
    float out;
    std::memcpy(&out, &f, 4);
    return out;
  }
  static uint16_t FromFloat(float value) {
    uint32_t f;
    std::memcpy(&f, &value, 4);
    if ((f & 0x7fffffffu) > 0x7f800000u) {
      return static_cast<uint16_t>(((f >> 16) & 0x8000u) | 0x7fc0u);
    }
    f += 0x7fffu + ((f >> 16) & 1u);
    return static_cast<uint16_t>(f >> 16);
  }
};

using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;

template <typename T>
struct DTypeOf;
#define OPKIT_DTYPE_OF(type, dtype)              \
  template <>                                    \
  struct DTypeOf<type> {                         \
    static constexpr DType value = DType::dtype; \
  }
OPKIT_DTYPE_OF(float, kFloat32);
OPKIT_DTYPE_OF(double, kFloat64);
OPKIT_DTYPE_OF(Half, kFloat16);
OPKIT_DTYPE_OF(BFloat16, kBFloat16);
OPKIT_DTYPE_OF(int8_t, kInt8);
OPKIT_DTYPE_OF(int16_t, kInt16);
OPKIT_DTYPE_OF(int32_t, kInt32);
OPKIT_DTYPE_OF(int64_t, kInt64);
OPKIT_DTYPE_OF(uint8_t, kUInt8);
OPKIT_DTYPE_OF(uint16_t, kUInt16);
OPKIT_DTYPE_OF(uint32_t, kUInt32);
OPKIT_DTYPE_OF(uint64_t, kUInt64);
OPKIT_DTYPE_OF(bool, kBool);
OPKIT_DTYPE_OF(Complex64, kComplex64);
OPKIT_DTYPE_OF(Complex128, kComplex128);
#undef OPKIT_DTYPE_OF

}  // namespace opkit

#endif  // OPKIT_DTYPE_H_
