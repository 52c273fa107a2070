// Integer types that share wrap-around arithmetic, to halve what has to be compiled.
#ifndef OPKIT_MATH_WRAP_H_
#define OPKIT_MATH_WRAP_H_

#include "opkit/dtype.h"

namespace opkit {

// Sums and products modulo 2^n are the same bits for signed and unsigned integers.
inline DType WrapType(DType t) {
  switch (t) {
    case DType::kInt8:
      return DType::kUInt8;
    case DType::kInt16:
      return DType::kUInt16;
    case DType::kInt32:
      return DType::kUInt32;
    case DType::kInt64:
      return DType::kUInt64;
    default:
      return t;
  }
}

}  // namespace opkit

#endif  // OPKIT_MATH_WRAP_H_
