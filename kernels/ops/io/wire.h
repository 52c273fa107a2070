// Protocol-buffer wire format, as far as checkpoints need it, and CRC-32C.
#ifndef OPKIT_OPS_IO_WIRE_H_
#define OPKIT_OPS_IO_WIRE_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace opkit::io {

// --- writing ----------------------------------------------------------------------------------

inline void PutVarint(std::string* out, uint64_t v) {
  while (v >= 0x80) {
    out->push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out->push_back(static_cast<char>(v));
}

inline void PutFixed32(std::string* out, uint32_t v) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(v >> (8 * i)));
}

inline void PutTag(std::string* out, uint32_t field, uint32_t type) {
  PutVarint(out, field << 3 | type);
}

inline void PutInt(std::string* out, uint32_t field, int64_t v) {
  if (v == 0) return;
  PutTag(out, field, 0);
  PutVarint(out, static_cast<uint64_t>(v));
}

inline void PutBytes(std::string* out, uint32_t field, std::string_view bytes) {
  PutTag(out, field, 2);
  PutVarint(out, bytes.size());
  out->append(bytes);
}

// --- reading ----------------------------------------------------------------------------------

// Reads fields of a message. Any malformed byte ends the walk with ok() false.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : p_(bytes.data()), end_(p_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return p_ == end_ || !ok_; }
  uint32_t field() const { return field_; }
  uint32_t type() const { return type_; }

  // Moves to the next field and reads its value; false at the end or on an error.
  bool Next() {
    if (done()) return false;
    const uint64_t tag = Varint();
    field_ = static_cast<uint32_t>(tag >> 3);
    type_ = static_cast<uint32_t>(tag & 7);
    if (tag > UINT32_MAX || field_ == 0) ok_ = false;
    bytes_ = {};
    switch (type_) {
      case 0:
        value_ = Varint();
        break;
      case 1:
        value_ = Fixed(8);
        break;
      case 2:
        bytes_ = Take(Varint());
        break;
      case 5:
        value_ = Fixed(4);
        break;
      default:
        ok_ = false;
    }
    return ok_;
  }
  uint64_t value() const { return value_; }
  std::string_view bytes() const { return bytes_; }

  // For packed fields and other raw bytes.
  uint64_t Varint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) break;
      const auto byte = static_cast<uint8_t>(*p_++);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  std::string_view Take(uint64_t n) {
    if (n > static_cast<uint64_t>(end_ - p_)) {
      ok_ = false;
      return {};
    }
    const std::string_view out(p_, static_cast<size_t>(n));
    p_ += n;
    return out;
  }
  uint64_t Fixed(int bytes) {
    const std::string_view raw = Take(static_cast<uint64_t>(bytes));
    uint64_t v = 0;
    for (size_t i = 0; i < raw.size(); ++i) {
      v |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i])) << (8 * i);
    }
    return v;
  }
  std::string_view rest() const { return {p_, static_cast<size_t>(end_ - p_)}; }

 private:
  const char* p_;
  const char* end_;
  bool ok_ = true;
  uint32_t field_ = 0, type_ = 0;
  uint64_t value_ = 0;
  std::string_view bytes_;
};

// --- CRC-32C (Castagnoli) -----------------------------------------------------------------------

// Continues `crc` (0 at the start) over n bytes.
uint32_t ExtendCrc(uint32_t crc, const void* data, size_t n);

// Stored CRCs are masked so that a CRC over bytes that hold CRCs stays meaningful.
inline uint32_t MaskCrc(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

}  // namespace opkit::io

#endif  // OPKIT_OPS_IO_WIRE_H_
