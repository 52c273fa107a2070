// Transposing small blocks of numbers held in vectors, compiled once per instruction set.
#if defined(OPKIT_SIGNAL_TURN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OPKIT_SIGNAL_TURN_INL_H_
#undef OPKIT_SIGNAL_TURN_INL_H_
#else
#define OPKIT_SIGNAL_TURN_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::signal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class R>
using Tag = hn::ScalableTag<R>;
template <class R>
using Vec = hn::Vec<Tag<R>>;
template <class R>
constexpr size_t kLanes = hn::MaxLanes(Tag<R>());

// 128-bit blocks of a vector, and elements of a block: what transposing goes by.
template <class R>
constexpr size_t kElements = 16 / sizeof(R);
template <class R>
constexpr size_t kBlocks = HWY_MAX(kLanes<R> / kElements<R>, 1);

// Transposes the squares of kElements rows inside each block.
template <class R>
HWY_INLINE void TransposeInBlocks(Vec<R>* v) {
  const Tag<R> d;
  const Vec<R> a = hn::InterleaveLower(d, v[0], v[1]), b = hn::InterleaveUpper(d, v[0], v[1]);
  if constexpr (sizeof(R) == 8) {
    v[0] = a;
    v[1] = b;
  } else {
    const hn::Repartition<double, Tag<R>> pairs;
    const auto c = hn::BitCast(pairs, hn::InterleaveLower(d, v[2], v[3]));
    const auto e = hn::BitCast(pairs, hn::InterleaveUpper(d, v[2], v[3]));
    const auto low = hn::BitCast(pairs, a), high = hn::BitCast(pairs, b);
    v[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low, c));
    v[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low, c));
    v[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high, e));
    v[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high, e));
  }
}

// Transposes kBlocks vectors as a square of blocks.
template <class R>
HWY_INLINE void TransposeBlocks(Vec<R>* v) {
  const Tag<R> d;
  if constexpr (kBlocks<R> == 2) {
    const Vec<R> a = v[0];
    v[0] = hn::ConcatLowerLower(d, v[1], a);
    v[1] = hn::ConcatUpperUpper(d, v[1], a);
  } else if constexpr (kBlocks<R> == 4) {
    const hn::Repartition<double, Tag<R>> pairs;  // half a block each
    const hn::RebindToUnsigned<decltype(pairs)> index;
    HWY_ALIGN static constexpr uint64_t kEven[8] = {0, 1, 4, 5, 8, 9, 12, 13};
    const auto lanes = hn::Load(index, kEven);
    const auto even = hn::IndicesFromVec(pairs, lanes);
    const auto odd = hn::IndicesFromVec(pairs, hn::Add(lanes, hn::Set(index, 2)));
    const auto a = hn::BitCast(pairs, hn::ConcatLowerLower(d, v[1], v[0]));
    const auto b = hn::BitCast(pairs, hn::ConcatLowerLower(d, v[3], v[2]));
    const auto c = hn::BitCast(pairs, hn::ConcatUpperUpper(d, v[1], v[0]));
    const auto e = hn::BitCast(pairs, hn::ConcatUpperUpper(d, v[3], v[2]));
    v[0] = hn::BitCast(d, hn::TwoTablesLookupLanes(pairs, a, b, even));
    v[1] = hn::BitCast(d, hn::TwoTablesLookupLanes(pairs, a, b, odd));
    v[2] = hn::BitCast(d, hn::TwoTablesLookupLanes(pairs, c, e, even));
    v[3] = hn::BitCast(d, hn::TwoTablesLookupLanes(pairs, c, e, odd));
  }
}

// Element p of v[j], j < kRows, becomes element p kRows + j of the vectors of `out` in a row.
// Spoils v.
template <class R, size_t kRows>
HWY_INLINE void Turn(Vec<R>* v, Vec<R>* out) {
  constexpr size_t kE = kElements<R>, kB = kBlocks<R>, kGroups = kRows / kE;
  static_assert(kRows % kE == 0 && kRows % kB == 0, "whole blocks only");
  Vec<R> u[kRows];
  HWY_UNROLL(8)
  for (size_t g = 0; g < kGroups; ++g) {
    TransposeInBlocks<R>(v + g * kE);
    HWY_UNROLL(4)
    for (size_t i = 0; i < kE; ++i) u[i * kGroups + g] = v[g * kE + i];
  }
  HWY_UNROLL(8)
  for (size_t c = 0; c < kRows / kB; ++c) {
    TransposeBlocks<R>(u + c * kB);
    HWY_UNROLL(4)
    for (size_t b = 0; b < kB; ++b) out[b * (kRows / kB) + c] = u[c * kB + b];
  }
}

}  // namespace opkit::signal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
