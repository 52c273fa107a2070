// TensorFlow's stateless random ops, V2 (key, counter, algorithm) and V1 (seed).
#include <algorithm>
#include <type_traits>

#include "opkit/op.h"
#include "ops/random/distributions.h"
#include "ops/random/philox.h"

namespace opkit {
namespace {

using random::kPerGroup;
using random::Philox;

// TF scrambles the user's seed with one Philox group under a fixed key.
Philox FromSeed(const OpContext& ctx, int input) {
  uint64_t seed[2];
  const DType type = ctx.dtype(input);
  for (int i = 0; i < 2; ++i) {
    if (type == DType::kInt32) {
      seed[i] = static_cast<uint64_t>(int64_t{ctx.in<int32_t>(input)[i]});
    } else {
      seed[i] = ctx.in<uint64_t>(input)[i];
    }
  }
  Philox scramble;
  scramble.key[0] = 0x3ec8f720u;
  scramble.key[1] = 0x02461e29u;
  for (int i = 0; i < 4; ++i) {
    scramble.counter[i] = static_cast<uint32_t>(seed[i / 2] >> (32 * (i % 2)));
  }
  const random::Group mix = scramble.Next();
  Philox p;
  p.key[0] = mix.v[0];
  p.key[1] = mix.v[1];
  p.counter[2] = mix.v[2];
  p.counter[3] = mix.v[3];
  return p;
}

constexpr int32_t kPhilox = 1, kAuto = 3;  // values of TF's RNG algorithm enum

Status FromKeyCounter(const OpContext& ctx, Philox* p) {
  const int32_t algorithm = ctx.in<int32_t>(3)[0];
  if (algorithm != kPhilox && algorithm != kAuto) {
    return Error("unsupported algorithm %d, want 1 (Philox) or 3 (auto)", algorithm);
  }
  if (ctx.shape(2)[0] < 1) return Error("counter is empty");
  const uint64_t key = ctx.in<uint64_t>(1)[0];
  const uint64_t* counter = ctx.in<uint64_t>(2);
  // A counter of one word continues with zeros.
  const uint64_t high = ctx.shape(2)[0] > 1 ? counter[1] : 0;
  p->key[0] = static_cast<uint32_t>(key);
  p->key[1] = static_cast<uint32_t>(key >> 32);
  p->counter[0] = static_cast<uint32_t>(counter[0]);
  p->counter[1] = static_cast<uint32_t>(counter[0] >> 32);
  p->counter[2] = static_cast<uint32_t>(high);
  p->counter[3] = static_cast<uint32_t>(high >> 32);
  return {};
}

// Fills groups [begin, end) of `size` values; the last group may be cut short.
template <typename Distribution, typename T>
void FillRange(const Philox& base, const Distribution& draw, int64_t begin, int64_t end,
               int64_t size, T* out) {
  constexpr int kValues = kPerGroup<T>;
  constexpr int64_t kBlock = 256;
  alignas(64) uint32_t words[4 * kBlock + random::kSlack];
  for (int64_t g = begin; g < end; g += kBlock) {
    const int64_t groups = std::min(kBlock, end - g);
    Philox at = base;
    at.Skip(static_cast<uint64_t>(g));
    random::FillGroups(at, groups, words);
    const int64_t whole = std::min(groups, (size - g * kValues) / kValues);
    T* to = out + g * kValues;
    for (int64_t i = 0; i < whole; ++i) draw(words + 4 * i, to + i * kValues);
    if (whole < groups) {
      T last[kValues];
      draw(words + 4 * whole, last);
      std::copy_n(last, size - (g + whole) * kValues, to + whole * kValues);
    }
  }
}

template <typename Distribution, typename T>
void Fill(OpContext& ctx, const Philox& base, const Distribution& draw, T* out) {
  const int64_t size = ctx.out_shape(0).size();
  const int64_t groups = (size + kPerGroup<T> - 1) / kPerGroup<T>;
  ctx.ParallelFor(groups, 1 << 11, [&](int64_t begin, int64_t end) {
    FillRange(base, draw, begin, end, size, out);
  });
}

template <typename T>
void FillTruncated(OpContext& ctx, const Philox& base, T* out) {
  constexpr int kValues = kPerGroup<T>;
  constexpr uint64_t kSkip = 256 * kValues / 4;
  const int64_t size = ctx.out_shape(0).size();
  ctx.ParallelFor((size + kValues - 1) / kValues, 1 << 10, [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      Philox at = base;
      at.Skip(static_cast<uint64_t>(g) * kSkip);
      T values[kValues];
      random::TruncatedGroup<T>(at, values);
      std::copy_n(values, std::min<int64_t>(kValues, size - g * kValues), out + g * kValues);
    }
  });
}

template <typename Distribution>
Status FillFloats(OpContext& ctx, const Philox& base) {
  return OpContext::VisitDType(ctx.out_dtype(0), FloatingTypes{}, [&](auto tag) {
    Fill(ctx, base, Distribution(), ctx.out<decltype(tag)>(0));
    return Status();
  });
}

Status FillTruncatedNormal(OpContext& ctx, const Philox& base) {
  return OpContext::VisitDType(ctx.out_dtype(0), FloatingTypes{}, [&](auto tag) {
    FillTruncated(ctx, base, ctx.out<decltype(tag)>(0));
    return Status();
  });
}

Status FillFullInt(OpContext& ctx, const Philox& base) {
  const TypeList<int32_t, int64_t, uint32_t, uint64_t> types;
  return OpContext::VisitDType(ctx.out_dtype(0), types, [&](auto tag) {
    Fill(ctx, base, random::FullInt(), ctx.out<decltype(tag)>(0));
    return Status();
  });
}

// Inputs `low_input` and the next one hold minval and maxval.
Status FillInts(OpContext& ctx, const Philox& base, int low_input) {
  if (ctx.out_shape(0).size() == 0) return {};  // TF checks the range only when it draws
  return OpContext::VisitDType(ctx.out_dtype(0), IndexTypes{}, [&](auto tag) {
    using T = decltype(tag);
    using U = std::make_unsigned_t<T>;
    const T low = ctx.in<T>(low_input)[0], high = ctx.in<T>(low_input + 1)[0];
    if (low >= high) {
      return Error("need minval < maxval, got %lld >= %lld", static_cast<long long>(low),
                   static_cast<long long>(high));
    }
    const auto range = static_cast<U>(static_cast<U>(high) - static_cast<U>(low));
    Fill(ctx, base, random::UniformInt<T>{static_cast<U>(low), range}, ctx.out<T>(0));
    return Status();
  });
}

Status ShapeFromInput(OpContext& ctx) {
  Shape out;
  for (const int64_t d : ctx.IntValues(0)) {
    if (d < 0) return Error("shape has the negative dimension %lld", static_cast<long long>(d));
    out.push_back(d);
  }
  ctx.SetShape(0, out);
  return {};
}

// V2: key and counter.
Status RunUniformV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillFloats<random::Uniform>(ctx, p);
}
Status RunNormalV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillFloats<random::Normal>(ctx, p);
}
Status RunTruncatedV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillTruncatedNormal(ctx, p);
}
Status RunFullIntV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillFullInt(ctx, p);
}
Status RunIntV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillInts(ctx, p, 4);
}

// V1: seed.
Status RunUniform(OpContext& ctx) { return FillFloats<random::Uniform>(ctx, FromSeed(ctx, 1)); }
Status RunNormal(OpContext& ctx) { return FillFloats<random::Normal>(ctx, FromSeed(ctx, 1)); }
Status RunTruncated(OpContext& ctx) { return FillTruncatedNormal(ctx, FromSeed(ctx, 1)); }
Status RunFullInt(OpContext& ctx) { return FillFullInt(ctx, FromSeed(ctx, 1)); }
Status RunInt(OpContext& ctx) { return FillInts(ctx, FromSeed(ctx, 1), 2); }

void WriteKeyCounter(OpContext& ctx) {
  const Philox p = FromSeed(ctx, 0);
  ctx.out<uint64_t>(0)[0] = uint64_t{p.key[1]} << 32 | p.key[0];
  ctx.out<uint64_t>(1)[0] = 0;
  ctx.out<uint64_t>(1)[1] = uint64_t{p.counter[3]} << 32 | p.counter[2];
}

Status RunGetKeyCounter(OpContext& ctx) {
  WriteKeyCounter(ctx);
  return {};
}
Status RunGetKeyCounterAlg(OpContext& ctx) {
  WriteKeyCounter(ctx);
  ctx.out<int32_t>(2)[0] = kPhilox;
  return {};
}
Status RunGetAlg(OpContext& ctx) {
  ctx.out<int32_t>(0)[0] = kPhilox;
  return {};
}

#define OPKIT_STATELESS_V2(name, dtypes, extra, run)                                        \
  OPKIT_OP(name)                                                                            \
      .Signature("shape: Tshape[n], key: uint64[1], counter: uint64[c], alg: int32[]" extra \
                 " -> output: dtype\n"                                                      \
                 "dtype in {" dtypes                                                        \
                 "}\n"                                                                      \
                 "Tshape in {int32, int64}\n")                                              \
      .Shape(ShapeFromInput)                                                                \
      .ShapeFrom("shape")                                                                   \
      .Run(run)

#define OPKIT_STATELESS_V1(name, dtypes, extra, run) \
  OPKIT_OP(name)                                     \
      .Signature("shape: T[n], seed: Tseed[2]" extra \
                 " -> output: dtype\n"               \
                 "dtype in {" dtypes                 \
                 "}\n"                               \
                 "T in {int32, int64}\n"             \
                 "Tseed in {int32, int64}\n")        \
      .Shape(ShapeFromInput)                         \
      .ShapeFrom("shape")                            \
      .Run(run)

OPKIT_STATELESS_V2(StatelessRandomUniformV2, "floating", "", RunUniformV2);
OPKIT_STATELESS_V2(StatelessRandomNormalV2, "floating", "", RunNormalV2);
OPKIT_STATELESS_V2(StatelessTruncatedNormalV2, "floating", "", RunTruncatedV2);
OPKIT_STATELESS_V2(StatelessRandomUniformFullIntV2, "int32, int64, uint32, uint64", "",
                   RunFullIntV2);
OPKIT_STATELESS_V2(StatelessRandomUniformIntV2, "int32, int64",
                   ", minval: dtype[], maxval: dtype[]", RunIntV2);

OPKIT_STATELESS_V1(StatelessRandomUniform, "floating", "", RunUniform);
OPKIT_STATELESS_V1(StatelessRandomNormal, "floating", "", RunNormal);
OPKIT_STATELESS_V1(StatelessTruncatedNormal, "floating", "", RunTruncated);
OPKIT_STATELESS_V1(StatelessRandomUniformFullInt, "int32, int64, uint32, uint64", "", RunFullInt);
OPKIT_STATELESS_V1(StatelessRandomUniformInt, "int32, int64", ", minval: dtype[], maxval: dtype[]",
                   RunInt);

OPKIT_OP(StatelessRandomGetKeyCounter)
    .Signature(R"(
      seed: Tseed[2] -> key: uint64[1], counter: uint64[2]
      Tseed in {int32, int64}
    )")
    .Run(RunGetKeyCounter);

OPKIT_OP(StatelessRandomGetKeyCounterAlg)
    .Signature(R"(
      seed: Tseed[2] -> key: uint64[1], counter: uint64[2], alg: int32[]
      Tseed in {int32, int64}
    )")
    .Run(RunGetKeyCounterAlg);

OPKIT_OP(StatelessRandomGetAlg).Signature("-> alg: int32[]").Run(RunGetAlg);

}  // namespace
}  // namespace opkit
