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
// Half a vector of the widest instruction set. Passes of this stride, and of stride 1, also carry
// twiddles laid out per element, in multiples of kFlat.
constexpr size_t kHalfStride = 8;
constexpr size_t kFlat = 16;

struct FftPass {
  size_t radix;
  size_t stride;   // product of the radices before this pass
  size_t count;    // n / (stride * radix)
  size_t compact;  // offset into twiddles: [count][radix - 1][re, im]
  size_t flat;     // offset into twiddles: [radix - 1][re, im][FlatSize()], if it has them
  size_t roots;    // offset into twiddles: [radix][re, im], of the generic radices
  size_t FlatSize() const { return (stride * count + kFlat - 1) / kFlat * kFlat; }
};

template <class R>
struct FftPlan {
  // real: also the tables that turn a transform of n / 2 into one of n real numbers.
  FftPlan(size_t n, bool real);

  size_t n;
  size_t core;  // length of the complex transform: n, or n / 2 for an even real one
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
