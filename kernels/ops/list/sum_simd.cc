#include "math/simd.h"
#include "ops/list/sum.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::list {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// kVectors neighbouring vectors, each summed over all arrays; `load` reads one.
template <size_t kVectors, class D, class Load>
HWY_INLINE void SumAt(D, size_t count, hn::Vec<D> (&sum)[kVectors], Load load) {
  const auto add = [&](size_t from, size_t to, hn::Vec<D>(&total)[kVectors]) HWY_ATTR {
    for (size_t v = 0; v < kVectors; ++v) total[v] = load(from, v);
    for (size_t k = from + 1; k < to; ++k) {
      for (size_t v = 0; v < kVectors; ++v) total[v] = hn::Add(total[v], load(k, v));
    }
  };
  const size_t head = FirstGroup(count);
  add(0, head, sum);
  for (size_t k = head; k < count; k += 8) {
    hn::Vec<D> eight[kVectors];
    add(k, k + 8, eight);
    for (size_t v = 0; v < kVectors; ++v) sum[v] = hn::Add(sum[v], eight[v]);
  }
}

template <typename T>
HWY_INLINE void SumArrays(const void* const* in, size_t count, void* out, size_t begin,
                          size_t end) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  constexpr size_t kVectors = 4;
  T* y = static_cast<T*>(out);
  const auto from = [in](size_t k) { return static_cast<const T*>(in[k]); };
  size_t i = begin;
  for (; i + kVectors * lanes <= end; i += kVectors * lanes) {
    hn::Vec<decltype(d)> sum[kVectors];
    SumAt(d, count, sum,
          [&](size_t k, size_t v) HWY_ATTR { return hn::LoadU(d, from(k) + i + v * lanes); });
    for (size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v], d, y + i + v * lanes);
  }
  for (; i < end; i += lanes) {
    const size_t left = end - i;
    hn::Vec<decltype(d)> sum[1];
    SumAt(d, count, sum,
          [&](size_t k, size_t) HWY_ATTR { return hn::LoadN(d, from(k) + i, left); });
    hn::StoreN(sum[0], d, y + i, left);
  }
}

}  // namespace

// clang-format off
#define OPKIT_EACH_SUM(X) \
  X(float, F32) X(double, F64) X(uint8_t, U8) X(uint16_t, U16) X(uint32_t, U32) X(uint64_t, U64)
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

// Each addition is rounded to the 16-bit type, as in TF.
template <typename H>
void Sum16(const void* const* in, size_t count, void* sum, size_t begin, size_t end) {
  const auto at = [in](size_t k, size_t i) {
    return static_cast<float>(static_cast<const H*>(in[k])[i]);
  };
  const size_t head = FirstGroup(count);
  for (size_t i = begin; i < end; ++i) {
    H total(at(0, i));
    for (size_t k = 1; k < head; ++k) total = H(static_cast<float>(total) + at(k, i));
    for (size_t k = head; k < count; k += 8) {
      H eight(at(k, i));
      for (size_t j = 1; j < 8; ++j) eight = H(static_cast<float>(eight) + at(k + j, i));
      total = H(static_cast<float>(total) + static_cast<float>(eight));
    }
    static_cast<H*>(sum)[i] = total;
  }
}

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
      return {Sum16<Half>, 2};
    case DType::kBFloat16:
      return {Sum16<BFloat16>, 2};
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
