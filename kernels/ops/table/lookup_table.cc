#include "ops/table/lookup_table.h"

#include <cstring>
#include <utility>

#include "math/fingerprint.h"

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

uint64_t LookupTable::HashOfEntry(int64_t e) const {
  return texts() ? math::Fingerprint64(text(e)) : math::Mix64(static_cast<uint64_t>(number(e)));
}

size_t LookupTable::SlotOfEntry(int64_t e) const {
  const size_t mask = slots_.size() - 1;
  size_t s = (HashOfEntry(e) >> 32) & mask;
  while (slots_[s].entry != e) s = (s + 1) & mask;
  return s;
}

void LookupTable::Reserve(int64_t entries) {
  const size_t n = static_cast<size_t>(entries);
  Rebuild(2 * (n + 1));
  texts() ? texts_.reserve(n) : numbers_.reserve(n);
  if (table_kind_.value == DType::kString) {
    text_rows_.reserve(n * static_cast<size_t>(table_kind_.row));
  } else {
    rows_.reserve(n * row_bytes());
  }
}

void LookupTable::Rebuild(size_t least_slots) {
  size_t size = 16;
  while (size < least_slots) size *= 2;
  slots_.assign(size, Slot());
  for (int64_t e = 0; e < count_; ++e) {
    const uint64_t hash = HashOfEntry(e);
    size_t s = (hash >> 32) & (size - 1);
    while (slots_[s].entry != kFree) s = (s + 1) & (size - 1);
    slots_[s] = {static_cast<uint32_t>(hash), static_cast<int32_t>(e)};
  }
  taken_ = static_cast<size_t>(count_);
}

void LookupTable::Clear() {
  slots_.clear();
  numbers_.clear();
  texts_.clear();
  rows_.clear();
  text_rows_.clear();
  taken_ = 0;
  count_ = 0;
}

int64_t LookupTable::Append(const Keys& keys, int64_t i, uint64_t hash) {
  if (2 * (taken_ + 1) > slots_.size()) Rebuild(4 * (static_cast<size_t>(count_) + 1));
  const int64_t e = count_;
  // Sizes are set from count_, so a failed allocation leaves no half-made entry behind.
  const size_t n = static_cast<size_t>(e) + 1;
  if (table_kind_.value == DType::kString) {
    text_rows_.resize(n * static_cast<size_t>(table_kind_.row));
  } else {
    rows_.resize(n * row_bytes());
  }
  if (texts()) {
    texts_.resize(n);
    texts_.back() = keys.text(i);
  } else {
    numbers_.resize(n);
    numbers_.back() = keys.number(i);
  }
  ++count_;
  const size_t mask = slots_.size() - 1;
  size_t s = (hash >> 32) & mask;
  while (slots_[s].entry >= 0) s = (s + 1) & mask;
  if (slots_[s].entry == kFree) ++taken_;
  slots_[s] = {static_cast<uint32_t>(hash), static_cast<int32_t>(e)};
  return e;
}

// The last entry moves into the hole, so that entries stay without gaps.
void LookupTable::Remove(const Keys& keys, int64_t i) {
  const size_t s = texts() ? SlotOf<true>(keys, i, Hash<true>(keys, i))
                           : SlotOf<false>(keys, i, Hash<false>(keys, i));
  if (s == slots_.size()) return;
  const int64_t hole = slots_[s].entry, last = count_ - 1;
  slots_[s].entry = kDropped;
  if (hole != last) {
    slots_[SlotOfEntry(last)].entry = static_cast<int32_t>(hole);
    if (texts()) {
      texts_[static_cast<size_t>(hole)] = std::move(texts_.back());
    } else {
      numbers_[static_cast<size_t>(hole)] = numbers_.back();
    }
    if (table_kind_.value == DType::kString) {
      for (int64_t k = 0; k < table_kind_.row; ++k) {
        text_row(hole)[k] = std::move(text_row(last)[k]);
      }
    } else if (row_bytes() > 0) {
      std::memcpy(row(hole), row(last), row_bytes());
    }
  }
  if (texts()) {
    texts_.pop_back();
  } else {
    numbers_.pop_back();
  }
  if (table_kind_.value == DType::kString) {
    text_rows_.resize(text_rows_.size() - static_cast<size_t>(table_kind_.row));
  } else {
    rows_.resize(rows_.size() - row_bytes());
  }
  --count_;
}

Status GetTable(const OpContext& ctx, int input, std::shared_ptr<LookupTable>* out) {
  std::shared_ptr<ResourceBase> resource;
  OPKIT_RETURN_IF_ERROR(ctx.GetResource(input, &resource));
  *out = std::dynamic_pointer_cast<LookupTable>(resource);
  if (*out == nullptr) return Error("the handle is a %s's, want a lookup table", resource->kind());
  return {};
}

}  // namespace opkit::table
