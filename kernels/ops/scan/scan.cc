// Cumprod, Cumsum, CumulativeLogsumexp along one axis.
//
// The running value is combined strictly in order, so results equal TF's bit for bit (up to the
// exp and log1p of CumulativeLogsumexp). Speed comes from independent lanes instead: columns when
// the axis is not the last one, several rows at once when it is.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "math/wrap.h"
#include "opkit/op.h"

namespace opkit {
namespace {

template <typename T>
constexpr bool kIsComplex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;
template <typename T>
constexpr bool kIsNarrowFloat = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Integers wrap around; narrow floats round after every step, as TF does.
struct Multiply {
  template <typename T>
  static T Identity() {
    if constexpr (kIsNarrowFloat<T>) {
      return T(1.0f);
    } else {
      return T(1);
    }
  }
  template <typename T>
  static T Apply(T a, T b) {
    if constexpr (kIsComplex<T>) {
      return T(a.real() * b.real() - a.imag() * b.imag(),
               a.real() * b.imag() + a.imag() * b.real());
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    } else if constexpr (kIsNarrowFloat<T>) {
      return T(static_cast<float>(a) * static_cast<float>(b));
    } else {
      return a * b;
    }
  }
};

struct Add {
  template <typename T>
  static T Identity() {
    if constexpr (kIsNarrowFloat<T>) {
      return T(0.0f);
    } else {
      return T(0);
    }
  }
  template <typename T>
  static T Apply(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    } else if constexpr (kIsNarrowFloat<T>) {
      return T(static_cast<float>(a) + static_cast<float>(b));
    } else {
      return a + b;
    }
  }
};

// log(exp(a) + exp(b)) without overflow: max + log1p(exp(min - max)).
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
      if (high < std::numeric_limits<T>::lowest()) return high;  // both are -inf
      return high + std::log1p(std::exp(low - high));
    }
  }
};

// The tensor as [outer, axis, inner].
struct ScanShape {
  int64_t outer, axis, inner;
  bool exclusive, reverse;
};

// Columns [c0, c1) of one outer slice; rows lie `inner` apart and each row extends the last one.
template <typename Op, typename T>
void ScanColumns(const ScanShape& s, const T* x, T* y, int64_t c0, int64_t c1) {
  const int64_t step = s.reverse ? -s.inner : s.inner;
  const int64_t first = s.reverse ? (s.axis - 1) * s.inner : 0;
  const int64_t n = c1 - c0;
  x += first + c0;
  y += first + c0;
  for (int64_t c = 0; c < n; ++c) y[c] = s.exclusive ? Op::template Identity<T>() : x[c];
  const T* add = s.exclusive ? x : x + step;
  for (int64_t i = 1; i < s.axis; ++i, y += step, add += step) {
    const T* const before = y;
    T* const now = y + step;
    for (int64_t c = 0; c < n; ++c) now[c] = Op::Apply(before[c], add[c]);
  }
}

// kRows rows whose axis is contiguous, in lockstep to hide the latency of each row's chain.
template <int kRows, typename Op, typename T>
void ScanRows(const ScanShape& s, const T* x, T* y) {
  const int64_t step = s.reverse ? -1 : 1;
  const int64_t first = s.reverse ? s.axis - 1 : 0;
  T acc[kRows];
  for (int r = 0; r < kRows; ++r) acc[r] = Op::template Identity<T>();
  if (s.exclusive) {
    for (int64_t i = 0, at = first; i < s.axis; ++i, at += step) {
      for (int r = 0; r < kRows; ++r) {
        const T value = x[r * s.axis + at];
        y[r * s.axis + at] = acc[r];
        acc[r] = Op::Apply(acc[r], value);
      }
    }
  } else {
    for (int r = 0; r < kRows; ++r) y[r * s.axis + first] = acc[r] = x[r * s.axis + first];
    for (int64_t i = 1, at = first + step; i < s.axis; ++i, at += step) {
      for (int r = 0; r < kRows; ++r) {
        acc[r] = Op::Apply(acc[r], x[r * s.axis + at]);
        y[r * s.axis + at] = acc[r];
      }
    }
  }
}

template <typename Op, typename T>
void Scan(OpContext& ctx, const ScanShape& s, const T* x, T* y) {
  if (s.inner == 1) {
    // Only float chains have a latency worth hiding; fewer rows keep the others small.
    constexpr int kRows = std::is_floating_point_v<T> ? 8 : 2;
    const int64_t grain = std::max<int64_t>(1, (1 << 15) / (s.axis * kRows));
    ctx.ParallelFor((s.outer + kRows - 1) / kRows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        int64_t row = g * kRows;
        if (row + kRows <= s.outer) {
          ScanRows<kRows, Op>(s, x + row * s.axis, y + row * s.axis);
        } else {
          for (; row < s.outer; ++row) ScanRows<1, Op>(s, x + row * s.axis, y + row * s.axis);
        }
      }
    });
    return;
  }
  // Blocks of columns, wide enough to stream and narrow enough for the last row to stay in cache.
  const int64_t block = std::max<int64_t>(64, 4096 / static_cast<int64_t>(sizeof(T)));
  const int64_t blocks = (s.inner + block - 1) / block;
  ctx.ParallelFor(s.outer * blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t o = u / blocks, b = u % blocks;
      const int64_t base = o * s.axis * s.inner;
      ScanColumns<Op>(s, x + base, y + base, b * block, std::min(s.inner, (b + 1) * block));
    }
  });
}

template <typename Op, typename... Ts>
Status Run(OpContext& ctx, TypeList<Ts...> types) {
  const Shape& shape = ctx.shape(0);
  int64_t axis = ctx.ScalarInt(1);
  if (axis < -shape.rank() || axis >= shape.rank()) {
    return Error("axis is %lld, want a value in [%d, %d)", static_cast<long long>(axis),
                 -shape.rank(), shape.rank());
  }
  if (axis < 0) axis += shape.rank();
  const int a = static_cast<int>(axis);
  const ScanShape s = {shape.size(0, a), shape[a], shape.size(a + 1, shape.rank()),
                       ctx.attr_bool("exclusive"), ctx.attr_bool("reverse")};
  if (shape.size() == 0) return {};
  return OpContext::VisitDType(WrapType(ctx.dtype(0)), types, [&](auto tag) {
    using T = decltype(tag);
    Scan<Op, T>(ctx, s, ctx.in<T>(0), ctx.out<T>(0));
    return Status();
  });
}

using NumericTypes = TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, uint32_t, uint64_t,
                              Complex64, Complex128>;

Status RunCumprod(OpContext& ctx) { return Run<Multiply>(ctx, NumericTypes{}); }
Status RunCumsum(OpContext& ctx) { return Run<Add>(ctx, NumericTypes{}); }
Status RunLogSumExp(OpContext& ctx) { return Run<LogSumExp>(ctx, FloatingTypes{}); }

OPKIT_OP(Cumprod)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {numeric}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(RunCumprod);

OPKIT_OP(Cumsum)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {numeric}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(RunCumsum);

OPKIT_OP(CumulativeLogsumexp)
    .Signature(R"(
      x: T, axis: Tidx[] -> out: T
      T in {floating}
      Tidx in {int32, int64}
      exclusive: bool = false
      reverse: bool = false
    )")
    .Shape(SameAs<0>)
    .Run(RunLogSumExp);

}  // namespace
}  // namespace opkit
