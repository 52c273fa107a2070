// UTF-8 text and Unicode's full case mappings.
#ifndef OPKIT_OPS_STRING_UNICODE_H_
#define OPKIT_OPS_STRING_UNICODE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace opkit::text {

// A byte of UTF-8 that continues a character.
inline bool IsTrail(char c) { return (static_cast<unsigned char>(c) & 0xc0u) == 0x80u; }

// Decodes UTF-8; each maximal ill-formed part becomes one U+FFFD (Unicode 3.9, "best practice").
void DecodeUtf8(std::string_view s, std::vector<uint32_t>* out);
void AppendUtf8(uint32_t point, std::string* out);

enum class Case { kLower, kUpper };

// The text in lower or upper case, language-neutral, with special casing (sharp s, ligatures,
// dotted I) and the final form of sigma; `points` is scratch. Unicode 13.0.
void MapCase(std::string_view s, Case to, std::vector<uint32_t>* points, std::string* out);

// A to Z and a to z only; `to` has room for s.size() bytes.
void MapAsciiCase(std::string_view s, Case c, char* to);

}  // namespace opkit::text

#endif  // OPKIT_OPS_STRING_UNICODE_H_
