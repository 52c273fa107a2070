// The hash table behind the LookupTable* ops.
#ifndef OPKIT_OPS_TABLE_LOOKUP_TABLE_H_
#define OPKIT_OPS_TABLE_LOOKUP_TABLE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

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
  // The number of a key's entry, or -1.
  int64_t Find(const Keys& keys, int64_t i) const;
  // The number of a key's entry, made if there is none.
  int64_t FindOrAdd(const Keys& keys, int64_t i, bool* added);
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
  uint64_t Hash(const Keys& keys, int64_t i) const;
  uint64_t HashOfEntry(int64_t e) const;
  bool Same(int64_t e, const Keys& keys, int64_t i) const;
  size_t SlotOf(const Keys& keys, int64_t i, uint64_t hash) const;  // or slots_.size()
  size_t SlotOfEntry(int64_t e) const;
  void Rebuild();

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
