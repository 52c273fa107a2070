// What both checkpoint formats share: shapes, slices and their keys.
#include "ops/io/checkpoint.h"

#include <algorithm>
#include <cstring>

#include "ops/io/wire.h"

namespace opkit::io {

Box Box::All(const Shape& shape) {
  Box b;
  b.rank = shape.rank();
  for (int i = 0; i < b.rank; ++i) b.length[i] = shape[i];
  return b;
}

int64_t Box::size() const {
  int64_t n = 1;
  for (int i = 0; i < rank; ++i) n *= length[i];
  return n;
}

bool Box::covers(const Shape& whole) const {
  for (int i = 0; i < rank; ++i) {
    if (start[i] != 0 || length[i] != whole[i]) return false;
  }
  return true;
}

namespace {

// A decimal number of at most 18 digits.
bool ParseNumber(std::string_view text, int64_t* out) {
  if (text.empty() || text.size() > 18) return false;
  *out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    *out = *out * 10 + (c - '0');
  }
  return true;
}

std::string_view Split(std::string_view* rest, char separator) {
  const size_t at = std::min(rest->find(separator), rest->size());
  const std::string_view part = rest->substr(0, at);
  *rest = rest->substr(std::min(rest->size(), at + 1));
  return part;
}

// Walks the rows (runs along the last dimension) that `have` and `want` share:
// f(element offset in have, element offset in want, elements).
template <typename F>
void ForSharedRows(const Box& have, const Box& want, F&& f) {
  int64_t from[Shape::kMaxRank], count[Shape::kMaxRank], at[Shape::kMaxRank] = {};
  const int rank = want.rank;
  for (int i = 0; i < rank; ++i) {
    from[i] = std::max(have.start[i], want.start[i]);
    count[i] = std::min(have.start[i] + have.length[i], want.start[i] + want.length[i]) - from[i];
    if (count[i] <= 0) return;
  }
  const int64_t run = rank > 0 ? count[rank - 1] : 1;
  for (;;) {
    int64_t a = 0, b = 0;
    for (int i = 0; i < rank; ++i) {
      a = a * have.length[i] + (from[i] + at[i] - have.start[i]);
      b = b * want.length[i] + (from[i] + at[i] - want.start[i]);
    }
    f(a, b, run);
    int i = rank - 2;
    while (i >= 0 && ++at[i] == count[i]) at[i--] = 0;
    if (i < 0) return;
  }
}

// Bytes of a signed number whose order is the numbers' order: the first bits tell the length.
void PutOrderedSigned(std::string* out, int64_t v) {
  const auto magnitude = static_cast<uint64_t>(v < 0 ? ~v : v);
  int length = 1;
  while (length < 10 && (magnitude >> (7 * length - 1)) != 0) ++length;
  char bytes[10];
  for (int i = 0; i < 10; ++i) {
    const int shift = 8 * (9 - i);
    bytes[i] = static_cast<char>(shift >= 64 ? (v < 0 ? -1 : 0) : v >> shift);
  }
  const uint32_t header = (0xffffffffu << (32 - length)) >> 16;  // `length` ones from the top
  char* const begin = bytes + 10 - length;
  begin[0] = static_cast<char>(begin[0] ^ static_cast<char>(header >> 8));
  if (length > 1) begin[1] = static_cast<char>(begin[1] ^ static_cast<char>(header));
  out->append(begin, static_cast<size_t>(length));
}

// One dimension of a TensorSliceProto as written; all of it may have a length or the length -1.
struct Extent {
  int64_t start = 0, length = -1;
};

bool DecodeExtents(std::string_view proto, std::vector<Extent>* out) {
  WireReader r(proto);
  while (r.Next()) {
    if (r.field() != 1) continue;
    if (out->size() == static_cast<size_t>(Shape::kMaxRank)) return false;
    Extent e;
    WireReader extent(r.bytes());
    while (extent.Next()) {
      if (extent.field() == 1) e.start = static_cast<int64_t>(extent.value());
      if (extent.field() == 2) e.length = static_cast<int64_t>(extent.value());
    }
    if (!extent.ok()) return false;
    out->push_back(e);
  }
  return r.ok();
}

}  // namespace

Status ParseSpec(std::string_view spec, Shape* shape, Box* box) {
  if (spec.empty()) {
    *box = Box::All(*shape);
    return {};
  }
  const std::string text(spec);
  const size_t last = spec.rfind(' ');
  if (last == std::string_view::npos) {
    return Error("shape_and_slice \"%s\" has no slice after the shape", text.c_str());
  }
  std::string_view dims = spec.substr(0, last), parts = spec.substr(last + 1);
  Shape whole;
  while (!dims.empty()) {
    int64_t d;
    if (!ParseNumber(Split(&dims, ' '), &d)) {
      return Error("shape_and_slice \"%s\": a dimension is no number", text.c_str());
    }
    whole.push_back(d);
  }
  if (!whole.valid()) return Error("shape_and_slice \"%s\" is too large", text.c_str());
  *box = Box::All(whole);
  for (int i = 0; i < box->rank; ++i) {
    std::string_view part = Split(&parts, ':');
    if (part == "-") continue;
    const std::string_view start = Split(&part, ',');
    if (!ParseNumber(start, &box->start[i]) || !ParseNumber(part, &box->length[i]) ||
        box->length[i] == 0 || box->start[i] > whole[i] ||
        box->length[i] > whole[i] - box->start[i]) {
      return Error("shape_and_slice \"%s\": dimension %d is not within the shape", text.c_str(), i);
    }
  }
  if (!parts.empty()) {
    return Error("shape_and_slice \"%s\" has more slices than dimensions", text.c_str());
  }
  *shape = whole;
  return {};
}

Status CheckCovered(const Stored& stored, const Box& want) {
  int64_t found = 0;
  for (const Slice& s : stored.slices) {
    ForSharedRows(s.box, want, [&](int64_t, int64_t, int64_t run) { found += run; });
  }
  if (found >= want.size()) return {};
  return Error("the checkpoint holds only %lld of %lld elements", static_cast<long long>(found),
               static_cast<long long>(want.size()));
}

void CopyBytes(const Stored& stored, const Box& want, size_t element, char* out) {
  for (const Slice& s : stored.slices) {
    ForSharedRows(s.box, want, [&](int64_t a, int64_t b, int64_t run) {
      std::memcpy(out + static_cast<size_t>(b) * element,
                  s.bytes.data() + static_cast<size_t>(a) * element,
                  static_cast<size_t>(run) * element);
    });
  }
}

void CopyStrings(const Stored& stored, const Box& want, std::vector<std::string_view>* out) {
  out->assign(static_cast<size_t>(want.size()), {});
  for (const Slice& s : stored.slices) {
    ForSharedRows(s.box, want, [&](int64_t a, int64_t b, int64_t run) {
      for (int64_t i = 0; i < run; ++i) {
        (*out)[static_cast<size_t>(b + i)] = s.strings[static_cast<size_t>(a + i)];
      }
    });
  }
}

std::string EncodeShape(const Shape& shape) {
  std::string out;
  for (const int64_t d : shape) {
    std::string dim;
    PutInt(&dim, 1, d);
    PutBytes(&out, 2, dim);
  }
  return out;
}

std::string EncodeBox(const Box& box, const Shape& whole) {
  std::string out;
  for (int i = 0; i < box.rank; ++i) {
    std::string extent;
    if (box.start[i] != 0 || box.length[i] != whole[i]) {
      PutInt(&extent, 1, box.start[i]);
      PutTag(&extent, 2, 0);  // set even when 0: a oneof
      PutVarint(&extent, static_cast<uint64_t>(box.length[i]));
    }
    PutBytes(&out, 1, extent);
  }
  return out;
}

bool DecodeShape(std::string_view proto, Shape* out) {
  *out = Shape();
  double elements = 1;
  WireReader r(proto);
  while (r.Next()) {
    if (r.field() == 3 && r.value() != 0) return false;  // unknown rank
    if (r.field() != 2) continue;
    int64_t size = 0;
    WireReader dim(r.bytes());
    while (dim.Next()) {
      if (dim.field() == 1) size = static_cast<int64_t>(dim.value());
    }
    if (!dim.ok()) return false;
    out->push_back(size);
    elements *= static_cast<double>(size);
  }
  return r.ok() && out->valid() && elements < 1e15;
}

bool DecodeBox(std::string_view proto, const Shape& whole, Box* out) {
  *out = Box::All(whole);
  std::vector<Extent> extents;
  if (!DecodeExtents(proto, &extents)) return false;
  if (extents.size() != static_cast<size_t>(whole.rank())) return false;
  for (int i = 0; i < whole.rank(); ++i) {
    const auto [start, length] = extents[static_cast<size_t>(i)];
    if (length == -1 && start == 0) continue;
    if (start < 0 || length < 0 || start > whole[i] || length > whole[i] - start) return false;
    out->start[i] = start;
    out->length[i] = length;
  }
  return true;
}

std::string NameKey(std::string_view name) {
  std::string key(1, '\0');  // the number 0
  for (const char c : name) {
    key.push_back(c);
    if (c == '\0') key.push_back('\xff');
    if (c == '\xff') key.push_back('\0');
  }
  key.push_back('\0');
  key.push_back('\1');
  return key;
}

std::string SliceKey(std::string_view name, std::string_view proto) {
  std::string key = NameKey(name);
  std::vector<Extent> extents;
  DecodeExtents(proto, &extents);
  if (extents.empty()) {
    key.push_back('\0');
  } else {
    key.push_back('\1');
    key.push_back(static_cast<char>(extents.size()));
  }
  for (const Extent& e : extents) {
    PutOrderedSigned(&key, e.start);
    PutOrderedSigned(&key, e.length);
  }
  return key;
}

}  // namespace opkit::io
