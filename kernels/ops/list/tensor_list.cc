#include "ops/list/tensor_list.h"

#include <cstring>
#include <new>

namespace opkit::list {
namespace {

constexpr int kMaxNesting = 64;  // destruction recurses once per level

}  // namespace

Status ReadElementShape(const OpContext& ctx, int input, PartialShape* out) {
  const Shape& s = ctx.shape(input);
  if (s.rank() > 1) {
    return Error("element_shape has shape %s, want a vector or the scalar -1", s.str().c_str());
  }
  out->known_rank = s.rank() == 1;
  out->dims = ctx.IntValues(input);
  if (!out->known_rank) {
    if (out->dims.size() == 1 && out->dims[0] == -1) {
      out->dims.clear();
      return {};
    }
    return Error("element_shape is a scalar other than -1, want -1 (unknown) or a vector");
  }
  if (out->dims.size() > static_cast<size_t>(Shape::kMaxRank)) {
    return Error("element_shape has rank %zu, want at most %d", out->dims.size(), Shape::kMaxRank);
  }
  for (int64_t d : out->dims) {
    if (d < -1 || d > INT32_MAX) {
      return Error("element_shape holds %lld, want -1 or a size", static_cast<long long>(d));
    }
  }
  return {};
}

PartialShape Known(const Shape& shape) {
  PartialShape out;
  out.known_rank = true;
  out.dims.assign(shape.begin(), shape.end());
  return out;
}

bool FullyDefined(const PartialShape& shape) {
  if (!shape.known_rank) return false;
  for (int64_t d : shape.dims) {
    if (d < 0) return false;
  }
  return true;
}

bool Compatible(const PartialShape& partial, const Shape& shape) {
  if (!partial.known_rank) return true;
  if (partial.dims.size() != static_cast<size_t>(shape.rank())) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const int64_t d = partial.dims[static_cast<size_t>(i)];
    if (d >= 0 && d != shape[i]) return false;
  }
  return true;
}

Status Merge(const PartialShape& other, PartialShape* into) {
  if (!other.known_rank) return {};
  if (!into->known_rank) {
    *into = other;
    return {};
  }
  bool fits = into->dims.size() == other.dims.size();
  for (size_t i = 0; fits && i < other.dims.size(); ++i) {
    fits = other.dims[i] < 0 || into->dims[i] < 0 || other.dims[i] == into->dims[i];
  }
  if (!fits) {
    return Error("element shapes %s and %s do not agree", Text(*into).c_str(), Text(other).c_str());
  }
  for (size_t i = 0; i < other.dims.size(); ++i) {
    if (into->dims[i] < 0) into->dims[i] = other.dims[i];
  }
  return {};
}

Status ToShape(const PartialShape& partial, Shape* out) {
  if (!FullyDefined(partial)) {
    return Error("the list has unset items and element shape %s is not fully defined",
                 Text(partial).c_str());
  }
  *out = Shape(partial.dims.data(), static_cast<int>(partial.dims.size()));
  return CheckSize(*out);
}

Status CheckSize(const Shape& shape) {
  // Leaves room for the element size, so byte counts fit too.
  int64_t n = 16;
  bool overflow = !shape.valid();
  for (int64_t d : shape) overflow = overflow || __builtin_mul_overflow(n, d, &n);
  if (overflow) {
    return Error("a tensor of shape %s is too large", shape.str().c_str());
  }
  return {};
}

PartialShape WithoutFirst(const PartialShape& shape) {
  PartialShape out = shape;
  if (!out.dims.empty()) out.dims.erase(out.dims.begin());
  return out;
}

std::string Text(const PartialShape& shape) {
  if (!shape.known_rank) return "<unknown>";
  std::string out = "[";
  for (size_t i = 0; i < shape.dims.size(); ++i) {
    if (i > 0) out += ',';
    out += shape.dims[i] < 0 ? "?" : std::to_string(shape.dims[i]);
  }
  return out + "]";
}

Status GetList(const OpContext& ctx, int input, DType want, ListPtr* out) {
  std::shared_ptr<const VariantValue> value;
  OPKIT_RETURN_IF_ERROR(ctx.GetVariant(input, &value));
  if (value == nullptr) return Error("input %d holds no value, want a tensor list", input);
  *out = std::dynamic_pointer_cast<const TensorList>(value);
  if (*out == nullptr) {
    return Error("input %d is a %s, want a tensor list", input, value->kind());
  }
  if (want != DType::kInvalid && StorageType(want) != (*out)->dtype) {
    return Error("the list holds %s, the op is for %s", DTypeName((*out)->dtype), DTypeName(want));
  }
  return {};
}

Status GetElementShape(const OpContext& ctx, const TensorList& list, int input, PartialShape* out) {
  OPKIT_RETURN_IF_ERROR(ReadElementShape(ctx, input, out));
  return Merge(list.element_shape, out);
}

Status CheckAccepts(const TensorList& list, const Shape& item) {
  if (Compatible(list.element_shape, item)) return {};
  return Error("an item of shape %s does not fit a list of element shape %s", item.str().c_str(),
               Text(list.element_shape).c_str());
}

Status NoteNesting(const Block& block, TensorList* list) {
  for (const auto& value : block.variants) {
    const auto* inner = dynamic_cast<const TensorList*>(value.get());
    if (inner != nullptr && inner->nesting >= list->nesting) list->nesting = inner->nesting + 1;
  }
  if (list->nesting > kMaxNesting) {
    return Error("tensor lists are nested deeper than %d", kMaxNesting);
  }
  return {};
}

Status CopyIn(const OpContext& ctx, int input, const Shape& item_shape, int64_t first,
              int64_t count, std::shared_ptr<const Block>* out) {
  auto block = std::make_shared<Block>();
  block->dtype = StorageType(ctx.dtype(input));
  block->item_shape = item_shape;
  block->count = count;
  const int64_t elements = item_shape.size() * count;
  if (block->dtype == DType::kString) {
    const StringsView strings = ctx.strings(input);
    size_t bytes = 0;
    for (int64_t i = first; i < first + elements; ++i) bytes += strings[i].size();
    block->chars.reserve(bytes);
    block->ends.reserve(static_cast<size_t>(elements));
    for (int64_t i = first; i < first + elements; ++i) {
      block->chars += strings[i];
      block->ends.push_back(block->chars.size());
    }
  } else if (block->dtype == DType::kVariant) {
    if (item_shape.rank() != 0 || count != 1) {
      return Error("a list of variants takes scalars, came shape %s", item_shape.str().c_str());
    }
    std::shared_ptr<const VariantValue> value;
    OPKIT_RETURN_IF_ERROR(ctx.GetVariant(input, &value));
    block->variants.push_back(std::move(value));
  } else {
    const size_t size = DTypeSize(block->dtype);
    if (size == 0) return Error("a list cannot hold %s", DTypeName(block->dtype));
    block->item_bytes = static_cast<size_t>(item_shape.size()) * size;
    const size_t bytes = static_cast<size_t>(elements) * size;
    if (bytes > 0) {
      block->data.reset(new (std::nothrow) char[bytes]);
      if (block->data == nullptr) return Error("no memory for %zu bytes of list items", bytes);
      std::memcpy(block->data.get(),
                  static_cast<const char*>(ctx.raw(input)) + static_cast<size_t>(first) * size,
                  bytes);
    }
  }
  *out = std::move(block);
  return {};
}

Status WriteItem(OpContext& ctx, int output, const Item* item, const Shape& shape) {
  if (StorageType(ctx.out_dtype(output)) == DType::kVariant) {
    if (item == nullptr) return Error("the item was never set and a variant has no zero");
    return ctx.SetVariant(output, item->block->variants[static_cast<size_t>(item->index)]);
  }
  const Shape& s = item != nullptr ? item->shape() : shape;
  const int64_t n = s.size();
  return WriteItems(
      ctx, output, s, 1, [item](int64_t) { return item; }, [n](int64_t) { return n; });
}

Status WriteItems(OpContext& ctx, int output, const Shape& shape, int64_t count,
                  const std::function<const Item*(int64_t)>& get,
                  const std::function<int64_t(int64_t)>& elements) {
  const DType dtype = StorageType(ctx.out_dtype(output));
  if (dtype == DType::kString) {
    StringWriter writer;
    for (int64_t k = 0; k < count; ++k) {
      const Item* item = get(k);
      const int64_t n = elements(k);
      for (int64_t e = 0; e < n; ++e) {
        writer.Add(item != nullptr ? item->block->string_at(item->index * n + e)
                                   : std::string_view());
      }
    }
    return ctx.WriteStrings(output, writer, shape);
  }
  const size_t size = DTypeSize(dtype);
  if (size == 0) return Error("items of %s cannot be joined into a tensor", DTypeName(dtype));
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(output, shape));
  if (shape.size() == 0) return {};
  char* to = static_cast<char*>(ctx.out_raw(output));
  for (int64_t k = 0; k < count; ++k) {
    const size_t bytes = static_cast<size_t>(elements(k)) * size;
    if (bytes == 0) continue;
    const Item* item = get(k);
    if (item != nullptr) {
      std::memcpy(to, item->data(), bytes);
    } else {
      std::memset(to, 0, bytes);
    }
    to += bytes;
  }
  return {};
}

Status WriteAll(OpContext& ctx, int output, const Shape& shape, const TensorList& list) {
  const DType dtype = StorageType(ctx.out_dtype(output));
  const int64_t count = list.items.size();
  const int64_t elements = shape.size(1, shape.rank());
  const size_t size = DTypeSize(dtype);
  if (size == 0 || shape.size() == 0) {
    return WriteItems(
        ctx, output, shape, shape.size() == 0 ? 0 : count,
        [&list](int64_t k) { return list.items.Get(k); }, [elements](int64_t) { return elements; });
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(output, shape));
  char* to = static_cast<char*>(ctx.out_raw(output));
  const size_t bytes = static_cast<size_t>(elements) * size;
  int64_t next = 0;  // items below are written
  list.items.ForEach([&](int64_t k, const Item& item) {
    std::memset(to + static_cast<size_t>(next) * bytes, 0, static_cast<size_t>(k - next) * bytes);
    std::memcpy(to + static_cast<size_t>(k) * bytes, item.data(), bytes);
    next = k + 1;
    return true;
  });
  std::memset(to + static_cast<size_t>(next) * bytes, 0, static_cast<size_t>(count - next) * bytes);
  return {};
}

}  // namespace opkit::list
