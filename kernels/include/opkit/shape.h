// A tensor's dimensions: up to 8, each 0 or more, element count checked to fit.
#ifndef OPKIT_SHAPE_H_
#define OPKIT_SHAPE_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace opkit {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;  // scalar
  Shape(std::initializer_list<int64_t> dims) {
    for (int64_t d : dims) push_back(d);
  }
  Shape(const int64_t* dims, int rank) {
    for (int i = 0; i < rank; ++i) push_back(dims[i]);
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  int64_t& operator[](int i) { return dims_[i]; }
  int64_t back() const { return dims_[rank_ - 1]; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  // A rank above kMaxRank or a negative or oversized dimension makes the shape invalid; SetShape
  // and Allocate refuse such a shape with an error, so callers need not test it.
  void push_back(int64_t d) {
    if (rank_ == kMaxRank || d < 0 || d > INT32_MAX) {
      valid_ = false;
    } else {
      dims_[rank_++] = d;
    }
  }
  bool valid() const { return valid_; }

  // Number of elements; product of a part of the dimensions. Framework-made shapes fit int64.
  int64_t size() const { return size(0, rank_); }
  int64_t size(int first, int last) const {
    uint64_t n = 1;  // unsigned: shapes not yet checked may overflow, which must stay harmless
    for (int i = first; i < last; ++i) {
      if (dims_[i] == 0) return 0;
      n *= static_cast<uint64_t>(dims_[i]);
    }
    return static_cast<int64_t>(n);
  }
  Shape slice(int first, int last) const { return Shape(dims_ + first, last - first); }
  Shape concat(const Shape& tail) const {
    Shape out = *this;
    for (int64_t d : tail) out.push_back(d);
    out.valid_ = out.valid_ && tail.valid_;
    return out;
  }

  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if (dims_[i] != o.dims_[i]) return false;
    }
    return true;
  }
  bool operator!=(const Shape& o) const { return !(*this == o); }
  std::string str() const;  // "[2,3]"

 private:
  int64_t dims_[kMaxRank] = {};
  int rank_ = 0;
  bool valid_ = true;
};

// NumPy/TF broadcasting; false when the shapes do not broadcast.
bool BroadcastShapes(const Shape& a, const Shape& b, Shape* out);

}  // namespace opkit

#endif  // OPKIT_SHAPE_H_
