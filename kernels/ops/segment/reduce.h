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
  int64_t c0, c1;  // the columns to combine
  void* y;         // [segments, inner]: initial values, then results
  uint64_t flip;   // kMax compares x ^ flip, see FlipFor
};

// y[id] = y[id] combined with the rows of that id in order. For all types but 16-bit floats;
// complex numbers only multiply.
void CombineRows(Combine op, DType type, const Rows& rows);

// Sorted ids: rows [starts[k], starts[k + 1]) have the same id, the k-th that occurs.
struct Runs {
  const void* x;  // [rows, inner], from row `first` on
  int64_t first;
  const int32_t* ids;
  const int32_t* starts;
  int64_t inner;
  int64_t c0, c1;  // the columns to combine
  void* y;         // [segments, inner]
  uint64_t flip;
  bool mean;  // of floats: divides sums by the number of rows
};

// y[id] = rows of that id combined, for runs [k0, k1); rows of y before them that no id names
// become 0, of products 1. Long sums are sums of sums. For what HasRuns.
void CombineRuns(Combine op, DType type, const Runs& runs, int64_t k0, int64_t k1);

inline bool HasRuns(Combine op, DType type) {
  const bool complex = type == DType::kComplex64 || type == DType::kComplex128;
  return op != Combine::kProduct || !complex;
}

// The starts of the runs of n > 0 ids, and n after them: `starts` has room for n + kSlack. Returns
// their number, or 0 when the ids are not sorted.
constexpr int64_t kSlack = 16;
int64_t FindRuns(const int32_t* ids, int64_t n, int32_t* starts);

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

}  // namespace opkit::segment

#endif  // OPKIT_OPS_SEGMENT_REDUCE_H_
