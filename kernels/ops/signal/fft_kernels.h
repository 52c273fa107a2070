// Transforms of rows and of blocks of columns, for float (wide = false) and double.
#ifndef OPKIT_OPS_SIGNAL_FFT_KERNELS_H_
#define OPKIT_OPS_SIGNAL_FFT_KERNELS_H_

#include <algorithm>
#include <cstddef>
#include <memory>

#include "ops/signal/fft_plan.h"

namespace opkit::signal {

// A plan ready to run (Bluestein's kernel transformed).
template <class R>
std::unique_ptr<FftPlan<R>> MakeFftPlan(size_t n, bool real);

enum class RowKind {
  kComplex,        // n complex -> n complex
  kRealToComplex,  // n real -> n / 2 + 1 complex
  kComplexToReal,  // n / 2 + 1 complex -> n real; inverse, the ends' imaginary parts ignored
};

// Columns transformed together. Long ones go fewer at a time, to stay in the cache.
inline size_t ColumnBlock(size_t n) { return n <= 4096 ? 16 : n <= 16384 ? 8 : 4; }

// Rows transformed side by side at most: the lanes of the widest instruction set. Worth it for
// short rows, and for lengths whose own passes do not fill vectors.
constexpr size_t kRowBlock = 16;
template <class R>
bool RowsSideBySide(const FftPlan<R>& plan) {
  const size_t n = plan.convolution ? plan.convolution->n : plan.core;
  const bool fills = !plan.passes.empty() && plan.passes.front().radix == 8;
  return n <= (fills ? 64 : 1024);
}

// Blocks of columns that go through the first and the last pass together, as many as stay in the
// cache: these passes touch a line or two of each row a block, and longer pieces of a row are read
// and written faster, most of all where rows share sets of the cache.
constexpr size_t kMaxColumnBlocks = 8;
template <class R>
size_t ColumnBlocks(const FftPlan<R>& plan) {
  constexpr size_t kBytes = 512 << 10;
  if (plan.convolution) return 1;
  const size_t fit = kBytes / (2 * sizeof(R) * plan.n * ColumnBlock(plan.n));
  return std::clamp(fit, size_t{1}, kMaxColumnBlocks);
}

// Scratch, in reals, of a transform of `columns` columns, `blocks` times: complex buffers of split
// planes and a spare one, one more value each for the ends of a real spectrum, and room for vectors
// that reach past the end.
template <class R>
size_t ScratchReals(const FftPlan<R>& plan, size_t columns, size_t blocks) {
  constexpr size_t kPastEnd = 256;
  const size_t inner = plan.convolution ? plan.convolution->n : plan.core + 1;
  return 2 * (blocks + 1) * ((inner * columns + 15) / 16 * 16 + kPastEnd + 16);
}
template <class R>
size_t RowScratchReals(const FftPlan<R>& plan) {
  return ScratchReals(plan, RowsSideBySide(plan) ? kRowBlock : 1, 1);
}
template <class R>
size_t ColumnScratchReals(const FftPlan<R>& plan, size_t blocks) {
  return ScratchReals(plan, ColumnBlock(plan.n), blocks);
}

// `rows` rows, a part of `all`; that number decides how they are computed, so that results are the
// same however threads share them. Strides count complex or real elements, whichever the side
// holds.
template <class R>
void TransformRows(RowKind kind, const FftPlan<R>& plan, bool inverse, R scale, size_t all,
                   size_t rows, const R* in, size_t in_stride, R* out, size_t out_stride,
                   R* scratch);

// Columns [0, columns) of a complex matrix of plan.n rows; in may be out.
template <class R>
void TransformColumns(const FftPlan<R>& plan, bool inverse, R scale, size_t columns, const R* in,
                      size_t in_stride, R* out, size_t out_stride, R* scratch);

template <>
void TransformRows<float>(RowKind, const FftPlan<float>&, bool, float, size_t, size_t, const float*,
                          size_t, float*, size_t, float*);
template <>
void TransformRows<double>(RowKind, const FftPlan<double>&, bool, double, size_t, size_t,
                           const double*, size_t, double*, size_t, double*);
template <>
void TransformColumns<float>(const FftPlan<float>&, bool, float, size_t, const float*, size_t,
                             float*, size_t, float*);
template <>
void TransformColumns<double>(const FftPlan<double>&, bool, double, size_t, const double*, size_t,
                              double*, size_t, double*);

}  // namespace opkit::signal

#endif  // OPKIT_OPS_SIGNAL_FFT_KERNELS_H_
