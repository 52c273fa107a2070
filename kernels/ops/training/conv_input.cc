// Chooses how to compute the gradient of a convolution's input at stride 1, and shares out images.
#include "ops/training/conv_input.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "opkit/op.h"
#include "ops/training/winograd.h"

namespace opkit::training {
namespace {

// run(first image, last image, scratch) by threads, `each` elements of scratch for each of them.
template <typename F>
void ForImages(OpContext& ctx, int64_t batch, int64_t each, const F& run) {
  const int64_t workers = std::max<int64_t>(1, std::min<int64_t>(ctx.threads(), batch));
  const int64_t own = (each + 15) / 16 * 16;
  float* const scratch = ctx.ScratchOf<float>(own * workers, 1);
  ctx.ParallelFor(workers, 1, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      run(batch * i / workers, batch * (i + 1) / workers, scratch + i * own);
    }
  });
}

bool ByWinograd(OpContext& ctx, const InputConv& c, int64_t batch, const float* w, const float* dy,
                float* dx) {
  const Winograd all{c, batch};
  if (!all.Pays()) return false;
  float* const packed = ctx.ScratchOf<float>(all.packed(), 0);
  WinogradFilter(all, w, packed);
  std::atomic<bool> finite{true};
  ForImages(ctx, batch, all.scratch(), [&](int64_t first, int64_t last, float* scratch) {
    const float* const from = dy + first * c.h.out * c.w.out * c.filters;
    float* const to = dx + first * c.h.in * c.w.in * c.channels;
    if (!WinogradInput({c, last - first}, packed, from, scratch, to)) finite = false;
  });
  return finite;
}

bool AllFinite(const float* x, int64_t n) {
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) finite &= std::fabs(x[i]) <= std::numeric_limits<float>::max();
  return finite;
}

// Few channels would leave the vectors of the direct convolution empty, and it multiplies the
// filter by zeros around the gradient: an infinity there would be NaN.
bool IsDirect(const InputConv& c, const float* w) {
  return c.channels >= 8 && c.pitch() <= 2 * c.w.out + 64 &&
         AllFinite(w, c.h.kernel * c.w.kernel * c.channels * c.filters);
}

void Directly(OpContext& ctx, const InputConv& c, int64_t batch, const float* w, const float* dy,
              float* dx) {
  float* const packed = ctx.ScratchOf<float>(c.packed(), 0);
  PackFilter(c, w, packed);
  ForImages(ctx, batch, c.rows(), [&](int64_t first, int64_t last, float* rows) {
    for (int64_t n = first; n < last; ++n) {
      DirectInput(c, packed, dy + n * c.h.out * c.w.out * c.filters, rows,
                  dx + n * c.h.in * c.w.in * c.channels);
    }
  });
}

}  // namespace

bool InputGradient(OpContext& ctx, const InputConv& c, int64_t batch, const float* w,
                   const float* dy, float* dx) {
  if (ByWinograd(ctx, c, batch, w, dy, dx)) return true;
  if (!IsDirect(c, w)) return false;
  Directly(ctx, c, batch, w, dy, dx);
  return true;
}

}  // namespace opkit::training
