// Bitwise ops over integers of any size: all but the count of bits work on bytes.
#include "math/simd.h"
#include "opkit/pointwise.h"
// After simd.h, which sets the target.
#include "ops/elementwise/each-inl.h"

HWY_BEFORE_NAMESPACE();
namespace opkit {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// The bits of each element as one byte.
template <typename U>
HWY_INLINE void CountEach(const U* x, uint8_t* y, size_t n) {
  const hn::ScalableTag<U> d;
  const hn::Rebind<uint8_t, decltype(d)> counts;
  const size_t lanes = hn::Lanes(d);
  const auto count = [&](auto v) HWY_ATTR {
    const auto bits = hn::PopulationCount(v);
    if constexpr (sizeof(U) == 1) {
      return bits;
    } else {
      return hn::TruncateTo(counts, bits);
    }
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(count(hn::LoadU(d, x + i)), counts, y + i);
  if (i < n) hn::StoreN(count(hn::LoadN(d, x + i, n - i)), counts, y + i, n - i);
}

}  // namespace

void AndBytes(const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  EachVector(a, b, y, n, [](auto va, auto vb) HWY_ATTR { return hn::And(va, vb); });
}
void OrBytes(const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  EachVector(a, b, y, n, [](auto va, auto vb) HWY_ATTR { return hn::Or(va, vb); });
}
void XorBytes(const uint8_t* a, const uint8_t* b, uint8_t* y, size_t n) {
  EachVector(a, b, y, n, [](auto va, auto vb) HWY_ATTR { return hn::Xor(va, vb); });
}
void InvertBytes(const uint8_t* x, uint8_t* y, size_t n) {
  EachVector(x, x, y, n, [](auto v, auto) HWY_ATTR { return hn::Not(v); });
}

// Elements of `size` bytes.
void CountBits(size_t size, const void* x, uint8_t* y, size_t n) {
  switch (size) {
    case 1:
      return CountEach(static_cast<const uint8_t*>(x), y, n);
    case 2:
      return CountEach(static_cast<const uint16_t*>(x), y, n);
    case 4:
      return CountEach(static_cast<const uint32_t*>(x), y, n);
    default:
      return CountEach(static_cast<const uint64_t*>(x), y, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace opkit
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit {
namespace {

OPKIT_SIMD_EXPORT(AndBytes);
OPKIT_SIMD_EXPORT(OrBytes);
OPKIT_SIMD_EXPORT(XorBytes);
OPKIT_SIMD_EXPORT(InvertBytes);
OPKIT_SIMD_EXPORT(CountBits);

constexpr int64_t kGrain = 65536;

Status RunBytes(OpContext& ctx, BinaryFn<uint8_t> fn) {
  const size_t size = DTypeSize(ctx.dtype(0));
  uint8_t* y = ctx.out<uint8_t>(0);
  internal::ForBroadcast(ctx, kGrain, [&](const void* a, const void* b, int64_t first, size_t n) {
    fn(static_cast<const uint8_t*>(a), static_cast<const uint8_t*>(b),
       y + static_cast<size_t>(first) * size, n * size);
  });
  return {};
}

#define OPKIT_BITWISE(name, fn)                          \
  OPKIT_OP(name)                                         \
      .Signature("x: T, y: T -> z: T\n T in {integral}") \
      .Shape(BroadcastShape)                             \
      .Run([](OpContext& ctx) { return RunBytes(ctx, OPKIT_SIMD_CALL(fn)); })

OPKIT_BITWISE(BitwiseAnd, AndBytes);
OPKIT_BITWISE(BitwiseOr, OrBytes);
OPKIT_BITWISE(BitwiseXor, XorBytes);

Status RunInvert(OpContext& ctx) {
  const int64_t size = static_cast<int64_t>(DTypeSize(ctx.dtype(0)));
  const uint8_t* x = ctx.in<uint8_t>(0);
  uint8_t* y = ctx.out<uint8_t>(0);
  ctx.ParallelFor(ctx.shape(0).size() * size, kGrain, [&](int64_t begin, int64_t end) {
    OPKIT_SIMD_CALL(InvertBytes)(x + begin, y + begin, static_cast<size_t>(end - begin));
  });
  return {};
}
OPKIT_OP(Invert).Signature("x: T -> y: T\n T in {integral}").Shape(SameAs<0>).Run(RunInvert);

Status RunPopulationCount(OpContext& ctx) {
  const size_t size = DTypeSize(ctx.dtype(0));
  const uint8_t* x = ctx.in<uint8_t>(0);
  uint8_t* y = ctx.out<uint8_t>(0);
  ctx.ParallelFor(ctx.shape(0).size(), kGrain, [&](int64_t begin, int64_t end) {
    OPKIT_SIMD_CALL(CountBits)
    (size, x + static_cast<size_t>(begin) * size, y + begin, static_cast<size_t>(end - begin));
  });
  return {};
}
OPKIT_OP(PopulationCount)
    .Signature("x: T -> y: uint8\n T in {integral}")
    .Shape(SameAs<0>)
    .Run(RunPopulationCount);

}  // namespace
}  // namespace opkit
#endif  // HWY_ONCE
