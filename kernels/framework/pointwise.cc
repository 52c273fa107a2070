// Drivers of pointwise rows over dtypes, threads and quantization.
#include "opkit/pointwise.h"

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
template <typename Q>
void DequantizeCodes(int first, const QuantParams& q, float* values) {
  Q codes[256];
  for (int i = 0; i < 256; ++i) codes[i] = static_cast<Q>(first + i);
  Dequantize(codes, q, values, 256);
}

template <typename Q>
void MakeUnaryTable8(UnaryFn<float> fn, const PointwiseState& s, uint8_t* table) {
  float x[256];
  float y[256];
  DequantizeCodes<Q>(0, s.params[0], x);
  fn(x, y, 256);
  Quantize(y, s.params[2], reinterpret_cast<Q*>(table), 256);
}

void MakeUnaryTable16(UnaryFn<float> fn, const PointwiseState& s, int16_t* table) {
  float x[256];
  float y[256];
  for (int first = 0; first < 65536; first += 256) {
    DequantizeCodes<int16_t>(first, s.params[0], x);
    fn(x, y, 256);
    Quantize(y, s.params[2], table + first, 256);
  }
}

template <typename Q>
void MakeBinaryTable8(BinaryFn<float> fn, const PointwiseState& s, uint8_t* table) {
  float a[256];
  float firsts[256];
  float b[256];
  float y[256];
  DequantizeCodes<Q>(0, s.params[0], firsts);
  DequantizeCodes<Q>(0, s.params[1], b);
  for (int i = 0; i < 256; ++i) {
    std::fill_n(a, 256, firsts[i]);
    fn(a, b, y, 256);
    Quantize(y, s.params[2], reinterpret_cast<Q*>(table + i * 256), 256);
  }
}

// float16 and bfloat16 through a float32 function, block by block.
template <typename H>
void MapThroughFloat(UnaryFn<float> fn, const H* x, H* y, size_t n) {
  float in[kBlock];
  float out[kBlock];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    ToFloat(x + i, in, m);
    fn(in, out, m);
    FromFloat(out, y + i, m);
  }
}

template <typename H>
void MapThroughFloat(BinaryFn<float> fn, const H* a, const H* b, H* y, size_t n) {
  float in_a[kBlock];
  float in_b[kBlock];
  float out[kBlock];
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t m = std::min(kBlock, n - i);
    ToFloat(a + i, in_a, m);
    ToFloat(b + i, in_b, m);
    fn(in_a, in_b, out, m);
    FromFloat(out, y + i, m);
  }
}

Status NoFunction(const OpContext& ctx) {
  return Error("no kernel for %s", DTypeName(ctx.dtype(0)));
}

template <typename T>
Status RunUnaryAs(OpContext& ctx, int64_t grain, UnaryFn<T> fn) {
  if (fn == nullptr) return NoFunction(ctx);
  return MapInput<T, T>(ctx, grain, fn);
}

template <typename H>
Status RunUnary16Bit(OpContext& ctx, int64_t grain, UnaryFn<float> fn) {
  return MapInput<H, H>(ctx, grain,
                        [fn](const H* x, H* y, size_t n) { MapThroughFloat(fn, x, y, n); });
}

template <typename T>
Status RunBinaryAs(OpContext& ctx, int64_t grain, BinaryFn<T> fn) {
  if (fn == nullptr) return NoFunction(ctx);
  return BroadcastInputs<T, T>(ctx, grain, fn);
}

template <typename H>
Status RunBinary16Bit(OpContext& ctx, int64_t grain, BinaryFn<float> fn) {
  return BroadcastInputs<H, H>(ctx, grain, [fn](const H* a, const H* b, H* y, size_t n) {
    MapThroughFloat(fn, a, b, y, n);
  });
}

// One operand is a single code: a table of the other's.
template <typename Q>
Status RunBinaryScalar(OpContext& ctx, int scalar, BinaryFn<float> fn) {
  const QuantParams params[2] = {ctx.quant_in(0), ctx.quant_in(1)};
  float values[2][256];
  float results[256];
  uint8_t table[256];
  DequantizeCodes<Q>(0, params[1 - scalar], values[1 - scalar]);
  Dequantize(static_cast<const Q*>(ctx.raw(scalar)), params[scalar], values[scalar], 1);
  std::fill_n(values[scalar] + 1, 255, values[scalar][0]);
  fn(values[0], values[1], results, 256);
  Quantize(results, ctx.quant_out(0), reinterpret_cast<Q*>(table), 256);
  const uint8_t* x = static_cast<const uint8_t*>(ctx.raw(1 - scalar));
  uint8_t* y = static_cast<uint8_t*>(ctx.out_raw(0));
  ctx.ParallelFor(ctx.out_shape(0).size(), 1 << 18, [&](int64_t begin, int64_t end) {
    Lookup256(table, x + begin, y + begin, static_cast<size_t>(end - begin));
  });
  return {};
}

// 8-bit binary: the node's kernel or its table of all pairs.
template <typename Q>
Status RunBinary8(OpContext& ctx, BinaryFn<float> fn) {
  constexpr int64_t kMany = 512;  // where a table for a scalar pays
  if (ctx.out_shape(0).size() >= kMany) {
    for (int i = 0; i < 2; ++i) {
      if (ctx.shape(i).size() == 1) return RunBinaryScalar<Q>(ctx, i, fn);
    }
  }
  const PointwiseState& s = ctx.state<PointwiseState>();
  if (s.pair_kernel != nullptr && internal::CanRun(*s.pair_kernel)) {
    const internal::PairKernel& kernel = *s.pair_kernel;
    return BroadcastInputs<uint8_t, uint8_t>(
        ctx, 65536, [&kernel](const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
          internal::RunPairKernel(kernel, a, b, y, n);
        });
  }
  const uint8_t* table = s.table8.data();
  return BroadcastInputs<uint8_t, uint8_t>(
      ctx, 65536, [table](const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
        internal::LookupPairs(table, a, b, y, n);
      });
}

// DEQUANTIZE, the float32 function and QUANTIZE, block by block.
template <typename Q>
Status RunBinaryQuantized(OpContext& ctx, int64_t grain, BinaryFn<float> fn) {
  const QuantParams qa = ctx.quant_in(0);
  const QuantParams qb = ctx.quant_in(1);
  const QuantParams qy = ctx.quant_out(0);
  return BroadcastInputs<Q, Q>(ctx, grain, [=](const Q* a, const Q* b, Q* y, size_t n) {
    float fa[kBlock];
    float fb[kBlock];
    float fy[kBlock];
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = std::min(kBlock, n - i);
      Dequantize(a + i, qa, fa, m);
      Dequantize(b + i, qb, fb, m);
      fn(fa, fb, fy, m);
      Quantize(fy, qy, y + i, m);
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
    MakeUnaryTable16(row.f32, s, s.table16.data());
    return {};
  }
  s.table8.resize(256);
  if (t == DType::kQInt8) {
    MakeUnaryTable8<int8_t>(row.f32, s, s.table8.data());
  } else {
    MakeUnaryTable8<uint8_t>(row.f32, s, s.table8.data());
  }
  return {};
}

Status RunUnary(const UnaryRow& row, OpContext& ctx) {
  switch (ctx.dtype(0)) {
    case DType::kFloat32:
      return RunUnaryAs<float>(ctx, row.grain, row.f32);
    case DType::kFloat64:
      return RunUnaryAs<double>(ctx, row.grain, row.f64);
    case DType::kFloat16:
      return RunUnary16Bit<Half>(ctx, row.grain, row.f32);
    case DType::kBFloat16:
      return RunUnary16Bit<BFloat16>(ctx, row.grain, row.f32);
    case DType::kComplex64:
      return RunUnaryAs<Complex64>(ctx, row.grain, row.c64);
    case DType::kComplex128:
      return RunUnaryAs<Complex128>(ctx, row.grain, row.c128);
    case DType::kQInt8:
    case DType::kQUInt8: {
      const uint8_t* table = ctx.state<PointwiseState>().table8.data();
      return MapInput<uint8_t, uint8_t>(
          ctx, 1 << 18,
          [table](const uint8_t* x, uint8_t* y, size_t n) { Lookup256(table, x, y, n); });
    }
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
  if (t == DType::kQInt8) {
    MakeBinaryTable8<int8_t>(row.f32, s, s.table8.data());
  } else {
    MakeBinaryTable8<uint8_t>(row.f32, s, s.table8.data());
  }
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
      return RunBinary16Bit<Half>(ctx, row.grain, row.f32);
    case DType::kBFloat16:
      return RunBinary16Bit<BFloat16>(ctx, row.grain, row.f32);
    case DType::kComplex64:
      return RunBinaryAs<Complex64>(ctx, row.grain, row.c64);
    case DType::kComplex128:
      return RunBinaryAs<Complex128>(ctx, row.grain, row.c128);
    case DType::kQInt8:
      return RunBinary8<int8_t>(ctx, row.f32);
    case DType::kQUInt8:
      return RunBinary8<uint8_t>(ctx, row.f32);
    case DType::kQInt16:
      return RunBinaryQuantized<int16_t>(ctx, row.grain, row.f32);
    default:
      return NoFunction(ctx);
  }
}

}  // namespace opkit
