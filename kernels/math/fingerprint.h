// 64-bit hashes of byte strings and integers.
#ifndef OPKIT_MATH_FINGERPRINT_H_
#define OPKIT_MATH_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace opkit::math {

// FarmHash's Fingerprint64 (G. Pike, 2014; the "na" variant), whose values are fixed for ever:
// TensorFlow's StringToHashBucketFast is defined by it.
uint64_t Fingerprint64(std::string_view s);

// A well-mixed hash of an integer (the finalizer of MurmurHash3 with D. Stafford's constants,
// "Mix13"), a bijection: distinct keys never share all 64 bits.
inline uint64_t Mix64(uint64_t v) {
  v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
  v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
  return v ^ (v >> 31);
}

// The same in its high bits only, for less: equal steps between values, of whatever size, spread
// over the high bits like random numbers.
inline uint64_t SpreadToHigh(uint64_t v) {
  v *= 0x9e3779b97f4a7c15u;
  return (v ^ (v >> 32)) * 0xd6e8feb86659fd93u;
}

}  // namespace opkit::math

#endif  // OPKIT_MATH_FINGERPRINT_H_
