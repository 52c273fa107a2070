// Running combinations along one axis.
//
// The running value is combined strictly in order, so results equal TF's bit for bit. Speed comes
// from independent lanes instead: columns when the axis is not the last one, several rows at once
// when it is.
#ifndef OPKIT_OPS_SCAN_SCAN_H_
#define OPKIT_OPS_SCAN_SCAN_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "opkit/op.h"
#include "opkit/pointwise.h"

namespace opkit::scan {

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
    if constexpr (std::is_integral_v<T>) {
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

// The tensor as [outer, axis, inner].
struct ScanShape {
  int64_t outer, axis, inner;
  bool exclusive, reverse;
};

// Columns are vectors, in which TF multiplies complex numbers without C's rules for infinities; by
// these, which std::complex follows, it multiplies rows, and the columns that fill no vector.
template <typename Op, typename T>
T ApplyColumn(T a, T b) {
  if constexpr (kIsComplex<T> && std::is_same_v<Op, Multiply>) {
    return T(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
  } else {
    return Op::Apply(a, b);
  }
}

// Columns [c0, c1) of one outer slice; rows lie `inner` apart and each row extends the last one.
// The first is combined with the identity, here and along rows: 0 + -0 is 0, and 1 times a complex
// infinity may hold a NaN.
template <typename Op, typename T>
void ScanColumns(const ScanShape& s, const T* x, T* y, int64_t c0, int64_t c1) {
  const int64_t step = s.reverse ? -s.inner : s.inner;
  const int64_t first = s.reverse ? (s.axis - 1) * s.inner : 0;
  const int64_t n = c1 - c0;
  x += first + c0;
  y += first + c0;
  const T identity = Op::template Identity<T>();
  for (int64_t c = 0; c < n; ++c) {
    y[c] = s.exclusive ? identity : ApplyColumn<Op>(identity, x[c]);
  }
  const T* add = s.exclusive ? x : x + step;
  for (int64_t i = 1; i < s.axis; ++i, y += step, add += step) {
    const T* const before = y;
    T* const now = y + step;
    for (int64_t c = 0; c < n; ++c) now[c] = ApplyColumn<Op>(before[c], add[c]);
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
    for (int r = 0; r < kRows; ++r) {
      y[r * s.axis + first] = acc[r] = Op::Apply(acc[r], x[r * s.axis + first]);
    }
    for (int64_t i = 1, at = first + step; i < s.axis; ++i, at += step) {
      for (int r = 0; r < kRows; ++r) {
        acc[r] = Op::Apply(acc[r], x[r * s.axis + at]);
        y[r * s.axis + at] = acc[r];
      }
    }
  }
}

// One row of integers, which may be combined in any order: four steps at a time wait for one.
template <typename Op, typename T>
void ScanIntegers(const ScanShape& s, const T* x, T* y) {
  const int64_t step = s.reverse ? -1 : 1;
  if (s.reverse) x += s.axis - 1, y += s.axis - 1;
  T acc = Op::template Identity<T>();
  int64_t i = 0;
  for (; i + 4 <= s.axis; i += 4, x += 4 * step, y += 4 * step) {
    const T a = x[0], ab = Op::Apply(a, x[step]), c = x[2 * step];
    const T abc = Op::Apply(ab, c), abcd = Op::Apply(ab, Op::Apply(c, x[3 * step]));
    const T before = acc, first = Op::Apply(acc, a), second = Op::Apply(acc, ab);
    const T third = Op::Apply(acc, abc);
    acc = Op::Apply(acc, abcd);
    y[0] = s.exclusive ? before : first;
    y[step] = s.exclusive ? first : second;
    y[2 * step] = s.exclusive ? second : third;
    y[3 * step] = s.exclusive ? third : acc;
  }
  for (; i < s.axis; ++i, x += step, y += step) {
    const T before = acc;
    acc = Op::Apply(acc, x[0]);
    y[0] = s.exclusive ? before : acc;
  }
}

// Rows whose axis is contiguous.
template <typename Op, typename T>
void ScanAllRows(OpContext& ctx, const ScanShape& s, const T* x, T* y) {
  // Several floats' rows, to hide the latency of their chains; fewer keep complex numbers small.
  constexpr int kRows = std::is_floating_point_v<T> ? 8 : std::is_integral_v<T> ? 1 : 2;
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / (s.axis * kRows));
  ctx.ParallelFor((s.outer + kRows - 1) / kRows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * kRows; row < std::min(s.outer, end * kRows); row += kRows) {
      const int64_t rows = std::min<int64_t>(kRows, s.outer - row), at = row * s.axis;
      if constexpr (std::is_integral_v<T>) {
        ScanIntegers<Op>(s, x + at, y + at);
      } else if (rows == kRows) {
        ScanRows<kRows, Op>(s, x + at, y + at);
      } else {
        for (int64_t r = 0; r < rows; ++r) {
          ScanRows<1, Op>(s, x + at + r * s.axis, y + at + r * s.axis);
        }
      }
    }
  });
}

template <typename Op, typename T>
void Scan(OpContext& ctx, const ScanShape& s, const T* x, T* y) {
  if (s.inner == 1) return ScanAllRows<Op>(ctx, s, x, y);
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

// Reads the attributes and input 1, the axis.
Status ReadShape(OpContext& ctx, ScanShape* out);

// Scans the input into the output; its dtype is among Ts, signed integers as their unsigned twins.
template <typename Op, typename... Ts>
Status ScanAs(OpContext& ctx, const ScanShape& s, DType dtype, TypeList<Ts...> types) {
  return OpContext::VisitDType(dtype, types, [&](auto tag) {
    using T = decltype(tag);
    Scan<Op, T>(ctx, s, ctx.in<T>(0), ctx.out<T>(0));
    return Status();
  });
}

// The same for float16 and bfloat16.
template <typename Op>
Status ScanNarrow(OpContext& ctx, const ScanShape& s, DType dtype);

// The same for dtypes few models scan, whose loops are compiled for size.
template <typename Op>
Status ScanRare(OpContext& ctx, const ScanShape& s, DType dtype);

}  // namespace opkit::scan

#endif  // OPKIT_OPS_SCAN_SCAN_H_
