// TensorFlow's stateless random ops, V2 (key, counter, algorithm) and V1 (seed).
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "opkit/op.h"
#include "ops/random/distributions.h"
#include "ops/random/normal.h"
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

using random::kBatch;

// Calls fill(first group, groups, words) for batches of groups [begin, end).
template <typename F>
void ForBatches(const Philox& base, int64_t begin, int64_t end, const F& fill) {
  alignas(64) uint32_t words[4 * kBatch + random::kSlack];
  for (int64_t g = begin; g < end; g += kBatch) {
    const int64_t groups = std::min(kBatch, end - g);
    Philox at = base;
    at.Skip(static_cast<uint64_t>(g));
    random::FillGroups(at, groups, words);
    fill(g, groups, words);
  }
}

// Groups [begin, end) of `size` values; the last group may be cut short.
template <typename Distribution, typename T>
void FillRange(const Philox& base, const Distribution& draw, int64_t begin, int64_t end,
               int64_t size, T* out) {
  constexpr int kValues = kPerGroup<T>;
  ForBatches(base, begin, end, [&](int64_t g, int64_t groups, const uint32_t* words) {
    const int64_t whole = std::min(groups, (size - g * kValues) / kValues);
    T* to = out + g * kValues;
    for (int64_t i = 0; i < whole; ++i) draw(words + 4 * i, to + i * kValues);
    if (whole < groups) {
      T last[kValues];
      draw(words + 4 * whole, last);
      std::copy_n(last, size - (g + whole) * kValues, to + whole * kValues);
    }
  });
}

// Values per group of the types that are drawn in float32.
constexpr int64_t kFour = 4;

template <typename T>
void NormalRange(const Philox& base, int64_t begin, int64_t end, int64_t size, T* out) {
  alignas(64) float values[kFour * kBatch + random::kSlack];
  ForBatches(base, begin, end, [&](int64_t g, int64_t groups, const uint32_t* words) {
    random::Normals(words, kFour * groups, values);
    const int64_t count = std::min(kFour * groups, size - kFour * g);
    for (int64_t i = 0; i < count; ++i) out[kFour * g + i] = T(values[i]);
  });
}

// Groups [begin, end) of values within two standard deviations: all groups of a batch draw four
// candidates, then those that still lack some draw four more.
template <typename T>
void TruncatedRange(const Philox& base, int64_t begin, int64_t end, int64_t size, T* out) {
  alignas(64) uint32_t words[kFour * kBatch + random::kSlack];
  alignas(64) float drawn[kFour * kBatch + random::kSlack];
  float kept[kBatch][2 * kFour];
  for (int64_t g = begin; g < end; g += kBatch) {
    const int64_t groups = std::min(kBatch, end - g);
    Philox at = base;
    at.Skip(static_cast<uint64_t>(g) * random::kTruncatedStride<T>);
    uint64_t ahead[kBatch];
    int64_t count[kBatch] = {}, open[kBatch];
    for (int64_t i = 0; i < groups; ++i) {
      ahead[i] = static_cast<uint64_t>(i) * random::kTruncatedStride<T>;
      open[i] = i;
    }
    for (int64_t left = groups; left > 0;) {
      random::FillScattered(at, ahead, left, words);
      random::Normals(words, kFour * left, drawn);
      int64_t still = 0;
      for (int64_t i = 0; i < left; ++i) {
        const int64_t group = open[i];
        int64_t n = count[group];
        for (int64_t j = 0; j < kFour; ++j) {  // at most three are there already
          kept[group][n] = drawn[kFour * i + j];
          n += std::fabs(drawn[kFour * i + j]) < 2.0f ? 1 : 0;
        }
        count[group] = n;
        open[still] = group;
        ahead[still] = ahead[i] + 1;
        still += n < kFour ? 1 : 0;
      }
      left = still;
    }
    const int64_t wanted = std::min(kFour * groups, size - kFour * g);
    for (int64_t i = 0; i < wanted; ++i) out[kFour * g + i] = T(kept[i / kFour][i % kFour]);
  }
}

void TruncatedRange(const Philox& base, int64_t begin, int64_t end, int64_t size, double* out) {
  for (int64_t g = begin; g < end; ++g) {
    Philox at = base;
    at.Skip(static_cast<uint64_t>(g) * random::kTruncatedStride<double>);
    double values[2];
    random::TruncatedGroup(at, values);
    std::copy_n(values, std::min<int64_t>(2, size - 2 * g), out + 2 * g);
  }
}

void NormalRange(const Philox& base, int64_t begin, int64_t end, int64_t size, double* out) {
  FillRange(base, random::NormalDouble(), begin, end, size, out);
}

// range(first group, last group, values, out) by threads
template <typename T, typename Range>
void Fill(OpContext& ctx, const Range& range) {
  T* const out = ctx.out<T>(0);
  const int64_t size = ctx.out_shape(0).size();
  const int64_t groups = (size + kPerGroup<T> - 1) / kPerGroup<T>;
  ctx.ParallelFor(groups, 1 << 11,
                  [&](int64_t begin, int64_t end) { range(begin, end, size, out); });
}

// Fills with the values of a Distribution.
template <typename T, typename Distribution>
void FillEach(OpContext& ctx, const Philox& base, const Distribution& draw) {
  Fill<T>(ctx, [&](int64_t begin, int64_t end, int64_t size, T* out) {
    FillRange(base, draw, begin, end, size, out);
  });
}

Status FillUniform(OpContext& ctx, const Philox& base) {
  return OpContext::VisitDType(ctx.out_dtype(0), FloatingTypes{}, [&](auto tag) {
    FillEach<decltype(tag)>(ctx, base, random::Uniform());
    return Status();
  });
}

Status FillNormal(OpContext& ctx, const Philox& base) {
  return OpContext::VisitDType(ctx.out_dtype(0), FloatingTypes{}, [&](auto tag) {
    using T = decltype(tag);
    Fill<T>(ctx, [&](int64_t begin, int64_t end, int64_t size, T* out) {
      NormalRange(base, begin, end, size, out);
    });
    return Status();
  });
}

Status FillTruncatedNormal(OpContext& ctx, const Philox& base) {
  return OpContext::VisitDType(ctx.out_dtype(0), FloatingTypes{}, [&](auto tag) {
    using T = decltype(tag);
    Fill<T>(ctx, [&](int64_t begin, int64_t end, int64_t size, T* out) {
      TruncatedRange(base, begin, end, size, out);
    });
    return Status();
  });
}

Status FillFullInt(OpContext& ctx, const Philox& base) {
  const TypeList<int32_t, int64_t, uint32_t, uint64_t> types;
  return OpContext::VisitDType(ctx.out_dtype(0), types, [&](auto tag) {
    FillEach<decltype(tag)>(ctx, base, random::FullInt());
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
    FillEach<T>(ctx, base, random::UniformInt<T>{static_cast<U>(low), range});
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
  return FillUniform(ctx, p);
}
Status RunNormalV2(OpContext& ctx) {
  Philox p;
  OPKIT_RETURN_IF_ERROR(FromKeyCounter(ctx, &p));
  return FillNormal(ctx, p);
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
Status RunUniform(OpContext& ctx) { return FillUniform(ctx, FromSeed(ctx, 1)); }
Status RunNormal(OpContext& ctx) { return FillNormal(ctx, FromSeed(ctx, 1)); }
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
