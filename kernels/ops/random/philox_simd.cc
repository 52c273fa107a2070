// Philox with one counter value a lane.
#include <algorithm>

#include "math/simd.h"
#include "ops/random/philox.h"

HWY_BEFORE_NAMESPACE();
namespace opkit::random::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<uint32_t>;
using V32 = hn::Vec<D32>;

// Low and high halves of the 64-bit products of two vectors.
HWY_INLINE void MulHighLow(D32 d, V32 a, V32 b, V32* high, V32* low) {
  const auto even = hn::MulEven(a, b), odd = hn::MulOdd(a, b);
  *low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  *high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
}

// `groups` counter values from p on, whose lowest word does not wrap; or those with the two low
// words low[i] and high[i].
void PhiloxRun(const Philox& p, const uint32_t* low, const uint32_t* high, int64_t groups,
               uint32_t* out) {
  const D32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto m0 = hn::Set(d, kMul0), m1 = hn::Set(d, kMul1);
  for (int64_t g = 0; g < groups; g += lanes) {
    auto c0 = low != nullptr ? hn::LoadU(d, low + g)
                             : hn::Iota(d, p.counter[0] + static_cast<uint32_t>(g));
    auto c1 = low != nullptr ? hn::LoadU(d, high + g) : hn::Set(d, p.counter[1]);
    auto c2 = hn::Set(d, p.counter[2]), c3 = hn::Set(d, p.counter[3]);
    uint32_t k0 = p.key[0], k1 = p.key[1];
    for (int r = 0; r < kRounds; ++r, k0 += kWeyl0, k1 += kWeyl1) {
      V32 high0, low0, high1, low1;
      MulHighLow(d, m0, c0, &high0, &low0);
      MulHighLow(d, m1, c2, &high1, &low1);
      c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
      c1 = low1;
      c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
      c3 = low0;
    }
    hn::StoreInterleaved4(c0, c1, c2, c3, d, out + 4 * g);
  }
}

}  // namespace opkit::random::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace opkit::random {

OPKIT_SIMD_EXPORT(PhiloxRun);

void FillGroups(Philox start, int64_t groups, uint32_t* out) {
  while (groups > 0) {
    const int64_t until_wrap = (int64_t{1} << 32) - start.counter[0];
    const int64_t n = std::min(groups, until_wrap);
    OPKIT_SIMD_CALL(PhiloxRun)(start, nullptr, nullptr, n, out);
    start.Skip(static_cast<uint64_t>(n));
    out += 4 * n;
    groups -= n;
  }
}

void FillScattered(const Philox& start, const uint64_t* ahead, int64_t groups, uint32_t* out) {
  uint32_t low[kBatch + kSlack / 4] = {}, high[kBatch + kSlack / 4] = {};
  const uint64_t first = uint64_t{start.counter[1]} << 32 | start.counter[0];
  bool carry = false;  // into the high words
  for (int64_t i = 0; i < groups; ++i) {
    const uint64_t at = first + ahead[i];
    carry |= at < first;
    low[i] = static_cast<uint32_t>(at);
    high[i] = static_cast<uint32_t>(at >> 32);
  }
  if (!carry) return OPKIT_SIMD_CALL(PhiloxRun)(start, low, high, groups, out);
  for (int64_t i = 0; i < groups; ++i) {
    Philox at = start;
    at.Skip(ahead[i]);
    const Group words = at.Next();
    std::copy_n(words.v, 4, out + 4 * i);
  }
}

}  // namespace opkit::random
#endif  // HWY_ONCE
