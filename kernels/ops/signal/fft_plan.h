// The tables of one transform length, shared by the row and the column kernels.
//
// A transform of length n is a sequence of Stockham passes (Stockham 1966, as in Van Loan,
// Computational Frameworks for the FFT, 1992, section 1.7): no bit reversal, every load
// contiguous. Lengths with a prime factor above kMaxRadix go through Bluestein's convolution.
#ifndef OPKIT_OPS_SIGNAL_FFT_PLAN_H_
#define OPKIT_OPS_SIGNAL_FFT_PLAN_H_

#include <cstddef>
#include <memory>
#include <vector>

namespace opkit::signal {

constexpr size_t kMaxRadix = 31;
// Rows this short are transposed and run as kRowBlock columns.
constexpr size_t kShortRow = 64;
constexpr size_t kRowBlock = 16;
// Passes whose stride is below this also carry twiddles laid out per element; at least the lanes
// of any instruction set.
constexpr size_t kFlatStride = 16;

struct FftPass {
  size_t radix;
  size_t stride;   // product of the radices before this pass
  size_t count;    // n / (stride * radix)
  size_t compact;  // offset into twiddles: [count][radix - 1][re, im]
  size_t flat;     // offset into twiddles: [radix - 1][re, im][FlatSize()], if stride < kFlatStride
  size_t roots;    // offset into twiddles: [radix][re, im], of the generic radices
  size_t FlatSize() const { return (stride * count + kFlatStride - 1) / kFlatStride * kFlatStride; }
};

template <class R>
struct FftPlan {
  // real: also the tables that turn a transform of n / 2 into one of n real numbers.
  FftPlan(size_t n, bool real);

  size_t n;
  size_t
      core;  // length of the complex transform: n, or n / 2 for an even real one that is not short
  std::vector<FftPass> passes;
  std::vector<R> twiddles;
  std::vector<R> half_roots;  // [re, im][core + 1]: exp(-2 pi i k / n), for even real lengths
  std::unique_ptr<FftPlan> convolution;  // Bluestein's inner transform
  std::vector<R> chirp;                  // [re, im][core]
  std::vector<R> kernel;                 // [re, im][convolution->n]: transform of the chirp
};

// exp(-2 pi i k / n), rounded from extended precision.
template <class R>
void UnitRoot(size_t k, size_t n, R* re, R* im);

}  // namespace opkit::signal

#endif  // OPKIT_OPS_SIGNAL_FFT_PLAN_H_
