// Scans of float16 and bfloat16. Each step is computed in float32 and rounded, as in TF; arrays are
// converted by vectors, several columns (or rows, transposed) at a time.
#include <algorithm>
#include <cstring>
#include <type_traits>

#include "opkit/pointwise.h"
#include "ops/scan/scan.h"

namespace opkit::scan {
namespace {

constexpr int64_t kColumns = 512;           // of a row of columns
constexpr int64_t kRows = 64, kSteps = 64;  // of a block of rows
constexpr int64_t kFewRows = 8;  // below, converting step by step costs more than it saves

// v rounded to T, in few steps as each waits for the one before.
template <typename T>
float Rounded(float v) {
  constexpr bool kHalf = std::is_same_v<T, Half>;
  constexpr int kDropped = kHalf ? 13 : 16;
  // Magnitudes from the least normal one to the last that does not round to infinity.
  constexpr uint32_t kLow = kHalf ? 0x38800000 : 0, kHigh = kHalf ? 0x477ff000 : 0x7f7f8000;
  uint32_t bits;
  std::memcpy(&bits, &v, sizeof(v));
  if ((bits & 0x7fffffffu) - kLow >= kHigh - kLow) return T(v);
  bits += (1u << (kDropped - 1)) - 1 + (bits >> kDropped & 1);
  bits &= ~uint32_t{0} << kDropped;
  std::memcpy(&v, &bits, sizeof(v));
  return v;
}

// Running values of some columns, kept between calls of Scan.
template <typename Op, typename T>
class Columns {
 public:
  Columns(int64_t n, bool exclusive) : n_(static_cast<size_t>(n)), exclusive_(exclusive) {
    std::fill_n(running_, n_, Op::template Identity<float>());
  }

  // The next steps; rows of the columns lie `step` apart.
  void Scan(const T* x, T* y, int64_t steps, int64_t step) {
    float next[kColumns];
    T unseen[kColumns];
    for (; steps > 0; --steps, x += step, y += step) {
      T* const rounded = exclusive_ ? unseen : y;
      if (exclusive_) FromFloat(running_, y, n_);
      ToFloat(x, next, n_);
      for (size_t c = 0; c < n_; ++c) running_[c] = Op::Apply(running_[c], next[c]);
      FromFloat(running_, rounded, n_);
      ToFloat(rounded, running_, n_);
    }
  }

 private:
  size_t n_;
  bool exclusive_;
  float running_[kColumns];
};

// to[j * to_step + i] = from[i * step + j], for `rows` x `columns` elements
template <typename T>
void Transpose(const T* from, int64_t step, int64_t rows, int64_t columns, T* to, int64_t to_step) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j * to_step + i] = from[i * step + j];
  }
}

template <typename Op, typename T>
void ScanRowBlock(const ScanShape& s, int64_t rows, const T* x, T* y) {
  Columns<Op, T> columns(rows, s.exclusive);
  T in[kRows * kSteps], out[kRows * kSteps];
  for (int64_t i = 0; i < s.axis; i += kSteps) {
    const int64_t steps = std::min(kSteps, s.axis - i), at = s.reverse ? s.axis - i - steps : i;
    Transpose(x + at, s.axis, rows, steps, in, rows);
    const int64_t first = s.reverse ? (steps - 1) * rows : 0;
    columns.Scan(in + first, out + first, steps, s.reverse ? -rows : rows);
    Transpose(out, rows, steps, rows, y + at, s.axis);
  }
}

template <typename Op, typename T>
void ScanOneRow(const ScanShape& s, const T* x, T* y) {
  float in[kSteps], out[kSteps], running = Op::template Identity<float>();
  for (int64_t i = 0; i < s.axis; i += kSteps) {
    const int64_t steps = std::min(kSteps, s.axis - i), at = s.reverse ? s.axis - i - steps : i;
    ToFloat(x + at, in, static_cast<size_t>(steps));
    for (int64_t k = 0; k < steps; ++k) {
      const int64_t j = s.reverse ? steps - 1 - k : k;
      const float next = Rounded<T>(Op::Apply(running, in[j]));
      out[j] = s.exclusive ? running : next;
      running = next;
    }
    FromFloat(out, y + at, static_cast<size_t>(steps));
  }
}

template <typename Op, typename T>
void NarrowRows(OpContext& ctx, const ScanShape& s, const T* x, T* y) {
  const int64_t grain = std::max<int64_t>(1, (1 << 14) / (s.axis * kRows));
  ctx.ParallelFor((s.outer + kRows - 1) / kRows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * kRows; row < std::min(s.outer, end * kRows); row += kRows) {
      const int64_t rows = std::min(kRows, s.outer - row);
      if (rows >= kFewRows) {
        ScanRowBlock<Op>(s, rows, x + row * s.axis, y + row * s.axis);
        continue;
      }
      for (int64_t r = row; r < row + rows; ++r) {
        ScanOneRow<Op>(s, x + r * s.axis, y + r * s.axis);
      }
    }
  });
}

template <typename Op, typename T>
void NarrowColumns(OpContext& ctx, const ScanShape& s, const T* x, T* y) {
  const int64_t blocks = (s.inner + kColumns - 1) / kColumns;
  const int64_t step = s.reverse ? -s.inner : s.inner;
  const int64_t grain = std::max<int64_t>(1, (1 << 14) / (s.axis * std::min(s.inner, kColumns)));
  ctx.ParallelFor(s.outer * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t c0 = u % blocks * kColumns;
      const int64_t at =
          u / blocks * s.axis * s.inner + c0 + (s.reverse ? (s.axis - 1) * s.inner : 0);
      Columns<Op, T>(std::min(kColumns, s.inner - c0), s.exclusive)
          .Scan(x + at, y + at, s.axis, step);
    }
  });
}

}  // namespace

template <typename Op>
Status ScanNarrow(OpContext& ctx, const ScanShape& s, DType dtype) {
  return OpContext::VisitDType(dtype, TypeList<Half, BFloat16>{}, [&](auto tag) {
    using T = decltype(tag);
    const auto scan = s.inner == 1 ? NarrowRows<Op, T> : NarrowColumns<Op, T>;
    scan(ctx, s, ctx.in<T>(0), ctx.out<T>(0));
    return Status();
  });
}

template Status ScanNarrow<Add>(OpContext& ctx, const ScanShape& s, DType dtype);
template Status ScanNarrow<Multiply>(OpContext& ctx, const ScanShape& s, DType dtype);

}  // namespace opkit::scan
