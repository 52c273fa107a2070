// The hash table behind the LookupTable* ops.
#ifndef OPKIT_OPS_TABLE_LOOKUP_TABLE_H_
#define OPKIT_OPS_TABLE_LOOKUP_TABLE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "math/fingerprint.h"
#include "opkit/dtype.h"
#include "opkit/op.h"

namespace opkit::table {

// What a table maps: keys are int32, int64 or string, values rows of any number or string type.
struct TableKind {
  DType key = DType::kInvalid;
  DType value = DType::kInvalid;
  int64_t row = 1;           // elements of a value
  bool vector_rows = false;  // values have shape [row], else []
  bool write_once = false;   // a HashTable: filled by one import, never changed

  bool operator==(const TableKind& o) const {
    return key == o.key && value == o.value && row == o.row && vector_rows == o.vector_rows &&
           write_once == o.write_once;
  }
};

// A tensor of keys: integers of either width, or strings.
class Keys {
 public:
  Keys(const OpContext& ctx, int input);
  int64_t size() const { return size_; }
  int64_t number(int64_t i) const { return narrow_ ? narrow_[i] : wide_[i]; }
  std::string_view text(int64_t i) const { return strings_[i]; }

 private:
  int64_t size_;
  const int32_t* narrow_ = nullptr;
  const int64_t* wide_ = nullptr;
  StringsView strings_;
};

// Entries lie in order of insertion; open addressing finds their numbers. The caller holds mutex().
class LookupTable final : public ResourceBase {
 public:
  explicit LookupTable(const TableKind& kind) : table_kind_(kind) {}
  const char* kind() const override { return "lookup table"; }
  const TableKind& table_kind() const { return table_kind_; }
  std::mutex& mutex() { return mutex_; }

  int64_t size() const { return count_; }
  void Clear();
  // Calls f(i, e) for each key in order; e is the number of its entry, or -1.
  template <typename F>
  void Find(const Keys& keys, F&& f) const {
    texts() ? FindAs<true>(keys, f) : FindAs<false>(keys, f);
  }
  // Calls f(i, e, added) for each key in order, having made an entry where there was none, until
  // f returns false.
  template <typename F>
  void Add(const Keys& keys, F&& f) {
    if (count_ == 0) Reserve(keys.size());
    texts() ? AddAs<true>(keys, f) : AddAs<false>(keys, f);
  }
  void Remove(const Keys& keys, int64_t i);

  // Entry e's key and value; a new entry's value is zero or empty.
  int64_t number(int64_t e) const { return numbers_[static_cast<size_t>(e)]; }
  const std::string& text(int64_t e) const { return texts_[static_cast<size_t>(e)]; }
  char* row(int64_t e) { return rows_.data() + static_cast<size_t>(e) * row_bytes(); }
  std::string* text_row(int64_t e) { return text_rows_.data() + e * table_kind_.row; }
  size_t row_bytes() const {
    return static_cast<size_t>(table_kind_.row) * DTypeSize(table_kind_.value);
  }

  bool filled = false;  // a write-once table that had its import

 private:
  struct Slot {
    uint32_t tag = 0;
    int32_t entry = kFree;
  };
  static constexpr int32_t kFree = -1;
  static constexpr int32_t kDropped = -2;  // was removed; probing goes on past it

  bool texts() const { return table_kind_.key == DType::kString; }
  size_t SlotOfEntry(int64_t e) const;
  uint64_t HashOfEntry(int64_t e) const;
  void Reserve(int64_t entries);  // room for that many, in an empty table
  void Rebuild(size_t least_slots);
  // A new entry for a key that has none; its hash is known.
  int64_t Append(const Keys& keys, int64_t i, uint64_t hash);

  template <bool kTexts>
  static uint64_t Hash(const Keys& keys, int64_t i) {
    if constexpr (kTexts) return math::Fingerprint64(keys.text(i));
    return math::Mix64(static_cast<uint64_t>(keys.number(i)));
  }

  // The slot of a key, or slots_.size(). The hash's low half is the tag, its high half the place.
  template <bool kTexts>
  size_t SlotOf(const Keys& keys, int64_t i, uint64_t hash) const {
    if (slots_.empty()) return 0;
    const size_t mask = slots_.size() - 1;
    const uint32_t tag = static_cast<uint32_t>(hash);
    for (size_t s = (hash >> 32) & mask;; s = (s + 1) & mask) {
      const Slot slot = slots_[s];
      if (slot.entry == kFree) return slots_.size();
      if (slot.tag != tag || slot.entry < 0) continue;
      if constexpr (kTexts) {
        if (keys.text(i) == text(slot.entry)) return s;
      } else {
        if (keys.number(i) == number(slot.entry)) return s;
      }
    }
  }

  template <bool kTexts, typename F>
  void FindAs(const Keys& keys, F& f) const {
    for (int64_t i = 0; i < keys.size(); ++i) {
      const size_t s = SlotOf<kTexts>(keys, i, Hash<kTexts>(keys, i));
      f(i, s == slots_.size() ? int64_t{-1} : int64_t{slots_[s].entry});
    }
  }

  template <bool kTexts, typename F>
  void AddAs(const Keys& keys, F& f) {
    for (int64_t i = 0; i < keys.size(); ++i) {
      const uint64_t hash = Hash<kTexts>(keys, i);
      const size_t s = SlotOf<kTexts>(keys, i, hash);
      const bool added = s == slots_.size();
      if (!f(i, added ? Append(keys, i, hash) : int64_t{slots_[s].entry}, added)) return;
    }
  }

  TableKind table_kind_;
  std::mutex mutex_;
  std::vector<Slot> slots_;
  size_t taken_ = 0;  // slots that are not free
  int64_t count_ = 0;
  std::vector<int64_t> numbers_;
  std::vector<std::string> texts_;
  std::vector<char> rows_;
  std::vector<std::string> text_rows_;
};

// The table a resource input names.
Status GetTable(const OpContext& ctx, int input, std::shared_ptr<LookupTable>* out);

}  // namespace opkit::table

#endif  // OPKIT_OPS_TABLE_LOOKUP_TABLE_H_
