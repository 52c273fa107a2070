// Pointwise ops as rows: functions over contiguous arrays in, a whole op out.
//
//   void ErfF32(const float* x, float* y, size_t n);
//   void ErfF64(const double* x, double* y, size_t n);
//   constexpr opkit::UnaryRow kErf = {ErfF32, ErfF64};
//   OPKIT_UNARY(Erf, kErf, "x: T -> y: T \n T in {floating, quantized}");
//
// float16 and bfloat16 run through the float32 function and are rounded once.
// Quantized dtypes give bit for bit what TFLite's DEQUANTIZE, the float32
// function and QUANTIZE give, from tables made when the model is loaded; codes
// of results beyond the range saturate, NaN becomes the zero point.
// Binary rows broadcast as TF does. Functions are called from several threads
// and must not depend on how the arrays are cut.
#ifndef OPKIT_POINTWISE_H_
#define OPKIT_POINTWISE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "opkit/op.h"

namespace opkit {

template <typename T, typename R = T>
using UnaryFn = void (*)(const T* x, R* y, size_t n);
template <typename T, typename R = T>
using BinaryFn = void (*)(const T* a, const T* b, R* y, size_t n);

// Functions a dtype needs but that are null make the op refuse that dtype.
struct UnaryRow {
  UnaryFn<float> f32 = nullptr;
  UnaryFn<double> f64 = nullptr;
  int64_t grain = 32768;  // elements that are worth a thread
  UnaryFn<Complex64> c64 = nullptr;
  UnaryFn<Complex128> c128 = nullptr;
};

struct BinaryRow {
  BinaryFn<float> f32 = nullptr;
  BinaryFn<double> f64 = nullptr;
  int64_t grain = 32768;
  BinaryFn<Complex64> c64 = nullptr;
  BinaryFn<Complex128> c128 = nullptr;
  // f32 costs less than a look into a table of all pairs of 8-bit codes.
  bool cheap = false;
};

// Tables of quantized nodes, with the parameters they were made for.
struct PointwiseState {
  std::vector<uint8_t> table8;   // unary: 256 codes; binary: 65536, first code major
  std::vector<int16_t> table16;  // unary: 65536
  DType dtype = DType::kInvalid;
  QuantParams params[3];  // inputs, then the output
};

Status PrepareUnary(const UnaryRow& row, OpContext& ctx);
Status RunUnary(const UnaryRow& row, OpContext& ctx);
Status PrepareBinary(const BinaryRow& row, OpContext& ctx);
Status RunBinary(const BinaryRow& row, OpContext& ctx);  // shapes broadcast

// Declares a unary or a broadcasting binary op of a row (a constexpr variable).
#define OPKIT_UNARY(name, row, signature)                                               \
  OPKIT_OP(name)                                                                        \
      .Signature(signature)                                                             \
      .Shape(::opkit::SameAs<0>)                                                        \
      .State<::opkit::PointwiseState>()                                                 \
      .Prepare([](::opkit::OpContext& ctx) { return ::opkit::PrepareUnary(row, ctx); }) \
      .Run([](::opkit::OpContext& ctx) { return ::opkit::RunUnary(row, ctx); })
#define OPKIT_BINARY(name, row, signature)                                               \
  OPKIT_OP(name)                                                                         \
      .Signature(signature)                                                              \
      .Shape(::opkit::BroadcastShape)                                                    \
      .State<::opkit::PointwiseState>()                                                  \
      .Prepare([](::opkit::OpContext& ctx) { return ::opkit::PrepareBinary(row, ctx); }) \
      .Run([](::opkit::OpContext& ctx) { return ::opkit::RunBinary(row, ctx); })

// Two shapes against their broadcast, with neighbouring dimensions merged.
struct BroadcastPlan {
  int rank = 0;  // at least 1
  int64_t dims[Shape::kMaxRank];
  // Elements that a step along a dimension advances; 0 where the operand repeats.
  int64_t a[Shape::kMaxRank];
  int64_t b[Shape::kMaxRank];

  BroadcastPlan(const Shape& out, const Shape& first, const Shape& second);
};

namespace internal {

constexpr int64_t kBlock = 1024;   // elements of a scratch block
constexpr int64_t kShortRow = 64;  // shorter rows are gathered into blocks

// dst[0, n) = the operand's elements for flat output positions [begin, begin + n).
template <typename T>
void GatherOperand(const BroadcastPlan& plan, const int64_t* steps, const T* src, int64_t begin,
                   int64_t n, T* dst) {
  const int last = plan.rank - 1;
  int64_t index[Shape::kMaxRank];
  int64_t offset = 0;
  for (int i = last; i >= 0; --i) {
    index[i] = begin % plan.dims[i];
    offset += index[i] * steps[i];
    begin /= plan.dims[i];
  }
  while (n > 0) {
    const int64_t run = std::min(n, plan.dims[last] - index[last]);
    const T* from = src + offset;
    if (steps[last] == 0) {
      std::fill_n(dst, run, *from);
    } else {
      std::copy_n(from, run, dst);
    }
    dst += run;
    n -= run;
    // To the start of the next row.
    offset -= index[last] * steps[last];
    index[last] = 0;
    for (int i = last - 1; i >= 0; --i) {
      offset += steps[i];
      if (++index[i] < plan.dims[i]) break;
      offset -= plan.dims[i] * steps[i];
      index[i] = 0;
    }
  }
}

// Non-owning reference to a callable (a, b, first, n), so that the loops below
// exist once per element type.
template <typename T>
class PieceFn {
 public:
  template <typename F>
  PieceFn(const F& f)  // NOLINT: implicit by design, lives as long as the call
      : object_(&f), call_([](const void* o, const T* a, const T* b, int64_t first, size_t n) {
          (*static_cast<const F*>(o))(a, b, first, n);
        }) {}
  void operator()(const T* a, const T* b, int64_t first, size_t n) const {
    call_(object_, a, b, first, n);
  }

 private:
  const void* object_;
  void (*call_)(const void*, const T*, const T*, int64_t, size_t);
};

// Calls fn(a, b, first, n): operands of flat outputs [first, first + n) as
// contiguous arrays, for all of [begin, end) in pieces.
template <typename T>
__attribute__((noinline)) void ForBroadcast(const BroadcastPlan& plan, const T* a, const T* b,
                                            int64_t begin, int64_t end, PieceFn<T> fn) {
  const int last = plan.rank - 1;
  const bool a_moves = plan.a[last] != 0;
  const bool b_moves = plan.b[last] != 0;
  if (plan.rank == 1 && a_moves && b_moves) {
    fn(a + begin, b + begin, begin, static_cast<size_t>(end - begin));
    return;
  }
  T block_a[kBlock];
  T block_b[kBlock];
  if (plan.rank > 1 && plan.dims[last] < kShortRow) {
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t n = std::min(kBlock, end - i);
      GatherOperand(plan, plan.a, a, i, n, block_a);
      GatherOperand(plan, plan.b, b, i, n, block_b);
      fn(static_cast<const T*>(block_a), static_cast<const T*>(block_b), i, static_cast<size_t>(n));
    }
    return;
  }
  for (int64_t i = begin; i < end;) {
    int64_t rest = i / plan.dims[last];
    const int64_t column = i % plan.dims[last];
    int64_t offset_a = column * plan.a[last];
    int64_t offset_b = column * plan.b[last];
    for (int k = last - 1; k >= 0; --k) {
      offset_a += rest % plan.dims[k] * plan.a[k];
      offset_b += rest % plan.dims[k] * plan.b[k];
      rest /= plan.dims[k];
    }
    const int64_t row_end = std::min(end, i + plan.dims[last] - column);
    const T* pa = a + offset_a;
    const T* pb = b + offset_b;
    if (a_moves && b_moves) {
      fn(pa, pb, i, static_cast<size_t>(row_end - i));
      i = row_end;
      continue;
    }
    const int64_t widest = std::min(kBlock, row_end - i);
    if (!a_moves) std::fill_n(block_a, widest, *pa);
    if (!b_moves) std::fill_n(block_b, widest, *pb);
    while (i < row_end) {
      const int64_t n = std::min(kBlock, row_end - i);
      fn(a_moves ? pa : static_cast<const T*>(block_a),
         b_moves ? pb : static_cast<const T*>(block_b), i, static_cast<size_t>(n));
      if (a_moves) pa += n;
      if (b_moves) pb += n;
      i += n;
    }
  }
}

}  // namespace internal

// y = fn over two broadcast inputs of type T; fn(a, b, y, n) on contiguous pieces.
template <typename T, typename R, typename Fn>
Status BroadcastInputs(OpContext& ctx, int64_t grain, const Fn& fn) {
  const int64_t total = ctx.out_shape(0).size();
  if (total == 0) return {};
  const BroadcastPlan plan(ctx.out_shape(0), ctx.shape(0), ctx.shape(1));
  const T* a = ctx.in<T>(0);
  const T* b = ctx.in<T>(1);
  R* y = ctx.out<R>(0);
  ctx.ParallelFor(total, grain, [&](int64_t begin, int64_t end) {
    internal::ForBroadcast<T>(
        plan, a, b, begin, end,
        [&](const T* pa, const T* pb, int64_t first, size_t n) { fn(pa, pb, y + first, n); });
  });
  return {};
}

// y = fn over one input of type T; fn(x, y, n) on pieces.
template <typename T, typename R, typename Fn>
Status MapInput(OpContext& ctx, int64_t grain, const Fn& fn) {
  const T* x = ctx.in<T>(0);
  R* y = ctx.out<R>(0);
  ctx.ParallelFor(ctx.shape(0).size(), grain, [&](int64_t begin, int64_t end) {
    fn(x + begin, y + begin, static_cast<size_t>(end - begin));
  });
  return {};
}

// Conversions to and from float32, rounding to nearest even.
void ToFloat(const Half* x, float* y, size_t n);
void ToFloat(const BFloat16* x, float* y, size_t n);
void FromFloat(const float* x, Half* y, size_t n);
void FromFloat(const float* x, BFloat16* y, size_t n);

// y[i] = table[x[i]], 256 entries.
void Lookup256(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n);

}  // namespace opkit

#endif  // OPKIT_POINTWISE_H_
