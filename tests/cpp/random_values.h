// Random bytes and what is drawn from them: dtypes, numbers, strings. The draws of one case share a
// taste, so that what its calls hand to each other often fits together.
#ifndef OPKIT_TESTS_CPP_RANDOM_VALUES_H_
#define OPKIT_TESTS_CPP_RANDOM_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "opkit/dtype.h"

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

// What one case likes to draw: few dtypes, few words, one extent.
class Taste {
 public:
  Taste(Source* source, bool hostile);

  Source& source() { return *source_; }
  bool hostile() const { return hostile_; }
  bool OneIn(int n) { return source_->OneIn(n); }
  int Below(int n) { return source_->Below(n); }

  DType PickDType(DTypeSet set);
  int64_t PickInt();        // mostly small; hostile: at times extreme
  int64_t PickAttribute();  // the same, often 1: windows, strides, rates
  double PickFloat();
  std::string PickString();
  int PickExtent();  // 0 to 5, often that of the case
  std::vector<int> PickShape(int max_rank);
  // `count` elements, as a tensor stores them.
  std::string PickBytes(DType dtype, size_t count);

 private:
  Source* source_;
  bool hostile_;
  bool alike_;  // all extents are the case's
  int extent_;
  DType dtypes_[2];
  std::vector<std::string> words_;
};

// The bytes of integers of a dtype.
std::string IntBytes(DType dtype, const std::vector<int>& values);

}  // namespace opkit::testing

#endif  // OPKIT_TESTS_CPP_RANDOM_VALUES_H_
