// Sums of arrays, element by element.
#ifndef OPKIT_OPS_LIST_SUM_H_
#define OPKIT_OPS_LIST_SUM_H_

#include <cstddef>

#include "opkit/dtype.h"

namespace opkit::list {

// How many arrays are summed one after another, before sums of eight.
constexpr size_t FirstGroup(size_t count) { return count < 2 ? count : (count - 2) % 8 + 2; }

// Sums parts [begin, end) of `count` arrays (at least one) into `sum`. The order is TF's: the first
// two to nine arrays one after another, then the rest in sums of eight; integers wrap.
struct Summation {
  void (*run)(const void* const* in, size_t count, void* sum, size_t begin, size_t end) = nullptr;
  size_t size = 0;  // bytes of a part; complex numbers have two
};

// A null function for dtypes that are no numbers.
Summation SummationOf(DType dtype);

}  // namespace opkit::list

#endif  // OPKIT_OPS_LIST_SUM_H_
