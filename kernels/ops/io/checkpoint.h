// TensorFlow's two checkpoint formats: V1 (one table of protocol buffers, written by Save) and V2
// (an index table and data files, written by SaveV2).
#ifndef OPKIT_OPS_IO_CHECKPOINT_H_
#define OPKIT_OPS_IO_CHECKPOINT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "opkit/dtype.h"
#include "opkit/shape.h"
#include "opkit/status.h"
#include "opkit/strings.h"
#include "ops/io/table.h"

namespace opkit::io {

// A part of a tensor: start and length in each dimension.
struct Box {
  int rank = 0;
  int64_t start[Shape::kMaxRank] = {};
  int64_t length[Shape::kMaxRank] = {};

  static Box All(const Shape& shape);
  int64_t size() const;
  Shape shape() const { return Shape(length, rank); }
  bool covers(const Shape& whole) const;
};

// "4 5 0,2:-" is rows 0 and 1 of a [4, 5] tensor; "" is all of `shape`, which is then kept.
Status ParseSpec(std::string_view spec, Shape* shape, Box* box);

// What a checkpoint holds of one tensor: raw little-endian bytes, or strings.
struct Slice {
  Box box;
  std::string bytes;
  std::vector<std::string> strings;
};
struct Stored {
  DType dtype = DType::kInvalid;
  Shape shape;
  std::vector<Slice> slices;
};

// Copies the part `want` of a tensor out of its slices; an error when they leave a gap.
Status CheckCovered(const Stored& stored, const Box& want);
void CopyBytes(const Stored& stored, const Box& want, size_t element, char* out);
void CopyStrings(const Stored& stored, const Box& want, std::vector<std::string_view>* out);

// A tensor to be written: `box` of a tensor of shape `whole`.
struct Source {
  std::string name;
  DType dtype = DType::kInvalid;
  Shape whole;
  Box box;
  const char* bytes = nullptr;
  StringsView strings;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // An error when the checkpoint has no such tensor or is damaged.
  virtual Status Read(const std::string& name, Stored* out) = 0;
};

Status WriteV1(const std::string& path, const std::vector<Source>& tensors);
Status WriteV2(const std::string& prefix, const std::vector<Source>& tensors);
// `pattern` names files; * ? and [a-z] work in its last part.
Status OpenV1(const std::string& pattern, std::unique_ptr<Reader>* out);
Status OpenV2(const std::string& prefix, std::unique_ptr<Reader>* out);
bool IsV2(const std::string& prefix);  // there is an index file

// --- shared by the two formats ------------------------------------------------------------------

std::string EncodeShape(const Shape& shape);                // TensorShapeProto
std::string EncodeBox(const Box& box, const Shape& whole);  // TensorSliceProto
bool DecodeShape(std::string_view proto, Shape* out);
bool DecodeBox(std::string_view proto, const Shape& whole, Box* out);
// Sorts by name; the key of a slice continues the key of its tensor by what its TensorSliceProto
// says, which has two ways to say "all of a dimension".
std::string NameKey(std::string_view name);
std::string SliceKey(std::string_view name, std::string_view proto);
constexpr int kCheckpointVersion = 1;

}  // namespace opkit::io

#endif  // OPKIT_OPS_IO_CHECKPOINT_H_
