// Drivers of pointwise rows over dtypes, threads and quantization.
#include "opkit/pointwise.h"

#include <algorithm>

#include "framework/quantize.h"

namespace opkit {

namespace {

using internal::Dequantize;
using internal::Quantize;

constexpr size_t kBlock = 512;  // elements that go through float32 at a time

bool SameParams(const QuantParams& a, const QuantParams& b) {
  return a.scale == b.scale && a.zero_point == b.zero_point;
}

// Remembers dtype and parameters; true when the tables were made for others.
bool TablesAreStale(OpContext& ctx, int inputs) {
  PointwiseState& s = ctx.state<PointwiseState>();
  const QuantParams now[3] = {ctx.quant_in(0), inputs > 1 ? ctx.quant_in(1) : QuantParams(),
                              ctx.quant_out(0)};
  bool stale = s.dtype != ctx.dtype(0);
  s.dtype = ctx.dtype(0);
  for (int i = 0; i < 3; ++i) {
    stale = stale || !SameParams(s.params[i], now[i]);
    s.params[i] = now[i];
  }
  return stale;
}

// Real values of 256 codes that follow each other from `first` on, in the order of
// the unsigned pattern.
void DequantizeCodes(DType t, int first, const QuantParams& q, float* values) {
  uint8_t bytes[256];
  uint16_t words[256];
  for (int i = 0; i < 256; ++i) {
    bytes[i] = static_cast<uint8_t>(i);
    words[i] = static_cast<uint16_t>(first + i);
  }
  const bool wide = t == DType::kQInt16;
  Dequantize(t, wide ? static_cast<const void*>(words) : bytes, q, values, 256);
}

// A result for each code of the input.
void MakeUnaryTable(UnaryFn<float> fn, const PointwiseState& s, int codes, void* table) {
  float x[256];
  float y[256];
  char* to = static_cast<char*>(table);
  for (int first = 0; first < codes; first += 256) {
    DequantizeCodes(s.dtype, first, s.params[0], x);
    fn(x, y, 256);
    Quantize(s.dtype, y, s.params[2], to, 256);
    to += 256 * DTypeSize(s.dtype);
  }
}

void MakeBinaryTable8(BinaryFn<float> fn, const PointwiseState& s, uint8_t* table) {
  float a[256];
  float firsts[256];
  float b[256];
  float y[256];
  DequantizeCodes(s.dtype, 0, s.params[0], firsts);
  DequantizeCodes(s.dtype, 0, s.params[1], b);
  for (int i = 0; i < 256; ++i) {
    std::fill_n(a, 256, firsts[i]);
    fn(a, b, y, 256);
    Quantize(s.dtype, y, s.params[2], table + i * 256, 256);
  }
}

// Through float32, a block at a time.
Status RunUnaryThroughFloat(OpContext& ctx, int64_t grain, UnaryFn<float> fn) {
  const DType t = ctx.dtype(0);
  return MapInput<uint16_t, uint16_t>(ctx, grain, [=](const uint16_t* x, uint16_t* y, size_t n) {
    float in[kBlock];
    float out[kBlock];
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = std::min(kBlock, n - i);
      ToFloat(t, x + i, in, m);
      fn(in, out, m);
      FromFloat(t, out, y + i, m);
    }
  });
}

// The 16-bit dtypes that are computed in float32.
void ToReal(DType t, const uint16_t* x, const QuantParams& q, float* y, size_t n) {
  if (IsQuantized(t)) return Dequantize(t, x, q, y, n);
  ToFloat(t, x, y, n);
}

void FromReal(DType t, const float* x, const QuantParams& q, uint16_t* y, size_t n) {
  if (IsQuantized(t)) return Quantize(t, x, q, y, n);
  FromFloat(t, x, y, n);
}

Status RunBinaryThroughFloat(OpContext& ctx, int64_t grain, BinaryFn<float> fn) {
  const DType t = ctx.dtype(0);
  const QuantParams qa = ctx.quant_in(0);
  const QuantParams qb = ctx.quant_in(1);
  const QuantParams qy = ctx.quant_out(0);
  return BroadcastInputs<uint16_t, uint16_t>(
      ctx, grain, [=](const uint16_t* a, const uint16_t* b, uint16_t* y, size_t n) {
        float in_a[kBlock];
        float in_b[kBlock];
        float out[kBlock];
        for (size_t i = 0; i < n; i += kBlock) {
          const size_t m = std::min(kBlock, n - i);
          ToReal(t, a + i, qa, in_a, m);
          ToReal(t, b + i, qb, in_b, m);
          fn(in_a, in_b, out, m);
          FromReal(t, out, qy, y + i, m);
        }
      });
}

Status NoFunction(const OpContext& ctx) {
  return Error("no kernel for %s", DTypeName(ctx.dtype(0)));
}

template <typename T>
Status RunUnaryAs(OpContext& ctx, int64_t grain, UnaryFn<T> fn) {
  if (fn == nullptr) return NoFunction(ctx);
  return MapInput<T, T>(ctx, grain, fn);
}

template <typename T>
Status RunBinaryAs(OpContext& ctx, int64_t grain, BinaryFn<T> fn) {
  if (fn == nullptr) return NoFunction(ctx);
  return BroadcastInputs<T, T>(ctx, grain, fn);
}

Status RunTable8(OpContext& ctx, int input, const uint8_t* table) {
  const uint8_t* x = ctx.in<uint8_t>(input);
  uint8_t* y = ctx.out<uint8_t>(0);
  ctx.ParallelFor(ctx.out_shape(0).size(), 1 << 18, [=](int64_t begin, int64_t end) {
    Lookup256(table, x + begin, y + begin, static_cast<size_t>(end - begin));
  });
  return {};
}

// One operand is a single code: a table of the other's.
Status RunBinaryScalar(OpContext& ctx, int scalar, BinaryFn<float> fn) {
  const DType t = ctx.dtype(0);
  const QuantParams params[2] = {ctx.quant_in(0), ctx.quant_in(1)};
  float values[2][256];
  float results[256];
  uint8_t table[256];
  DequantizeCodes(t, 0, params[1 - scalar], values[1 - scalar]);
  Dequantize(t, ctx.raw(scalar), params[scalar], values[scalar], 1);
  std::fill_n(values[scalar] + 1, 255, values[scalar][0]);
  fn(values[0], values[1], results, 256);
  Quantize(t, results, ctx.quant_out(0), table, 256);
  return RunTable8(ctx, 1 - scalar, table);
}

// 8-bit binary: the node's kernel or its table of all pairs.
Status RunBinary8(OpContext& ctx, BinaryFn<float> fn) {
  constexpr int64_t kMany = 512;  // where a table for a scalar pays
  if (ctx.out_shape(0).size() >= kMany) {
    for (int i = 0; i < 2; ++i) {
      if (ctx.shape(i).size() == 1) return RunBinaryScalar(ctx, i, fn);
    }
  }
  const PointwiseState& s = ctx.state<PointwiseState>();
  const internal::PairKernel* kernel = s.pair_kernel.get();
  if (kernel != nullptr && !internal::CanRun(*kernel)) kernel = nullptr;
  const uint8_t* table = s.table8.data();
  return BroadcastInputs<uint8_t, uint8_t>(
      ctx, 65536, [=](const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
        if (kernel != nullptr) {
          internal::RunPairKernel(*kernel, a, b, y, n);
        } else {
          internal::LookupPairs(table, a, b, y, n);
        }
      });
}

}  // namespace

Status PrepareUnary(const UnaryRow& row, OpContext& ctx) {
  const DType t = ctx.dtype(0);
  if (!IsQuantized(t)) return {};
  if (row.f32 == nullptr) return NoFunction(ctx);
  if (!TablesAreStale(ctx, 1)) return {};
  PointwiseState& s = ctx.state<PointwiseState>();
  if (t == DType::kQInt16) {
    s.table16.resize(65536);
    MakeUnaryTable(row.f32, s, 65536, s.table16.data());
    return {};
  }
  s.table8.resize(256);
  MakeUnaryTable(row.f32, s, 256, s.table8.data());
  return {};
}

Status RunUnary(const UnaryRow& row, OpContext& ctx) {
  switch (ctx.dtype(0)) {
    case DType::kFloat32:
      return RunUnaryAs<float>(ctx, row.grain, row.f32);
    case DType::kFloat64:
      return RunUnaryAs<double>(ctx, row.grain, row.f64);
    case DType::kFloat16:
    case DType::kBFloat16:
      return RunUnaryThroughFloat(ctx, row.grain, row.f32);
    case DType::kComplex64:
      return RunUnaryAs<Complex64>(ctx, row.grain, row.c64);
    case DType::kComplex128:
      return RunUnaryAs<Complex128>(ctx, row.grain, row.c128);
    case DType::kQInt8:
    case DType::kQUInt8:
      return RunTable8(ctx, 0, ctx.state<PointwiseState>().table8.data());
    case DType::kQInt16: {
      const int16_t* table = ctx.state<PointwiseState>().table16.data();
      return MapInput<uint16_t, int16_t>(ctx, 1 << 17,
                                         [table](const uint16_t* x, int16_t* y, size_t n) {
                                           for (size_t i = 0; i < n; ++i) y[i] = table[x[i]];
                                         });
    }
    default:
      return NoFunction(ctx);
  }
}

Status PrepareBinary(const BinaryRow& row, OpContext& ctx) {
  const DType t = ctx.dtype(0);
  if (!IsQuantized(t)) return {};
  if (row.f32 == nullptr) return NoFunction(ctx);
  if (t == DType::kQInt16 || !TablesAreStale(ctx, 2)) return {};
  PointwiseState& s = ctx.state<PointwiseState>();
  s.pair_kernel.reset();
  s.table8.resize(65536);
  MakeBinaryTable8(row.f32, s, s.table8.data());
  const auto kernel = std::make_shared<internal::PairKernel>();
  if (internal::FindPairKernel(s.table8.data(), t == DType::kQInt8, s.params, *kernel)) {
    s.pair_kernel = kernel;
    if (kernel->ratio != 0.0f) s.table8 = {};  // else not every instruction set has the kernel
  }
  return {};
}

Status RunBinary(const BinaryRow& row, OpContext& ctx) {
  switch (ctx.dtype(0)) {
    case DType::kFloat32:
      return RunBinaryAs<float>(ctx, row.grain, row.f32);
    case DType::kFloat64:
      return RunBinaryAs<double>(ctx, row.grain, row.f64);
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kQInt16:
      return RunBinaryThroughFloat(ctx, row.grain, row.f32);
    case DType::kComplex64:
      return RunBinaryAs<Complex64>(ctx, row.grain, row.c64);
    case DType::kComplex128:
      return RunBinaryAs<Complex128>(ctx, row.grain, row.c128);
    case DType::kQInt8:
    case DType::kQUInt8:
      return RunBinary8(ctx, row.f32);
    default:
      return NoFunction(ctx);
  }
}

}  // namespace opkit
