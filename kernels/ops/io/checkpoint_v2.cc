// V2: <prefix>.index is a table of BundleEntryProtos, <prefix>.data-xxxxx-of-yyyyy hold the bytes.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "ops/io/checkpoint.h"
#include "ops/io/wire.h"

namespace opkit::io {
namespace {

std::string DataFile(const std::string& prefix, int64_t shard, int64_t shards) {
  return prefix + Format(".data-%05lld-of-%05lld", static_cast<long long>(shard),
                         static_cast<long long>(shards));
}

struct Entry {
  DType dtype = DType::kInvalid;
  Shape shape;
  int64_t shard = 0;
  uint64_t offset = 0, size = 0;
  uint32_t crc = 0;
  std::vector<std::string> slices;  // TensorSliceProtos of a tensor that is stored in parts
};

std::string Encode(const Entry& e) {
  std::string out;
  PutInt(&out, 1, DTypeToTf(e.dtype));
  PutBytes(&out, 2, EncodeShape(e.shape));
  PutInt(&out, 3, e.shard);
  PutInt(&out, 4, static_cast<int64_t>(e.offset));
  PutInt(&out, 5, static_cast<int64_t>(e.size));
  if (e.crc != 0) {
    PutTag(&out, 6, 5);
    PutFixed32(&out, e.crc);
  }
  for (const std::string& s : e.slices) PutBytes(&out, 7, s);
  return out;
}

bool Decode(std::string_view proto, Entry* e) {
  WireReader r(proto);
  bool good = true;
  while (r.Next()) {
    switch (r.field()) {
      case 1:
        e->dtype = DTypeFromTf(static_cast<int>(r.value() & 0xff));
        break;
      case 2:
        good = good && DecodeShape(r.bytes(), &e->shape);
        break;
      case 3:
        e->shard = static_cast<int64_t>(r.value());
        break;
      case 4:
        e->offset = r.value();
        break;
      case 5:
        e->size = r.value();
        break;
      case 6:
        e->crc = static_cast<uint32_t>(r.value());
        break;
      case 7:
        e->slices.emplace_back(r.bytes());
        break;
      default:
        break;
    }
  }
  return r.ok() && good;
}

// CRC over the strings' lengths as 32-bit numbers (64-bit ones when they need it).
uint32_t ExtendLength(uint32_t crc, uint64_t length) {
  if (length <= UINT32_MAX) {
    const auto narrow = static_cast<uint32_t>(length);
    return ExtendCrc(crc, &narrow, 4);
  }
  return ExtendCrc(crc, &length, 8);
}

// --- reading ----------------------------------------------------------------------------------

class ReaderV2 : public Reader {
 public:
  Status Open(const std::string& prefix) {
    prefix_ = prefix;
    OPKIT_RETURN_IF_ERROR(index_.Open(prefix + ".index"));
    std::string header;
    bool found;
    OPKIT_RETURN_IF_ERROR(index_.Get("", &header, &found));
    if (!found) return index_.Damaged("no header");
    WireReader r(header);
    while (r.Next()) {
      if (r.field() == 1) shards_ = static_cast<int64_t>(r.value());
      if (r.field() == 2 && r.value() != 0) {
        return Error("%s was written on a big-endian machine", prefix.c_str());
      }
    }
    return r.ok() && shards_ > 0 && shards_ < 100000 ? Status() : index_.Damaged("header");
  }

  Status Read(const std::string& name, Stored* out) override {
    Entry e;
    bool found;
    OPKIT_RETURN_IF_ERROR(Find(name, &e, &found));
    if (!found || name.empty()) {
      return Error("tensor name \"%s\" not found in checkpoint %s", name.c_str(), prefix_.c_str());
    }
    out->dtype = e.dtype;
    out->shape = e.shape;
    if (e.slices.empty()) {
      out->slices.emplace_back();
      out->slices.back().box = Box::All(e.shape);
      return ReadData(e, name, &out->slices.back());
    }
    for (const std::string& proto : e.slices) {
      Slice s;
      Entry part;
      if (!DecodeBox(proto, e.shape, &s.box)) return index_.Damaged("a slice");
      OPKIT_RETURN_IF_ERROR(Find(SliceKey(name, proto), &part, &found));
      if (!found || part.dtype != e.dtype || part.shape != s.box.shape()) {
        return index_.Damaged("a slice is missing");
      }
      OPKIT_RETURN_IF_ERROR(ReadData(part, name, &s));
      out->slices.push_back(std::move(s));
    }
    return {};
  }

 private:
  Status Find(const std::string& key, Entry* e, bool* found) {
    std::string value;
    OPKIT_RETURN_IF_ERROR(index_.Get(key, &value, found));
    return !*found || Decode(value, e) ? Status() : index_.Damaged("an entry");
  }

  Status ReadData(const Entry& e, const std::string& name, Slice* out) {
    if (e.shard < 0 || e.shard >= shards_) return index_.Damaged("a shard's number");
    const std::string path = DataFile(prefix_, e.shard, shards_);
    std::ifstream file(path, std::ios::binary);
    if (!file) return Error("cannot read %s", path.c_str());
    file.seekg(0, std::ios::end);
    const auto file_size = static_cast<uint64_t>(std::max<int64_t>(0, file.tellg()));
    if (e.offset > file_size || e.size > file_size - e.offset) {
      return Error("%s: tensor \"%s\" lies outside the file", path.c_str(), name.c_str());
    }
    const auto count = static_cast<uint64_t>(out->box.size());
    const size_t element = DTypeSize(e.dtype);
    if (e.dtype != DType::kString && (element == 0 || e.size != count * element)) {
      return Error("%s: tensor \"%s\" has %llu bytes, which does not fit its shape", path.c_str(),
                   name.c_str(), static_cast<unsigned long long>(e.size));
    }
    std::string bytes(static_cast<size_t>(e.size), '\0');
    file.seekg(static_cast<std::streamoff>(e.offset));
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
      return Error("cannot read %s", path.c_str());
    }
    uint32_t crc = 0;
    if (e.dtype == DType::kString) {
      if (!DecodeStrings(bytes, count, &out->strings, &crc)) {
        return Error("%s: the strings of \"%s\" are damaged", path.c_str(), name.c_str());
      }
    } else {
      crc = ExtendCrc(0, bytes.data(), bytes.size());
      out->bytes = std::move(bytes);
    }
    if (MaskCrc(crc) != e.crc) {
      return Error("%s: the checksum of tensor \"%s\" is wrong", path.c_str(), name.c_str());
    }
    return {};
  }

  static bool DecodeStrings(std::string_view bytes, uint64_t count, std::vector<std::string>* out,
                            uint32_t* crc) {
    if (count > bytes.size()) return false;  // each length takes a byte
    WireReader r(bytes);
    std::vector<uint64_t> lengths(static_cast<size_t>(count));
    for (uint64_t& n : lengths) *crc = ExtendLength(*crc, n = r.Varint());
    const auto stored = static_cast<uint32_t>(r.Fixed(4));
    if (!r.ok() || stored != MaskCrc(*crc)) return false;
    *crc = ExtendCrc(*crc, &stored, 4);
    for (const uint64_t n : lengths) {
      const std::string_view s = r.Take(n);
      if (!r.ok()) return false;
      *crc = ExtendCrc(*crc, s.data(), s.size());
      out->emplace_back(s);
    }
    return r.done();
  }

  std::string prefix_;
  TableReader index_;
  int64_t shards_ = 0;
};

// --- writing ----------------------------------------------------------------------------------

Status WriteStrings(const Source& s, AtomicFile* file, uint32_t* crc) {
  std::string lengths;
  const int64_t n = s.box.size();
  for (int64_t i = 0; i < n; ++i) {
    PutVarint(&lengths, s.strings[i].size());
    *crc = ExtendLength(*crc, s.strings[i].size());
  }
  const uint32_t check = MaskCrc(*crc);
  PutFixed32(&lengths, check);
  *crc = ExtendCrc(*crc, &check, 4);
  OPKIT_RETURN_IF_ERROR(file->Write(lengths));
  for (int64_t i = 0; i < n; ++i) {
    const std::string_view text = s.strings[i];
    *crc = ExtendCrc(*crc, text.data(), text.size());
    OPKIT_RETURN_IF_ERROR(file->Write(text));
  }
  return {};
}

}  // namespace

bool IsV2(const std::string& prefix) {
  std::error_code error;
  return std::filesystem::is_regular_file(prefix + ".index", error);
}

Status OpenV2(const std::string& prefix, std::unique_ptr<Reader>* out) {
  auto reader = std::make_unique<ReaderV2>();
  OPKIT_RETURN_IF_ERROR(reader->Open(prefix));
  *out = std::move(reader);
  return {};
}

Status WriteV2(const std::string& prefix, const std::vector<Source>& tensors) {
  AtomicFile data(DataFile(prefix, 0, 1));
  OPKIT_RETURN_IF_ERROR(data.Open());
  std::map<std::string, Entry> entries;
  for (const Source& s : tensors) {
    if (s.name.empty()) return Error("a tensor's name is empty");
    Entry e;
    e.dtype = s.dtype;
    e.shape = s.box.shape();
    e.offset = data.size();
    uint32_t crc = 0;
    if (s.dtype == DType::kString) {
      OPKIT_RETURN_IF_ERROR(WriteStrings(s, &data, &crc));
    } else {
      const size_t n = static_cast<size_t>(s.box.size()) * DTypeSize(s.dtype);
      crc = ExtendCrc(0, s.bytes, n);
      OPKIT_RETURN_IF_ERROR(data.Write({s.bytes, n}));
    }
    e.size = data.size() - e.offset;
    e.crc = MaskCrc(crc);
    std::string key = s.name;
    if (!s.box.covers(s.whole)) {
      Entry& whole = entries[s.name];
      if (!whole.slices.empty() && (whole.dtype != s.dtype || whole.shape != s.whole)) {
        return Error("slices of \"%s\" differ in type or full shape", s.name.c_str());
      }
      if (whole.slices.empty() && whole.dtype != DType::kInvalid) {
        return Error("tensor \"%s\" is saved twice", s.name.c_str());
      }
      whole.dtype = s.dtype;
      whole.shape = s.whole;
      whole.slices.push_back(EncodeBox(s.box, s.whole));
      key = SliceKey(s.name, whole.slices.back());
    }
    if (!entries.emplace(key, e).second) {
      return Error("tensor \"%s\" is saved twice", s.name.c_str());
    }
  }
  AtomicFile file(prefix + ".index");
  OPKIT_RETURN_IF_ERROR(file.Open());
  TableWriter index(&file);
  std::string header, version;
  PutInt(&header, 1, 1);  // one shard
  PutInt(&version, 1, kCheckpointVersion);
  PutBytes(&header, 3, version);
  OPKIT_RETURN_IF_ERROR(index.Add("", header));
  for (const auto& [key, e] : entries) OPKIT_RETURN_IF_ERROR(index.Add(key, Encode(e)));
  OPKIT_RETURN_IF_ERROR(index.Finish());
  OPKIT_RETURN_IF_ERROR(data.Commit());
  return file.Commit();
}

}  // namespace opkit::io
