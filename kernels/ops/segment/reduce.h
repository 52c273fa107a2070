// Rows of a matrix combined by segment, vectorised.
#ifndef OPKIT_OPS_SEGMENT_REDUCE_H_
#define OPKIT_OPS_SEGMENT_REDUCE_H_

#include <cstdint>

#include "opkit/dtype.h"

namespace opkit::segment {

enum class Combine { kSum, kProduct, kMax };

struct Rows {
  const void* x;       // [rows, inner]
  const int32_t* ids;  // [rows]: the row of y each row of x belongs to; negative: to none
  int64_t rows, inner;
  int64_t c0, c1;       // the columns to combine
  void* y;              // [segments, inner]: initial values, then results
  uint64_t flip;        // kMax compares x ^ flip, see FlipFor
  bool long_stretches;  // many rows in a row have the same id; a hint
};

// y[id] = y[id] combined with the rows of that id in order, except that sums of float add up
// stretches of rows with one id before they add them to y. For all types but 16-bit floats;
// complex numbers only multiply.
void CombineRows(Combine op, DType type, const Rows& rows);

// What turns a maximum of the unsigned integers (or floats) that CombineRows compares into the
// maximum or minimum of `type`.
inline uint64_t FlipFor(DType type, bool min) {
  uint64_t flip = 0;
  switch (type) {
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      flip = uint64_t{1} << (8 * DTypeSize(type) - 1);
      break;
    case DType::kFloat64:
      return min ? uint64_t{1} << 63 : 0;
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kBFloat16:
      return min ? uint64_t{1} << 31 : 0;
    default:
      break;
  }
  return min ? ~flip : flip;
}

struct IdRange {
  int32_t low = 0, high = -1;
  bool sorted = true;
};

// Least and greatest of n ids; low is 0 and high -1 where there are none.
IdRange RangeOf(const int32_t* ids, int64_t n);

// n 16-bit floats of that type as float32.
void ToFloat(DType type, const void* x, int64_t n, float* y);

}  // namespace opkit::segment

#endif  // OPKIT_OPS_SEGMENT_REDUCE_H_
