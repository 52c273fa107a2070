// A parsed op signature (language: include/opkit/op.h).
#ifndef OPKIT_FRAMEWORK_SIGNATURE_H_
#define OPKIT_FRAMEWORK_SIGNATURE_H_

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

struct ArgSig {
  std::string name;
  std::string type;   // a type variable's name or a dtype
  int type_var = -1;  // index into Signature::types; -1 for a literal dtype
  DTypeSet dtypes = 0;
  bool optional = false;
  bool list = false;
  bool mixed = false;  // list whose tensors may differ in dtype
  bool has_dims = false;
  bool ellipsis = false;
  std::vector<DimSig> dims;  // after the ellipsis

  std::string DimsText(const std::vector<std::string>& names) const;
};

struct TypeVarSig {
  std::string name;
  DTypeSet dtypes = 0;
};

struct AttrSig {
  std::string name;
  AttrKind kind = AttrKind::kInt;
  bool list = false;
  int fixed_length = -1;
  bool required = true;
  AttrValue default_value;
  std::vector<std::string> choices;

  std::string KindText() const;  // "list(int)[5]"
};

struct Signature {
  std::vector<ArgSig> inputs, outputs;
  std::vector<TypeVarSig> types;
  std::vector<AttrSig> attrs;
  std::vector<std::string> dim_names;
  std::vector<bool> shape_from;  // per input: its value decides output shapes
  bool shapes_follow = false;    // the output patterns alone give every output shape

  int FindAttr(const char* name) const;  // -1 if absent
};

Status ParseSignature(const OpDecl& decl, Signature* out);

std::string DTypeSetText(DTypeSet set);  // "float32, float64"

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_SIGNATURE_H_
