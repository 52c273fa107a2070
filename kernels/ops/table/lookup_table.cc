#include "ops/table/lookup_table.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace opkit::table {

Keys::Keys(const OpContext& ctx, int input) : size_(ctx.shape(input).size()) {
  switch (ctx.dtype(input)) {
    case DType::kString:
      strings_ = ctx.strings(input);
      break;
    case DType::kInt32:
      narrow_ = ctx.in<int32_t>(input);
      break;
    default:
      wide_ = ctx.in<int64_t>(input);
      break;
  }
}

const uint64_t* Keys::Words(int64_t first, int64_t n, uint64_t* buffer) const {
  if (wide_ != nullptr) return reinterpret_cast<const uint64_t*>(wide_ + first);
  if (narrow_ != nullptr) {
    std::transform(narrow_ + first, narrow_ + first + n, buffer,
                   [](int64_t key) { return static_cast<uint64_t>(key); });
  } else {
    for (int64_t i = 0; i < n; ++i) buffer[i] = math::Fingerprint64(strings_[first + i]);
  }
  return buffer;
}

size_t LookupTable::SlotOfNumber(uint64_t word, size_t s) const {
  while (slots_[s].entry >= 0 && slots_[s].word != word) s = (s + 1) & (slots_.size() - 1);
  return s;
}

size_t LookupTable::SlotOfText(uint64_t word, size_t s, std::string_view text) const {
  for (;; s = (s + 1) & (slots_.size() - 1)) {
    const Slot slot = slots_[s];
    if (slot.entry < 0) return s;
    if (slot.word == word && texts_[static_cast<size_t>(slot.entry)] == text) return s;
  }
}

// In rounds: each looks at one slot for every key that is still searched, and keeps those keys
// without a branch, as whether a slot is another key's can be a coin toss.
void LookupTable::FindNumbers(const uint64_t* words, Group* group) const {
  const Slot* const slots = slots_.data();
  const size_t mask = slots_.size() - 1;
  size_t at[Group::kMost];
  for (int64_t i = 0; i < group->n; ++i) {
    at[i] = Home(words[i]);
    __builtin_prefetch(slots + at[i]);
  }
  const auto goes_on = [&](int64_t i) {
    const Slot& slot = slots[at[i]];
    group->entry[i] = slot.entry;
    return static_cast<int>(slot.word != words[i]) & static_cast<int>(slot.entry >= 0);
  };
  uint8_t searched[Group::kMost];
  int64_t left = 0;
  for (int64_t i = 0; i < group->n; ++i) {
    searched[left] = static_cast<uint8_t>(i);
    left += goes_on(i);
  }
  while (left > 0) {
    int64_t kept = 0;
    for (int64_t k = 0; k < left; ++k) {
      const uint8_t i = searched[k];
      at[i] = (at[i] + 1) & mask;
      searched[kept] = i;
      kept += goes_on(i);
    }
    left = kept;
  }
}

void LookupTable::FindGroup(const Keys& keys, Group* group) const {
  group->n = std::min(Group::kMost, keys.size() - group->first);
  uint64_t buffer[Group::kMost];
  const uint64_t* const words = keys.Words(group->first, group->n, buffer);
  if (texts()) {
    size_t homes[Group::kMost];
    for (int64_t i = 0; i < group->n; ++i) {
      homes[i] = Home(words[i]);
      __builtin_prefetch(&slots_[homes[i]]);
    }
    for (int64_t i = 0; i < group->n; ++i) {
      group->entry[i] = slots_[SlotOfText(words[i], homes[i], keys.text(group->first + i))].entry;
    }
  } else if (group->next + group->n <= count_ &&
             std::equal(words, words + group->n, words_.data() + group->next)) {
    std::iota(group->entry, group->entry + group->n, static_cast<int32_t>(group->next));
  } else {
    FindNumbers(words, group);
  }
  group->next = group->entry[group->n - 1] + 1;
}

void LookupTable::AddGroup(const Keys& keys, Group* group) {
  if (count_ + Group::kMost > room_) Grow(std::max(2 * count_, count_ + Group::kMost));
  FindGroup(keys, group);
  group->added = 0;
  int32_t all = 0;  // negative if a key has no entry
  for (int64_t i = 0; i < group->n; ++i) all |= group->entry[i];
  if (all >= 0) return;
  for (int64_t i = 0; i < group->n; ++i) {
    if (group->entry[i] >= 0) continue;
    // Looked for again, as it may have come since, or its slot may be taken.
    const int64_t key = group->first + i;
    uint64_t buffer = 0;
    const uint64_t word = *keys.Words(key, 1, &buffer);
    Slot& slot = slots_[SlotOf(keys, key, word)];
    if (slot.entry < 0) {
      // What may throw comes before the entry.
      if (count_ == row_room_) GrowRows(count_ + count_ / 2 + 1);
      const auto e = static_cast<size_t>(count_);
      if (texts()) texts_[e] = keys.text(key);
      words_[e] = word;
      slot = {word, static_cast<int32_t>(count_++)};
      group->added |= uint64_t{1} << i;
    }
    group->entry[i] = slot.entry;
  }
}

void LookupTable::Grow(int64_t entries) {
  const auto n = static_cast<size_t>(entries + Group::kMost);
  words_.resize(n);
  if (texts()) texts_.resize(n);
  int bits = 1;
  while ((size_t{1} << bits) < 2 * n) ++bits;
  slots_.assign(size_t{1} << bits, Slot());
  shift_ = 64 - bits;
  for (int64_t e = 0; e < count_; ++e) {
    const uint64_t word = words_[static_cast<size_t>(e)];
    size_t s = Home(word);
    while (slots_[s].entry >= 0) s = (s + 1) & (slots_.size() - 1);
    slots_[s] = {word, static_cast<int32_t>(e)};
  }
  room_ = static_cast<int64_t>(n);
}

void LookupTable::GrowRows(int64_t entries) {
  const auto n = static_cast<size_t>(entries);
  if (table_kind_.value == DType::kString) {
    text_rows_.resize(n * static_cast<size_t>(table_kind_.row));
  } else {
    rows_.resize(n * row_bytes());
  }
  row_room_ = entries;
}

void LookupTable::Reserve(int64_t entries) {
  Grow(entries);
  GrowRows(entries);
}

void LookupTable::Clear() {
  words_.clear();
  texts_.clear();
  rows_.clear();
  text_rows_.clear();
  slots_.assign(2, Slot());
  shift_ = 63;
  count_ = room_ = row_room_ = 0;
}

void LookupTable::Remove(const Keys& keys) {
  for (int64_t i = 0; i < keys.size(); ++i) {
    uint64_t buffer = 0;
    const size_t s = SlotOf(keys, i, *keys.Words(i, 1, &buffer));
    if (slots_[s].entry >= 0) RemoveAt(s);
  }
}

// The last entry moves into the hole, so that entries stay without gaps; and so do the slots that
// searches would no longer reach.
void LookupTable::RemoveAt(size_t s) {
  const size_t mask = slots_.size() - 1;
  const auto hole = static_cast<size_t>(slots_[s].entry), last = static_cast<size_t>(--count_);
  if (hole != last) {
    size_t moved = Home(words_[last]);
    while (slots_[moved].entry != static_cast<int32_t>(last)) moved = (moved + 1) & mask;
    slots_[moved].entry = static_cast<int32_t>(hole);
    words_[hole] = words_[last];
  }
  for (size_t t = (s + 1) & mask; slots_[t].entry >= 0; t = (t + 1) & mask) {
    if (((t - Home(slots_[t].word)) & mask) < ((t - s) & mask)) continue;
    slots_[s] = slots_[t];
    s = t;
  }
  slots_[s] = Slot();
  if (texts()) {
    if (hole != last) texts_[hole].swap(texts_[last]);
    texts_[last] = std::string();
  }
  if (table_kind_.value == DType::kString) {
    const auto row = static_cast<size_t>(table_kind_.row);
    std::string* const to = text_rows_.data() + hole * row;
    std::string* const from = text_rows_.data() + last * row;
    if (hole != last) std::swap_ranges(from, from + row, to);
    std::fill_n(from, row, std::string());
  } else if (hole != last && row_bytes() > 0) {
    std::memcpy(rows() + hole * row_bytes(), rows() + last * row_bytes(), row_bytes());
  }
}

Status GetTable(const OpContext& ctx, int input, std::shared_ptr<LookupTable>* out) {
  std::shared_ptr<ResourceBase> resource;
  OPKIT_RETURN_IF_ERROR(ctx.GetResource(input, &resource));
  *out = std::dynamic_pointer_cast<LookupTable>(resource);
  if (*out == nullptr) return Error("the handle is a %s's, want a lookup table", resource->kind());
  return {};
}

}  // namespace opkit::table
