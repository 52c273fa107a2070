// Making tensor lists and reading or changing single items.
#include <utility>

#include "ops/list/tensor_list.h"

namespace opkit::list {
namespace {

// Unset items take no memory; the bound keeps sums of sizes far from overflow.
constexpr int64_t kMaxItems = INT32_MAX;

// What SetItem and its kin take: all else could never be put into the list.
Status CheckItemType(OpContext& ctx) {
  const DType t = ctx.attr_type("element_dtype");
  if (t != DType::kString && t != DType::kVariant && DTypeSize(t) == 0) {
    return Error("element_dtype is %s; a list holds numbers, bools, strings or lists",
                 DTypeName(t));
  }
  ctx.SetShape(0, Shape{});
  return {};
}

Status NewList(OpContext& ctx, DType dtype, int shape_input, int64_t size, int64_t max_elements) {
  auto list = std::make_shared<TensorList>();
  list->dtype = StorageType(dtype);
  list->max_num_elements = max_elements;
  OPKIT_RETURN_IF_ERROR(ReadElementShape(ctx, shape_input, &list->element_shape));
  list->items = ItemArray(size);
  return ctx.SetVariant(0, std::move(list));
}

Status Reserve(OpContext& ctx) {
  const int64_t n = ctx.ScalarInt(1);
  if (n < 0) return Error("num_elements is %lld, want 0 or more", static_cast<long long>(n));
  return NewList(ctx, ctx.attr_type("element_dtype"), 0, n, -1);
}
OPKIT_OP(TensorListReserve)
    .Signature(R"(
      element_shape: shape_type, num_elements: int32[] -> handle: variant
      shape_type in {index}
      element_dtype: type
    )")
    .Shape(CheckItemType)
    .Run(Reserve);

Status Empty(OpContext& ctx) {
  return NewList(ctx, ctx.attr_type("element_dtype"), 0, 0, ctx.ScalarInt(1));
}
OPKIT_OP(EmptyTensorList)
    .Signature(R"(
      element_shape: shape_type, max_num_elements: int32[] -> handle: variant
      shape_type in {index}
      element_dtype: type
    )")
    .Shape(CheckItemType)
    .Run(Empty);

Status SetItem(OpContext& ctx) {
  ListPtr in;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.dtype(2), &in));
  const int64_t index = ctx.ScalarInt(1);
  const bool grow = ctx.attr_bool("resize_if_index_out_of_bounds");
  if (index < 0 || (index >= in->items.size() && !grow)) {
    return Error("index is %lld, the list has %lld items", static_cast<long long>(index),
                 static_cast<long long>(in->items.size()));
  }
  OPKIT_RETURN_IF_ERROR(CheckAccepts(*in, ctx.shape(2)));
  std::shared_ptr<const Block> block;
  OPKIT_RETURN_IF_ERROR(CopyIn(ctx, 2, ctx.shape(2), 0, 1, &block));
  auto out = std::make_shared<TensorList>(*in);
  OPKIT_RETURN_IF_ERROR(NoteNesting(*block, out.get()));
  if (index >= out->items.size()) out->items.Resize(index + 1);
  out->items.Set(index, Item{std::move(block), 0});
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListSetItem)
    .Signature(R"(
      input_handle: variant, index: int32[], item: element_dtype -> output_handle: variant
      element_dtype in {numeric, bool, string, variant}
      resize_if_index_out_of_bounds: bool = false
    )")
    .DataDependent()
    .Run(SetItem);

Status GetItem(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(0), &list));
  const int64_t index = ctx.ScalarInt(1);
  if (index < 0 || index >= list->items.size()) {
    return Error("index is %lld, the list has %lld items", static_cast<long long>(index),
                 static_cast<long long>(list->items.size()));
  }
  const Item* item = list->items.Get(index);
  Shape zeros;
  if (item == nullptr) {
    // An item never set reads as zeros; its shape may have to come from the others.
    PartialShape shape;
    OPKIT_RETURN_IF_ERROR(GetElementShape(ctx, *list, 2, &shape));
    Status merged;
    if (!FullyDefined(shape)) {
      list->items.ForEach([&](int64_t, const Item& other) {
        merged = Merge(Known(other.shape()), &shape);
        return merged.ok();
      });
    }
    OPKIT_RETURN_IF_ERROR(std::move(merged));
    OPKIT_RETURN_IF_ERROR(ToShape(shape, &zeros));
  }
  return WriteItem(ctx, 0, item, zeros);
}
OPKIT_OP(TensorListGetItem)
    .Signature(R"(
      input_handle: variant, index: int32[], element_shape: Tshape -> item: element_dtype
      element_dtype in {numeric, bool, string, variant}
      Tshape in {index}
    )")
    .DataDependent()
    .Run(GetItem);

Status PushBack(OpContext& ctx) {
  ListPtr in;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.dtype(1), &in));
  const int64_t size = in->items.size();
  OPKIT_RETURN_IF_ERROR(CheckAccepts(*in, ctx.shape(1)));
  if ((in->max_num_elements != -1 && size >= in->max_num_elements) || size >= kMaxItems) {
    return Error("the list is full: it has %lld items, at most %lld", static_cast<long long>(size),
                 static_cast<long long>(in->max_num_elements));
  }
  std::shared_ptr<const Block> block;
  OPKIT_RETURN_IF_ERROR(CopyIn(ctx, 1, ctx.shape(1), 0, 1, &block));
  auto out = std::make_shared<TensorList>(*in);
  OPKIT_RETURN_IF_ERROR(NoteNesting(*block, out.get()));
  out->items.Resize(size + 1);
  out->items.Set(size, Item{std::move(block), 0});
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListPushBack)
    .Signature(R"(
      input_handle: variant, tensor: element_dtype -> output_handle: variant
      element_dtype in {numeric, bool, string, variant}
    )")
    .DataDependent()
    .Run(PushBack);

Status PopBack(OpContext& ctx) {
  ListPtr in;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(1), &in));
  const int64_t size = in->items.size();
  if (size == 0) return Error("the list is empty, nothing to pop");
  const Item* item = in->items.Get(size - 1);
  Shape zeros;
  if (item == nullptr) {
    PartialShape shape;
    OPKIT_RETURN_IF_ERROR(GetElementShape(ctx, *in, 1, &shape));
    OPKIT_RETURN_IF_ERROR(ToShape(shape, &zeros));
  }
  OPKIT_RETURN_IF_ERROR(WriteItem(ctx, 1, item, zeros));
  auto out = std::make_shared<TensorList>(*in);
  out->items.Resize(size - 1);
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListPopBack)
    .Signature(R"(
      input_handle: variant, element_shape: int32 -> output_handle: variant, tensor: element_dtype
      element_dtype in {numeric, bool, string, variant}
    )")
    .DataDependent()
    .Run(PopBack);

Status Length(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, DType::kInvalid, &list));
  *ctx.out<int32_t>(0) = static_cast<int32_t>(list->items.size());
  return {};
}
OPKIT_OP(TensorListLength).Signature("input_handle: variant -> length: int32[]").Run(Length);

Status ElementShape(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, DType::kInvalid, &list));
  const PartialShape& shape = list->element_shape;
  OPKIT_RETURN_IF_ERROR(
      ctx.Allocate(0, shape.known_rank ? Shape{static_cast<int64_t>(shape.dims.size())} : Shape{}));
  return OpContext::VisitDType(ctx.out_dtype(0), IndexTypes{}, [&](auto tag) {
    using T = decltype(tag);
    T* out = ctx.out<T>(0);
    if (!shape.known_rank) *out = T{-1};
    for (size_t i = 0; i < shape.dims.size(); ++i) out[i] = static_cast<T>(shape.dims[i]);
    return Status();
  });
}
OPKIT_OP(TensorListElementShape)
    .Signature(R"(
      input_handle: variant -> element_shape: shape_type
      shape_type in {index}
    )")
    .DataDependent()
    .Run(ElementShape);

Status Resize(OpContext& ctx) {
  ListPtr in;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, DType::kInvalid, &in));
  const int64_t size = ctx.ScalarInt(1);
  if (size < 0) return Error("size is %lld, want 0 or more", static_cast<long long>(size));
  auto out = std::make_shared<TensorList>(*in);
  out->items.Resize(size);
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListResize)
    .Signature("input_handle: variant, size: int32[] -> output_handle: variant")
    .DataDependent()
    .Run(Resize);

}  // namespace
}  // namespace opkit::list
