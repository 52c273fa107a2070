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

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
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
};

namespace internal {
struct PairKernel;
}

// Tables of quantized nodes, with the parameters they were made for.
struct PointwiseState {
  std::vector<uint8_t> table8;   // unary: 256 codes; binary: 65536, first code major
  std::vector<int16_t> table16;  // unary: 65536
  // Binary: in the table's stead where they give the same and the CPU is faster with them.
  std::shared_ptr<const internal::PairKernel> pair_kernel;
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

namespace internal {

// Non-owning reference to a callable (a, b, first, n): what two broadcast inputs
// hold for the flat outputs [first, first + n), as contiguous arrays.
class PieceFn {
 public:
  template <typename F>
  PieceFn(const F& f)  // NOLINT: implicit by design, lives as long as the call
      : object_(&f),
        call_([](const void* o, const void* a, const void* b, int64_t first, size_t n) {
          (*static_cast<const F*>(o))(a, b, first, n);
        }) {}
  void operator()(const void* a, const void* b, int64_t first, size_t n) const {
    call_(object_, a, b, first, n);
  }

 private:
  const void* object_;
  void (*call_)(const void*, const void*, const void*, int64_t, size_t);
};

// Calls fn for all of output 0, from several threads; inputs 0 and 1 have one dtype.
void ForBroadcast(OpContext& ctx, int64_t grain, PieceFn fn);

}  // namespace internal

// y = fn over two broadcast inputs of type T; fn(a, b, y, n) on contiguous pieces.
template <typename T, typename R, typename Fn>
Status BroadcastInputs(OpContext& ctx, int64_t grain, const Fn& fn) {
  R* y = ctx.out<R>(0);
  const auto piece = [&](const void* a, const void* b, int64_t first, size_t n) {
    fn(static_cast<const T*>(a), static_cast<const T*>(b), y + first, n);
  };
  internal::ForBroadcast(ctx, grain, piece);
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

// The 16-bit floats, whose kernels compute in float32.
template <typename T>
constexpr bool kIsNarrowFloat = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <typename T>
constexpr bool kIsComplex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;

// Conversions to and from float32, rounding to nearest even.
void ToFloat(const Half* x, float* y, size_t n);
void ToFloat(const BFloat16* x, float* y, size_t n);
void FromFloat(const float* x, Half* y, size_t n);
void FromFloat(const float* x, BFloat16* y, size_t n);

// The same of the 16-bit float that `t` names.
void ToFloat(DType t, const uint16_t* x, float* y, size_t n);
void FromFloat(DType t, const float* x, uint16_t* y, size_t n);

template <typename T>
void ToFloat(const T* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

// y[i] = table[x[i]], 256 entries.
void Lookup256(const uint8_t* table, const uint8_t* x, uint8_t* y, size_t n);

}  // namespace opkit

#endif  // OPKIT_POINTWISE_H_
