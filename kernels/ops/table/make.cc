// The ops that make tables: HashTableV2 and MutableHashTable(OfTensors)V2, named or anonymous.
#include <atomic>
#include <utility>

#include "ops/table/lookup_table.h"

namespace opkit::table {
namespace {

// Tells a node's private table from all others; no address can be reused for it.
struct NodeId {
  static int64_t Next() {
    static std::atomic<int64_t> counter{0};
    return ++counter;
  }
  int64_t id = Next();
};

Status ReadKind(const OpContext& ctx, bool vector_rows, bool write_once, TableKind* out) {
  out->key = ctx.attr_type("key_dtype");
  out->value = ctx.attr_type("value_dtype");
  out->vector_rows = vector_rows;
  out->write_once = write_once;
  if (out->key != DType::kInt32 && out->key != DType::kInt64 && out->key != DType::kString) {
    return Error("key_dtype is %s, want int32, int64 or string", DTypeName(out->key));
  }
  // Those of TensorFlow's tables.
  constexpr DTypeSet kValues = Bit(DType::kFloat32) | Bit(DType::kFloat64) | Bit(DType::kInt32) |
                               Bit(DType::kInt64) | Bit(DType::kBool) | Bit(DType::kString);
  if ((Bit(out->value) & kValues) == 0) {
    return Error("value_dtype is %s, want float32, float64, int32, int64, bool or string",
                 DTypeName(out->value));
  }
  if (vector_rows) {
    const PartialShape& shape = ctx.attr_shape("value_shape");
    if (!shape.known_rank || shape.dims.size() != 1 || shape.dims[0] < 0 ||
        shape.dims[0] > INT32_MAX) {
      return Error("value_shape must be one known dimension");
    }
    out->row = shape.dims[0];
  }
  return {};
}

template <bool vector_rows>
Status CheckKind(OpContext& ctx) {
  TableKind kind;
  ctx.SetShape(0, Shape{1});
  return ReadKind(ctx, vector_rows, false, &kind);
}

std::string Text(const TableKind& kind) {
  std::string out = Format("%s%s -> %s", kind.write_once ? "write-once " : "", DTypeName(kind.key),
                           DTypeName(kind.value));
  if (kind.vector_rows) out += "[" + std::to_string(kind.row) + "]";
  return out;
}

Status Make(OpContext& ctx, const std::string& key, const TableKind& kind,
            std::shared_ptr<LookupTable>* out) {
  std::shared_ptr<ResourceBase> made;
  OPKIT_RETURN_IF_ERROR(
      ctx.MakeResource(0, key, [&kind]() { return std::make_shared<LookupTable>(kind); }, &made));
  *out = std::dynamic_pointer_cast<LookupTable>(made);
  if (*out == nullptr) return Error("the name '%s' is a %s's", key.c_str(), made->kind());
  if (!((*out)->table_kind() == kind)) {
    return Error("another node made %s as %s, this one wants %s", key.c_str(),
                 Text((*out)->table_kind()).c_str(), Text(kind).c_str());
  }
  return {};
}

// With a shared_name all nodes of that name, in all signatures, mean one table; without one the
// table is the node's own.
Status Named(OpContext& ctx, bool vector_rows, bool write_once) {
  TableKind kind;
  OPKIT_RETURN_IF_ERROR(ReadKind(ctx, vector_rows, write_once, &kind));
  const std::string& name = ctx.attr_string("shared_name");
  const std::string& container = ctx.attr_string("container");
  // The container's length keeps ("a", "b/c") and ("a/b", "c") apart.
  const std::string key =
      name.empty() ? "table of node " + std::to_string(ctx.state<NodeId>().id)
                   : "table " + std::to_string(container.size()) + ":" + container + "/" + name;
  std::shared_ptr<LookupTable> table;
  return Make(ctx, key, kind, &table);
}

// Every run of the node makes a new, empty table; the one before it ends.
Status Anonymous(OpContext& ctx, bool write_once) {
  TableKind kind;
  OPKIT_RETURN_IF_ERROR(ReadKind(ctx, false, write_once, &kind));
  std::shared_ptr<LookupTable> table;
  OPKIT_RETURN_IF_ERROR(
      Make(ctx, "anonymous table " + std::to_string(ctx.state<NodeId>().id), kind, &table));
  const std::lock_guard<std::mutex> lock(table->mutex());
  table->Clear();
  table->filled = false;
  return {};
}

Status MakeHashTable(OpContext& ctx) { return Named(ctx, false, true); }
Status MakeMutable(OpContext& ctx) { return Named(ctx, false, false); }
Status MakeMutableOfTensors(OpContext& ctx) { return Named(ctx, true, false); }
Status MakeAnonymousHashTable(OpContext& ctx) { return Anonymous(ctx, true); }
Status MakeAnonymousMutable(OpContext& ctx) { return Anonymous(ctx, false); }

#define OPKIT_TABLE_NAMES        \
  "container: string = \"\"\n"   \
  "shared_name: string = \"\"\n" \
  "use_node_name_sharing: bool = false\n"
#define OPKIT_TABLE_TYPES "key_dtype: type\n value_dtype: type\n"

OPKIT_OP(HashTableV2)
    .Signature("-> table_handle: resource\n" OPKIT_TABLE_NAMES OPKIT_TABLE_TYPES)
    .State<NodeId>()
    .Shape(CheckKind<false>)
    .Stateful()
    .Run(MakeHashTable);
OPKIT_OP(MutableHashTableV2)
    .Signature("-> table_handle: resource\n" OPKIT_TABLE_NAMES OPKIT_TABLE_TYPES)
    .State<NodeId>()
    .Shape(CheckKind<false>)
    .Stateful()
    .Run(MakeMutable);
OPKIT_OP(MutableHashTableOfTensorsV2)
    .Signature("-> table_handle: resource\n" OPKIT_TABLE_NAMES OPKIT_TABLE_TYPES
               "value_shape: shape = unknown")
    .State<NodeId>()
    .Shape(CheckKind<true>)
    .Stateful()
    .Run(MakeMutableOfTensors);
OPKIT_OP(AnonymousHashTable)
    .Signature("-> table_handle: resource\n" OPKIT_TABLE_TYPES)
    .State<NodeId>()
    .Shape(CheckKind<false>)
    .Stateful()
    .Run(MakeAnonymousHashTable);
OPKIT_OP(AnonymousMutableHashTable)
    .Signature("-> table_handle: resource\n" OPKIT_TABLE_TYPES)
    .State<NodeId>()
    .Shape(CheckKind<false>)
    .Stateful()
    .Run(MakeAnonymousMutable);

}  // namespace
}  // namespace opkit::table
