// Normal float32 values, many at a time.
#ifndef OPKIT_OPS_RANDOM_NORMAL_H_
#define OPKIT_OPS_RANDOM_NORMAL_H_

#include <cstdint>

namespace opkit::random {

// BoxMuller of each pair of words: `count` words, an even number, to as many values. Reads and
// writes up to kSlack more.
void Normals(const uint32_t* words, int64_t count, float* out);

}  // namespace opkit::random

#endif  // OPKIT_OPS_RANDOM_NORMAL_H_
