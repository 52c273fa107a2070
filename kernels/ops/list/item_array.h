// The items of a tensor list: a persistent array. Copying an array is one reference count, and
// changing one item of a shared array copies the path to it (a few nodes of 16), so a loop that
// sets one item per step pays the same for 10 steps and for 10,000. Never-set items take no memory.
#ifndef OPKIT_OPS_LIST_ITEM_ARRAY_H_
#define OPKIT_OPS_LIST_ITEM_ARRAY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "opkit/dtype.h"
#include "opkit/resource.h"
#include "opkit/shape.h"

namespace opkit::list {

// A run of `count` tensors of one shape and dtype, immutable once it is in a list.
struct Block {
  DType dtype = DType::kInvalid;
  Shape item_shape;
  int64_t count = 0;
  size_t item_bytes = 0;                                      // 0 for strings and variants
  std::unique_ptr<char[]> data;                               // numbers: count * item_bytes
  std::string chars;                                          // strings: all bytes,
  std::vector<size_t> ends;                                   // and where each element ends
  std::vector<std::shared_ptr<const VariantValue>> variants;  // one per item

  std::string_view string_at(int64_t element) const {
    const size_t i = static_cast<size_t>(element);
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return {chars.data() + begin, ends[i] - begin};
  }
};

// One tensor of a block; no block: never set.
struct Item {
  std::shared_ptr<const Block> block;
  int64_t index = 0;

  explicit operator bool() const { return block != nullptr; }
  const Shape& shape() const { return block->item_shape; }
  const char* data() const {
    return block->data.get() + static_cast<size_t>(index) * block->item_bytes;
  }
};

class ItemArray {
 public:
  ItemArray() = default;
  explicit ItemArray(int64_t size) { Resize(size); }  // all items unset

  int64_t size() const { return size_; }
  // The item, or null if it was never set. 0 <= i < size().
  const Item* Get(int64_t i) const;
  void Set(int64_t i, Item item);
  // New items are unset; dropped items are released.
  void Resize(int64_t size);
  // Appends all items of a block.
  void AppendBlock(const std::shared_ptr<const Block>& block);
  // Calls f(index, item) for the items that were set, in order; stops when f returns false.
  template <typename F>
  bool ForEach(F&& f) const {
    return root_ == nullptr || Walk(root_.get(), levels_, 0, f);
  }

 private:
  static constexpr int kBits = 4;
  static constexpr int64_t kFan = int64_t{1} << kBits;
  using NodePtr = std::shared_ptr<void>;  // a Leaf at level 0, else an Inner
  struct Leaf {
    std::array<Item, kFan> items;
  };
  struct Inner {
    std::array<NodePtr, kFan> children;
  };

  static size_t Slot(int64_t i, int level) {
    return static_cast<size_t>((i >> (kBits * level)) & (kFan - 1));
  }
  static Leaf* OwnLeaf(NodePtr& node);
  static Inner* OwnInner(NodePtr& node);
  static void Truncate(NodePtr& node, int level, int64_t keep);

  template <typename F>
  bool Walk(const void* node, int level, int64_t base, F& f) const {
    if (level == 0) {
      const Leaf* leaf = static_cast<const Leaf*>(node);
      for (size_t k = 0; k < kFan; ++k) {
        if (leaf->items[k] && !f(base + static_cast<int64_t>(k), leaf->items[k])) return false;
      }
      return true;
    }
    const Inner* inner = static_cast<const Inner*>(node);
    for (size_t k = 0; k < kFan; ++k) {
      const NodePtr& child = inner->children[k];
      const int64_t at = base + (static_cast<int64_t>(k) << (kBits * level));
      if (child != nullptr && !Walk(child.get(), level - 1, at, f)) return false;
    }
    return true;
  }

  NodePtr root_;    // null: nothing set
  int levels_ = 0;  // of inner nodes above the leaves; capacity is 16 ^ (levels_ + 1)
  int64_t size_ = 0;
};

}  // namespace opkit::list

#endif  // OPKIT_OPS_LIST_ITEM_ARRAY_H_
