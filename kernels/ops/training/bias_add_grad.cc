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
constexpr int64_t kColumns = 16;

// total[c] = sum over `rows` rows of x, in blocks of kRows.
template <typename T>
void SumRows(const T* x, int64_t rows, int64_t width, Sum<T>* total) {
  using S = Sum<T>;
  std::fill_n(total, width, S(0));
  for (int64_t r0 = 0; r0 < rows; r0 += kRows) {
    const int64_t r1 = std::min(rows, r0 + kRows);
    int64_t c = 0;
    for (; c + kColumns <= width; c += kColumns) {
      S acc[kColumns] = {};
      for (int64_t r = r0; r < r1; ++r) {
        const T* row = x + r * width + c;
        for (int64_t k = 0; k < kColumns; ++k) acc[k] = static_cast<S>(acc[k] + S(row[k]));
      }
      for (int64_t k = 0; k < kColumns; ++k) total[c + k] = static_cast<S>(total[c + k] + acc[k]);
    }
    for (; c < width; ++c) {
      S acc = S(0);
      for (int64_t r = r0; r < r1; ++r) acc = static_cast<S>(acc + S(x[r * width + c]));
      total[c] = static_cast<S>(total[c] + acc);
    }
  }
}

// Rows of few channels are taken several at a time, so that a row fills registers.
int64_t RowsAtOnce(int64_t channels) {
  return channels >= kColumns || channels == 0 ? 1 : kColumns;
}

// x is [outer, channels, inner]; `wide` holds channels * RowsAtOnce sums, total `channels`.
template <typename T>
void SumChannels(const T* x, int64_t outer, int64_t channels, int64_t inner, Sum<T>* wide,
                 Sum<T>* total) {
  using S = Sum<T>;
  if (inner == 1) {
    const int64_t fold = RowsAtOnce(channels), rows = outer / fold;
    SumRows<T>(x, rows, channels * fold, wide);
    for (int64_t c = 0; c < channels; ++c) {
      S sum = S(0);
      for (int64_t f = 0; f < fold; ++f) sum = static_cast<S>(sum + wide[f * channels + c]);
      for (int64_t r = rows * fold; r < outer; ++r) {
        sum = static_cast<S>(sum + S(x[r * channels + c]));
      }
      total[c] = sum;
    }
    return;
  }
  std::fill_n(total, channels, S(0));
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t c = 0; c < channels; ++c, x += inner) {
      SumRows<T>(x, inner / kColumns, kColumns, wide);
      S sum = S(0);
      for (int64_t k = 0; k < kColumns; ++k) sum = static_cast<S>(sum + wide[k]);
      for (int64_t i = inner / kColumns * kColumns; i < inner; ++i) {
        sum = static_cast<S>(sum + S(x[i]));
      }
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
    const int64_t wide = std::max(channels * RowsAtOnce(channels), kColumns);
    S* const scratch = ctx.ScratchOf<S>(wide + channels);
    S* const total = scratch + wide;
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
