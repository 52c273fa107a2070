// Drivers of the float64 vector loops: whole blocks go to the loop, the rest
// through a padded copy, so that every loop holds its function's code once.
#ifndef OPKIT_MATH_TAIL64_H_
#define OPKIT_MATH_TAIL64_H_

#include <algorithm>
#include <cstddef>

namespace opkit::math {

// At least the lanes of every instruction set, and a multiple of them.
constexpr size_t kTailBlock64 = 8;
// What fills up a block: a value with no special cases.
constexpr double kPadding64 = 0.5;

using UnaryLoop64 = void (*)(const double* x, double* y, size_t n);
using BinaryLoop64 = void (*)(const double* a, const double* b, double* y, size_t n);

// x and y may be the same array.
template <size_t kBlock = kTailBlock64>
void RunBlocks64(UnaryLoop64 loop, const double* x, double* y, size_t n) {
  const size_t whole = n / kBlock * kBlock;
  loop(x, y, whole);
  if (whole == n) return;
  double pad[kBlock];
  std::fill_n(pad, kBlock, kPadding64);
  std::copy(x + whole, x + n, pad);
  loop(pad, pad, kBlock);
  std::copy(pad, pad + (n - whole), y + whole);
}

inline void RunBlocks64(BinaryLoop64 loop, const double* a, const double* b, double* y, size_t n) {
  const size_t whole = n / kTailBlock64 * kTailBlock64;
  loop(a, b, y, whole);
  if (whole == n) return;
  double pad_a[kTailBlock64];
  double pad_b[kTailBlock64];
  std::fill_n(pad_a, kTailBlock64, kPadding64);
  std::fill_n(pad_b, kTailBlock64, kPadding64);
  std::copy(a + whole, a + n, pad_a);
  std::copy(b + whole, b + n, pad_b);
  loop(pad_a, pad_b, pad_a, kTailBlock64);
  std::copy(pad_a, pad_a + (n - whole), y + whole);
}

}  // namespace opkit::math

#endif  // OPKIT_MATH_TAIL64_H_
