// The least and the greatest of many integers.
#ifndef OPKIT_MATH_RANGE_H_
#define OPKIT_MATH_RANGE_H_

#include <cstdint>

namespace opkit::math {

// Of n >= 1 integers, in the order of x ^ flip: the sign bit makes unsigned ones of them.
void RangeOf(const int32_t* x, int64_t n, int32_t flip, int32_t* low, int32_t* high);
void RangeOf(const int64_t* x, int64_t n, int64_t flip, int64_t* low, int64_t* high);

}  // namespace opkit::math

#endif  // OPKIT_MATH_RANGE_H_
