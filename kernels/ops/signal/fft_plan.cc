#include "ops/signal/fft_plan.h"

#include <algorithm>
#include <cmath>

#include "ops/signal/fft_kernels.h"

namespace opkit::signal {
namespace {

// Radices in the order of the passes. An 8 or 4 comes first: the squares it makes of a contiguous
// row transpose well, and later strides fill vectors. Eights make the fewest passes. One of these
// comes last, if two are there: its pass can write to the tensor.
std::vector<size_t> Radices(size_t n) {
  std::vector<size_t> out;
  const auto take = [&](size_t p) {
    for (; n % p == 0 && n > 1; n /= p) out.push_back(p);
  };
  int twos = 0;
  const bool even_once = n % 4 == 2;
  for (; n % 2 == 0 && n > 0 && !even_once; n /= 2) ++twos;
  const int fours = twos == 4 ? 2 : twos % 3 == 2 ? 1 : twos % 3 == 1 ? 2 : 0;
  for (int i = 2 * fours; i < twos; i += 3) out.push_back(8);
  for (int i = 0; i < fours; ++i) out.push_back(4);
  const size_t last = out.size() > 1 ? out.back() : 1;
  if (last > 1) out.pop_back();
  take(5);
  take(3);
  take(2);
  size_t p = 7;
  while (n > 1) {
    take(p * p > n ? n : p);
    p += 2;
  }
  if (last > 1) out.push_back(last);
  return out;
}

// The smallest length of at least n that has small radices only.
size_t GoodLength(size_t n) {
  size_t best = 1;
  while (best < n) best *= 2;
  for (size_t odd : {size_t{3}, size_t{5}, size_t{9}, size_t{15}}) {
    size_t length = odd;
    while (length < n) length *= 2;
    best = std::min(best, length);
  }
  return best;
}

}  // namespace

template <class R>
void UnitRoot(size_t k, size_t n, R* re, R* im) {
  // Reduced to the first eighth of the circle with integers, so the angle carries no error.
  k %= n;
  const bool below = 2 * k > n;  // second half: conjugate
  if (below) k = n - k;
  size_t quarter = 4 * k;  // in units of 1 / (4 n)
  const bool left = quarter > n;
  if (left) quarter = 2 * n - quarter;
  const bool steep = 2 * quarter > n;
  if (steep) quarter = n - quarter;
  constexpr long double kHalfPi = 1.57079632679489661923132169163975144L;
  const long double angle =
      kHalfPi * static_cast<long double>(quarter) / static_cast<long double>(n);
  long double c = std::cos(angle), s = std::sin(angle);
  if (steep) std::swap(c, s);
  if (left) c = -c;
  if (!below) s = -s;
  *re = static_cast<R>(c);
  *im = static_cast<R>(s);
}

template <class R>
FftPlan<R>::FftPlan(size_t length, bool real)
    : n(length), core(real && length % 2 == 0 ? length / 2 : length) {
  if (core != n) {
    half_roots.resize(2 * (core + 1));
    for (size_t k = 0; k <= core; ++k) {
      UnitRoot(k, n, &half_roots[k], &half_roots[core + 1 + k]);
    }
  }
  const std::vector<size_t> radices = Radices(core);
  if (!radices.empty() && *std::max_element(radices.begin(), radices.end()) > kMaxRadix) {
    convolution = std::make_unique<FftPlan>(GoodLength(2 * core - 1), false);
    const size_t m = convolution->n;
    chirp.resize(2 * core);
    kernel.assign(2 * m, R(0));
    for (size_t k = 0; k < core; ++k) {
      // exp(-pi i k^2 / core), the square reduced modulo the period
      const size_t square = static_cast<size_t>(static_cast<unsigned __int128>(k) * k % (2 * core));
      UnitRoot(square, 2 * core, &chirp[k], &chirp[core + k]);
    }
    // The conjugate chirp, wrapped around; MakeFftPlan transforms it.
    const R scale = R(1) / static_cast<R>(m);
    for (size_t k = 0; k < core; ++k) {
      const size_t mirror = k == 0 ? 0 : m - k;
      kernel[k] = kernel[mirror] = chirp[k] * scale;
      kernel[m + k] = kernel[m + mirror] = -chirp[core + k] * scale;
    }
    return;
  }
  std::vector<R> roots(2 * core);
  for (size_t k = 0; k < core; ++k) UnitRoot(k, core, &roots[2 * k], &roots[2 * k + 1]);
  size_t stride = 1;
  for (size_t radix : radices) {
    FftPass pass{radix, stride, core / (stride * radix), 0, 0, 0};
    pass.compact = twiddles.size();
    for (size_t p = 0; p < pass.count; ++p) {
      for (size_t j = 1; j < radix; ++j) {
        const R* root = &roots[2 * (j * p * stride)];  // j p stride < core
        twiddles.push_back(root[0]);
        twiddles.push_back(root[1]);
      }
    }
    if (stride == 1 || stride == kHalfStride) {
      twiddles.resize((twiddles.size() + 15) / 16 * 16);
      pass.flat = twiddles.size();
      const size_t flat = pass.FlatSize();
      twiddles.resize(pass.flat + (radix - 1) * 2 * flat, R(0));
      for (size_t j = 1; j < radix; ++j) {
        R* re = &twiddles[pass.flat + (j - 1) * 2 * flat];
        for (size_t i = 0; i < stride * pass.count; ++i) {
          const R* root = &roots[2 * (j * (i / stride) * stride)];
          re[i] = root[0];
          re[flat + i] = root[1];
        }
      }
    }
    if (radix > 5 && radix != 8) {
      pass.roots = twiddles.size();
      for (size_t j = 0; j < radix; ++j) {
        const R* root = &roots[2 * (j * (core / radix))];
        twiddles.push_back(root[0]);
        twiddles.push_back(root[1]);
      }
    }
    passes.push_back(pass);
    stride *= radix;
  }
}

template <class R>
std::unique_ptr<FftPlan<R>> MakeFftPlan(size_t n, bool real) {
  auto plan = std::make_unique<FftPlan<R>>(n, real);
  if (plan->convolution) {
    const size_t m = plan->convolution->n;
    std::vector<R> line(2 * m), scratch(RowScratchReals(*plan->convolution));
    for (size_t k = 0; k < m; ++k) {
      line[2 * k] = plan->kernel[k];
      line[2 * k + 1] = plan->kernel[m + k];
    }
    TransformRows<R>(RowKind::kComplex, *plan->convolution, false, R(1), 1, 1, line.data(), 0,
                     line.data(), 0, scratch.data());
    for (size_t k = 0; k < m; ++k) {
      plan->kernel[k] = line[2 * k];
      plan->kernel[m + k] = line[2 * k + 1];
    }
  }
  return plan;
}

template void UnitRoot<float>(size_t, size_t, float*, float*);
template void UnitRoot<double>(size_t, size_t, double*, double*);
template struct FftPlan<float>;
template struct FftPlan<double>;
template std::unique_ptr<FftPlan<float>> MakeFftPlan<float>(size_t, bool);
template std::unique_ptr<FftPlan<double>> MakeFftPlan<double>(size_t, bool);

}  // namespace opkit::signal
