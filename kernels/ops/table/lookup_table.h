// The hash table behind the LookupTable* ops.
#ifndef OPKIT_OPS_TABLE_LOOKUP_TABLE_H_
#define OPKIT_OPS_TABLE_LOOKUP_TABLE_H_

#include <algorithm>
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
  std::string_view text(int64_t i) const { return strings_[i]; }
  // What the table hashes of keys [first, first + n): the number itself, or the fingerprint; there
  // is room for them in `buffer`.
  const uint64_t* Words(int64_t first, int64_t n, uint64_t* buffer) const;

 private:
  int64_t size_;
  const int32_t* narrow_ = nullptr;
  const int64_t* wide_ = nullptr;
  StringsView strings_;
};

// A group of consecutive keys looked up together, so that their slots come from memory in parallel.
struct Group {
  static constexpr int64_t kMost = 64;
  int64_t first, n;
  int64_t next = 0;      // the first key's entry if keys come in the order they were added in
  int32_t entry[kMost];  // numbers of their entries, or -1
  uint64_t added;        // bit i: the entry was made for key first + i
};

// Entries lie in order of insertion; open addressing finds their numbers. The caller holds mutex().
class LookupTable final : public ResourceBase {
 public:
  explicit LookupTable(const TableKind& kind) : table_kind_(kind) { Clear(); }
  const char* kind() const override { return "lookup table"; }
  const TableKind& table_kind() const { return table_kind_; }
  std::mutex& mutex() { return mutex_; }

  int64_t size() const { return count_; }
  void Clear();
  // Calls f(group) for all keys in order.
  template <typename F>
  void Find(const Keys& keys, F&& f) const {
    Group group;
    for (group.first = 0; group.first < keys.size(); group.first += Group::kMost) {
      FindGroup(keys, &group);
      f(group);
    }
  }
  // The same, having made entries for keys that had none, until f returns false.
  template <typename F>
  void Add(const Keys& keys, F&& f) {
    if (count_ == 0) Reserve(keys.size());
    Group group;
    for (group.first = 0; group.first < keys.size(); group.first += Group::kMost) {
      AddGroup(keys, &group);
      if (!f(group)) return;
    }
  }
  void Remove(const Keys& keys);

  // Entry e's key and value; a new entry's value is up to the caller.
  int64_t number(int64_t e) const { return static_cast<int64_t>(words_[static_cast<size_t>(e)]); }
  const std::string& text(int64_t e) const { return texts_[static_cast<size_t>(e)]; }
  char* rows() { return rows_.data(); }
  std::string* text_row(int64_t e) { return text_rows_.data() + e * table_kind_.row; }
  size_t row_bytes() const {
    return static_cast<size_t>(table_kind_.row) * DTypeSize(table_kind_.value);
  }

  bool filled = false;  // a write-once table that had its import

 private:
  struct Slot {
    uint64_t word = 0;
    int32_t entry = -1;  // negative: free
  };

  bool texts() const { return table_kind_.key == DType::kString; }
  // The slot a search starts from.
  size_t Home(uint64_t word) const { return math::SpreadToHigh(word) >> shift_; }
  // The slot of a key: its own, or the free one where its entry would go.
  size_t SlotOfNumber(uint64_t word, size_t home) const;
  size_t SlotOfText(uint64_t word, size_t home, std::string_view text) const;
  size_t SlotOf(const Keys& keys, int64_t i, uint64_t word) const {
    const size_t home = Home(word);
    return texts() ? SlotOfText(word, home, keys.text(i)) : SlotOfNumber(word, home);
  }
  void FindGroup(const Keys& keys, Group* group) const;
  void FindNumbers(const uint64_t* words, Group* group) const;
  void AddGroup(const Keys& keys, Group* group);
  void Reserve(int64_t entries);  // room for that many, in an empty table
  void Grow(int64_t entries);
  void GrowRows(int64_t entries);
  void RemoveAt(size_t s);

  TableKind table_kind_;
  std::mutex mutex_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  int shift_ = 0;            // 64 less the logarithm of their number
  int64_t count_ = 0;
  int64_t room_ = 0;      // entries that slots_, words_ and texts_ have room for
  int64_t row_room_ = 0;  // the same of rows; no more than needed, as a row can be large
  std::vector<uint64_t> words_;
  std::vector<std::string> texts_;
  std::vector<char> rows_;
  std::vector<std::string> text_rows_;
};

// The table a resource input names.
Status GetTable(const OpContext& ctx, int input, std::shared_ptr<LookupTable>* out);

}  // namespace opkit::table

#endif  // OPKIT_OPS_TABLE_LOOKUP_TABLE_H_
