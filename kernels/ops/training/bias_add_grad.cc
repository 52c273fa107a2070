// BiasAddGrad: sums the gradient over everything but the channels.
//
// Rows are summed in blocks, in float32 for the narrower types, and the blocks' sums added in
// float64, so long sums keep their accuracy. Integers wrap around. Complex numbers are pairs.
#include "ops/training/bias_add_grad.h"

#include <algorithm>
#include <type_traits>

#include "math/wrap.h"
#include "opkit/op.h"
#include "opkit/pointwise.h"

namespace opkit {
namespace {

// A block's sum and the sum of blocks.
template <typename T>
using Block = std::conditional_t<kIsNarrowFloat<T>, float, T>;
template <typename T>
using Total = std::conditional_t<std::is_integral_v<T>, T, double>;

constexpr int64_t kColumns = 64;

// Narrow rows are taken several at a time, to fill vectors.
int64_t RowsAtOnce(int64_t width) { return width >= kColumns || width == 0 ? 1 : kColumns / width; }

// How many rows of that width a block has: 16-bit floats become float32 first, in the cache.
template <typename T>
int64_t BlockRows(int64_t width) {
  return kIsNarrowFloat<T> ? std::clamp<int64_t>(8192 / width, 8, 512) : 512;
}

// Sums of `rows` rows. A narrow float's block has room for the rows behind the sums.
template <typename T>
void SumBlock(const T* x, int64_t rows, int64_t width, Block<T>* sums) {
  if constexpr (std::is_same_v<T, float>) {
    training::SumRowsF32(x, rows, width, sums);
  } else if constexpr (kIsNarrowFloat<T>) {
    ToFloat(x, sums + width, static_cast<size_t>(rows * width));
    training::SumRowsF32(sums + width, rows, width, sums);
  } else {
    std::fill_n(sums, width, T(0));
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * width) {
      const T *const a = x, *const b = a + width, *const c = b + width, *const d = c + width;
      for (int64_t i = 0; i < width; ++i) {
        sums[i] = static_cast<T>(sums[i] + ((a[i] + b[i]) + (c[i] + d[i])));
      }
    }
    for (; r < rows; ++r, x += width) {
      for (int64_t i = 0; i < width; ++i) sums[i] = static_cast<T>(sums[i] + x[i]);
    }
  }
}

// total[c] += sum over i < n of sums[i * width + c]. Out of line: one function for many types.
template <typename B, typename S>
__attribute__((noinline)) void AddSums(const B* sums, int64_t n, int64_t width, S* total) {
  for (int64_t i = 0; i < n; ++i, sums += width) {
    for (int64_t c = 0; c < width; ++c)
      total[c] = static_cast<S>(total[c] + static_cast<S>(sums[c]));
  }
}

// total[c] += sum over `rows` rows of x; `block` has BlockSize elements.
template <typename T>
void SumRows(const T* x, int64_t rows, int64_t width, Block<T>* block, Total<T>* total) {
  const int64_t fold = RowsAtOnce(width);
  while (rows > 0) {
    const int64_t once = rows >= fold ? fold : 1;
    const int64_t some = std::min(rows / once, BlockRows<T>(width * once));
    SumBlock<T>(x, some, width * once, block);
    AddSums(block, once, width, total);
    x += some * once * width;
    rows -= some * once;
  }
}

template <typename T>
int64_t BlockSize(int64_t width) {
  const int64_t row = width * RowsAtOnce(width);
  return kIsNarrowFloat<T> && row > 0 ? row + BlockRows<T>(row) * row : row;
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
  // The parts of complex numbers are summed as neighbouring columns.
  const DType dtype = ctx.dtype(0);
  const bool single = dtype == DType::kComplex64, twice = dtype == DType::kComplex128;
  const int64_t parts = single || twice ? 2 : 1;
  if (channels == 0) return {};
  const DType type = single ? DType::kFloat32 : twice ? DType::kFloat64 : WrapType(dtype);
  const TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, uint32_t, uint64_t> types;
  return OpContext::VisitDType(type, types, [&](auto tag) {
    using T = decltype(tag);
    const int64_t width = (nchw ? 1 : channels) * parts, all = channels * parts;
    Total<T>* const total = ctx.ScratchOf<Total<T>>(all, 0);
    Block<T>* const block = ctx.ScratchOf<Block<T>>(BlockSize<T>(width), 1);
    std::fill_n(total, all, Total<T>(0));
    const T* x = ctx.in<T>(0);
    if (nchw) {
      for (int64_t o = 0; o < outer; ++o) {
        for (int64_t c = 0; c < channels; ++c, x += inner * parts) {
          SumRows<T>(x, inner, parts, block, total + c * parts);
        }
      }
    } else {
      SumRows<T>(x, outer, width, block, total);
    }
    T* const y = ctx.out<T>(0);
    for (int64_t c = 0; c < all; ++c) y[c] = static_cast<T>(static_cast<Block<T>>(total[c]));
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
