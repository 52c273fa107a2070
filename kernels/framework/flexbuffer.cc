// A bounds-checked reader of the part of FlexBuffers that node options use.
// Format: https://flatbuffers.dev/flatbuffers_internals (FlexBuffers section).
#include <cstring>

#include "framework/attr_value.h"

namespace opkit::internal {
namespace {

enum FlexType {
  kNull = 0,
  kInt = 1,
  kUInt = 2,
  kFloat = 3,
  kKey = 4,
  kString = 5,
  kIndirectInt = 6,
  kIndirectUInt = 7,
  kIndirectFloat = 8,
  kMap = 9,
  kVector = 10,
  kVectorInt = 11,
  kVectorUInt = 12,
  kVectorFloat = 13,
  kVectorKey = 14,
  kVectorStringDeprecated = 15,
  kVectorInt2 = 16,
  kVectorFloat4 = 24,
  kBlob = 25,
  kBool = 26,
  kVectorBool = 36,
};

constexpr int kMaxDepth = 4;  // options hold at most lists of lists
constexpr uint64_t kMaxItems = 1 << 20;

Status Malformed(const char* what) { return Error("malformed options: %s", what); }

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  struct Ref {
    uint64_t pos = 0;    // where the value or the offset to it is stored
    uint8_t width = 1;   // bytes of that slot
    uint8_t packed = 0;  // type << 2 | log2(child width)
    int type() const { return packed >> 2; }
    uint8_t child_width() const { return static_cast<uint8_t>(1u << (packed & 3)); }
  };

  struct Vec {
    uint64_t pos = 0;
    uint64_t size = 0;
    uint8_t width = 1;
    int type = 0;
  };

  Status Root(Ref* out) const {
    if (size_ < 3) return Malformed("too short");
    const uint8_t width = data_[size_ - 1];
    if (width != 1 && width != 2 && width != 4 && width != 8) return Malformed("root width");
    if (size_ < 2u + width) return Malformed("too short");
    out->pos = size_ - 2 - width;
    out->width = width;
    out->packed = data_[size_ - 2];
    return {};
  }

  bool ReadUInt(uint64_t pos, uint8_t width, uint64_t* out) const {
    if (pos > size_ || width > size_ - pos) return false;
    uint64_t v = 0;
    std::memcpy(&v, data_ + pos, width);  // little endian, as all our platforms
    *out = v;
    return true;
  }

  bool ReadInt(uint64_t pos, uint8_t width, int64_t* out) const {
    uint64_t v;
    if (!ReadUInt(pos, width, &v)) return false;
    const int shift = 64 - 8 * width;
    *out = static_cast<int64_t>(v << shift) >> shift;
    return true;
  }

  bool ReadFloat(uint64_t pos, uint8_t width, double* out) const {
    uint64_t v;
    if (!ReadUInt(pos, width, &v)) return false;
    if (width == 4) {
      float f;
      std::memcpy(&f, &v, 4);
      *out = static_cast<double>(f);
    } else if (width == 8) {
      std::memcpy(out, &v, 8);
    } else {
      return false;
    }
    return true;
  }

  // Offsets count backwards from the slot that holds them.
  bool Follow(const Ref& r, uint64_t* out) const {
    uint64_t offset;
    if (!ReadUInt(r.pos, r.width, &offset) || offset > r.pos) return false;
    *out = r.pos - offset;
    return true;
  }

  bool ReadBytes(const Ref& r, std::string* out) const {
    uint64_t pos;
    if (!Follow(r, &pos)) return false;
    if (r.type() == kKey) return ReadKey(pos, out);
    const uint8_t w = r.child_width();
    uint64_t n;
    if (pos < w || !ReadUInt(pos - w, w, &n) || pos > size_ || n > size_ - pos) return false;
    out->assign(reinterpret_cast<const char*>(data_ + pos), n);
    return true;
  }

  bool ReadKey(uint64_t pos, std::string* out) const {
    if (pos >= size_) return false;
    const void* end = std::memchr(data_ + pos, 0, size_ - pos);
    if (end == nullptr) return false;
    *out = reinterpret_cast<const char*>(data_ + pos);
    return true;
  }

  bool OpenVec(const Ref& r, Vec* out) const {
    out->width = r.child_width();
    out->type = r.type();
    if (!Follow(r, &out->pos) || out->pos < out->width) return false;
    if (!ReadUInt(out->pos - out->width, out->width, &out->size)) return false;
    if (out->size > kMaxItems || out->pos > size_) return false;
    return out->size * out->width <= size_ - out->pos;
  }

  bool Item(const Vec& v, uint64_t i, Ref* out) const {
    out->pos = v.pos + i * v.width;
    out->width = v.width;
    if (v.type == kVector || v.type == kMap) {
      const uint64_t at = v.pos + v.size * v.width + i;
      if (at >= size_) return false;
      out->packed = data_[at];
      return true;
    }
    int item = 0;
    switch (v.type) {
      case kVectorInt:
        item = kInt;
        break;
      case kVectorUInt:
        item = kUInt;
        break;
      case kVectorFloat:
        item = kFloat;
        break;
      case kVectorKey:
        item = kKey;
        break;
      case kVectorStringDeprecated:
        item = kString;
        break;
      case kVectorBool:
        item = kBool;
        break;
      default:
        return false;
    }
    out->packed = static_cast<uint8_t>(item << 2);
    return true;
  }

  // Keys of a map: an offset and a width stored before the values' size.
  bool OpenKeys(const Vec& map, Vec* keys) const {
    const uint64_t back = 3u * map.width;
    if (map.pos < back) return false;
    const uint64_t slot = map.pos - back;
    uint64_t offset, width;
    if (!ReadUInt(slot, map.width, &offset) || offset > slot) return false;
    if (!ReadUInt(slot + map.width, map.width, &width)) return false;
    if (width != 1 && width != 2 && width != 4 && width != 8) return false;
    keys->pos = slot - offset;
    keys->width = static_cast<uint8_t>(width);
    keys->type = kVectorKey;
    if (keys->pos < keys->width || !ReadUInt(keys->pos - keys->width, keys->width, &keys->size)) {
      return false;
    }
    return keys->size == map.size && keys->pos <= size_ &&
           keys->size * keys->width <= size_ - keys->pos;
  }

  Status Value(const Ref& r, int depth, RawAttr* out) const {
    if (depth > kMaxDepth) return Malformed("nested too deeply");
    uint64_t u = 0, pos = 0;
    switch (r.type()) {
      case kNull:
        out->kind = RawAttr::kNull;
        return {};
      case kInt:
        out->kind = RawAttr::kInt;
        return ReadInt(r.pos, r.width, &out->i) ? Status() : Malformed("int");
      case kUInt:
        out->kind = RawAttr::kInt;
        if (!ReadUInt(r.pos, r.width, &u)) return Malformed("uint");
        out->i = static_cast<int64_t>(u);
        return {};
      case kBool:
        out->kind = RawAttr::kBool;
        if (!ReadUInt(r.pos, r.width, &u)) return Malformed("bool");
        out->i = u != 0;
        return {};
      case kFloat:
        out->kind = RawAttr::kFloat;
        return ReadFloat(r.pos, r.width, &out->f) ? Status() : Malformed("float");
      case kIndirectInt:
        out->kind = RawAttr::kInt;
        if (!Follow(r, &pos) || !ReadInt(pos, r.child_width(), &out->i)) return Malformed("int");
        return {};
      case kIndirectUInt:
        out->kind = RawAttr::kInt;
        if (!Follow(r, &pos) || !ReadUInt(pos, r.child_width(), &u)) return Malformed("uint");
        out->i = static_cast<int64_t>(u);
        return {};
      case kIndirectFloat:
        out->kind = RawAttr::kFloat;
        if (!Follow(r, &pos) || !ReadFloat(pos, r.child_width(), &out->f)) {
          return Malformed("float");
        }
        return {};
      case kKey:
      case kString:
      case kBlob:
        out->kind = RawAttr::kString;
        return ReadBytes(r, &out->s) ? Status() : Malformed("string");
      case kVector:
      case kVectorInt:
      case kVectorUInt:
      case kVectorFloat:
      case kVectorKey:
      case kVectorStringDeprecated:
      case kVectorBool: {
        out->kind = RawAttr::kList;
        Vec v;
        if (!OpenVec(r, &v)) return Malformed("list");
        for (uint64_t i = 0; i < v.size; ++i) {
          Ref item;
          RawAttr value;
          if (!Item(v, i, &item)) return Malformed("list item");
          OPKIT_RETURN_IF_ERROR(Value(item, depth + 1, &value));
          out->list.push_back(std::move(value));
        }
        return {};
      }
      default:
        return Error("malformed options: a value of flexbuffer type %d", r.type());
    }
  }

 private:
  const uint8_t* data_;
  uint64_t size_;
};

}  // namespace

Status DecodeFlexbuffer(const uint8_t* data, size_t size, std::vector<NamedRawAttr>* map,
                        std::string* flex_name, std::string* node_def, bool* is_flex) {
  const Reader reader(data, size);
  Reader::Ref root;
  Reader::Vec v;
  *is_flex = false;
  OPKIT_RETURN_IF_ERROR(reader.Root(&root));
  if (root.type() == kMap) {
    Reader::Vec keys;
    if (!reader.OpenVec(root, &v) || !reader.OpenKeys(v, &keys)) return Malformed("map");
    for (uint64_t i = 0; i < v.size; ++i) {
      Reader::Ref key, value;
      NamedRawAttr attr;
      uint64_t key_pos;
      if (!reader.Item(keys, i, &key) || !reader.Follow(key, &key_pos) ||
          !reader.ReadKey(key_pos, &attr.name) || !reader.Item(v, i, &value)) {
        return Malformed("map entry");
      }
      OPKIT_RETURN_IF_ERROR(reader.Value(value, 0, &attr.value));
      map->push_back(std::move(attr));
    }
    return {};
  }
  if (root.type() == kVector) {
    Reader::Ref name, def;
    if (!reader.OpenVec(root, &v) || v.size != 2 || !reader.Item(v, 0, &name) ||
        !reader.Item(v, 1, &def) || name.type() != kString ||
        (def.type() != kString && def.type() != kBlob) || !reader.ReadBytes(name, flex_name) ||
        !reader.ReadBytes(def, node_def)) {
      return Malformed("want [op name, NodeDef]");
    }
    *is_flex = true;
    return {};
  }
  return Malformed("want a flexbuffer map of attributes, or Flex's [op name, NodeDef]");
}

}  // namespace opkit::internal
