#include "framework/signature.h"

#include <cctype>
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

DTypeSet SetOf(const std::string& word) {
  for (const Group& g : kGroups) {
    if (word == g.name) return g.set;
  }
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if (word == DTypeName(static_cast<DType>(i))) return Bit(static_cast<DType>(i));
  }
  return 0;
}

// Tokens: identifiers, numbers, quoted strings, "->", "...", "**" and single characters.
class Lexer {
 public:
  explicit Lexer(const char* text) : p_(text) { Next(); }
  const std::string& token() const { return token_; }
  bool quoted() const { return quoted_; }
  bool at_end() const { return token_.empty() && !quoted_; }
  bool Is(const char* t) const { return !quoted_ && token_ == t; }
  bool Accept(const char* t) {
    if (!Is(t)) return false;
    Next();
    return true;
  }
  std::string Take() {
    std::string t = token_;
    Next();
    return t;
  }
  bool IsIdentifier() const {
    return !quoted_ && !token_.empty() &&
           (std::isalpha(static_cast<unsigned char>(token_[0])) || token_[0] == '_');
  }
  bool newline_before() const { return newline_before_; }

 private:
  void Next() {
    newline_before_ = false;
    while (*p_ != '\0' && std::isspace(static_cast<unsigned char>(*p_))) {
      if (*p_ == '\n') newline_before_ = true;
      ++p_;
    }
    quoted_ = false;
    token_.clear();
    if (*p_ == '\0') return;
    if (*p_ == '"') {
      quoted_ = true;
      for (++p_; *p_ != '\0' && *p_ != '"'; ++p_) token_ += *p_;
      if (*p_ == '"') ++p_;
      return;
    }
    for (const char* multi : {"->", "...", "**"}) {
      if (std::strncmp(p_, multi, std::strlen(multi)) == 0) {
        token_ = multi;
        p_ += std::strlen(multi);
        return;
      }
    }
    const auto word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    };
    if (word(*p_) || (*p_ == '-' && (word(p_[1])))) {
      token_ += *p_++;
      while (word(*p_) || ((*p_ == '-' || *p_ == '+') && std::tolower(p_[-1]) == 'e' &&
                           std::isdigit(static_cast<unsigned char>(token_[0])))) {
        token_ += *p_++;
      }
      return;
    }
    token_ = *p_++;
  }

  const char* p_;
  std::string token_;
  bool quoted_ = false;
  bool newline_before_ = false;
};

class Parser {
 public:
  Parser(const char* text, Signature* out) : lex_(text), out_(out) {}

  Status Parse() {
    OPKIT_RETURN_IF_ERROR(ParseArgs(&out_->inputs));
    if (!lex_.Accept("->")) return Unexpected("'->'");
    OPKIT_RETURN_IF_ERROR(ParseArgs(&out_->outputs));
    while (!lex_.at_end()) {
      if (!lex_.IsIdentifier()) return Unexpected("a type variable or an attribute");
      const std::string name = lex_.Take();
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
    return Error("signature: found '%s', want %s", lex_.token().c_str(), wanted);
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
      args->push_back(std::move(arg));
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
      const std::string word = lex_.Take();
      if (word == "_") {
        dim.kind = DimSig::kAny;
      } else if (!word.empty() && std::isdigit(static_cast<unsigned char>(word[0]))) {
        dim.kind = DimSig::kFixed;
        dim.value = std::atoll(word.c_str());
      } else if (!word.empty() && std::isalpha(static_cast<unsigned char>(word[0]))) {
        dim.kind = DimSig::kNamed;
        dim.name = DimName(word);
      } else {
        return Unexpected("a dimension");
      }
      arg->dims.push_back(dim);
      if (!lex_.Is("]") && !lex_.Accept(",")) return Unexpected("',' or ']'");
    }
    lex_.Take();
    return {};
  }

  int DimName(const std::string& word) {
    for (size_t i = 0; i < out_->dim_names.size(); ++i) {
      if (out_->dim_names[i] == word) return static_cast<int>(i);
    }
    out_->dim_names.push_back(word);
    return static_cast<int>(out_->dim_names.size()) - 1;
  }

  Status ParseTypeVar(const std::string& name) {
    TypeVarSig var;
    var.name = name;
    if (!lex_.Accept("{")) return Unexpected("'{'");
    while (!lex_.Accept("}")) {
      const std::string word = lex_.Take();
      const DTypeSet set = SetOf(word);
      if (set == 0) return Error("signature: %s: '%s' is no dtype", name.c_str(), word.c_str());
      var.dtypes |= set;
      lex_.Accept(",");
      if (lex_.at_end()) return Unexpected("'}'");
    }
    out_->types.push_back(std::move(var));
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

  Status ParseAttr(const std::string& name) {
    AttrSig attr;
    attr.name = name;
    if (lex_.Accept("list")) {
      attr.list = true;
      if (!lex_.Accept("(")) return Unexpected("'('");
      OPKIT_RETURN_IF_ERROR(ParseKind(&attr));
      if (!lex_.Accept(")")) return Unexpected("')'");
      if (lex_.Accept("[")) {
        attr.fixed_length = std::atoi(lex_.Take().c_str());
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
        attr.required = false;
        OPKIT_RETURN_IF_ERROR(ParseDefault(&attr));
      } else {
        break;
      }
    }
    out_->attrs.push_back(std::move(attr));
    return {};
  }

  Status ParseDefault(AttrSig* attr) {
    AttrValue& v = attr->default_value;
    if (attr->list) {
      if (!lex_.Accept("[")) return Unexpected("'[' of a default list");
      while (!lex_.Accept("]")) {
        if (lex_.at_end()) return Unexpected("']'");
        const std::string word = lex_.Take();
        switch (attr->kind) {
          case AttrKind::kInt:
            v.ints.push_back(std::atoll(word.c_str()));
            break;
          case AttrKind::kBool:
            v.ints.push_back(word == "true");
            break;
          case AttrKind::kFloat:
            v.floats.push_back(std::strtof(word.c_str(), nullptr));
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
    const std::string word = lex_.Take();
    switch (attr->kind) {
      case AttrKind::kInt:
        v.i = std::atoll(word.c_str());
        break;
      case AttrKind::kFloat:
        v.f = std::strtof(word.c_str(), nullptr);
        break;
      case AttrKind::kBool:
        if (word != "true" && word != "false") {
          return Error("signature: '%s' is no bool", word.c_str());
        }
        v.i = word == "true";
        break;
      case AttrKind::kString:
      case AttrKind::kFunc:
      case AttrKind::kTensor:
        v.s = word;
        break;
      case AttrKind::kType: {
        for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
          if (word == DTypeName(static_cast<DType>(i))) v.t = static_cast<DType>(i);
        }
        if (v.t == DType::kInvalid) {
          return Error("signature: '%s' is no dtype", word.c_str());
        }
        break;
      }
      case AttrKind::kShape:
        if (word != "unknown") return Error("signature: a shape's default is 'unknown'");
        break;
    }
    return {};
  }

  Status ResolveTypes() {
    for (auto* args : {&out_->inputs, &out_->outputs}) {
      for (ArgSig& arg : *args) {
        for (size_t i = 0; i < out_->types.size(); ++i) {
          if (out_->types[i].name == arg.type) {
            arg.type_var = static_cast<int>(i);
            arg.dtypes = out_->types[i].dtypes;
          }
        }
        if (arg.type_var < 0) arg.dtypes = SetOf(arg.type);
        if (arg.dtypes == 0) {
          return Error("signature: %s: '%s' is neither a type variable nor a dtype",
                       arg.name.c_str(), arg.type.c_str());
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
  std::vector<bool> bound(sig.dim_names.size(), false);
  bool ellipsis_bound = false;
  for (const ArgSig& in : sig.inputs) {
    if (in.optional || in.list || !in.has_dims) continue;
    ellipsis_bound |= in.ellipsis;
    for (const DimSig& d : in.dims) {
      if (d.kind == DimSig::kNamed) bound[static_cast<size_t>(d.name)] = true;
    }
  }
  for (const ArgSig& out : sig.outputs) {
    if (!out.has_dims || out.list || (out.ellipsis && !ellipsis_bound)) return false;
    for (const DimSig& d : out.dims) {
      if (d.kind == DimSig::kAny) return false;
      if (d.kind == DimSig::kNamed && !bound[static_cast<size_t>(d.name)]) return false;
    }
  }
  return true;
}

}  // namespace

std::string ArgSig::DimsText(const std::vector<std::string>& names) const {
  if (!has_dims) return "";
  std::string out = ellipsis ? "[..." : "[";
  for (const DimSig& d : dims) {
    if (out.size() > 1) out += ", ";
    out += d.kind == DimSig::kNamed   ? names[static_cast<size_t>(d.name)]
           : d.kind == DimSig::kFixed ? std::to_string(d.value)
                                      : "_";
  }
  return out + "]";
}

std::string AttrSig::KindText() const {
  static constexpr const char* kNames[] = {"int",  "float", "bool", "string",
                                           "type", "shape", "func", "tensor"};
  std::string out = kNames[static_cast<int>(kind)];
  if (list) out = "list(" + out + ")";
  if (fixed_length >= 0) out += "[" + std::to_string(fixed_length) + "]";
  return out;
}

int Signature::FindAttr(const char* name) const {
  for (size_t i = 0; i < attrs.size(); ++i) {
    if (attrs[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

Status ParseSignature(const OpDecl& decl, Signature* out) {
  OPKIT_RETURN_IF_ERROR(Parser(decl.signature_, out).Parse());
  out->shape_from.assign(out->inputs.size(), false);
  Lexer names(decl.shape_from_);
  while (!names.at_end()) {
    const std::string name = names.Take();
    bool found = false;
    for (size_t i = 0; i < out->inputs.size(); ++i) {
      if (out->inputs[i].name == name) out->shape_from[i] = found = true;
    }
    if (!found) return Error("ShapeFrom names no input '%s'", name.c_str());
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

std::string DTypeSetText(DTypeSet set) {
  std::string out;
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if ((set & Bit(static_cast<DType>(i))) == 0) continue;
    if (!out.empty()) out += ", ";
    out += DTypeName(static_cast<DType>(i));
  }
  return out;
}

}  // namespace opkit::internal
