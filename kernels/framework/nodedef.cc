// A bounds-checked reader of the part of tensorflow.NodeDef (protobuf wire format) that holds
// attributes. Field numbers: tensorflow/core/framework/{node_def,attr_value,tensor_shape}.proto.
#include <cstring>
#include <string_view>

#include "framework/attr_value.h"

namespace opkit::internal {
namespace {

Status Malformed(const char* what) { return Error("malformed NodeDef: %s", what); }

// Walks the fields of one message.
class Fields {
 public:
  explicit Fields(std::string_view message) : p_(message) {}

  // False at the end or on an error, which `ok` tells.
  bool Next() {
    if (p_.empty()) return false;
    uint64_t tag;
    if (!Varint(&tag)) return Fail();
    number = static_cast<int>(tag >> 3);
    switch (tag & 7) {
      case 0:
        return Varint(&value) || Fail();
      case 1:
        return Fixed(8) || Fail();
      case 5:
        return Fixed(4) || Fail();
      case 2: {
        uint64_t n;
        if (!Varint(&n) || n > p_.size()) return Fail();
        bytes = p_.substr(0, n);
        p_.remove_prefix(n);
        wire = 2;
        return true;
      }
      default:
        return Fail();
    }
  }

  int number = 0;
  int wire = 0;
  uint64_t value = 0;
  std::string_view bytes;
  bool ok = true;

  float AsFloat() const {
    float f;
    const uint32_t v = static_cast<uint32_t>(value);
    std::memcpy(&f, &v, 4);
    return f;
  }

  static bool ReadVarint(std::string_view* p, uint64_t* out) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p->empty()) return false;
      const uint8_t b = static_cast<uint8_t>(p->front());
      p->remove_prefix(1);
      v |= static_cast<uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) {
        *out = v;
        return true;
      }
    }
    return false;
  }

 private:
  bool Fail() {
    ok = false;
    return false;
  }
  bool Varint(uint64_t* out) {
    wire = 0;
    return ReadVarint(&p_, out);
  }
  bool Fixed(size_t n) {
    if (p_.size() < n) return false;
    value = 0;
    std::memcpy(&value, p_.data(), n);
    p_.remove_prefix(n);
    wire = n == 8 ? 1 : 5;
    return true;
  }
  std::string_view p_;
};

bool DecodeShape(std::string_view bytes, PartialShape* out) {
  out->known_rank = true;
  Fields f(bytes);
  while (f.Next()) {
    if (f.number == 2 && f.wire == 2) {
      int64_t size = 0;
      Fields dim(f.bytes);
      while (dim.Next()) {
        if (dim.number == 1 && dim.wire == 0) size = static_cast<int64_t>(dim.value);
      }
      if (!dim.ok) return false;
      out->dims.push_back(size);
    } else if (f.number == 3 && f.wire == 0 && f.value != 0) {
      out->known_rank = false;
    }
  }
  if (!out->known_rank) out->dims.clear();
  return f.ok;
}

bool DecodeFuncName(std::string_view bytes, std::string* out) {
  Fields f(bytes);
  while (f.Next()) {
    if (f.number == 1 && f.wire == 2) out->assign(f.bytes);
  }
  return f.ok;
}

RawAttr IntAttr(RawAttr::Kind kind, uint64_t v) {
  RawAttr a;
  a.kind = kind;
  a.i = static_cast<int64_t>(v);
  return a;
}

RawAttr TypeAttr(uint64_t v) {
  RawAttr a;
  a.kind = RawAttr::kType;
  a.t = DTypeFromTf(static_cast<int>(v));
  return a;
}

RawAttr FloatAttr(float v) {
  RawAttr a;
  a.kind = RawAttr::kFloat;
  a.f = static_cast<double>(v);
  return a;
}

// ListValue: s=2 i=3 f=4 b=5 type=6 shape=7 tensor=8 func=9; numbers come packed or single.
bool DecodeList(std::string_view bytes, RawAttr* out) {
  out->kind = RawAttr::kList;
  Fields f(bytes);
  while (f.Next()) {
    RawAttr item;
    if (f.number == 2 || f.number == 8) {
      item.kind = RawAttr::kString;
      item.s.assign(f.bytes);
      out->list.push_back(std::move(item));
    } else if (f.number == 7) {
      item.kind = RawAttr::kShape;
      if (!DecodeShape(f.bytes, &item.shape)) return false;
      out->list.push_back(std::move(item));
    } else if (f.number == 9) {
      item.kind = RawAttr::kString;
      if (!DecodeFuncName(f.bytes, &item.s)) return false;
      out->list.push_back(std::move(item));
    } else if (f.number == 4) {
      if (f.wire == 5) {
        out->list.push_back(FloatAttr(f.AsFloat()));
      } else if (f.wire == 2) {
        for (size_t i = 0; i + 4 <= f.bytes.size(); i += 4) {
          float v;
          std::memcpy(&v, f.bytes.data() + i, 4);
          out->list.push_back(FloatAttr(v));
        }
      } else {
        return false;
      }
    } else if (f.number == 3 || f.number == 5 || f.number == 6) {
      const auto add = [&](uint64_t v) {
        out->list.push_back(f.number == 6   ? TypeAttr(v)
                            : f.number == 5 ? IntAttr(RawAttr::kBool, v)
                                            : IntAttr(RawAttr::kInt, v));
      };
      if (f.wire == 0) {
        add(f.value);
      } else if (f.wire == 2) {
        std::string_view p = f.bytes;
        while (!p.empty()) {
          uint64_t v;
          if (!Fields::ReadVarint(&p, &v)) return false;
          add(v);
        }
      } else {
        return false;
      }
    }
  }
  return f.ok;
}

// AttrValue: list=1 s=2 i=3 f=4 b=5 type=6 shape=7 tensor=8 placeholder=9 func=10.
bool DecodeAttrValue(std::string_view bytes, RawAttr* out) {
  Fields f(bytes);
  while (f.Next()) {
    *out = RawAttr();
    switch (f.number) {
      case 1:
        if (f.wire != 2 || !DecodeList(f.bytes, out)) return false;
        break;
      case 2:
      case 8:
        if (f.wire != 2) return false;
        out->kind = RawAttr::kString;
        out->s.assign(f.bytes);
        break;
      case 3:
        *out = IntAttr(RawAttr::kInt, f.value);
        break;
      case 4:
        *out = FloatAttr(f.AsFloat());
        break;
      case 5:
        *out = IntAttr(RawAttr::kBool, f.value != 0);
        break;
      case 6:
        *out = TypeAttr(f.value);
        break;
      case 7:
        out->kind = RawAttr::kShape;
        if (f.wire != 2 || !DecodeShape(f.bytes, &out->shape)) return false;
        break;
      case 10:
        out->kind = RawAttr::kString;
        if (f.wire != 2 || !DecodeFuncName(f.bytes, &out->s)) return false;
        break;
      default:
        break;
    }
  }
  return f.ok;
}

}  // namespace

// NodeDef: name=1 op=2 input=3 device=4 attr=5 (map entry: key=1 value=2).
Status DecodeNodeDef(const std::string& bytes, std::string* op, std::vector<NamedRawAttr>* attrs) {
  Fields f(bytes);
  while (f.Next()) {
    if (f.number == 2 && f.wire == 2) op->assign(f.bytes);
    if (f.number != 5 || f.wire != 2) continue;
    NamedRawAttr attr;
    Fields entry(f.bytes);
    while (entry.Next()) {
      if (entry.number == 1 && entry.wire == 2) attr.name.assign(entry.bytes);
      if (entry.number == 2 && entry.wire == 2 && !DecodeAttrValue(entry.bytes, &attr.value)) {
        return Malformed("attribute value");
      }
    }
    if (!entry.ok) return Malformed("attribute");
    attrs->push_back(std::move(attr));
  }
  return f.ok ? Status() : Malformed("message");
}

}  // namespace opkit::internal
