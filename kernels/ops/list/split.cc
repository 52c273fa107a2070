// From tensors to lists: FromTensor, Split, Scatter; and joining two lists.
#include <algorithm>
#include <utility>

#include "ops/list/tensor_list.h"

namespace opkit::list {
namespace {

// The shape of one slice along the first dimension of input i.
Status SliceShape(const OpContext& ctx, int input, Shape* out) {
  const Shape& s = ctx.shape(input);
  if (s.rank() == 0) return Error("the tensor is a scalar, want rank 1 or more");
  *out = s.slice(1, s.rank());
  return {};
}

Status FromTensor(OpContext& ctx) {
  auto list = std::make_shared<TensorList>();
  Shape item;
  OPKIT_RETURN_IF_ERROR(SliceShape(ctx, 0, &item));
  list->dtype = StorageType(ctx.dtype(0));
  OPKIT_RETURN_IF_ERROR(ReadElementShape(ctx, 1, &list->element_shape));
  OPKIT_RETURN_IF_ERROR(CheckAccepts(*list, item));
  std::shared_ptr<const Block> block;
  OPKIT_RETURN_IF_ERROR(CopyIn(ctx, 0, item, 0, ctx.shape(0)[0], &block));
  list->items.AppendBlock(block);
  return ctx.SetVariant(0, std::move(list));
}
OPKIT_OP(TensorListFromTensor)
    .Signature(R"(
      tensor: element_dtype, element_shape: shape_type -> output_handle: variant
      element_dtype in {numeric, bool, string}
      shape_type in {index}
    )")
    .DataDependent()
    .Run(FromTensor);

Status Split(OpContext& ctx) {
  auto list = std::make_shared<TensorList>();
  Shape row;
  OPKIT_RETURN_IF_ERROR(SliceShape(ctx, 0, &row));
  list->dtype = StorageType(ctx.dtype(0));
  OPKIT_RETURN_IF_ERROR(ReadElementShape(ctx, 1, &list->element_shape));
  const PartialShape& shape = list->element_shape;
  if (shape.known_rank && (shape.dims.empty() || !Compatible(WithoutFirst(shape), row))) {
    return Error("element shape %s does not fit a tensor of shape %s", Text(shape).c_str(),
                 ctx.shape(0).str().c_str());
  }
  const int64_t n = ctx.shape(2).size();
  const int64_t* lengths = ctx.in<int64_t>(2);
  const int64_t rows = ctx.shape(0)[0];
  int64_t used = 0;
  for (int64_t k = 0; k < n; ++k) {
    if (lengths[k] < 0 || lengths[k] > rows - used) {
      return Error("lengths[%lld] is %lld, %lld of %lld rows are left", static_cast<long long>(k),
                   static_cast<long long>(lengths[k]), static_cast<long long>(rows - used),
                   static_cast<long long>(rows));
    }
    used += lengths[k];
  }
  if (used != rows) {
    return Error("lengths add up to %lld, the tensor has %lld rows", static_cast<long long>(used),
                 static_cast<long long>(rows));
  }
  const int64_t width = row.size();
  int64_t at = 0;
  list->items.Resize(n);
  for (int64_t k = 0; k < n; ++k) {
    std::shared_ptr<const Block> block;
    OPKIT_RETURN_IF_ERROR(CopyIn(ctx, 0, Shape{lengths[k]}.concat(row), at * width, 1, &block));
    list->items.Set(k, Item{std::move(block), 0});
    at += lengths[k];
  }
  return ctx.SetVariant(0, std::move(list));
}
OPKIT_OP(TensorListSplit)
    .Signature(R"(
      tensor: element_dtype, element_shape: shape_type, lengths: int64[n]
          -> output_handle: variant
      element_dtype in {numeric, bool, string}
      shape_type in {index}
    )")
    .DataDependent()
    .Run(Split);

// Puts the slices of input `tensor` at the indices in input `indices`; later ones win.
Status Scatter(OpContext& ctx, int tensor, int indices_input, const Shape& item, int64_t min_size,
               int64_t max_size, TensorList* list) {
  const int64_t n = ctx.shape(indices_input).size();
  const int32_t* indices = ctx.in<int32_t>(indices_input);
  if (n != ctx.shape(tensor)[0]) {
    return Error("%lld indices for %lld rows", static_cast<long long>(n),
                 static_cast<long long>(ctx.shape(tensor)[0]));
  }
  int64_t size = min_size;
  for (int64_t k = 0; k < n; ++k) {
    if (indices[k] < 0 || indices[k] >= max_size) {
      return Error("index %d at position %lld, want a value in [0, %lld)", indices[k],
                   static_cast<long long>(k), static_cast<long long>(max_size));
    }
    size = std::max(size, int64_t{indices[k]} + 1);
  }
  std::shared_ptr<const Block> block;
  OPKIT_RETURN_IF_ERROR(CopyIn(ctx, tensor, item, 0, n, &block));
  list->items.Resize(size);
  for (int64_t k = 0; k < n; ++k) list->items.Set(indices[k], Item{block, k});
  return {};
}

Status NewScatter(OpContext& ctx, int64_t num_elements) {
  if (num_elements < -1) {
    return Error("num_elements is %lld, want -1 or more", static_cast<long long>(num_elements));
  }
  auto list = std::make_shared<TensorList>();
  Shape item;
  OPKIT_RETURN_IF_ERROR(SliceShape(ctx, 0, &item));
  list->dtype = StorageType(ctx.dtype(0));
  OPKIT_RETURN_IF_ERROR(ReadElementShape(ctx, 2, &list->element_shape));
  OPKIT_RETURN_IF_ERROR(CheckAccepts(*list, item));
  const int64_t min_size = std::max(int64_t{0}, num_elements);
  const int64_t max_size = num_elements == -1 ? INT32_MAX : num_elements;
  OPKIT_RETURN_IF_ERROR(Scatter(ctx, 0, 1, item, min_size, max_size, list.get()));
  return ctx.SetVariant(0, std::move(list));
}

Status ScatterV1(OpContext& ctx) { return NewScatter(ctx, -1); }
OPKIT_OP(TensorListScatter)
    .Signature(R"(
      tensor: element_dtype, indices: int32[n], element_shape: shape_type
          -> output_handle: variant
      element_dtype in {numeric, bool, string}
      shape_type in {index}
    )")
    .DataDependent()
    .Run(ScatterV1);

Status ScatterV2(OpContext& ctx) { return NewScatter(ctx, ctx.ScalarInt(3)); }
OPKIT_OP(TensorListScatterV2)
    .Signature(R"(
      tensor: element_dtype, indices: int32[n], element_shape: shape_type, num_elements: int32[]
          -> output_handle: variant
      element_dtype in {numeric, bool, string}
      shape_type in {index}
    )")
    .DataDependent()
    .Run(ScatterV2);

// As in TF the slices need not fit the list's element shape; what joins items checks theirs.
Status ScatterInto(OpContext& ctx) {
  ListPtr in;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.dtype(1), &in));
  Shape item;
  OPKIT_RETURN_IF_ERROR(SliceShape(ctx, 1, &item));
  auto out = std::make_shared<TensorList>(*in);
  OPKIT_RETURN_IF_ERROR(Scatter(ctx, 1, 2, item, in->items.size(), int64_t{INT32_MAX}, out.get()));
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListScatterIntoExistingList)
    .Signature(R"(
      input_handle: variant, tensor: element_dtype, indices: int32[n] -> output_handle: variant
      element_dtype in {numeric, bool, string}
    )")
    .DataDependent()
    .Run(ScatterInto);

Status ConcatLists(OpContext& ctx) {
  const DType dtype = ctx.attr_type("element_dtype");
  ListPtr a, b;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, dtype, &a));
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 1, dtype, &b));
  if (a->element_shape.known_rank != b->element_shape.known_rank ||
      a->element_shape.dims != b->element_shape.dims) {
    return Error("element shapes %s and %s differ", Text(a->element_shape).c_str(),
                 Text(b->element_shape).c_str());
  }
  const int64_t size = a->items.size();
  if (size > INT32_MAX - b->items.size()) return Error("the joined list is too long");
  auto out = std::make_shared<TensorList>(*a);
  out->nesting = std::max(a->nesting, b->nesting);
  out->items.Resize(size + b->items.size());
  b->items.ForEach([&](int64_t k, const Item& item) {
    out->items.Set(size + k, item);
    return true;
  });
  return ctx.SetVariant(0, std::move(out));
}
OPKIT_OP(TensorListConcatLists)
    .Signature(R"(
      input_a: variant, input_b: variant -> output: variant
      element_dtype: type
    )")
    .DataDependent()
    .Run(ConcatLists);

}  // namespace
}  // namespace opkit::list
