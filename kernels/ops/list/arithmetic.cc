// What gradients of loops do to whole lists and tensors: AddN, ZerosLike, BroadcastGradientArgs.
#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "ops/list/tensor_list.h"

namespace opkit::list {
namespace {

// a + b rounded to T; integers wrap.
template <typename T>
T Plus(T a, T b) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return T(static_cast<float>(a) + static_cast<float>(b));
  } else {
    return static_cast<T>(a + b);
  }
}

template <typename T>
void AddEach(const void* a, const void* b, void* sum, size_t n) {
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  T* z = static_cast<T*>(sum);
  for (size_t i = 0; i < n; ++i) z[i] = Plus(x[i], y[i]);
}

// Addition of n parts of `size` bytes; the sum may take the place of a. Complex numbers have two
// parts, and signs do not matter to integers that wrap.
struct Addition {
  void (*add)(const void* a, const void* b, void* sum, size_t n) = nullptr;
  size_t size = 0;
};

template <typename T>
constexpr Addition kAdditionOf = {AddEach<T>, sizeof(T)};

Addition AdditionOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kComplex64:
      return kAdditionOf<float>;
    case DType::kFloat64:
    case DType::kComplex128:
      return kAdditionOf<double>;
    case DType::kFloat16:
      return kAdditionOf<Half>;
    case DType::kBFloat16:
      return kAdditionOf<BFloat16>;
    case DType::kInt8:
    case DType::kUInt8:
      return kAdditionOf<uint8_t>;
    case DType::kInt16:
    case DType::kUInt16:
      return kAdditionOf<uint16_t>;
    case DType::kInt32:
    case DType::kUInt32:
      return kAdditionOf<uint32_t>;
    case DType::kInt64:
    case DType::kUInt64:
      return kAdditionOf<uint64_t>;
    default:
      return {};
  }
}

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
    const Addition addition = AdditionOf(block.dtype);
    if (addition.add == nullptr) return Error("%s has no sum", DTypeName(block.dtype));
    const size_t parts = block.item_bytes / addition.size;
    if (parts > 0) addition.add(a.data(), b.data(), sum->data.get(), parts);
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
  const Addition addition = AdditionOf(ctx.dtype(0));
  const size_t n_in = static_cast<size_t>(ctx.num_inputs());
  std::vector<const char*> in;
  for (int i = 0; i < ctx.num_inputs(); ++i) in.push_back(ctx.in<char>(i));
  char* out = ctx.out<char>(0);
  // TF's order: the first 2 to 9 inputs one after another, then the rest in sums of eight.
  const size_t first = n_in < 2 ? n_in : (n_in - 2) % 8 + 2;
  const size_t size = addition.size;
  const int64_t parts = ctx.shape(0).size() * static_cast<int64_t>(DTypeSize(ctx.dtype(0)) / size);
  ctx.ParallelFor(parts, 16384, [&](int64_t begin, int64_t end) {
    // In strips, so that the partial sums stay in the first-level cache.
    constexpr size_t kStrip = 4096;
    alignas(64) char part[kStrip];
    const size_t stop = static_cast<size_t>(end) * size;
    for (size_t at = static_cast<size_t>(begin) * size; at < stop; at += kStrip) {
      const size_t bytes = std::min(kStrip, stop - at);
      const auto add = [&](size_t from, size_t to, char* sum) {
        const char* one = in[from] + at;
        if (to == from + 1) std::memcpy(sum, one, bytes);
        for (size_t k = from + 1; k < to; ++k) {
          addition.add(one, in[k] + at, sum, bytes / size);
          one = sum;
        }
      };
      add(0, first, out + at);
      for (size_t k = first; k < n_in; k += 8) {
        add(k, k + 8, part);
        addition.add(out + at, part, out + at, bytes / size);
      }
    }
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
