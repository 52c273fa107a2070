// The LookupTable* ops: find, insert, import, remove, export, size.
#include <cstring>
#include <type_traits>

#include "ops/table/lookup_table.h"

namespace opkit::table {
namespace {

Status CheckKeys(const OpContext& ctx, const LookupTable& table, int input) {
  if (ctx.dtype(input) == table.table_kind().key) return {};
  return Error("keys are %s, the table's %s", DTypeName(ctx.dtype(input)),
               DTypeName(table.table_kind().key));
}

Status CheckValueType(const LookupTable& table, DType dtype) {
  if (StorageType(dtype) == table.table_kind().value) return {};
  return Error("values are %s, the table's %s", DTypeName(dtype),
               DTypeName(table.table_kind().value));
}

Status CheckFilled(const LookupTable& table) {
  if (!table.table_kind().write_once || table.filled) return {};
  return Error("the table was not initialized");
}

// The shape of one value for each key.
Shape ValuesShape(const LookupTable& table, const Shape& keys) {
  Shape out = keys;
  if (table.table_kind().vector_rows) out.push_back(table.table_kind().row);
  return out;
}

// Calls f with the number of bytes, as a constant where rows commonly have it.
template <typename F>
void WithSize(size_t bytes, const F& f) {
  if (bytes == 4) {
    f(std::integral_constant<size_t, 4>());
  } else if (bytes == 8) {
    f(std::integral_constant<size_t, 8>());
  } else {
    f(bytes);
  }
}

// out[i] = the row of the group's key i, or the default where there is none. Masks choose, as which
// it is can be a coin toss.
template <typename Size>
void CopyRows(const Group& group, const char* rows, const char* defaults, bool each, Size size,
              char* out) {
  const size_t step = each ? size : 0;
  for (int64_t i = 0; i < group.n; ++i, out += size, defaults += step) {
    const int64_t e = group.entry[i];
    const auto none = static_cast<uintptr_t>(e >> 63);  // all bits or none
    const uintptr_t row = reinterpret_cast<uintptr_t>(rows) + static_cast<uintptr_t>(e) * size;
    const uintptr_t from = (row & ~none) | (reinterpret_cast<uintptr_t>(defaults) & none);
    std::memcpy(out, reinterpret_cast<const char*>(from), size);
  }
}

Status Find(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  OPKIT_RETURN_IF_ERROR(CheckKeys(ctx, *table, 1));
  OPKIT_RETURN_IF_ERROR(CheckValueType(*table, ctx.dtype(2)));
  const TableKind& kind = table->table_kind();
  const Shape shape = ValuesShape(*table, ctx.shape(1));
  const Shape one = ValuesShape(*table, Shape{});
  // One default for all keys, or one for each; a write-once table takes the first of them.
  const bool each = ctx.shape(2) != one;
  if (each && ctx.shape(2) != shape) {
    return Error("default_value has shape %s, want %s or %s", ctx.shape(2).str().c_str(),
                 one.str().c_str(), shape.str().c_str());
  }
  const int64_t default_step = each && !kind.write_once ? 1 : 0;
  const Keys keys(ctx, 1);
  const std::lock_guard<std::mutex> lock(table->mutex());
  OPKIT_RETURN_IF_ERROR(CheckFilled(*table));
  if (kind.value == DType::kString) {
    const StringsView defaults = ctx.strings(2);
    StringWriter out;
    table->Find(keys, [&](const Group& group) {
      for (int64_t i = 0; i < group.n; ++i) {
        const int64_t e = group.entry[i], d = (group.first + i) * default_step * kind.row;
        for (int64_t k = 0; k < kind.row; ++k) {
          out.Add(e >= 0 ? std::string_view(table->text_row(e)[k]) : defaults[d + k]);
        }
      }
    });
    return ctx.WriteStrings(0, out, shape);
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, shape));
  if (shape.size() == 0) return {};
  const size_t bytes = table->row_bytes();
  table->Find(keys, [&](const Group& group) {
    const auto first = static_cast<size_t>(group.first);
    const char* defaults = ctx.in<char>(2) + (default_step != 0 ? first * bytes : 0);
    char* out = ctx.out<char>(0) + first * bytes;
    WithSize(bytes, [&](auto size) {
      CopyRows(group, table->rows(), defaults, default_step != 0, size, out);
    });
  });
  return {};
}
OPKIT_OP(LookupTableFindV2)
    .Signature(R"(
      table_handle: resource, keys: Tin, default_value: Tout -> values: Tout
      Tin in {int32, int64, string}
      Tout in {float32, float64, int32, int64, bool, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Find);

// Stores rows of input 2 as values of entries or, not to overwrite, compares them.
class Values {
 public:
  Values(const OpContext& ctx, LookupTable* table)
      : table_(table), row_(table->table_kind().row), bytes_(table->row_bytes()) {
    if (table->table_kind().value == DType::kString) {
      strings_ = ctx.strings(2);
      texts_ = true;
    } else if (ctx.shape(2).size() > 0) {
      data_ = ctx.in<char>(2);
    }
  }

  // The group's values become those of its entries, or those are compared that were there before;
  // the position in the group of the first that differs, or -1.
  int64_t Store(const Group& group, bool overwrite) const {
    const auto kept = [&](int64_t i) { return !overwrite && (group.added >> i & 1) == 0; };
    if (texts_) {
      for (int64_t i = 0; i < group.n; ++i) {
        if (!StoreTexts(group.entry[i], group.first + i, !kept(i))) return i;
      }
      return -1;
    }
    if (bytes_ == 0) return -1;
    const char* from = data_ + static_cast<size_t>(group.first) * bytes_;
    char* const rows = table_->rows();
    if (overwrite) {
      WithSize(bytes_, [&](auto size) {
        for (int64_t i = 0; i < group.n; ++i, from += size) {
          std::memcpy(rows + static_cast<size_t>(group.entry[i]) * size, from, size);
        }
      });
      return -1;
    }
    for (int64_t i = 0; i < group.n; ++i, from += bytes_) {
      char* const to = rows + static_cast<size_t>(group.entry[i]) * bytes_;
      if (!kept(i)) {
        std::memcpy(to, from, bytes_);
      } else if (std::memcmp(to, from, bytes_) != 0) {
        return i;
      }
    }
    return -1;
  }

 private:
  bool StoreTexts(int64_t e, int64_t i, bool overwrite) const {
    std::string* to = table_->text_row(e);
    for (int64_t k = 0; k < row_; ++k) {
      const std::string_view v = strings_[i * row_ + k];
      if (overwrite) {
        to[k] = v;
      } else if (to[k] != v) {
        return false;
      }
    }
    return true;
  }

  LookupTable* table_;
  int64_t row_;
  size_t bytes_;
  bool texts_ = false;
  StringsView strings_;
  const char* data_ = nullptr;
};

Status CheckPairs(const OpContext& ctx, const LookupTable& table) {
  OPKIT_RETURN_IF_ERROR(CheckKeys(ctx, table, 1));
  OPKIT_RETURN_IF_ERROR(CheckValueType(table, ctx.dtype(2)));
  const Shape want = ValuesShape(table, ctx.shape(1));
  if (ctx.shape(2) != want) {
    return Error("values have shape %s, want %s", ctx.shape(2).str().c_str(), want.str().c_str());
  }
  return {};
}

Status AddPairs(OpContext& ctx, LookupTable& table, bool overwrite) {
  const Keys keys(ctx, 1);
  if (keys.size() > INT32_MAX - table.size()) return Error("more than 2^31 - 1 entries");
  const Values values(ctx, &table);
  int64_t conflict = -1;
  table.Add(keys, [&](const Group& group) {
    const int64_t i = values.Store(group, overwrite);
    if (i >= 0) conflict = group.first + i;
    return i < 0;
  });
  if (conflict < 0) return {};
  return Error("the key at position %lld occurs twice with different values",
               static_cast<long long>(conflict));
}

Status Insert(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  if (table->table_kind().write_once) return Error("a HashTable takes no inserts after its import");
  OPKIT_RETURN_IF_ERROR(CheckPairs(ctx, *table));
  const std::lock_guard<std::mutex> lock(table->mutex());
  return AddPairs(ctx, *table, true);
}
OPKIT_OP(LookupTableInsertV2)
    .Signature(R"(
      table_handle: resource, keys: Tin, values: Tout ->
      Tin in {int32, int64, string}
      Tout in {float32, float64, int32, int64, bool, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Insert);

// Replaces all entries. A write-once table is filled once; later imports must be of its size.
Status Import(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  OPKIT_RETURN_IF_ERROR(CheckPairs(ctx, *table));
  const std::lock_guard<std::mutex> lock(table->mutex());
  if (!table->table_kind().write_once) {
    table->Clear();
    return AddPairs(ctx, *table, true);
  }
  if (table->filled) {
    if (table->size() == ctx.shape(1).size()) return {};
    return Error("the table was initialized before, with %lld entries",
                 static_cast<long long>(table->size()));
  }
  Status status = AddPairs(ctx, *table, false);
  if (status.ok()) {
    table->filled = true;
  } else {
    table->Clear();
  }
  return status;
}
OPKIT_OP(LookupTableImportV2)
    .Signature(R"(
      table_handle: resource, keys: Tin, values: Tout ->
      Tin in {int32, int64, string}
      Tout in {float32, float64, int32, int64, bool, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Import);

// The import of a write-once table, with at least one entry.
Status Initialize(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  if (!table->table_kind().write_once) {
    return Error("only a HashTable is initialized; LookupTableImportV2 fills one that can change");
  }
  if (ctx.shape(1).size() == 0) return Error("keys are empty, want one or more");
  return Import(ctx);
}
OPKIT_OP(InitializeTableV2)
    .Signature(R"(
      table_handle: resource, keys: Tkey, values: Tval ->
      Tkey in {int32, int64, string}
      Tval in {float32, float64, int32, int64, bool, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Initialize);

Status Remove(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  if (table->table_kind().write_once) return Error("nothing can be removed from a HashTable");
  OPKIT_RETURN_IF_ERROR(CheckKeys(ctx, *table, 1));
  const Keys keys(ctx, 1);
  const std::lock_guard<std::mutex> lock(table->mutex());
  table->Remove(keys);
  return {};
}
OPKIT_OP(LookupTableRemoveV2)
    .Signature(R"(
      table_handle: resource, keys: Tin ->
      Tin in {int32, int64, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Remove);

Status Size(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  const std::lock_guard<std::mutex> lock(table->mutex());
  *ctx.out<int64_t>(0) = table->size();
  return {};
}
OPKIT_OP(LookupTableSizeV2)
    .Signature("table_handle: resource -> size: int64[]")
    .Stateful()
    .Run(Size);

// All entries in order of insertion (TF's order is its hash table's).
Status Export(OpContext& ctx) {
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(GetTable(ctx, 0, &table));
  const TableKind& kind = table->table_kind();
  if (ctx.out_dtype(0) != kind.key || StorageType(ctx.out_dtype(1)) != kind.value) {
    return Error("the outputs are %s and %s, the table maps %s to %s", DTypeName(ctx.out_dtype(0)),
                 DTypeName(ctx.out_dtype(1)), DTypeName(kind.key), DTypeName(kind.value));
  }
  const std::lock_guard<std::mutex> lock(table->mutex());
  OPKIT_RETURN_IF_ERROR(CheckFilled(*table));
  const int64_t n = table->size();
  if (kind.key == DType::kString) {
    StringWriter out;
    for (int64_t e = 0; e < n; ++e) out.Add(table->text(e));
    OPKIT_RETURN_IF_ERROR(ctx.WriteStrings(0, out, Shape{n}));
  } else {
    OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, Shape{n}));
    OPKIT_RETURN_IF_ERROR(OpContext::VisitDType(kind.key, IndexTypes{}, [&](auto tag) {
      using T = decltype(tag);
      T* out = ctx.out<T>(0);
      for (int64_t e = 0; e < n; ++e) out[e] = static_cast<T>(table->number(e));
      return Status();
    }));
  }
  const Shape shape = ValuesShape(*table, Shape{n});
  if (kind.value == DType::kString) {
    StringWriter out;
    for (int64_t e = 0; e < n; ++e) {
      for (int64_t k = 0; k < kind.row; ++k) out.Add(table->text_row(e)[k]);
    }
    return ctx.WriteStrings(1, out, shape);
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(1, shape));
  if (shape.size() > 0) {
    std::memcpy(ctx.out_raw(1), table->rows(), static_cast<size_t>(n) * table->row_bytes());
  }
  return {};
}
OPKIT_OP(LookupTableExportV2)
    .Signature(R"(
      table_handle: resource -> keys: Tkeys, values: Tvalues
      Tkeys in {int32, int64, string}
      Tvalues in {float32, float64, int32, int64, bool, string}
    )")
    .DataDependent()
    .Stateful()
    .Run(Export);

}  // namespace
}  // namespace opkit::table
