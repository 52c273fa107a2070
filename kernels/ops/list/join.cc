// From lists to tensors: Stack, Gather, Concat.
#include <vector>

#include "ops/list/tensor_list.h"

namespace opkit::list {
namespace {

Status Prepend(int64_t n, const Shape& tail, Shape* out) {
  *out = Shape{n}.concat(tail);
  return CheckSize(*out);
}

Status Stack(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(0), &list));
  const int64_t n = list->items.size();
  const int64_t want = ctx.attr_int("num_elements");
  if (want != -1 && want != n) {
    return Error("the list has %lld items, num_elements is %lld", static_cast<long long>(n),
                 static_cast<long long>(want));
  }
  PartialShape partial;
  OPKIT_RETURN_IF_ERROR(GetElementShape(ctx, *list, 1, &partial));
  if (n == 0 && !FullyDefined(partial)) {
    return Error("the list is empty and element shape %s is not fully defined",
                 Text(partial).c_str());
  }
  Status status;
  const Block* seen = nullptr;  // items of one block share a shape
  list->items.ForEach([&](int64_t, const Item& item) {
    if (item.block.get() == seen) return true;
    seen = item.block.get();
    status = Merge(Known(item.shape()), &partial);
    return status.ok();
  });
  OPKIT_RETURN_IF_ERROR(std::move(status));
  Shape element, shape;
  OPKIT_RETURN_IF_ERROR(ToShape(partial, &element));
  OPKIT_RETURN_IF_ERROR(Prepend(n, element, &shape));
  return WriteAll(ctx, 0, shape, *list);
}
OPKIT_OP(TensorListStack)
    .Signature(R"(
      input_handle: variant, element_shape: int32 -> tensor: element_dtype
      element_dtype in {numeric, bool, string}
      num_elements: int = -1
    )")
    .DataDependent()
    .Run(Stack);

Status Gather(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(0), &list));
  const int64_t n = ctx.shape(1).size();
  const int32_t* indices = ctx.in<int32_t>(1);
  PartialShape partial;
  OPKIT_RETURN_IF_ERROR(GetElementShape(ctx, *list, 2, &partial));
  if (n == 0 && !FullyDefined(partial)) {
    return Error("no indices, and element shape %s is not fully defined", Text(partial).c_str());
  }
  for (int64_t k = 0; k < n; ++k) {
    if (indices[k] < 0 || indices[k] >= list->items.size()) {
      return Error("index %d at position %lld, the list has %lld items", indices[k],
                   static_cast<long long>(k), static_cast<long long>(list->items.size()));
    }
    const Item* item = list->items.Get(indices[k]);
    if (item != nullptr) OPKIT_RETURN_IF_ERROR(Merge(Known(item->shape()), &partial));
  }
  Shape element, shape;
  OPKIT_RETURN_IF_ERROR(ToShape(partial, &element));
  OPKIT_RETURN_IF_ERROR(Prepend(n, element, &shape));
  const int64_t elements = element.size();
  return WriteItems(
      ctx, 0, shape, n, [&](int64_t k) { return list->items.Get(indices[k]); },
      [elements](int64_t) { return elements; });
}
OPKIT_OP(TensorListGather)
    .Signature(R"(
      input_handle: variant, indices: int32[n], element_shape: int32 -> values: element_dtype
      element_dtype in {numeric, bool, string}
    )")
    .DataDependent()
    .Run(Gather);

// Items joined along their first dimension. Unset items get leading_dims[i] rows of zeros, or as
// many as all set items (or element_shape) agree on.
Status Concat(OpContext& ctx, const TensorList& list, const PartialShape& element_shape,
              int64_t given_dims, const int64_t* leading_dims) {
  if (element_shape.known_rank && element_shape.dims.empty()) {
    return Error("element_shape is a scalar's, concat wants items of rank 1 or more");
  }
  const int64_t n = list.items.size();
  int64_t first = element_shape.known_rank ? element_shape.dims[0] : -1;
  PartialShape tail = WithoutFirst(element_shape);
  if (n == 0 && !FullyDefined(tail)) {
    return Error("the list is empty and element shape %s is not defined past the first dimension",
                 Text(element_shape).c_str());
  }
  Status status;
  int64_t common = first;  // -2: the items differ
  list.items.ForEach([&](int64_t k, const Item& item) {
    const Shape& s = item.shape();
    if (s.rank() == 0) {
      status =
          Error("item %lld is a scalar, concat wants rank 1 or more", static_cast<long long>(k));
    } else if (first != -1 && first != s[0]) {
      status =
          Error("item %lld has %lld rows, element_shape asks for %lld", static_cast<long long>(k),
                static_cast<long long>(s[0]), static_cast<long long>(first));
    } else {
      status = Merge(Known(s.slice(1, s.rank())), &tail);
      common = common == -1 || common == s[0] ? s[0] : -2;
    }
    return status.ok();
  });
  OPKIT_RETURN_IF_ERROR(std::move(status));
  if (first == -1 && common >= 0) first = common;
  Shape row;
  OPKIT_RETURN_IF_ERROR(ToShape(tail, &row));
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(1, Shape{n}));
  int64_t* lengths = ctx.out<int64_t>(1);
  int64_t rows = 0;
  for (int64_t k = 0; k < n; ++k) {
    const Item* item = list.items.Get(k);
    int64_t d = first;
    if (item != nullptr) {
      d = item->shape()[0];
    } else if (k < given_dims) {
      d = leading_dims[k];
    }
    if (d < 0 || d > INT32_MAX) {
      return Error("item %lld was never set and its number of rows is not known",
                   static_cast<long long>(k));
    }
    lengths[k] = d;
    rows += d;
  }
  Shape shape;
  OPKIT_RETURN_IF_ERROR(Prepend(rows, row, &shape));
  const int64_t width = row.size();
  return WriteItems(
      ctx, 0, shape, shape.size() == 0 ? 0 : n, [&](int64_t k) { return list.items.Get(k); },
      [&](int64_t k) { return lengths[k] * width; });
}

Status ConcatV1(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(0), &list));
  PartialShape shape = ctx.attr_shape("element_shape");
  if (!shape.dims.empty()) shape.dims[0] = -1;  // which TF does not look at
  return Concat(ctx, *list, shape, 0, nullptr);
}
OPKIT_OP(TensorListConcat)
    .Signature(R"(
      input_handle: variant -> tensor: element_dtype, lengths: int64
      element_dtype in {numeric, bool, string}
      element_shape: shape = unknown
    )")
    .DataDependent()
    .Run(ConcatV1);

Status ConcatV2(OpContext& ctx) {
  ListPtr list;
  OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, ctx.out_dtype(0), &list));
  PartialShape shape;
  OPKIT_RETURN_IF_ERROR(GetElementShape(ctx, *list, 1, &shape));
  return Concat(ctx, *list, shape, ctx.shape(2).size(), ctx.in<int64_t>(2));
}
OPKIT_OP(TensorListConcatV2)
    .Signature(R"(
      input_handle: variant, element_shape: shape_type, leading_dims: int64[n]
          -> tensor: element_dtype, lengths: int64
      element_dtype in {numeric, bool, string}
      shape_type in {index}
    )")
    .DataDependent()
    .Run(ConcatV2);

}  // namespace
}  // namespace opkit::list
