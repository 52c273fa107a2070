// V1: one table. Key "" holds SavedTensorSlices.meta, every slice a SavedTensorSlices.data with
// the values in the typed fields of a TensorProto.
#include <algorithm>
#include <cstring>
#include <filesystem>

#include "ops/io/checkpoint.h"
#include "ops/io/wire.h"

namespace opkit::io {
namespace {

constexpr uint64_t kLargestMessage = (uint64_t{1} << 31) - 1;

enum class Coding { kNone, kRaw, kVarint, kString };
struct Field {
  uint32_t number = 0;  // in TensorProto
  Coding coding = Coding::kNone;
};

Field FieldOf(DType t) {
  switch (t) {
    case DType::kFloat32:
      return {5, Coding::kRaw};
    case DType::kFloat64:
      return {6, Coding::kRaw};
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kUInt8:
    case DType::kUInt16:
      return {7, Coding::kVarint};
    case DType::kString:
      return {8, Coding::kString};
    case DType::kComplex64:
      return {9, Coding::kRaw};
    case DType::kInt64:
      return {10, Coding::kVarint};
    case DType::kBool:
      return {11, Coding::kVarint};
    case DType::kComplex128:
      return {12, Coding::kRaw};
    case DType::kFloat16:
      return {13, Coding::kVarint};
    default:
      return {};
  }
}

// Little-endian element `i`, sign-extended for signed integers.
uint64_t Element(DType t, const char* bytes, int64_t i) {
  const size_t size = DTypeSize(t);
  uint64_t v = 0;
  std::memcpy(&v, bytes + static_cast<size_t>(i) * size, size);
  switch (t) {
    case DType::kInt8:
      return static_cast<uint64_t>(int64_t{static_cast<int8_t>(v)});
    case DType::kInt16:
      return static_cast<uint64_t>(int64_t{static_cast<int16_t>(v)});
    case DType::kInt32:
      return static_cast<uint64_t>(int64_t{static_cast<int32_t>(v)});
    default:
      return v;
  }
}

void EncodeValues(const Source& s, std::string* out) {
  const Field field = FieldOf(s.dtype);
  const int64_t n = s.box.size();
  if (field.coding == Coding::kString) {
    for (int64_t i = 0; i < n; ++i) PutBytes(out, field.number, s.strings[i]);
    return;
  }
  if (n == 0) return;
  if (field.coding == Coding::kRaw) {
    PutBytes(out, field.number, {s.bytes, static_cast<size_t>(n) * DTypeSize(s.dtype)});
    return;
  }
  std::string packed;
  packed.reserve(static_cast<size_t>(n) * 2);
  for (int64_t i = 0; i < n; ++i) PutVarint(&packed, Element(s.dtype, s.bytes, i));
  PutBytes(out, field.number, packed);
}

// TensorProto -> bytes or strings; true when it holds exactly as many as the slice.
bool DecodeValues(std::string_view proto, DType dtype, Slice* out) {
  const Field field = FieldOf(dtype);
  const size_t element = DTypeSize(dtype);
  const auto count = static_cast<uint64_t>(out->box.size());
  WireReader r(proto);
  while (r.Next()) {
    if (r.field() != field.number) continue;
    if (field.coding == Coding::kString) {
      if (r.type() != 2 || out->strings.size() == count) return false;
      out->strings.emplace_back(r.bytes());
      continue;
    }
    if (field.coding == Coding::kRaw) {
      if (r.type() == 2) {
        out->bytes.append(r.bytes());
      } else if (r.type() != 0) {  // not packed
        const uint64_t v = r.value();
        out->bytes.append(reinterpret_cast<const char*>(&v), r.type() == 5 ? 4 : 8);
      }
    } else {
      const auto put = [&](uint64_t v) {
        out->bytes.append(reinterpret_cast<const char*>(&v), element);
      };
      if (r.type() == 0) put(r.value());
      if (r.type() == 2) {
        WireReader packed(r.bytes());
        while (!packed.done()) put(packed.Varint());
        if (!packed.ok()) return false;
      }
    }
    if (out->bytes.size() > count * element) return false;
  }
  if (!r.ok()) return false;
  return field.coding == Coding::kString ? out->strings.size() == count
                                         : out->bytes.size() == count * element;
}

// --- file patterns ----------------------------------------------------------------------------

bool Matches(std::string_view pattern, std::string_view name) {
  while (!pattern.empty()) {
    const char c = pattern[0];
    if (c == '*') {
      for (size_t skip = 0; skip <= name.size(); ++skip) {
        if (Matches(pattern.substr(1), name.substr(skip))) return true;
      }
      return false;
    }
    if (name.empty()) return false;
    size_t used = 1;
    bool match;
    const size_t close = c == '[' ? pattern.find(']', 2) : std::string_view::npos;
    if (close != std::string_view::npos) {
      std::string_view set = pattern.substr(1, close - 1);
      const bool negate = set[0] == '^' || set[0] == '!';
      if (negate) set.remove_prefix(1);
      match = false;
      for (size_t i = 0; i < set.size(); ++i) {
        if (i + 2 < set.size() && set[i + 1] == '-') {
          match = match || (set[i] <= name[0] && name[0] <= set[i + 2]);
          i += 2;
        } else {
          match = match || set[i] == name[0];
        }
      }
      match = match != negate;
      used = close + 1;
    } else {
      match = c == '?' || c == name[0];
    }
    if (!match) return false;
    pattern.remove_prefix(used);
    name.remove_prefix(1);
  }
  return name.empty();
}

std::vector<std::string> MatchingFiles(const std::string& pattern) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_regular_file(pattern, error)) return {pattern};
  std::vector<std::string> out;
  const fs::path path(pattern);
  const std::string last = path.filename().string();
  // Each '*' can multiply the work of matching; nobody needs many.
  if (last.find_first_of("*?[") == std::string::npos ||
      std::count(last.begin(), last.end(), '*') > 8) {
    return out;
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (Matches(last, name)) out.push_back((folder / name).string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// --- reading ----------------------------------------------------------------------------------

struct Described {
  DType dtype = DType::kInvalid;
  Shape shape;
};

class ReaderV1 : public Reader {
 public:
  Status Open(const std::string& pattern) {
    pattern_ = pattern;
    const std::vector<std::string> files = MatchingFiles(pattern);
    if (files.empty()) return Error("no file matches %s", pattern.c_str());
    for (const std::string& path : files) {
      tables_.push_back(std::make_unique<TableReader>());
      OPKIT_RETURN_IF_ERROR(tables_.back()->Open(path));
      OPKIT_RETURN_IF_ERROR(ReadMeta(tables_.back().get()));
    }
    return {};
  }

  Status Read(const std::string& name, Stored* out) override {
    const auto at = tensors_.find(name);
    if (at == tensors_.end()) {
      return Error("tensor name \"%s\" not found in checkpoint %s", name.c_str(), pattern_.c_str());
    }
    out->dtype = at->second.dtype;
    out->shape = at->second.shape;
    if (FieldOf(out->dtype).coding == Coding::kNone) {
      return Error("tensor \"%s\" has a type that V1 checkpoints do not hold", name.c_str());
    }
    const std::string prefix = NameKey(name);
    for (const auto& table : tables_) {
      bool good = true;
      OPKIT_RETURN_IF_ERROR(table->Scan(prefix, [&](std::string_view key, std::string_view v) {
        if (key.substr(0, prefix.size()) != prefix) return false;
        good = ReadSlice(v, name, out);
        return good;
      }));
      if (!good) return table->Damaged("a tensor's values");
    }
    return {};
  }

 private:
  Status ReadMeta(TableReader* table) {
    std::string value;
    bool found;
    OPKIT_RETURN_IF_ERROR(table->Get("", &value, &found));
    if (!found) return table->Damaged("no list of tensors");
    WireReader top(value);
    while (top.Next()) {
      if (top.field() != 1) continue;
      WireReader meta(top.bytes());
      while (meta.Next()) {
        if (meta.field() != 1) continue;
        WireReader tensor(meta.bytes());
        std::string name;
        Described d;
        bool good = true;
        while (tensor.Next()) {
          if (tensor.field() == 1) name.assign(tensor.bytes());
          if (tensor.field() == 2) good = good && DecodeShape(tensor.bytes(), &d.shape);
          if (tensor.field() == 3) d.dtype = DTypeFromTf(static_cast<int>(tensor.value() & 0xff));
        }
        if (!tensor.ok() || !good) return table->Damaged("a tensor's description");
        const auto [at, fresh] = tensors_.emplace(name, d);
        if (!fresh && (at->second.dtype != d.dtype || at->second.shape != d.shape)) {
          return Error("%s: tensor \"%s\" has two shapes or types", table->path().c_str(),
                       name.c_str());
        }
      }
      if (!meta.ok()) return table->Damaged("list of tensors");
    }
    return top.ok() ? Status() : table->Damaged("list of tensors");
  }

  static bool ReadSlice(std::string_view value, const std::string& name, Stored* out) {
    WireReader top(value);
    while (top.Next()) {
      if (top.field() != 2) continue;
      std::string_view slice_name, box, data;
      WireReader slice(top.bytes());
      while (slice.Next()) {
        if (slice.field() == 1) slice_name = slice.bytes();
        if (slice.field() == 2) box = slice.bytes();
        if (slice.field() == 3) data = slice.bytes();
      }
      Slice s;
      if (!slice.ok() || slice_name != name || !DecodeBox(box, out->shape, &s.box) ||
          !DecodeValues(data, out->dtype, &s)) {
        return false;
      }
      out->slices.push_back(std::move(s));
    }
    return top.ok();
  }

  std::string pattern_;
  std::vector<std::unique_ptr<TableReader>> tables_;
  std::map<std::string, Described> tensors_;
};

}  // namespace

Status OpenV1(const std::string& pattern, std::unique_ptr<Reader>* out) {
  auto reader = std::make_unique<ReaderV1>();
  OPKIT_RETURN_IF_ERROR(reader->Open(pattern));
  *out = std::move(reader);
  return {};
}

Status WriteV1(const std::string& path, const std::vector<Source>& tensors) {
  std::string meta;
  std::map<std::string, const Source*> slices;  // by key; a repeated tensor is written once
  for (const Source& s : tensors) {
    if (FieldOf(s.dtype).coding == Coding::kNone) {
      return Error("tensor \"%s\": V1 checkpoints do not hold %s", s.name.c_str(),
                   DTypeName(s.dtype));
    }
    const std::string box = EncodeBox(s.box, s.whole);
    const bool fresh = slices.insert_or_assign(SliceKey(s.name, box), &s).second;
    if (!fresh) continue;
    std::string tensor;
    PutBytes(&tensor, 1, s.name);
    PutBytes(&tensor, 2, EncodeShape(s.whole));
    PutInt(&tensor, 3, DTypeToTf(s.dtype));
    PutBytes(&tensor, 4, box);
    PutBytes(&meta, 1, tensor);
  }
  std::string versions;
  PutInt(&versions, 1, kCheckpointVersion);
  PutBytes(&meta, 2, versions);
  std::string top;
  PutBytes(&top, 1, meta);

  AtomicFile file(path);
  OPKIT_RETURN_IF_ERROR(file.Open());
  TableWriter table(&file);
  OPKIT_RETURN_IF_ERROR(table.Add("", top));
  for (const auto& [key, source] : slices) {
    std::string values, slice, entry;
    EncodeValues(*source, &values);
    PutBytes(&slice, 1, source->name);
    PutBytes(&slice, 2, EncodeBox(source->box, source->whole));
    PutBytes(&slice, 3, values);
    PutBytes(&entry, 2, slice);
    if (entry.size() > kLargestMessage) {
      return Error("tensor \"%s\" is too large for a V1 checkpoint", source->name.c_str());
    }
    OPKIT_RETURN_IF_ERROR(table.Add(key, entry));
  }
  OPKIT_RETURN_IF_ERROR(table.Finish());
  return file.Commit();
}

}  // namespace opkit::io
