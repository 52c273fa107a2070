// Status, DType and Shape.
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "opkit/dtype.h"
#include "opkit/shape.h"
#include "opkit/status.h"

namespace opkit {
namespace {

std::string FormatV(const char* format, va_list args) {
  va_list again;
  va_copy(again, args);
  const int n = std::vsnprintf(nullptr, 0, format, args);
  std::string out(n > 0 ? static_cast<size_t>(n) : 0, '\0');
  if (n > 0) std::vsnprintf(out.data(), out.size() + 1, format, again);
  va_end(again);
  return out;
}

struct DTypeInfo {
  const char* name;
  uint8_t size;
  uint8_t tflite;  // TfLiteType
  uint8_t tf;      // tensorflow.DataType
};

constexpr DTypeInfo kInfo[] = {
    {"invalid", 0, 0, 0},       {"float32", 4, 1, 1},    {"float64", 8, 11, 2},
    {"float16", 2, 10, 19},     {"bfloat16", 2, 19, 14}, {"int8", 1, 9, 6},
    {"int16", 2, 7, 5},         {"int32", 4, 2, 3},      {"int64", 8, 4, 9},
    {"uint8", 1, 3, 4},         {"uint16", 2, 17, 17},   {"uint32", 4, 16, 22},
    {"uint64", 8, 13, 23},      {"bool", 1, 6, 10},      {"complex64", 8, 8, 8},
    {"complex128", 16, 12, 18}, {"string", 0, 5, 7},     {"resource", 0, 14, 20},
    {"variant", 0, 15, 21},     {"qint8", 1, 9, 11},     {"quint8", 1, 3, 12},
    {"qint16", 2, 7, 15},
};
static_assert(sizeof(kInfo) / sizeof(kInfo[0]) == static_cast<size_t>(DType::kCount));

const DTypeInfo& Info(DType t) { return kInfo[t < DType::kCount ? static_cast<size_t>(t) : 0]; }

}  // namespace

Status::Status(std::string message) : message_(new std::string(std::move(message))) {}

const std::string& Status::message() const {
  static const auto* empty = new std::string();
  return message_ ? *message_ : *empty;
}

void Status::Deleter::operator()(std::string* message) const noexcept { delete message; }

std::string Format(const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::string out = FormatV(format, args);
  va_end(args);
  return out;
}

Status Error(const char* format, ...) {
  va_list args;
  va_start(args, format);
  std::string out = FormatV(format, args);
  va_end(args);
  return Status(std::move(out));
}

const char* DTypeName(DType t) { return Info(t).name; }
size_t DTypeSize(DType t) { return Info(t).size; }
int DTypeToTfLite(DType t) { return Info(t).tflite; }
int DTypeToTf(DType t) { return Info(t).tf; }

DType StorageType(DType t) {
  switch (t) {
    case DType::kQInt8:
      return DType::kInt8;
    case DType::kQUInt8:
      return DType::kUInt8;
    case DType::kQInt16:
      return DType::kInt16;
    default:
      return t;
  }
}

DType DTypeFromTfLite(int tflite_type) {
  for (size_t i = 1; i < static_cast<size_t>(DType::kQInt8); ++i) {
    if (kInfo[i].tflite == tflite_type) return static_cast<DType>(i);
  }
  return DType::kInvalid;
}

DType DTypeFromTf(int tf_enum) {
  if (tf_enum > 100) tf_enum -= 100;  // reference types of TF1 graphs
  for (size_t i = 1; i < static_cast<size_t>(DType::kCount); ++i) {
    if (kInfo[i].tf == tf_enum) return static_cast<DType>(i);
  }
  return DType::kInvalid;
}

std::string Shape::str() const {
  if (!valid_) return "[invalid]";
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) {
    out += Format(i > 0 ? ",%lld" : "%lld", static_cast<long long>(dims_[i]));
  }
  return out + "]";
}

bool BroadcastShapes(const Shape& a, const Shape& b, Shape* out) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  Shape result;
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) return false;
    result.push_back(da == 1 ? db : da);
  }
  *out = result;
  return true;
}

}  // namespace opkit
