#include "framework/signature.h"

#include <cstdlib>
#include <cstring>

namespace opkit::internal {
namespace {

constexpr DTypeSet kFloating =
    Bit(DType::kFloat32) | Bit(DType::kFloat64) | Bit(DType::kFloat16) | Bit(DType::kBFloat16);
constexpr DTypeSet kIntegral = Bit(DType::kInt8) | Bit(DType::kInt16) | Bit(DType::kInt32) |
                               Bit(DType::kInt64) | Bit(DType::kUInt8) | Bit(DType::kUInt16) |
                               Bit(DType::kUInt32) | Bit(DType::kUInt64);
constexpr DTypeSet kComplex = Bit(DType::kComplex64) | Bit(DType::kComplex128);
constexpr DTypeSet kQuantized = Bit(DType::kQInt8) | Bit(DType::kQUInt8) | Bit(DType::kQInt16);

struct Group {
  const char* name;
  DTypeSet set;
};
constexpr Group kGroups[] = {
    {"floating", kFloating},
    {"integral", kIntegral},
    {"index", Bit(DType::kInt32) | Bit(DType::kInt64)},
    {"complex", kComplex},
    {"quantized", kQuantized},
    {"numeric", kFloating | kIntegral | kComplex},
    {"any", kFloating | kIntegral | kComplex | Bit(DType::kBool) | Bit(DType::kString) |
                Bit(DType::kVariant) | Bit(DType::kResource)},
};

bool Same(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

DType DTypeOf(const char* word) {
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if (Same(word, DTypeName(static_cast<DType>(i)))) return static_cast<DType>(i);
  }
  return DType::kInvalid;
}

DTypeSet SetOf(const char* word) {
  for (const Group& g : kGroups) {
    if (Same(word, g.name)) return g.set;
  }
  const DType t = DTypeOf(word);
  return t == DType::kInvalid ? 0 : Bit(t);
}

// Not those of <cctype>, which depend on the locale.
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
bool IsSpace(char c) { return c > 0 && c <= ' '; }
bool IsWord(char c) { return IsAlpha(c) || IsDigit(c) || c == '_' || c == '.'; }

// Tokens: identifiers, numbers, quoted strings, "->", "...", "**" and single characters. They are
// kept one after the other in `words`, which has room for each character and a zero after it.
class Lexer {
 public:
  Lexer(const char* text, char* words) : p_(text), words_(words) { Next(); }
  static size_t Room(const char* text) { return 2 * std::strlen(text) + 1; }

  const char* token() const { return token_; }
  bool at_end() const { return *token_ == '\0' && !quoted_; }
  bool Is(const char* t) const { return !quoted_ && Same(token_, t); }
  bool Accept(const char* t) {
    if (!Is(t)) return false;
    Next();
    return true;
  }
  const char* Take() {
    const char* t = token_;
    Next();
    return t;
  }
  bool IsIdentifier() const { return !quoted_ && (IsAlpha(*token_) || *token_ == '_'); }
  bool newline_before() const { return newline_before_; }

 private:
  void Next() {
    newline_before_ = false;
    for (; IsSpace(*p_); ++p_) newline_before_ = newline_before_ || *p_ == '\n';
    quoted_ = *p_ == '"';
    token_ = "";
    if (*p_ == '\0') return;
    const char* end = p_ + 1;
    if (quoted_) {
      while (*end != '\0' && *end != '"') ++end;
      ++p_;
    } else if (std::strncmp(p_, "...", 3) == 0) {
      end = p_ + 3;
    } else if (std::strncmp(p_, "->", 2) == 0 || std::strncmp(p_, "**", 2) == 0) {
      end = p_ + 2;
    } else if (IsWord(*p_) || (*p_ == '-' && IsWord(p_[1]))) {
      // A sign belongs to a number's exponent.
      while (IsWord(*end) ||
             ((*end == '-' || *end == '+') && (end[-1] | 32) == 'e' && IsDigit(*p_))) {
        ++end;
      }
    }
    token_ = words_;
    while (p_ < end) *words_++ = *p_++;
    *words_++ = '\0';
    if (quoted_ && *p_ == '"') ++p_;
  }

  const char* p_;
  char* words_;
  const char* token_ = "";
  bool quoted_ = false;
  bool newline_before_ = false;
};

class Parser {
 public:
  Parser(const char* text, Signature* out) : lex_(text, out->words.get()), out_(out) {}

  Status Parse() {
    OPKIT_RETURN_IF_ERROR(ParseArgs(&out_->inputs));
    if (!lex_.Accept("->")) return Unexpected("'->'");
    OPKIT_RETURN_IF_ERROR(ParseArgs(&out_->outputs));
    while (!lex_.at_end()) {
      if (!lex_.IsIdentifier()) return Unexpected("a type variable or an attribute");
      const char* name = lex_.Take();
      if (lex_.Accept("in")) {
        OPKIT_RETURN_IF_ERROR(ParseTypeVar(name));
      } else if (lex_.Accept(":")) {
        OPKIT_RETURN_IF_ERROR(ParseAttr(name));
      } else {
        return Unexpected("'in {dtypes}' or ': kind'");
      }
    }
    return ResolveTypes();
  }

 private:
  Status Unexpected(const char* wanted) {
    return Error("signature: found '%s', want %s", lex_.token(), wanted);
  }

  Status ParseArgs(std::vector<ArgSig>* args) {
    if (lex_.Is("->") || lex_.at_end()) return {};
    // No outputs: the next line starts a type variable or an attribute.
    if (args == &out_->outputs && lex_.newline_before()) return {};
    do {
      ArgSig arg;
      if (!lex_.IsIdentifier()) return Unexpected("an argument's name");
      arg.name = lex_.Take();
      if (!lex_.Accept(":")) return Unexpected("':' after the argument's name");
      if (!lex_.IsIdentifier()) return Unexpected("a type");
      arg.type = lex_.Take();
      if (lex_.Accept("[")) OPKIT_RETURN_IF_ERROR(ParseDims(&arg));
      if (lex_.Accept("?")) {
        arg.optional = true;
      } else if (lex_.Accept("**")) {
        arg.list = arg.mixed = true;
      } else if (lex_.Accept("*")) {
        arg.list = true;
      }
      args->push_back(arg);
    } while (lex_.Accept(","));
    return {};
  }

  Status ParseDims(ArgSig* arg) {
    arg->has_dims = true;
    if (lex_.Accept("...")) {
      arg->ellipsis = true;
      if (!lex_.Is("]") && !lex_.Accept(",")) return Unexpected("',' or ']'");
    }
    while (!lex_.Is("]")) {
      DimSig dim;
      const char* word = lex_.Take();
      if (Same(word, "_")) {
        dim.kind = DimSig::kAny;
      } else if (IsDigit(*word)) {
        dim.kind = DimSig::kFixed;
        dim.value = std::atoll(word);
      } else if (IsAlpha(*word)) {
        dim.kind = DimSig::kNamed;
        dim.name = DimName(word);
      } else {
        return Unexpected("a dimension");
      }
      if (arg->dims.count == Shape::kMaxRank) {
        return Error("signature: %s has more than %d dimensions", arg->name, Shape::kMaxRank);
      }
      arg->dims.items[arg->dims.count++] = dim;
      if (!lex_.Is("]") && !lex_.Accept(",")) return Unexpected("',' or ']'");
    }
    lex_.Take();
    return {};
  }

  int DimName(const char* word) {
    for (size_t i = 0; i < out_->dim_names.size(); ++i) {
      if (Same(out_->dim_names[i], word)) return static_cast<int>(i);
    }
    out_->dim_names.push_back(word);
    return static_cast<int>(out_->dim_names.size()) - 1;
  }

  Status ParseTypeVar(const char* name) {
    TypeVarSig var;
    var.name = name;
    if (!lex_.Accept("{")) return Unexpected("'{'");
    while (!lex_.Accept("}")) {
      const char* word = lex_.Take();
      const DTypeSet set = SetOf(word);
      if (set == 0) return Error("signature: %s: '%s' is no dtype", name, word);
      var.dtypes |= set;
      lex_.Accept(",");
      if (lex_.at_end()) return Unexpected("'}'");
    }
    out_->types.push_back(var);
    return {};
  }

  Status ParseKind(AttrSig* attr) {
    static constexpr struct {
      const char* name;
      AttrKind kind;
    } kKinds[] = {{"int", AttrKind::kInt},   {"float", AttrKind::kFloat},
                  {"bool", AttrKind::kBool}, {"string", AttrKind::kString},
                  {"type", AttrKind::kType}, {"shape", AttrKind::kShape},
                  {"func", AttrKind::kFunc}, {"tensor", AttrKind::kTensor}};
    for (const auto& k : kKinds) {
      if (lex_.Accept(k.name)) {
        attr->kind = k.kind;
        return {};
      }
    }
    return Unexpected("an attribute kind");
  }

  Status ParseAttr(const char* name) {
    AttrSig attr;
    attr.name = name;
    if (lex_.Accept("list")) {
      attr.list = true;
      if (!lex_.Accept("(")) return Unexpected("'('");
      OPKIT_RETURN_IF_ERROR(ParseKind(&attr));
      if (!lex_.Accept(")")) return Unexpected("')'");
      if (lex_.Accept("[")) {
        attr.fixed_length = std::atoi(lex_.Take());
        if (!lex_.Accept("]")) return Unexpected("']'");
      }
    } else {
      OPKIT_RETURN_IF_ERROR(ParseKind(&attr));
    }
    // `in {...}` and `= default` in either order.
    for (;;) {
      if (lex_.Accept("in")) {
        if (!lex_.Accept("{")) return Unexpected("'{'");
        while (!lex_.Accept("}")) {
          attr.choices.push_back(lex_.Take());
          lex_.Accept(",");
          if (lex_.at_end()) return Unexpected("'}'");
        }
      } else if (lex_.Accept("=")) {
        OPKIT_RETURN_IF_ERROR(ParseDefault(&attr));
      } else {
        break;
      }
    }
    if (!attr.choices.empty() && (attr.list || attr.kind != AttrKind::kString)) {
      return Error("signature: '%s' is %s; in {...} limits a string", name,
                   attr.KindText().c_str());
    }
    out_->attrs.push_back(std::move(attr));
    return {};
  }

  Status ParseDefault(AttrSig* attr) {
    auto value = std::make_unique<AttrValue>();
    OPKIT_RETURN_IF_ERROR(ParseValue(*attr, *value));
    attr->default_value = std::move(value);
    return {};
  }

  Status ParseValue(const AttrSig& attr, AttrValue& v) {
    if (attr.list) {
      if (!lex_.Accept("[")) return Unexpected("'[' of a default list");
      while (!lex_.Accept("]")) {
        if (lex_.at_end()) return Unexpected("']'");
        const char* word = lex_.Take();
        switch (attr.kind) {
          case AttrKind::kInt:
            v.ints.push_back(std::atoll(word));
            break;
          case AttrKind::kBool:
            v.ints.push_back(Same(word, "true"));
            break;
          case AttrKind::kFloat:
            v.floats.push_back(std::strtof(word, nullptr));
            break;
          case AttrKind::kString:
            v.strings.push_back(word);
            break;
          default:
            return Error("signature: a list of this kind takes only [] as default");
        }
        lex_.Accept(",");
      }
      return {};
    }
    const char* word = lex_.Take();
    switch (attr.kind) {
      case AttrKind::kInt:
        v.i = std::atoll(word);
        break;
      case AttrKind::kFloat:
        v.f = std::strtof(word, nullptr);
        break;
      case AttrKind::kBool:
        if (!Same(word, "true") && !Same(word, "false")) {
          return Error("signature: '%s' is no bool", word);
        }
        v.i = Same(word, "true");
        break;
      case AttrKind::kString:
      case AttrKind::kFunc:
      case AttrKind::kTensor:
        v.s = word;
        break;
      case AttrKind::kType:
        v.t = DTypeOf(word);
        if (v.t == DType::kInvalid) return Error("signature: '%s' is no dtype", word);
        break;
      case AttrKind::kShape:
        if (!Same(word, "unknown")) return Error("signature: a shape's default is 'unknown'");
        break;
    }
    return {};
  }

  Status ResolveTypes() {
    for (auto* args : {&out_->inputs, &out_->outputs}) {
      for (ArgSig& arg : *args) {
        for (size_t i = 0; i < out_->types.size(); ++i) {
          if (Same(out_->types[i].name, arg.type)) {
            arg.type_var = static_cast<int>(i);
            arg.dtypes = out_->types[i].dtypes;
          }
        }
        if (arg.type_var < 0) arg.dtypes = SetOf(arg.type);
        if (arg.dtypes == 0) {
          return Error("signature: %s: '%s' is neither a type variable nor a dtype", arg.name,
                       arg.type);
        }
      }
    }
    return {};
  }

  Lexer lex_;
  Signature* out_;
};

// Output patterns give shapes when every name and ellipsis in them is bound by a required input.
bool ShapesFollow(const Signature& sig) {
  std::vector<int> bound(sig.dim_names.size(), 0);
  bool ellipsis_bound = false;
  for (const ArgSig& in : sig.inputs) {
    if (in.optional || in.list || !in.has_dims) continue;
    ellipsis_bound |= in.ellipsis;
    for (const DimSig& d : in.dims) {
      if (d.kind == DimSig::kNamed) bound[static_cast<size_t>(d.name)] = 1;
    }
  }
  for (const ArgSig& out : sig.outputs) {
    if (!out.has_dims || out.list || (out.ellipsis && !ellipsis_bound)) return false;
    for (const DimSig& d : out.dims) {
      if (d.kind == DimSig::kAny) return false;
      if (d.kind == DimSig::kNamed && bound[static_cast<size_t>(d.name)] == 0) return false;
    }
  }
  return true;
}

}  // namespace

std::string ArgSig::DimsText(const std::vector<const char*>& names) const {
  if (!has_dims) return "";
  std::string out = ellipsis ? "[..." : "[";
  for (const DimSig& d : dims) {
    if (out.size() > 1) out += ", ";
    if (d.kind == DimSig::kFixed) {
      out += Format("%lld", static_cast<long long>(d.value));
    } else {
      out += d.kind == DimSig::kNamed ? names[static_cast<size_t>(d.name)] : "_";
    }
  }
  return out + "]";
}

std::string AttrSig::KindText() const {
  static constexpr const char* kNames[] = {"int",  "float", "bool", "string",
                                           "type", "shape", "func", "tensor"};
  const char* kind_name = kNames[static_cast<int>(kind)];
  if (!list) return kind_name;
  return fixed_length < 0 ? Format("list(%s)", kind_name)
                          : Format("list(%s)[%d]", kind_name, fixed_length);
}

int Signature::FindAttr(const char* name) const {
  for (size_t i = 0; i < attrs.size(); ++i) {
    if (Same(attrs[i].name, name)) return static_cast<int>(i);
  }
  return -1;
}

Status ParseSignature(const OpDecl& decl, Signature* out) {
  const size_t room = Lexer::Room(decl.signature_);
  out->words = std::make_unique<char[]>(room + Lexer::Room(decl.shape_from_));
  OPKIT_RETURN_IF_ERROR(Parser(decl.signature_, out).Parse());
  Lexer names(decl.shape_from_, out->words.get() + room);
  while (!names.at_end()) {
    const char* name = names.Take();
    bool found = false;
    for (ArgSig& input : out->inputs) {
      if (Same(input.name, name)) input.shape_from = found = true;
    }
    if (!found) return Error("ShapeFrom names no input '%s'", name);
    names.Accept(",");
  }
  out->shapes_follow = ShapesFollow(*out);
  if (decl.shape_ == nullptr && !decl.data_dependent_ && !out->shapes_follow) {
    return Error(
        "no shape rule: give .Shape(fn), .DataDependent() or output dimensions that the "
        "inputs bind");
  }
  if (decl.run_ == nullptr) return Error("no .Run(fn)");
  return {};
}

void AddToList(std::string* text, const char* item) {
  if (!text->empty()) *text += ", ";
  *text += item;
}

std::string DTypeSetText(DTypeSet set) {
  std::string out;
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if ((set & Bit(static_cast<DType>(i))) != 0) AddToList(&out, DTypeName(static_cast<DType>(i)));
  }
  return out;
}

}  // namespace opkit::internal
