// BiasAddGrad: sums the gradient over everything but the channels.
//
// Rows are summed in blocks and the blocks' sums added, which keeps the rounding error of long
// float sums small; float16 and bfloat16 sum in float32, integers wrap around.
#include <algorithm>
#include <type_traits>

#include "math/wrap.h"
#include "opkit/op.h"

namespace opkit {
namespace {

template <typename T>
using Sum = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

constexpr int64_t kRows = 128;

// x is [outer, channels, inner]; block and total hold `channels` sums.
template <typename T>
void SumChannels(const T* x, int64_t outer, int64_t channels, int64_t inner, Sum<T>* block,
                 Sum<T>* total) {
  using S = Sum<T>;
  std::fill_n(total, channels, S(0));
  if (inner == 1) {
    for (int64_t r0 = 0; r0 < outer; r0 += kRows) {
      std::fill_n(block, channels, S(0));
      for (int64_t r = r0; r < std::min(outer, r0 + kRows); ++r, x += channels) {
        for (int64_t c = 0; c < channels; ++c) block[c] = static_cast<S>(block[c] + S(x[c]));
      }
      for (int64_t c = 0; c < channels; ++c) total[c] = static_cast<S>(total[c] + block[c]);
    }
    return;
  }
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t c = 0; c < channels; ++c, x += inner) {
      S lanes[8] = {};
      int64_t i = 0;
      for (; i + 8 <= inner; i += 8) {
        for (int k = 0; k < 8; ++k) lanes[k] = static_cast<S>(lanes[k] + S(x[i + k]));
      }
      for (; i < inner; ++i) lanes[i % 8] = static_cast<S>(lanes[i % 8] + S(x[i]));
      S sum = S(0);
      for (const S lane : lanes) sum = static_cast<S>(sum + lane);
      total[c] = static_cast<S>(total[c] + sum);
    }
  }
}

Status BiasShape(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const bool nchw = ctx.attr_string("data_format") == "NCHW";
  if (s.rank() < 2) return Error("out_backprop is %s, want at least rank 2", s.str().c_str());
  ctx.SetShape(0, Shape{nchw ? s[1] : s.back()});
  return {};
}

Status Run(OpContext& ctx) {
  const Shape& s = ctx.shape(0);
  const bool nchw = ctx.attr_string("data_format") == "NCHW";
  const int64_t channels = ctx.out_shape(0)[0];
  const int64_t inner = nchw ? s.size(2, s.rank()) : 1;
  const int64_t outer = nchw ? s[0] : s.size(0, s.rank() - 1);
  const TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, uint32_t, uint64_t, Complex64,
                 Complex128>
      types;
  return OpContext::VisitDType(WrapType(ctx.dtype(0)), types, [&](auto tag) {
    using T = decltype(tag);
    using S = Sum<T>;
    S* const scratch = ctx.ScratchOf<S>(2 * channels);
    S* const total = scratch + channels;
    SumChannels<T>(ctx.in<T>(0), outer, channels, inner, scratch, total);
    T* const y = ctx.out<T>(0);
    for (int64_t c = 0; c < channels; ++c) y[c] = static_cast<T>(total[c]);
    return Status();
  });
}

OPKIT_OP(BiasAddGrad)
    .Signature(R"(
      out_backprop: T -> output: T
      T in {numeric}
      data_format: string = NHWC in {NHWC, NCHW}
    )")
    .Shape(BiasShape)
    .Run(Run);

}  // namespace
}  // namespace opkit
