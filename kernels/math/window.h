// Output sizes and paddings of sliding windows (pooling, convolution), TF's rules.
#ifndef OPKIT_MATH_WINDOW_H_
#define OPKIT_MATH_WINDOW_H_

#include <algorithm>
#include <cstdint>

#include "opkit/status.h"

namespace opkit {

// One spatial dimension of a sliding window.
struct WindowDim {
  int64_t in = 0;      // input size
  int64_t kernel = 1;  // window size, without dilation
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad = 0;  // before the first input element
  int64_t out = 0;  // output size

  int64_t start(int64_t o) const { return o * stride - pad; }  // input index of tap 0
};

enum class Padding { kSame, kValid, kExplicit };

// Fills pad and out from the other fields. kExplicit takes the two given paddings.
inline Status SolveWindow(Padding padding, int64_t before, int64_t after, const char* what,
                          WindowDim* w) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (w->kernel < 1 || w->kernel >= kLimit || w->stride < 1 || w->stride >= kLimit ||
      w->dilation < 1 || w->dilation >= kLimit) {
    return Error("%s: window %lld, stride %lld, dilation %lld; each has to be at least 1", what,
                 static_cast<long long>(w->kernel), static_cast<long long>(w->stride),
                 static_cast<long long>(w->dilation));
  }
  const int64_t effective = (w->kernel - 1) * w->dilation + 1;  // < 2^62
  if (padding == Padding::kSame) {
    w->out = w->in / w->stride + (w->in % w->stride != 0 ? 1 : 0);
    // out >= 1 makes (out - 1) * stride < in; no overflow.
    const int64_t span = w->out > 0 ? (w->out - 1) * w->stride + effective : 0;
    w->pad = std::max<int64_t>(span - w->in, 0) / 2;
    return {};
  }
  if (padding == Padding::kValid) before = after = 0;
  if (before < 0 || after < 0 || before >= kLimit || after >= kLimit) {
    return Error("%s: paddings %lld and %lld have to be at least 0", what,
                 static_cast<long long>(before), static_cast<long long>(after));
  }
  w->pad = before;
  const int64_t padded = w->in + before + after;
  const int64_t room = padded - effective + w->stride;
  if (room <= -w->stride) {
    return Error("%s: a window of %lld does not fit into size %lld (stride %lld)", what,
                 static_cast<long long>(effective), static_cast<long long>(padded),
                 static_cast<long long>(w->stride));
  }
  w->out = room < 0 ? 0 : room / w->stride;
  return {};
}

}  // namespace opkit

#endif  // OPKIT_MATH_WINDOW_H_
