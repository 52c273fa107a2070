// Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3" (SC 2011), keyed and ordered as TensorFlow does.
#ifndef OPKIT_OPS_RANDOM_PHILOX_H_
#define OPKIT_OPS_RANDOM_PHILOX_H_

#include <cstdint>

namespace opkit::random {

constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
constexpr uint32_t kMul0 = 0xD2511F53u, kMul1 = 0xCD9E8D57u;
constexpr int kRounds = 10;

struct Group {
  uint32_t v[4];
};

// A position in the stream: key and 128-bit counter, each counter value giving four words.
struct Philox {
  uint32_t key[2] = {0, 0};
  uint32_t counter[4] = {0, 0, 0, 0};

  void Skip(uint64_t groups) {
    const uint64_t low = (uint64_t{counter[1]} << 32 | counter[0]) + groups;
    if (low < groups && ++counter[2] == 0) ++counter[3];
    counter[0] = static_cast<uint32_t>(low);
    counter[1] = static_cast<uint32_t>(low >> 32);
  }

  Group Next() {
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0], k1 = key[1];
    for (int r = 0; r < kRounds; ++r, k0 += kWeyl0, k1 += kWeyl1) {
      const uint64_t p0 = uint64_t{kMul0} * c[0], p1 = uint64_t{kMul1} * c[2];
      c[0] = static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0;
      c[1] = static_cast<uint32_t>(p1);
      c[2] = static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1;
      c[3] = static_cast<uint32_t>(p0);
    }
    Skip(1);
    return {{c[0], c[1], c[2], c[3]}};
  }
};

// Groups that are drawn together, and words that may be written past the last one.
constexpr int64_t kBatch = 256;
constexpr int64_t kSlack = 64;

// Writes 4 * groups words of the stream from `start`; `out` has room for kSlack more.
void FillGroups(Philox start, int64_t groups, uint32_t* out);

// The same for `groups` <= kBatch groups that lie ahead[i] groups after `start`.
void FillScattered(const Philox& start, const uint64_t* ahead, int64_t groups, uint32_t* out);

}  // namespace opkit::random

#endif  // OPKIT_OPS_RANDOM_PHILOX_H_
