#include "math/special/pieces.h"

#include <algorithm>
#include <cmath>

namespace opkit {

void special::RunPieces(PiecesFn fn, WideFn wide, const float* x, float* y, size_t n) {
  constexpr size_t kBlock = 2048;
  float copy[kBlock];
  for (size_t at = 0; at < n; at += kBlock) {
    const size_t m = std::min(kBlock, n - at);
    const float* from = x + at;
    if (x == y) {
      std::copy_n(from, m, copy);
      from = copy;
    }
    if (!fn(from, y + at, m)) continue;
    double far[kBlock];
    size_t count = 0;
    for (size_t i = 0; i < m; ++i) {
      if (std::fabs(from[i]) > kPiecesLimit) far[count++] = static_cast<double>(from[i]);
    }
    wide(far, far, count);
    count = 0;
    for (size_t i = 0; i < m; ++i) {
      if (std::fabs(from[i]) > kPiecesLimit) y[at + i] = static_cast<float>(far[count++]);
    }
  }
}

}  // namespace opkit
