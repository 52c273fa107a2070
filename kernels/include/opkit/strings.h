// String tensors: TFLite stores int32 count, count + 1 offsets, then the bytes.
#ifndef OPKIT_STRINGS_H_
#define OPKIT_STRINGS_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace opkit {

// Read-only view; validated by the framework before a kernel sees it.
class StringsView {
 public:
  StringsView() = default;
  StringsView(const char* data, int32_t count) : data_(data), count_(count) {}
  int64_t size() const { return count_; }
  std::string_view operator[](int64_t i) const {
    const int32_t begin = offset(i), end = offset(i + 1);
    return {data_ + begin, static_cast<size_t>(end - begin)};
  }

 private:
  int32_t offset(int64_t i) const {
    int32_t v;
    std::memcpy(&v, data_ + 4 * (i + 1), 4);
    return v;
  }
  const char* data_ = nullptr;
  int32_t count_ = 0;
};

// Collects strings in order; OpContext::WriteStrings stores them in an output.
class StringWriter {
 public:
  void reserve(int64_t count, size_t bytes) {
    ends_.reserve(static_cast<size_t>(count));
    bytes_.reserve(bytes);
  }
  void Add(std::string_view s) {
    bytes_.append(s);
    ends_.push_back(bytes_.size());
  }
  // Room for one string of `n` bytes, to be filled by the caller before the next call.
  char* AddUninitialized(size_t n) {
    const size_t at = bytes_.size();
    bytes_.resize(at + n);
    ends_.push_back(bytes_.size());
    return bytes_.data() + at;
  }
  int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  const std::string& bytes() const { return bytes_; }
  const std::vector<size_t>& ends() const { return ends_; }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

}  // namespace opkit

#endif  // OPKIT_STRINGS_H_
