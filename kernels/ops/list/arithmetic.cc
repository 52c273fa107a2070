// What gradients of loops do to whole lists and tensors: AddN, ZerosLike, BroadcastGradientArgs.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "ops/list/sum.h"
#include "ops/list/tensor_list.h"

namespace opkit::list {
namespace {

Status AddLists(const TensorList& a, const TensorList& b, std::shared_ptr<const TensorList>* out);

Status MakeBlock(DType dtype, const Shape& shape, std::shared_ptr<Block>* out) {
  auto block = std::make_shared<Block>();
  block->dtype = dtype;
  block->item_shape = shape;
  block->count = 1;
  block->item_bytes = static_cast<size_t>(shape.size()) * DTypeSize(dtype);
  if (block->item_bytes > 0) {
    block->data.reset(new (std::nothrow) char[block->item_bytes]());
    if (block->data == nullptr) return Error("no memory for %zu bytes", block->item_bytes);
  }
  if (dtype == DType::kString) block->ends.assign(static_cast<size_t>(shape.size()), 0);
  *out = std::move(block);
  return {};
}

Status AddItems(const Item& a, const Item& b, Item* out) {
  const Block& block = *a.block;
  if (a.shape() != b.shape()) {
    return Error("items of shapes %s and %s cannot be added", a.shape().str().c_str(),
                 b.shape().str().c_str());
  }
  std::shared_ptr<Block> sum;
  OPKIT_RETURN_IF_ERROR(MakeBlock(block.dtype, a.shape(), &sum));
  if (block.dtype == DType::kVariant) {
    const auto of = [](const Item& item) {
      return dynamic_cast<const TensorList*>(
          item.block->variants[static_cast<size_t>(item.index)].get());
    };
    if (of(a) == nullptr || of(b) == nullptr) return Error("only lists can be added");
    std::shared_ptr<const TensorList> inner;
    OPKIT_RETURN_IF_ERROR(AddLists(*of(a), *of(b), &inner));
    sum->variants.push_back(std::move(inner));
  } else {
    const Summation summation = SummationOf(block.dtype);
    if (summation.run == nullptr) return Error("%s has no sum", DTypeName(block.dtype));
    const void* in[] = {a.data(), b.data()};
    summation.run(in, 2, sum->data.get(), 0, block.item_bytes / summation.size);
  }
  *out = Item{std::move(sum), 0};
  return {};
}

// Item by item; one that is set in only one list is taken as it is.
Status AddLists(const TensorList& a, const TensorList& b, std::shared_ptr<const TensorList>* out) {
  if (a.dtype != b.dtype || a.items.size() != b.items.size()) {
    return Error("lists of %lld %s and %lld %s cannot be added",
                 static_cast<long long>(a.items.size()), DTypeName(a.dtype),
                 static_cast<long long>(b.items.size()), DTypeName(b.dtype));
  }
  auto sum = std::make_shared<TensorList>(a);
  OPKIT_RETURN_IF_ERROR(Merge(b.element_shape, &sum->element_shape));
  sum->max_num_elements = -1;
  sum->nesting = std::max(a.nesting, b.nesting);
  Status status;
  b.items.ForEach([&](int64_t k, const Item& item) {
    const Item* other = a.items.Get(k);
    Item made = item;
    if (other != nullptr) status = AddItems(*other, item, &made);
    if (status.ok()) sum->items.Set(k, std::move(made));
    return status.ok();
  });
  *out = std::move(sum);
  return status;
}

Status AddNShape(OpContext& ctx) {
  for (int i = 1; i < ctx.num_inputs(); ++i) {
    if (ctx.dtype(i) == DType::kVariant) break;
    if (ctx.shape(i) != ctx.shape(0)) {
      return Error("input %d has shape %s, want %s", i, ctx.shape(i).str().c_str(),
                   ctx.shape(0).str().c_str());
    }
  }
  if (ctx.num_inputs() == 0) return Error("no inputs");
  ctx.SetShape(0, ctx.shape(0));
  return {};
}

Status AddN(OpContext& ctx) {
  if (ctx.dtype(0) == DType::kVariant) {
    ListPtr sum;
    OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, DType::kInvalid, &sum));
    for (int i = 1; i < ctx.num_inputs(); ++i) {
      ListPtr next, total;
      OPKIT_RETURN_IF_ERROR(GetList(ctx, i, DType::kInvalid, &next));
      OPKIT_RETURN_IF_ERROR(AddLists(*sum, *next, &total));
      sum = std::move(total);
    }
    return ctx.SetVariant(0, std::move(sum));
  }
  const Summation summation = SummationOf(ctx.dtype(0));
  std::vector<const void*> in;
  in.reserve(static_cast<size_t>(ctx.num_inputs()));
  for (int i = 0; i < ctx.num_inputs(); ++i) in.push_back(ctx.raw(i));
  const size_t parts = DTypeSize(ctx.dtype(0)) / summation.size;
  ctx.ParallelFor(ctx.shape(0).size(), 16384, [&](int64_t begin, int64_t end) {
    summation.run(in.data(), in.size(), ctx.out_raw(0), static_cast<size_t>(begin) * parts,
                  static_cast<size_t>(end) * parts);
  });
  return {};
}
OPKIT_OP(AddN)
    .Signature(R"(
      inputs: T* -> sum: T
      T in {floating, integral, complex, variant}
      N: int = 0
    )")
    .Shape(AddNShape)
    .Run(AddN);

Status ZeroList(const TensorList& in, std::shared_ptr<const TensorList>* out) {
  auto zeros = std::make_shared<TensorList>(in);
  zeros->max_num_elements = -1;
  Status status;
  in.items.ForEach([&](int64_t k, const Item& item) {
    std::shared_ptr<Block> block;
    status = MakeBlock(in.dtype, item.shape(), &block);
    if (status.ok() && in.dtype == DType::kVariant) {
      const auto* inner = dynamic_cast<const TensorList*>(
          item.block->variants[static_cast<size_t>(item.index)].get());
      std::shared_ptr<const TensorList> made;
      status = inner == nullptr ? Error("only lists have zeros") : ZeroList(*inner, &made);
      block->variants.push_back(std::move(made));
    }
    if (status.ok()) zeros->items.Set(k, Item{std::move(block), 0});
    return status.ok();
  });
  *out = std::move(zeros);
  return status;
}

Status ZerosLike(OpContext& ctx) {
  switch (ctx.dtype(0)) {
    case DType::kVariant: {
      ListPtr in, out;
      OPKIT_RETURN_IF_ERROR(GetList(ctx, 0, DType::kInvalid, &in));
      OPKIT_RETURN_IF_ERROR(ZeroList(*in, &out));
      return ctx.SetVariant(0, std::move(out));
    }
    case DType::kString: {
      StringWriter out;
      for (int64_t i = 0; i < ctx.shape(0).size(); ++i) out.Add({});
      return ctx.WriteStrings(0, out, ctx.shape(0));
    }
    default: {
      const size_t bytes = static_cast<size_t>(ctx.shape(0).size()) * DTypeSize(ctx.dtype(0));
      if (bytes > 0) std::memset(ctx.out_raw(0), 0, bytes);
      return {};
    }
  }
}
OPKIT_OP(ZerosLike)
    .Signature(R"(
      x: T -> y: T
      T in {numeric, bool, string, variant}
    )")
    .Shape(SameAs<0>)
    .Run(ZerosLike);

// Which dimensions of each operand's gradient a broadcast sums over; both where both are 1.
Status GradientArgs(OpContext& ctx) {
  std::vector<int64_t> dims[2] = {ctx.IntValues(0), ctx.IntValues(1)};
  std::vector<int64_t> sums[2];
  if (dims[0] != dims[1]) {
    const size_t rank = std::max(dims[0].size(), dims[1].size());
    for (auto& d : dims) d.insert(d.begin(), rank - d.size(), 1);
    for (size_t i = 0; i < rank; ++i) {
      const int64_t a = dims[0][i], b = dims[1][i];
      if (a != b && a != 1 && b != 1) {
        return Error("dimensions %lld and %lld do not broadcast", static_cast<long long>(a),
                     static_cast<long long>(b));
      }
      if (a == 1) sums[0].push_back(static_cast<int64_t>(i));
      if (b == 1) sums[1].push_back(static_cast<int64_t>(i));
    }
  }
  for (int k = 0; k < 2; ++k) {
    const std::vector<int64_t>& s = sums[k];
    OPKIT_RETURN_IF_ERROR(ctx.Allocate(k, Shape{static_cast<int64_t>(s.size())}));
    OPKIT_RETURN_IF_ERROR(ctx.Visit(0, IndexTypes{}, [&](auto tag) {
      using T = decltype(tag);
      T* out = ctx.out<T>(k);
      for (size_t i = 0; i < s.size(); ++i) out[i] = static_cast<T>(s[i]);
      return Status();
    }));
  }
  return {};
}
OPKIT_OP(BroadcastGradientArgs)
    .Signature(R"(
      s0: T[n], s1: T[m] -> r0: T, r1: T
      T in {index}
    )")
    .DataDependent()
    .Run(GradientArgs);

}  // namespace
}  // namespace opkit::list
