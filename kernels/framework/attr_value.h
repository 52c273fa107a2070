// Attribute values, as declared and as found in a model.
#ifndef OPKIT_FRAMEWORK_ATTR_VALUE_H_
#define OPKIT_FRAMEWORK_ATTR_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "opkit/dtype.h"
#include "opkit/op.h"

namespace opkit::internal {

enum class AttrKind { kInt, kFloat, kBool, kString, kType, kShape, kFunc, kTensor };

// A value of a declared kind. A list of kind K uses the vector of K; bools are kept as ints.
struct AttrValue {
  int64_t i = 0;  // int, bool
  float f = 0;
  std::string s;  // string, func, tensor
  DType t = DType::kInvalid;
  PartialShape shape;
  std::vector<int64_t> ints;
  std::vector<float> floats;
  std::vector<std::string> strings;
  std::vector<DType> types;
  std::vector<PartialShape> shapes;
};

// A value as decoded from a node's options, before it is matched to a declaration.
struct RawAttr {
  enum Kind { kNull, kInt, kFloat, kBool, kString, kType, kShape, kList };
  Kind kind = kNull;
  int64_t i = 0;  // kInt, kBool
  double f = 0;
  std::string s;
  DType t = DType::kInvalid;
  PartialShape shape;
  std::vector<RawAttr> list;
};

struct NamedRawAttr {
  std::string name;
  RawAttr value;
};

struct Signature;

// Decodes a node's custom options: empty, a flexbuffer map of attributes, or Flex's
// [op name, NodeDef]. `op_name` is what the NodeDef must be of. Never reads outside the buffer.
Status DecodeOptions(const char* buffer, size_t length, const char* op_name,
                     std::vector<NamedRawAttr>* out);

// A node's value of an attribute: its own, or the declaration's default.
struct BoundAttr {
  const AttrValue* value = nullptr;
  std::unique_ptr<const AttrValue> own;
};

// Matches decoded attributes to the declaration: kinds, choices, lengths, defaults; unknown and
// missing ones are errors. `values` gets one entry per declared attribute.
Status BindAttrs(const Signature& signature, const std::vector<NamedRawAttr>& raw,
                 std::vector<BoundAttr>* values);

// Parts of DecodeOptions, separate for tests and the fuzzer.
Status DecodeFlexbuffer(const uint8_t* data, size_t size, std::vector<NamedRawAttr>* map,
                        std::string* flex_name, std::string* node_def, bool* is_flex);
Status DecodeNodeDef(const std::string& bytes, std::string* op, std::vector<NamedRawAttr>* attrs);

DType DTypeFromSchema(int64_t tensor_type);  // tflite.TensorType of the schema

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_ATTR_VALUE_H_
