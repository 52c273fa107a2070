// Shares out the images of a filter's gradient by minimal filtering, and adds up what threads sum.
#include "ops/training/conv_filter.h"

#include <algorithm>

#include "opkit/op.h"
#include "ops/training/winograd_filter.h"

namespace opkit::training {

bool FilterGradient(OpContext& ctx, const InputConv& c, int64_t batch, const float* x,
                    const float* dy, float* dw) {
  const FilterWinograd all{c, batch};
  if (!all.Pays()) return false;
  const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(ctx.threads(), batch));
  const int64_t own = all.sums() + all.scratch();
  float* const scratch = ctx.ScratchOf<float>(own * workers, 0);
  ctx.ParallelFor(workers, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      const int64_t first = batch * i / workers, last = batch * (i + 1) / workers;
      float* const sums = scratch + i * own;
      SumFilterPoints({c, last - first}, x + first * c.h.in * c.w.in * c.channels,
                      dy + first * c.h.out * c.w.out * c.filters, sums + all.sums(), sums);
    }
  });
  for (int64_t i = 1; i < workers; ++i) {
    const float* const more = scratch + i * own;
    std::transform(scratch, scratch + all.sums(), more, scratch,
                   [](float a, float b) { return a + b; });
  }
  return FilterFromPoints(all, scratch, dw);
}

}  // namespace opkit::training
