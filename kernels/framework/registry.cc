#include "framework/registry.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "opkit/c_api.h"

namespace opkit::internal {
namespace {

// JSON that grows by printf.
class Json {
 public:
  void Put(const char* format, ...) __attribute__((format(printf, 2, 3))) {
    char piece[256];
    va_list args;
    va_start(args, format);
    const int n = std::vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    text_.append(piece, std::min(static_cast<size_t>(std::max(n, 0)), sizeof(piece) - 1));
  }
  // Before an item of an object or array: a comma, but for the first.
  void Next() {
    if (text_.back() != '[' && text_.back() != '{') text_ += ", ";
  }
  void Key(const char* name) {
    Next();
    Quote(name);
    text_ += ": ";
  }
  void Quote(const char* s) {
    text_ += '"';
    for (; *s != '\0'; ++s) {
      if (static_cast<unsigned char>(*s) < 0x20) {
        Put("\\u%04x", *s);
        continue;
      }
      if (*s == '"' || *s == '\\') text_ += '\\';
      text_ += *s;
    }
    text_ += '"';
  }
  void Text(const char* name, const char* value) {
    Key(name);
    Quote(value);
  }
  void Bool(const char* name, bool value) {
    Key(name);
    text_ += value ? "true" : "false";
  }
  template <typename Items, typename F>
  void Array(const Items& items, F&& put) {
    text_ += '[';
    for (const auto& item : items) {
      Next();
      put(item);
    }
    text_ += ']';
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A declaration in the form that Python and other hosts read.
class DeclarationWriter {
 public:
  explicit DeclarationWriter(const ParsedOp& op) : decl_(op.entry->decl), sig_(op.signature) {}

  const std::string& Write() {
    json_.Put("{");
    json_.Text("name", decl_.name_);
    json_.Key("version");
    json_.Put("%d", decl_.version_);
    json_.Key("inputs");
    json_.Array(sig_.inputs, [this](const ArgSig& a) { Arg(a); });
    json_.Key("outputs");
    json_.Array(sig_.outputs, [this](const ArgSig& a) { Arg(a); });
    json_.Key("types");
    json_.Put("{");
    for (const TypeVarSig& t : sig_.types) {
      json_.Key(t.name);
      DTypes(t.dtypes);
    }
    json_.Put("}");
    json_.Key("attrs");
    json_.Array(sig_.attrs, [this](const AttrSig& a) { Attr(a); });
    json_.Bool("data_dependent", decl_.data_dependent_);
    json_.Bool("stateful", decl_.stateful_);
    json_.Put("}");
    return json_.text();
  }

 private:
  void Float(float f) {
    const char* quote = std::isfinite(f) ? "" : "\"";
    json_.Put("%s%.9g%s", quote, static_cast<double>(f), quote);
  }

  void DTypes(DTypeSet set) {
    json_.Put("[");
    for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
      if ((set & Bit(static_cast<DType>(i))) == 0) continue;
      json_.Next();
      json_.Quote(DTypeName(static_cast<DType>(i)));
    }
    json_.Put("]");
  }

  void Arg(const ArgSig& a) {
    json_.Put("{");
    json_.Text("name", a.name);
    json_.Text("type", a.type);
    json_.Key("dtypes");
    DTypes(a.dtypes);
    if (a.has_dims) json_.Text("shape", a.DimsText(sig_.dim_names).c_str());
    if (a.optional) json_.Bool("optional", true);
    if (a.list) json_.Bool("list", true);
    if (a.mixed) json_.Bool("mixed", true);
    if (a.shape_from) json_.Bool("shape_from", true);
    json_.Put("}");
  }

  void Attr(const AttrSig& a) {
    json_.Put("{");
    json_.Text("name", a.name);
    json_.Text("kind", a.KindText().c_str());
    json_.Bool("required", a.default_value == nullptr);
    if (a.default_value != nullptr) {
      json_.Key("default");
      if (a.list) {
        List(a.kind, *a.default_value);
      } else {
        Scalar(a.kind, *a.default_value);
      }
    }
    if (!a.choices.empty()) {
      json_.Key("choices");
      json_.Array(a.choices, [this](const char* c) { json_.Quote(c); });
    }
    json_.Put("}");
  }

  void Int(AttrKind kind, int64_t i) {
    if (kind == AttrKind::kBool) return json_.Put("%s", i != 0 ? "true" : "false");
    json_.Put("%lld", static_cast<long long>(i));
  }

  void Scalar(AttrKind kind, const AttrValue& v) {
    switch (kind) {
      case AttrKind::kInt:
      case AttrKind::kBool:
        return Int(kind, v.i);
      case AttrKind::kFloat:
        return Float(v.f);
      case AttrKind::kType:
        return json_.Quote(DTypeName(v.t));
      case AttrKind::kShape:
        return json_.Put("null");
      default:
        return json_.Quote(v.s.c_str());
    }
  }

  void List(AttrKind kind, const AttrValue& v) {
    switch (kind) {
      case AttrKind::kFloat:
        return json_.Array(v.floats, [this](float f) { Float(f); });
      case AttrKind::kString:
        return json_.Array(v.strings, [this](const std::string& s) { json_.Quote(s.c_str()); });
      default:  // of the other kinds the list is empty
        return json_.Array(v.ints, [this, kind](int64_t i) { Int(kind, i); });
    }
  }

  const OpDecl& decl_;
  const Signature& sig_;
  Json json_;
};

int ByNameAndVersion(const void* a, const void* b) {
  const OpDecl& x = (*static_cast<const OpEntry* const*>(a))->decl;
  const OpDecl& y = (*static_cast<const OpEntry* const*>(b))->decl;
  const int order = std::strcmp(x.name_, y.name_);
  return order != 0 ? order : x.version_ - y.version_;
}

// The registrations, names and JSON of this library's ops; made at first use, never freed: the
// runtime keeps pointers into it.
struct Table {
  std::vector<TfLiteRegistration> registrations;  // of each op: its own and that of "Flex" + name
  std::vector<OpkitOp> ops;
  std::string error;
  OpkitLibrary library = {};

  static const char* Keep(const std::string& s) {
    char* copy = new char[s.size() + 1];
    std::memcpy(copy, s.c_str(), s.size() + 1);
    return copy;
  }

  const TfLiteRegistration* Register(const OpEntry& entry, const char* name) {
    TfLiteRegistration r;
    std::memset(&r, 0, sizeof(r));
    r.init = entry.init;
    r.free = FreeNode;
    r.prepare = PrepareCallback;
    r.invoke = InvokeCallback;
    r.builtin_code = abi::kBuiltinCustom;
    r.custom_name = name;
    r.version = entry.decl.version_;
    registrations.push_back(r);  // has room for all
    return &registrations.back();
  }

  void AddError(const char* name, const char* what) {
    if (!error.empty()) error += "; ";
    error += Format("%s%s", name, what);
  }

  Table() {
    std::vector<const OpEntry*> entries;
    for (const OpEntry* e = OpEntry::head(); e != nullptr; e = e->next) entries.push_back(e);
    std::qsort(entries.data(), entries.size(), sizeof(entries[0]), ByNameAndVersion);
    registrations.reserve(2 * entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      const OpDecl& decl = entries[i]->decl;
      const ParsedOp& parsed = Parsed(*entries[i]);
      if (!parsed.status.ok()) {
        AddError(decl.name_, Format(": %s", parsed.status.message().c_str()).c_str());
      }
      if (i > 0 && ByNameAndVersion(&entries[i - 1], &entries[i]) == 0) {
        AddError(decl.name_, " is declared twice");
      }
      OpkitOp op;
      op.name = decl.name_;
      op.flex_name = Keep(Format("Flex%s", decl.name_));
      op.version = decl.version_;
      op.declaration_json = Keep(DeclarationWriter(parsed).Write());
      op.registration = Register(*entries[i], op.name);
      op.flex_registration = Register(*entries[i], op.flex_name);
      ops.push_back(op);
    }
    library.abi_version = OPKIT_ABI_VERSION;
    library.struct_size = sizeof(OpkitLibrary);
    library.op_size = sizeof(OpkitOp);
    library.op_count = static_cast<uint32_t>(ops.size());
    library.ops = ops.data();
    library.error = error.empty() ? nullptr : error.c_str();
  }
};

}  // namespace

const OpEntry*& OpEntry::head() {
  static const OpEntry* head = nullptr;
  return head;
}

OpEntry::OpEntry(const OpDecl& d, InitFn i) : decl(d), init(i), next(head()) { head() = this; }

const ParsedOp& Parsed(const OpEntry& entry) {
  static std::mutex mutex;
  static const ParsedOp* first = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  for (const ParsedOp* op = first; op != nullptr; op = op->next) {
    if (op->entry == &entry) return *op;
  }
  auto* op = new ParsedOp();
  op->entry = &entry;
  op->status = ParseSignature(entry.decl, &op->signature);
  op->next = first;
  first = op;
  return *op;
}

}  // namespace opkit::internal

extern "C" const OpkitLibrary* opkit_library(void) {
  static const auto* table = new opkit::internal::Table();
  return &table->library;
}
