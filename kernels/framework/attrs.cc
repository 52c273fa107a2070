// From a node's options to the declared attributes.
#include <cstdlib>

#include "framework/attr_value.h"
#include "framework/signature.h"

namespace opkit::internal {
namespace {

bool ToType(const RawAttr& raw, DType* out) {
  if (raw.kind == RawAttr::kType) *out = raw.t;
  if (raw.kind == RawAttr::kInt) *out = DTypeFromSchema(raw.i);
  return *out != DType::kInvalid;
}

// In flexbuffers a shape is a list of ints (-1 unknown) and an unknown rank is null.
bool ToShape(const RawAttr& raw, PartialShape* out) {
  if (raw.kind == RawAttr::kShape) {
    *out = raw.shape;
    return true;
  }
  if (raw.kind == RawAttr::kNull) {
    *out = PartialShape();
    return true;
  }
  if (raw.kind != RawAttr::kList) return false;
  out->known_rank = true;
  for (const RawAttr& d : raw.list) {
    if (d.kind != RawAttr::kInt) return false;
    out->dims.push_back(d.i);
  }
  return true;
}

// Converts one scalar; false when the kinds do not match.
bool ToScalar(AttrKind kind, const RawAttr& raw, AttrValue* out) {
  switch (kind) {
    case AttrKind::kInt:
      out->i = raw.i;
      return raw.kind == RawAttr::kInt;
    case AttrKind::kBool:
      out->i = raw.i != 0;
      return raw.kind == RawAttr::kBool || raw.kind == RawAttr::kInt;
    case AttrKind::kFloat:
      if (raw.kind == RawAttr::kInt) out->f = static_cast<float>(raw.i);
      if (raw.kind == RawAttr::kFloat) out->f = static_cast<float>(raw.f);
      return raw.kind == RawAttr::kInt || raw.kind == RawAttr::kFloat;
    case AttrKind::kString:
    case AttrKind::kFunc:
    case AttrKind::kTensor:
      out->s = raw.s;
      return raw.kind == RawAttr::kString;
    case AttrKind::kType:
      return ToType(raw, &out->t);
    case AttrKind::kShape:
      return ToShape(raw, &out->shape);
  }
  return false;
}

bool ToList(AttrKind kind, const RawAttr& raw, AttrValue* out) {
  if (raw.kind != RawAttr::kList) return false;
  for (const RawAttr& item : raw.list) {
    AttrValue v;
    if (!ToScalar(kind, item, &v)) return false;
    switch (kind) {
      case AttrKind::kInt:
      case AttrKind::kBool:
        out->ints.push_back(v.i);
        break;
      case AttrKind::kFloat:
        out->floats.push_back(v.f);
        break;
      case AttrKind::kString:
      case AttrKind::kFunc:
      case AttrKind::kTensor:
        out->strings.push_back(std::move(v.s));
        break;
      case AttrKind::kType:
        out->types.push_back(v.t);
        break;
      case AttrKind::kShape:
        out->shapes.push_back(std::move(v.shape));
        break;
    }
  }
  return true;
}

std::string RawText(const RawAttr& raw) {
  switch (raw.kind) {
    case RawAttr::kNull:
      return "nothing";
    case RawAttr::kInt:
      return Format("int %lld", static_cast<long long>(raw.i));
    case RawAttr::kFloat:
      return Format("float %g", raw.f);
    case RawAttr::kBool:
      return raw.i != 0 ? "bool true" : "bool false";
    case RawAttr::kString:
      return Format("string '%.40s'", raw.s.c_str());
    case RawAttr::kType:
      return Format("type %s", DTypeName(raw.t));
    case RawAttr::kShape:
      return "a shape";
    case RawAttr::kList:
      return Format("a list of %zu", raw.list.size());
  }
  return "?";
}

Status BindOne(const AttrSig& sig, const RawAttr& raw, AttrValue* out) {
  const bool match = sig.list ? ToList(sig.kind, raw, out) : ToScalar(sig.kind, raw, out);
  if (!match) {
    return Error("attribute '%s' is %s, want %s", sig.name, RawText(raw).c_str(),
                 sig.KindText().c_str());
  }
  if (sig.fixed_length >= 0 && static_cast<int>(raw.list.size()) != sig.fixed_length) {
    return Error("attribute '%s' has %zu values, want %d", sig.name, raw.list.size(),
                 sig.fixed_length);
  }
  if (!sig.choices.empty() && !sig.list) {
    std::string wanted;
    for (const char* c : sig.choices) {
      if (out->s == c) return {};
      AddToList(&wanted, c);
    }
    return Error("attribute '%s' is '%s', want one of: %s", sig.name, out->s.c_str(),
                 wanted.c_str());
  }
  return {};
}

// TF's own annotations (_output_shapes, _class, ...) and the dtypes that tensors carry.
bool IsCarriedElsewhere(const Signature& sig, const std::string& name) {
  if (!name.empty() && name[0] == '_') return true;
  for (const TypeVarSig& t : sig.types) {
    if (t.name == name) return true;
  }
  return false;
}

}  // namespace

DType DTypeFromSchema(int64_t tensor_type) {
  static constexpr DType kMap[] = {
      DType::kFloat32, DType::kFloat16,    DType::kInt32,   DType::kUInt8,     DType::kInt64,
      DType::kString,  DType::kBool,       DType::kInt16,   DType::kComplex64, DType::kInt8,
      DType::kFloat64, DType::kComplex128, DType::kUInt64,  DType::kResource,  DType::kVariant,
      DType::kUInt32,  DType::kUInt16,     DType::kInvalid, DType::kBFloat16};
  if (tensor_type < 0 || tensor_type >= static_cast<int64_t>(sizeof(kMap) / sizeof(kMap[0]))) {
    return DType::kInvalid;
  }
  return kMap[tensor_type];
}

Status DecodeOptions(const char* buffer, size_t length, const char* op_name,
                     std::vector<NamedRawAttr>* out) {
  if (buffer == nullptr || length == 0) return {};
  std::string flex_name, node_def;
  bool is_flex = false;
  OPKIT_RETURN_IF_ERROR(DecodeFlexbuffer(reinterpret_cast<const uint8_t*>(buffer), length, out,
                                         &flex_name, &node_def, &is_flex));
  if (!is_flex) return {};
  std::string op;
  OPKIT_RETURN_IF_ERROR(DecodeNodeDef(node_def, &op, out));
  if (op != op_name) {
    return Error("malformed options: a NodeDef of '%s' on a node of '%s'", op.c_str(), op_name);
  }
  return {};
}

Status BindAttrs(const Signature& signature, const std::vector<NamedRawAttr>& raw,
                 std::vector<BoundAttr>* values) {
  *values = std::vector<BoundAttr>(signature.attrs.size());
  for (const NamedRawAttr& r : raw) {
    const int at = signature.FindAttr(r.name.c_str());
    if (at < 0) {
      if (IsCarriedElsewhere(signature, r.name)) continue;
      std::string known;
      for (const AttrSig& a : signature.attrs) AddToList(&known, a.name);
      return Error("unknown attribute '%s' (%s); this kernel takes: %s", r.name.c_str(),
                   RawText(r.value).c_str(), known.empty() ? "none" : known.c_str());
    }
    const AttrSig& sig = signature.attrs[static_cast<size_t>(at)];
    if (r.value.kind == RawAttr::kNull && sig.kind != AttrKind::kShape) continue;
    auto value = std::make_unique<AttrValue>();
    OPKIT_RETURN_IF_ERROR(BindOne(sig, r.value, value.get()));
    BoundAttr& bound = (*values)[static_cast<size_t>(at)];
    bound.value = value.get();
    bound.own = std::move(value);
  }
  for (size_t i = 0; i < values->size(); ++i) {
    BoundAttr& bound = (*values)[i];
    const AttrSig& sig = signature.attrs[i];
    if (bound.value == nullptr) bound.value = sig.default_value.get();
    if (bound.value == nullptr) {
      return Error("attribute '%s' (%s) is missing", sig.name, sig.KindText().c_str());
    }
  }
  return {};
}

}  // namespace opkit::internal
