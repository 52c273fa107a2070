#include "random_values.h"

#include <cstring>
#include <limits>

namespace opkit::testing {
namespace {

template <typename T>
void Put(std::string* out, T v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof(v));
}

std::string RandomWord(Source* s) {
  static const char* const kWords[] = {"",         "a",      "Hello, World", "\xc3\x84rger",
                                       "\xff\xfe", "1 2  3", "SAME",         "x,y,,z"};
  if (s->OneIn(2)) return kWords[s->Below(8)];
  std::string out(static_cast<size_t>(s->Below(40)), ' ');
  for (char& c : out) {
    c = static_cast<char>(s->Bits());
    if (c == '/') c = '_';  // names of files stay in the working folder
  }
  return out;
}

}  // namespace

uint64_t Source::Bits() {
  if (size_ >= 8) {
    uint64_t v;
    std::memcpy(&v, data_, 8);
    data_ += 8;
    size_ -= 8;
    return v;
  }
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Taste::Taste(Source* source, bool hostile)
    : source_(source), hostile_(hostile), alike_(OneIn(2)), extent_(1 + Below(3)) {
  for (DType& t : dtypes_) t = static_cast<DType>(1 + Below(static_cast<int>(DType::kCount) - 1));
  words_ = {"", RandomWord(source), "w" + std::to_string(Below(8))};
}

DType Taste::PickDType(DTypeSet set) {
  const DType liked = dtypes_[Below(2)];
  if ((set & Bit(liked)) != 0 && !OneIn(6)) return liked;
  std::vector<DType> all;
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if ((set & Bit(static_cast<DType>(i))) != 0) all.push_back(static_cast<DType>(i));
  }
  return all[static_cast<size_t>(Below(static_cast<int>(all.size())))];
}

int64_t Taste::PickInt() {
  if (hostile_ && OneIn(4)) {
    static constexpr int64_t kExtremes[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -1,
                                            1 << 30,   -129,      65536,     255,       1 << 20};
    return kExtremes[Below(10)];
  }
  return hostile_ ? Below(12) - 4 : Below(4);
}

int64_t Taste::PickAttribute() { return OneIn(2) ? 1 : PickInt(); }

double Taste::PickFloat() {
  switch (Below(8)) {
    case 0:
      return 0.0;
    case 1:
      return std::numeric_limits<double>::infinity() * (OneIn(2) ? 1 : -1);
    case 2:
      return std::numeric_limits<double>::quiet_NaN();
    case 3: {  // any float32
      const uint32_t bits = static_cast<uint32_t>(source_->Bits());
      float f;
      std::memcpy(&f, &bits, 4);
      return static_cast<double>(f);
    }
    default:
      return (static_cast<double>(Below(2001)) - 1000) / 100;
  }
}

std::string Taste::PickString() {
  return OneIn(3) ? RandomWord(source_)
                  : words_[static_cast<size_t>(Below(static_cast<int>(words_.size())))];
}

int Taste::PickExtent() {
  if (alike_ && !OneIn(12)) return extent_;
  return OneIn(8) ? 0 : 1 + Below(5);
}

std::vector<int> Taste::PickShape(int max_rank) {
  std::vector<int> shape(static_cast<size_t>(Below(max_rank + 1)));
  for (int& d : shape) d = PickExtent();
  return shape;
}

std::string Taste::PickBytes(DType dtype, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    switch (StorageType(dtype)) {
      case DType::kFloat32:
        Put(&out, static_cast<float>(PickFloat()));
        break;
      case DType::kFloat64:
        Put(&out, PickFloat());
        break;
      case DType::kFloat16:
        Put(&out, Half(static_cast<float>(PickFloat())).bits);
        break;
      case DType::kBFloat16:
        Put(&out, BFloat16(static_cast<float>(PickFloat())).bits);
        break;
      case DType::kComplex64:
        Put(&out, static_cast<float>(PickFloat()));
        Put(&out, static_cast<float>(PickFloat()));
        break;
      case DType::kComplex128:
        Put(&out, PickFloat());
        Put(&out, PickFloat());
        break;
      case DType::kBool:
        Put(&out, static_cast<uint8_t>(Below(2)));
        break;
      default: {
        const int64_t v = IsQuantized(dtype) ? static_cast<int64_t>(source_->Bits()) : PickInt();
        out.append(reinterpret_cast<const char*>(&v), DTypeSize(dtype));
      }
    }
  }
  return out;
}

std::string IntBytes(DType dtype, const std::vector<int>& values) {
  std::string out;
  for (const int value : values) {
    const int64_t wide = value;
    out.append(reinterpret_cast<const char*>(&wide), DTypeSize(dtype));
  }
  return out;
}

}  // namespace opkit::testing
