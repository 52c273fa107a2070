// CumulativeLogsumexp along one axis.
//
// float32 is summed in float64 in the linear domain, a chunk of the axis at a time: exp(x - most),
// a running sum, its logarithm. The other types combine strictly in order, as TF does.
#include <algorithm>
#include <cmath>

#include "math/elementary.h"
#include "ops/scan/scan.h"

namespace opkit::scan {
namespace {

// log(exp(a) + exp(b)) without overflow: max + log1p(exp(min - max)). A NaN stays.
struct LogSumExp {
  template <typename T>
  static T Identity() {
    if constexpr (kIsNarrowFloat<T>) {
      return T(-std::numeric_limits<float>::infinity());
    } else {
      return -std::numeric_limits<T>::infinity();
    }
  }
  template <typename T>
  static T Apply(T a, T b) {
    if constexpr (kIsNarrowFloat<T>) {
      return T(Apply(static_cast<float>(a), static_cast<float>(b)));
    } else {
      const T low = b < a ? b : a, high = b < a ? a : b;
      if (low == high && high < std::numeric_limits<T>::lowest()) return high;  // both are -inf
      return high + std::log1p(std::exp(low - high));
    }
  }
};

// A chunk: some steps of the axis of some neighbouring columns.
constexpr int64_t kChunk = 2048, kColumns = 64;
// exp(-kSpan) and sums of it are normal numbers.
constexpr double kSpan = 600;

struct Scratch {
  double sum[kChunk + kColumns];  // [1 + steps, columns]; row 0 is what the steps go on from
  double most[kColumns];
  double last[kColumns];  // running values before the chunk
};

// Running values of `steps` steps from s->last on, stored and kept there. x and y lie at the first
// step; steps are `step` apart.
template <bool kOneColumn>
void ScanChunk(const float* x, float* y, int64_t steps, int64_t step, int64_t width, bool exclusive,
               Scratch* s) {
  const int64_t columns = kOneColumn ? 1 : width;
  const int64_t n = (1 + steps) * columns;
  const auto row = [&](int64_t i) { return s->sum + i * columns; };
  std::copy_n(s->last, columns, s->sum);
  // One column has several chains of maxima, or their latency would count.
  constexpr int64_t kChains = kOneColumn ? 8 : 1;
  const int64_t chains = kChains * columns;
  for (int64_t k = 0; k < kChains; ++k) std::copy_n(s->last, columns, s->most + k * columns);
  int64_t i = 0;
  for (; i + kChains <= steps; i += kChains) {
    for (int64_t c = 0; c < chains; ++c) {
      const double v = x[kOneColumn ? (i + c) * step : i * step + c];
      row(i + 1)[c] = v;
      s->most[c] = std::max(s->most[c], v);
    }
  }
  if constexpr (kOneColumn) {
    for (; i < steps; ++i) s->most[0] = std::max(s->most[0], s->sum[i + 1] = x[i * step]);
    s->most[0] = *std::max_element(s->most, s->most + kChains);
  }
  // NaN and infinities fail this too.
  bool fits = true;
  for (int64_t c = 0; c < columns; ++c) {
    fits &= s->most[c] - std::max(row(0)[c], row(1)[c]) <= kSpan;
  }
  if (!fits) {
    for (int64_t r = 1; r <= steps; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        row(r)[c] = LogSumExp::Apply(row(r - 1)[c], row(r)[c]);
      }
    }
  } else {
    for (int64_t r = 0; r <= steps; ++r) {
      for (int64_t c = 0; c < columns; ++c) row(r)[c] -= s->most[c];
    }
    math::Exp(s->sum, s->sum, static_cast<size_t>(n));
    if constexpr (kOneColumn) {
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) s->sum[k] = sum += s->sum[k];
    } else {
      for (int64_t r = 1; r <= steps; ++r) {
        for (int64_t c = 0; c < columns; ++c) row(r)[c] += row(r - 1)[c];
      }
    }
    math::Log(s->sum, s->sum, static_cast<size_t>(n));
    for (int64_t r = 1; r <= steps; ++r) {
      for (int64_t c = 0; c < columns; ++c) row(r)[c] += s->most[c];
    }
    std::copy_n(s->last, columns, s->sum);
  }
  for (int64_t r = 0; r < steps; ++r) {
    const double* from = row(exclusive ? r : r + 1);
    for (int64_t c = 0; c < columns; ++c) y[r * step + c] = static_cast<float>(from[c]);
  }
  std::copy_n(row(steps), columns, s->last);
}

void ScanFloats(OpContext& ctx, const ScanShape& s, const float* x, float* y) {
  const int64_t width = std::min(s.inner, kColumns);
  const int64_t blocks = (s.inner + width - 1) / width, steps = kChunk / width;
  const int64_t step = s.reverse ? -s.inner : s.inner;
  const int64_t grain = std::max<int64_t>(1, kChunk / (s.axis * width));
  ctx.ParallelFor(s.outer * blocks, grain, [&](int64_t begin, int64_t end) {
    Scratch scratch;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t c0 = u % blocks * width, columns = std::min(width, s.inner - c0);
      const int64_t first = s.reverse ? (s.axis - 1) * s.inner : 0;
      const int64_t at = u / blocks * s.axis * s.inner + first + c0;
      std::fill_n(scratch.last, columns, LogSumExp::Identity<double>());
      for (int64_t i = 0; i < s.axis; i += steps) {
        const auto scan = columns == 1 ? ScanChunk<true> : ScanChunk<false>;
        scan(x + at + i * step, y + at + i * step, std::min(steps, s.axis - i), step, columns,
             s.exclusive, &scratch);
      }
    }
  });
}

Status Run(OpContext& ctx) {
  ScanShape s;
  OPKIT_RETURN_IF_ERROR(ReadShape(ctx, &s));
  if (ctx.shape(0).size() == 0) return {};
  if (ctx.dtype(0) == DType::kFloat32) {
    ScanFloats(ctx, s, ctx.in<float>(0), ctx.out<float>(0));
    return {};
  }
  return ScanAs<LogSumExp>(ctx, s, ctx.dtype(0), TypeList<double, Half, BFloat16>{});
}

OPKIT_OP(CumulativeLogsumexp)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {floating}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(Run);

}  // namespace
}  // namespace opkit::scan
