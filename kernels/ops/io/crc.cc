// CRC-32C: by the processor's instruction where there is one, else by tables, eight bytes a step.
#include <array>
#include <cstring>

#include "ops/io/wire.h"

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace opkit::io {
namespace {

#if defined(__x86_64__)  // SSE4 is what all kernels ask for at least
#define OPKIT_CRC_INSTRUCTION __attribute__((target("sse4.2")))
OPKIT_CRC_INSTRUCTION uint64_t Step8(uint64_t crc, uint64_t v) {
  return __builtin_ia32_crc32di(crc, v);
}
OPKIT_CRC_INSTRUCTION uint32_t Step1(uint32_t crc, uint8_t v) {
  return __builtin_ia32_crc32qi(crc, v);
}
#elif defined(__ARM_FEATURE_CRC32)
#define OPKIT_CRC_INSTRUCTION
uint64_t Step8(uint64_t crc, uint64_t v) { return __crc32cd(static_cast<uint32_t>(crc), v); }
uint32_t Step1(uint32_t crc, uint8_t v) { return __crc32cb(crc, v); }
#endif

#if defined(OPKIT_CRC_INSTRUCTION)
OPKIT_CRC_INSTRUCTION uint32_t Extend(uint32_t crc, const uint8_t* p, size_t n) {
  uint64_t wide = crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    wide = Step8(wide, v);
  }
  crc = static_cast<uint32_t>(wide);
  for (; n > 0; --n, ++p) crc = Step1(crc, *p);
  return crc;
}
#else
std::array<uint32_t, 256 * 8> MakeTables() {
  std::array<uint32_t, 256 * 8> t{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1) ? 0x82f63b78u : 0);
    t[i] = c;
  }
  for (uint32_t i = 0; i < 256; ++i) {
    for (uint32_t s = 1; s < 8; ++s) {
      const uint32_t c = t[(s - 1) * 256 + i];
      t[s * 256 + i] = (c >> 8) ^ t[c & 0xff];
    }
  }
  return t;
}

uint32_t Extend(uint32_t crc, const uint8_t* p, size_t n) {
  static const std::array<uint32_t, 256 * 8> t = MakeTables();
  for (; n >= 8; n -= 8, p += 8) {
    crc ^= static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 |
           static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
    crc = t[7 * 256 + (crc & 0xff)] ^ t[6 * 256 + ((crc >> 8) & 0xff)] ^
          t[5 * 256 + ((crc >> 16) & 0xff)] ^ t[4 * 256 + (crc >> 24)] ^ t[3 * 256 + p[4]] ^
          t[2 * 256 + p[5]] ^ t[256 + p[6]] ^ t[p[7]];
  }
  for (; n > 0; --n, ++p) crc = (crc >> 8) ^ t[(crc ^ *p) & 0xff];
  return crc;
}
#endif

}  // namespace

uint32_t ExtendCrc(uint32_t crc, const void* data, size_t n) {
  return ~Extend(~crc, static_cast<const uint8_t*>(data), n);
}

}  // namespace opkit::io
