// A parsed op signature (language: include/opkit/op.h).
#ifndef OPKIT_FRAMEWORK_SIGNATURE_H_
#define OPKIT_FRAMEWORK_SIGNATURE_H_

#include <memory>
#include <string>
#include <vector>

#include "framework/attr_value.h"
#include "opkit/dtype.h"
#include "opkit/op.h"

namespace opkit::internal {

struct DimSig {
  enum Kind { kNamed, kFixed, kAny };
  Kind kind = kAny;
  int name = -1;  // index into Signature::dim_names
  int64_t value = 0;
};

// Trivial, as ArgSig is: libraries of a few ops are mostly this kit's own code.
struct DimList {
  DimSig items[Shape::kMaxRank];
  size_t count = 0;

  size_t size() const { return count; }
  const DimSig* begin() const { return items; }
  const DimSig* end() const { return items + count; }
  const DimSig& operator[](size_t i) const { return items[i]; }
};

// Names here and below point into Signature::words.
struct ArgSig {
  const char* name = "";
  const char* type = "";  // a type variable's name or a dtype
  int type_var = -1;      // index into Signature::types; -1 for a literal dtype
  DTypeSet dtypes = 0;
  bool optional = false;
  bool list = false;
  bool mixed = false;  // list whose tensors may differ in dtype
  bool has_dims = false;
  bool ellipsis = false;
  bool shape_from = false;  // of an input: its value decides output shapes
  DimList dims;             // after the ellipsis

  std::string DimsText(const std::vector<const char*>& names) const;
};

struct TypeVarSig {
  const char* name = "";
  DTypeSet dtypes = 0;
};

struct AttrSig {
  const char* name = "";
  AttrKind kind = AttrKind::kInt;
  bool list = false;
  int fixed_length = -1;
  std::unique_ptr<const AttrValue> default_value;  // null: required
  std::vector<const char*> choices;

  std::string KindText() const;  // "list(int)[5]"
};

struct Signature {
  std::vector<ArgSig> inputs, outputs;
  std::vector<TypeVarSig> types;
  std::vector<AttrSig> attrs;
  std::vector<const char*> dim_names;
  bool shapes_follow = false;  // the output patterns alone give every output shape
  std::unique_ptr<char[]> words;

  int FindAttr(const char* name) const;  // -1 if absent
};

Status ParseSignature(const OpDecl& decl, Signature* out);

std::string DTypeSetText(DTypeSet set);  // "float32, float64"

// Appends to a text of items, a comma between them.
void AddToList(std::string* text, const char* item);

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_SIGNATURE_H_
