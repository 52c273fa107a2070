// What the TensorList* ops share: the list value, partial shapes, and moving tensors in and out.
#ifndef OPKIT_OPS_LIST_TENSOR_LIST_H_
#define OPKIT_OPS_LIST_TENSOR_LIST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "opkit/op.h"
#include "ops/list/item_array.h"

namespace opkit::list {

// Immutable once stored in a variant tensor.
class TensorList final : public VariantValue {
 public:
  const char* kind() const override { return "tensor list"; }

  DType dtype = DType::kInvalid;
  PartialShape element_shape;
  int64_t max_num_elements = -1;  // -1: unbounded; only PushBack obeys it, as in TF
  int nesting = 0;                // lists inside lists inside lists
  ItemArray items;
};
using ListPtr = std::shared_ptr<const TensorList>;

// --- partial shapes ---------------------------------------------------------------------------
// An element_shape input: the scalar -1 (unknown rank) or a vector with -1 for unknown dimensions.
Status ReadElementShape(const OpContext& ctx, int input, PartialShape* out);
PartialShape Known(const Shape& shape);
bool FullyDefined(const PartialShape& shape);
bool Compatible(const PartialShape& partial, const Shape& shape);
// Narrows *into by `other`; an error if they contradict.
Status Merge(const PartialShape& other, PartialShape* into);
// The fully defined shape, its element count checked to fit, or an error.
Status ToShape(const PartialShape& partial, Shape* out);
Status CheckSize(const Shape& shape);
PartialShape WithoutFirst(const PartialShape& shape);
std::string Text(const PartialShape& shape);  // "[2,?]", "<unknown>"

// --- lists ------------------------------------------------------------------------------------
// The list in a variant input; with `want` other than kInvalid its items must have that dtype.
Status GetList(const OpContext& ctx, int input, DType want, ListPtr* out);
// The list's element shape narrowed by the element_shape input.
Status GetElementShape(const OpContext& ctx, const TensorList& list, int input, PartialShape* out);
// Copies input i into a block of `count` items of `item_shape`, from element `first` on.
Status CopyIn(const OpContext& ctx, int input, const Shape& item_shape, int64_t first,
              int64_t count, std::shared_ptr<const Block>* out);
Status CheckAccepts(const TensorList& list, const Shape& item);
// Notes what a block adds to a list's nesting; an error if lists are nested absurdly deep.
Status NoteNesting(const Block& block, TensorList* list);
// Sets output i to one item, or to zeros (empty strings) of `shape` where item is null.
Status WriteItem(OpContext& ctx, int output, const Item* item, const Shape& shape);
// Sets output i to the `count` items get(k), each null or of rows(k) elements, one after another.
Status WriteItems(OpContext& ctx, int output, const Shape& shape, int64_t count,
                  const std::function<const Item*(int64_t)>& get,
                  const std::function<int64_t(int64_t)>& elements);
// All items one after another; unset ones are zeros. Every item has `elements` elements.
Status WriteAll(OpContext& ctx, int output, const Shape& shape, const TensorList& list);

}  // namespace opkit::list

#endif  // OPKIT_OPS_LIST_TENSOR_LIST_H_
