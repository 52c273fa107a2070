// Random calls of declared ops, valid or hostile, drawn from a byte source.
#ifndef OPKIT_TESTS_CPP_RANDOM_CASE_H_
#define OPKIT_TESTS_CPP_RANDOM_CASE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "framework/instance.h"
#include "mini_runtime.h"

namespace opkit::testing {

// splitmix64 (Steele, Lea, Flood 2014), or the fuzzer's bytes while they last.
class Source {
 public:
  explicit Source(uint64_t seed) : state_(seed) {}
  Source(const uint8_t* data, size_t size) : data_(data), size_(size) {
    for (size_t i = 0; i < size; ++i) state_ = state_ * 31 + data[i];
  }
  uint64_t Bits();
  int Below(int n) { return static_cast<int>(Bits() % static_cast<uint64_t>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  uint64_t state_ = 0;
};

struct Outcome {
  bool ran = false;     // prepare and invoke accepted the call
  std::string message;  // what was reported otherwise
};

// Makes inputs, attributes and outputs for `entry` and runs it. The same source gives the same
// call.
Outcome RunRandomCase(const internal::OpEntry& entry, Source* source);

// All declared ops, in alphabetical order.
std::vector<const internal::OpEntry*> AllOps();

}  // namespace opkit::testing

#endif  // OPKIT_TESTS_CPP_RANDOM_CASE_H_
