#include "ops/string/unicode.h"

#include <algorithm>
#include <cstddef>

namespace opkit::text {
namespace {

// Code points first, first + stride, ... (count of them), each mapped to itself plus delta.
struct CaseRun {
  uint32_t first;
  uint16_t count;
  uint16_t stride;
  int32_t delta;
};
// A mapping to two or three code points; unused ones are 0.
struct SpecialCase {
  uint32_t point;
  uint32_t to[3];
};
struct PointRange {
  uint32_t first;
  uint32_t last;
};

#include "ops/string/case_tables.inc"

constexpr uint32_t kReplacement = 0xfffd;
constexpr uint32_t kSigma = 0x3a3;
constexpr uint32_t kFinalSigma = 0x3c2;

template <size_t N>
bool Contains(const PointRange (&ranges)[N], uint32_t point) {
  const PointRange* end = ranges + N;
  const PointRange* r =
      std::partition_point(ranges, end, [point](const PointRange& p) { return p.last < point; });
  return r != end && r->first <= point;
}

// Looks runs up, trying the place of the last hit first: text stays in one alphabet.
class CaseMap {
 public:
  explicit CaseMap(Case to)
      : runs_(to == Case::kLower ? std::begin(kLowerRuns) : std::begin(kUpperRuns)),
        runs_end_(to == Case::kLower ? std::end(kLowerRuns) : std::end(kUpperRuns)),
        special_(to == Case::kLower ? std::begin(kLowerSpecial) : std::begin(kUpperSpecial)),
        special_end_(to == Case::kLower ? std::end(kLowerSpecial) : std::end(kUpperSpecial)) {}

  uint32_t Simple(uint32_t point) {
    if (point < low_ || point >= high_) Find(point);
    if (run_ == nullptr) return point;
    const uint32_t offset = point - run_->first;
    if (offset % run_->stride != 0 || offset / run_->stride >= run_->count) return point;
    return static_cast<uint32_t>(static_cast<int32_t>(point) + run_->delta);
  }

  const SpecialCase* Special(uint32_t point) const {
    const SpecialCase* s = std::partition_point(
        special_, special_end_, [point](const SpecialCase& c) { return c.point < point; });
    return s != special_end_ && s->point == point ? s : nullptr;
  }

 private:
  void Find(uint32_t point) {
    const CaseRun* next = std::partition_point(
        runs_, runs_end_, [point](const CaseRun& r) { return r.first <= point; });
    run_ = next == runs_ ? nullptr : next - 1;
    low_ = run_ == nullptr ? 0 : run_->first;
    high_ = next == runs_end_ ? UINT32_MAX : next->first;  // NOLINT: never null
  }

  const CaseRun* runs_;
  const CaseRun* runs_end_;
  const SpecialCase* special_;
  const SpecialCase* special_end_;
  const CaseRun* run_ = nullptr;  // the last run that starts at or below [low_, high_)
  uint32_t low_ = 1;
  uint32_t high_ = 0;
};

// Final_Sigma (Unicode 3.13): a cased letter before, none after, case-ignorables skipped.
bool SigmaIsFinal(const std::vector<uint32_t>& points, size_t at) {
  size_t i = at;
  while (i > 0 && Contains(kIgnorable, points[i - 1])) --i;
  if (i == 0 || !Contains(kCased, points[i - 1])) return false;
  i = at + 1;
  while (i < points.size() && Contains(kIgnorable, points[i])) ++i;
  return i == points.size() || !Contains(kCased, points[i]);
}

}  // namespace

void DecodeUtf8(std::string_view s, std::vector<uint32_t>* out) {
  out->clear();
  const size_t n = s.size();
  const auto byte = [s](size_t i) { return static_cast<unsigned char>(s[i]); };
  for (size_t i = 0; i < n;) {
    const uint32_t lead = byte(i++);
    if (lead < 0x80) {
      out->push_back(lead);
      continue;
    }
    // The second byte's limits exclude overlong forms, surrogates and points above U+10FFFF.
    int more = 0;
    uint32_t low = 0x80, high = 0xbf, point = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1, point = lead & 0x1f;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2, point = lead & 0x0f;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3, point = lead & 0x07;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      out->push_back(kReplacement);
      continue;
    }
    for (; more > 0 && i < n && byte(i) >= low && byte(i) <= high; --more, ++i) {
      point = (point << 6) | (byte(i) & 0x3fu);
      low = 0x80, high = 0xbf;
    }
    out->push_back(more == 0 ? point : kReplacement);
  }
}

void AppendUtf8(uint32_t point, std::string* out) {
  const auto put = [out](uint32_t b) { out->push_back(static_cast<char>(b)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | (point >> 6));
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3f));
    put(0x80 | ((point >> 6) & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

void MapAsciiCase(std::string_view s, Case c, char* to) {
  const unsigned first = c == Case::kLower ? 'A' : 'a';
  for (size_t i = 0; i < s.size(); ++i) {
    const unsigned b = static_cast<unsigned char>(s[i]);
    const unsigned flip = static_cast<unsigned char>(b - first) < 26 ? 0x20u : 0u;
    to[i] = static_cast<char>(b ^ flip);
  }
}

void MapCase(std::string_view s, Case to, std::vector<uint32_t>* points, std::string* out) {
  out->clear();
  bool ascii = true;
  for (const char c : s) ascii &= static_cast<unsigned char>(c) < 0x80;
  if (ascii) {
    out->resize(s.size());
    MapAsciiCase(s, to, out->data());
    return;
  }
  DecodeUtf8(s, points);
  CaseMap map(to);
  for (size_t i = 0; i < points->size(); ++i) {
    const uint32_t point = (*points)[i];
    if (to == Case::kLower && point == kSigma && SigmaIsFinal(*points, i)) {
      AppendUtf8(kFinalSigma, out);
      continue;
    }
    const uint32_t mapped = map.Simple(point);
    // No point below U+00DF has a special mapping, and none has both kinds.
    const SpecialCase* special = mapped == point && point >= 0xdf ? map.Special(point) : nullptr;
    if (special == nullptr) {
      AppendUtf8(mapped, out);
      continue;
    }
    for (const uint32_t part : special->to) {
      if (part != 0) AppendUtf8(part, out);
    }
  }
}

}  // namespace opkit::text
