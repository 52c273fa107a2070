// Splits a batch of independent matrices over the interpreter's threads, each with scratch of its
// own from the node.
#ifndef OPKIT_OPS_LINALG_BATCH_H_
#define OPKIT_OPS_LINALG_BATCH_H_

#include <algorithm>
#include <cstdint>

#include "opkit/op.h"

namespace opkit::linalg {

// The leading dimensions of `s`, without the last `drop`.
inline Shape BatchShape(const Shape& s, int drop) { return s.slice(0, s.rank() - drop); }

// Calls fn(begin, end, scratch) over [0, count) in ranges of whole multiples of `unit`. `work` is
// the number of multiply-adds an item costs: small batches stay on one thread.
template <class F>
void ForBatch(OpContext& ctx, int64_t count, int64_t unit, double work, size_t scratch_bytes,
              const F& fn) {
  if (count <= 0) return;
  constexpr double kWorkPerThread = 20000;
  const int64_t groups = (count + unit - 1) / unit;
  const double useful = std::max(1.0, static_cast<double>(count) * work / kWorkPerThread);
  int64_t workers = std::min<int64_t>(ctx.threads(), groups);
  if (useful < static_cast<double>(workers)) workers = static_cast<int64_t>(useful);
  const size_t stride = (scratch_bytes + 63) / 64 * 64;
  char* scratch = stride == 0
                      ? nullptr
                      : static_cast<char*>(ctx.Scratch(stride * static_cast<size_t>(workers)));
  ctx.ParallelFor(workers, 1, [&](int64_t first, int64_t last) {
    for (int64_t w = first; w < last; ++w) {
      const int64_t begin = groups * w / workers * unit;
      const int64_t end = std::min(count, groups * (w + 1) / workers * unit);
      if (begin < end) fn(begin, end, scratch + stride * static_cast<size_t>(w));
    }
  });
}

}  // namespace opkit::linalg

#endif  // OPKIT_OPS_LINALG_BATCH_H_
