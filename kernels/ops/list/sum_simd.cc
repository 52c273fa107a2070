#include <cstring>

#include "math/simd.h"
// After simd.h, which sets the target.
#include "math/narrow-inl.h"
#include "opkit/pointwise.h"
#include "ops/list/sum.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::list {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Arrays are summed a block at a time, and a few in one loop: each load then runs along one array,
// as the processor's prefetcher wants it, and the sums so far stay in the first cache.
constexpr size_t kBlockBytes = 4096;

// y = a + more[0][at..] + ..., added from left to right; y may be a.
template <size_t kMore, typename T>
HWY_NOINLINE void AddArrays(const T* a, const void* const* more, size_t at, size_t n, T* y) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const T* b[kMore];
  for (size_t k = 0; k < kMore; ++k) b[k] = static_cast<const T*>(more[k]) + at;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto sum = hn::LoadU(d, a + i);
    HWY_UNROLL(3)
    for (size_t k = 0; k < kMore; ++k) sum = hn::Add(sum, hn::LoadU(d, b[k] + i));
    hn::StoreU(sum, d, y + i);
  }
  if (i < n) {
    auto sum = hn::LoadN(d, a + i, n - i);
    for (size_t k = 0; k < kMore; ++k) sum = hn::Add(sum, hn::LoadN(d, b[k] + i, n - i));
    hn::StoreN(sum, d, y + i, n - i);
  }
}

// y = a + b; each sum of 16-bit floats is rounded, as in TF.
template <typename T>
HWY_NOINLINE void AddNarrow(const T* a, const T* b, size_t n, T* y) {
  using ::opkit::HWY_NAMESPACE::LoadWide;
  using ::opkit::HWY_NAMESPACE::StoreNarrow;
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    StoreNarrow(hn::Add(LoadWide(d, a + i), LoadWide(d, b + i)), d, y + i);
  }
  for (; i < n; ++i) y[i] = T(static_cast<float>(a[i]) + static_cast<float>(b[i]));
}

// y[0..n) = the sum of `count` arrays from `at` on, from the first to the last.
template <typename T>
HWY_NOINLINE void SumInOrder(const void* const* in, size_t count, size_t at, size_t n, T* y) {
  const T* sum = static_cast<const T*>(in[0]) + at;
  if (count == 1) std::memcpy(y, sum, n * sizeof(T));
  for (size_t k = 1; k < count; sum = y) {
    if constexpr (kIsNarrowFloat<T>) {
      AddNarrow<T>(sum, static_cast<const T*>(in[k++]) + at, n, y);
    } else if (count - k >= 3) {
      AddArrays<3, T>(sum, in + k, at, n, y);
      k += 3;
    } else {
      AddArrays<1, T>(sum, in + k, at, n, y);
      ++k;
    }
  }
}

template <typename T>
HWY_INLINE void SumArrays(const void* const* in, size_t count, void* out, size_t begin,
                          size_t end) {
  constexpr size_t kBlock = kBlockBytes / sizeof(T);
  const size_t head = FirstGroup(count);
  for (size_t at = begin; at < end; at += kBlock) {
    const size_t n = end - at < kBlock ? end - at : kBlock;
    T* const y = static_cast<T*>(out) + at;
    SumInOrder<T>(in, head, at, n, y);
    for (size_t k = head; k < count; k += 8) {
      HWY_ALIGN T eight[kBlock];
      SumInOrder<T>(in + k, 8, at, n, eight);
      const void* const both[] = {y, eight};
      SumInOrder<T>(both, 2, 0, n, y);
    }
  }
}

}  // namespace

// clang-format off
#define OPKIT_EACH_SUM(X) \
  X(float, F32) X(double, F64) X(uint8_t, U8) X(uint16_t, U16) X(uint32_t, U32) X(uint64_t, U64) \
  X(Half, F16) X(BFloat16, BF16)
// clang-format on
#define OPKIT_SUM(T, name)                                                             \
  void Sum##name(const void* const* in, size_t count, void* sum, size_t a, size_t b) { \
    SumArrays<T>(in, count, sum, a, b);                                                \
  }
OPKIT_EACH_SUM(OPKIT_SUM)

}  // namespace HWY_NAMESPACE
}  // namespace opkit::list
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::list {
namespace {

#define OPKIT_TABLE(T, name) OPKIT_SIMD_EXPORT(Sum##name);
OPKIT_EACH_SUM(OPKIT_TABLE)

}  // namespace

Summation SummationOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kComplex64:
      return {OPKIT_SIMD_CALL(SumF32), 4};
    case DType::kFloat64:
    case DType::kComplex128:
      return {OPKIT_SIMD_CALL(SumF64), 8};
    case DType::kFloat16:
      return {OPKIT_SIMD_CALL(SumF16), 2};
    case DType::kBFloat16:
      return {OPKIT_SIMD_CALL(SumBF16), 2};
    case DType::kInt8:
    case DType::kUInt8:
      return {OPKIT_SIMD_CALL(SumU8), 1};
    case DType::kInt16:
    case DType::kUInt16:
      return {OPKIT_SIMD_CALL(SumU16), 2};
    case DType::kInt32:
    case DType::kUInt32:
      return {OPKIT_SIMD_CALL(SumU32), 4};
    case DType::kInt64:
    case DType::kUInt64:
      return {OPKIT_SIMD_CALL(SumU64), 8};
    default:
      return {};
  }
}

}  // namespace opkit::list
#endif  // HWY_ONCE
