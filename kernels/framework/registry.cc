#include "framework/registry.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

#include "opkit/c_api.h"

namespace opkit::internal {
namespace {

std::string Quote(const std::string& s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += Format("\\u%04x", c);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string DTypeArray(DTypeSet set) {
  std::string out = "[";
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if ((set & Bit(static_cast<DType>(i))) == 0) continue;
    out += (out.size() > 1 ? ", " : "") + Quote(DTypeName(static_cast<DType>(i)));
  }
  return out + "]";
}

template <typename V, typename F>
std::string Array(const V& values, F&& text) {
  std::string out = "[";
  for (const auto& v : values) out += (out.size() > 1 ? ", " : "") + text(v);
  return out + "]";
}

std::string Float(float f) {
  return std::isfinite(f) ? Format("%.9g", static_cast<double>(f))
                          : Quote(Format("%g", static_cast<double>(f)));
}

std::string ArgsJson(const std::vector<ArgSig>& args, const Signature& sig,
                     const std::vector<bool>* shape_from) {
  size_t i = 0;
  return Array(args, [&](const ArgSig& a) {
    std::string out = "{\"name\": " + Quote(a.name) + ", \"type\": " + Quote(a.type) +
                      ", \"dtypes\": " + DTypeArray(a.dtypes);
    if (a.has_dims) out += ", \"shape\": " + Quote(a.DimsText(sig.dim_names));
    if (a.optional) out += ", \"optional\": true";
    if (a.list) out += ", \"list\": true";
    if (a.mixed) out += ", \"mixed\": true";
    if (shape_from != nullptr && (*shape_from)[i]) out += ", \"shape_from\": true";
    ++i;
    return out + "}";
  });
}

std::string DefaultJson(const AttrSig& a) {
  const AttrValue& v = a.default_value;
  if (a.list) {
    switch (a.kind) {
      case AttrKind::kInt:
        return Array(v.ints, [](int64_t x) { return std::to_string(x); });
      case AttrKind::kBool:
        return Array(v.ints, [](int64_t x) { return std::string(x != 0 ? "true" : "false"); });
      case AttrKind::kFloat:
        return Array(v.floats, Float);
      case AttrKind::kString:
        return Array(v.strings, Quote);
      default:
        return "[]";
    }
  }
  switch (a.kind) {
    case AttrKind::kInt:
      return std::to_string(v.i);
    case AttrKind::kBool:
      return v.i != 0 ? "true" : "false";
    case AttrKind::kFloat:
      return Float(v.f);
    case AttrKind::kType:
      return Quote(DTypeName(v.t));
    case AttrKind::kShape:
      return "null";
    default:
      return Quote(v.s);
  }
}

// The registrations, names and JSON of this library's ops; made at first use, never freed: the
// runtime keeps pointers into it.
struct Table {
  std::deque<std::string> texts;
  std::deque<TfLiteRegistration> registrations;
  std::vector<OpkitOp> ops;
  std::string error;
  OpkitLibrary library = {};

  const char* Keep(std::string s) { return texts.emplace_back(std::move(s)).c_str(); }

  const TfLiteRegistration* Register(const OpEntry& entry, const char* name) {
    TfLiteRegistration& r = registrations.emplace_back();
    std::memset(&r, 0, sizeof(r));
    r.init = entry.init;
    r.free = FreeNode;
    r.prepare = PrepareCallback;
    r.invoke = InvokeCallback;
    r.builtin_code = abi::kBuiltinCustom;
    r.custom_name = name;
    r.version = entry.decl.version_;
    return &r;
  }

  Table() {
    std::vector<const OpEntry*> entries;
    for (const OpEntry* e = OpEntry::head(); e != nullptr; e = e->next) entries.push_back(e);
    std::sort(entries.begin(), entries.end(), [](const OpEntry* a, const OpEntry* b) {
      const int order = std::strcmp(a->decl.name_, b->decl.name_);
      return order != 0 ? order < 0 : a->decl.version_ < b->decl.version_;
    });
    for (size_t i = 0; i < entries.size(); ++i) {
      const OpDecl& decl = entries[i]->decl;
      const ParsedOp& parsed = Parsed(*entries[i]);
      if (!parsed.status.ok()) {
        error +=
            (error.empty() ? "" : "; ") + std::string(decl.name_) + ": " + parsed.status.message();
      }
      if (i > 0 && std::strcmp(entries[i - 1]->decl.name_, decl.name_) == 0 &&
          entries[i - 1]->decl.version_ == decl.version_) {
        error += (error.empty() ? "" : "; ") + std::string(decl.name_) + " is declared twice";
      }
      OpkitOp op;
      op.name = decl.name_;
      op.flex_name = Keep(std::string("Flex") + decl.name_);
      op.version = decl.version_;
      op.declaration_json = Keep(DeclarationJson(parsed));
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
  static auto* parsed = new std::map<const OpEntry*, ParsedOp>();
  const std::lock_guard<std::mutex> lock(mutex);
  ParsedOp& op = (*parsed)[&entry];
  if (op.entry == nullptr) {
    op.entry = &entry;
    op.status = ParseSignature(entry.decl, &op.signature);
  }
  return op;
}

std::string DeclarationJson(const ParsedOp& op) {
  const OpDecl& decl = op.entry->decl;
  const Signature& sig = op.signature;
  std::string out = "{\"name\": " + Quote(decl.name_) +
                    ", \"version\": " + std::to_string(decl.version_) +
                    ", \"inputs\": " + ArgsJson(sig.inputs, sig, &sig.shape_from) +
                    ", \"outputs\": " + ArgsJson(sig.outputs, sig, nullptr) + ", \"types\": {";
  for (size_t i = 0; i < sig.types.size(); ++i) {
    out += (i > 0 ? ", " : "") + Quote(sig.types[i].name) + ": " + DTypeArray(sig.types[i].dtypes);
  }
  out += "}, \"attrs\": " + Array(sig.attrs, [](const AttrSig& a) {
           std::string text = "{\"name\": " + Quote(a.name) + ", \"kind\": " + Quote(a.KindText()) +
                              ", \"required\": " + (a.required ? "true" : "false");
           if (!a.required) text += ", \"default\": " + DefaultJson(a);
           if (!a.choices.empty()) text += ", \"choices\": " + Array(a.choices, Quote);
           return text + "}";
         });
  out += std::string(", \"data_dependent\": ") + (decl.data_dependent_ ? "true" : "false") +
         ", \"stateful\": " + (decl.stateful_ ? "true" : "false") + "}";
  return out;
}

}  // namespace opkit::internal

extern "C" const OpkitLibrary* opkit_library(void) {
  static const auto* table = new opkit::internal::Table();
  return &table->library;
}
