#include "ops/list/item_array.h"

namespace opkit::list {

// A node that only this array holds may be changed in place; a shared one is copied first.
ItemArray::Leaf* ItemArray::OwnLeaf(NodePtr& node) {
  if (node == nullptr) {
    node = std::make_shared<Leaf>();
  } else if (node.use_count() > 1) {
    node = std::make_shared<Leaf>(*static_cast<const Leaf*>(node.get()));
  }
  return static_cast<Leaf*>(node.get());
}

ItemArray::Inner* ItemArray::OwnInner(NodePtr& node) {
  if (node == nullptr) {
    node = std::make_shared<Inner>();
  } else if (node.use_count() > 1) {
    node = std::make_shared<Inner>(*static_cast<const Inner*>(node.get()));
  }
  return static_cast<Inner*>(node.get());
}

const Item* ItemArray::Get(int64_t i) const {
  const void* node = root_.get();
  for (int level = levels_; level > 0 && node != nullptr; --level) {
    node = static_cast<const Inner*>(node)->children[Slot(i, level)].get();
  }
  if (node == nullptr) return nullptr;
  const Item& item = static_cast<const Leaf*>(node)->items[Slot(i, 0)];
  return item ? &item : nullptr;
}

void ItemArray::Set(int64_t i, Item item) {
  NodePtr* node = &root_;
  for (int level = levels_; level > 0; --level) {
    node = &OwnInner(*node)->children[Slot(i, level)];
  }
  OwnLeaf(*node)->items[Slot(i, 0)] = std::move(item);
}

// Unsets everything from `keep` on, counted from the node's first item.
void ItemArray::Truncate(NodePtr& node, int level, int64_t keep) {
  if (node == nullptr || keep >= kFan << (kBits * level)) return;
  if (keep <= 0) {
    node.reset();
    return;
  }
  const size_t cut = Slot(keep, level);
  if (level == 0) {
    Leaf* leaf = OwnLeaf(node);
    for (size_t k = cut; k < kFan; ++k) leaf->items[k] = Item();
    return;
  }
  Inner* inner = OwnInner(node);
  for (size_t k = cut + 1; k < kFan; ++k) inner->children[k].reset();
  Truncate(inner->children[cut], level - 1, keep & ((int64_t{1} << (kBits * level)) - 1));
}

void ItemArray::Resize(int64_t size) {
  if (size < size_) Truncate(root_, levels_, size);
  size_ = size;
  while (size > kFan << (kBits * levels_)) {
    if (root_ != nullptr) {
      auto top = std::make_shared<Inner>();
      top->children[0] = std::move(root_);
      root_ = std::move(top);
    }
    ++levels_;
  }
}

void ItemArray::AppendBlock(const std::shared_ptr<const Block>& block) {
  int64_t at = size_;
  Resize(size_ + block->count);
  for (int64_t index = 0; index < block->count;) {
    NodePtr* node = &root_;
    for (int level = levels_; level > 0; --level) {
      node = &OwnInner(*node)->children[Slot(at, level)];
    }
    Leaf* leaf = OwnLeaf(*node);
    for (size_t k = Slot(at, 0); k < kFan && index < block->count; ++k, ++index, ++at) {
      leaf->items[k] = Item{block, index};
    }
  }
}

}  // namespace opkit::list
