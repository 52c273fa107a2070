#include "framework/resources.h"

#include <cstring>
#include <new>

namespace opkit::internal {

std::shared_ptr<ResourceScope> ResourceScope::For(TfLiteContext* context) {
  static std::mutex mutex;
  static auto* scopes = new std::map<const void*, std::weak_ptr<ResourceScope>>();
  const void* key = context->GetExternalContext != nullptr
                        ? context->GetExternalContext(context, kTfLiteCpuBackendContext)
                        : nullptr;
  if (key == nullptr) key = context->impl_;  // a runtime without one: per subgraph
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto it = scopes->begin(); it != scopes->end();) {
    it = it->second.expired() ? scopes->erase(it) : std::next(it);
  }
  std::weak_ptr<ResourceScope>& slot = (*scopes)[key];
  std::shared_ptr<ResourceScope> scope = slot.lock();
  if (scope == nullptr) slot = scope = std::make_shared<ResourceScope>();
  return scope;
}

int32_t ResourceScope::FindOrMake(const std::string& key,
                                  const std::function<std::shared_ptr<ResourceBase>()>& make) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  const int32_t id = kFirstId + static_cast<int32_t>(objects_.size());
  objects_.push_back(make());
  ids_[key] = id;
  return id;
}

std::shared_ptr<ResourceBase> ResourceScope::Get(int32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int64_t at = static_cast<int64_t>(id) - kFirstId;
  if (at < 0 || at >= static_cast<int64_t>(objects_.size())) return nullptr;
  return objects_[static_cast<size_t>(at)];
}

TfLiteVariantData* VariantBox::CloneTo(TfLiteVariantData* maybe_alloc) const {
  if (maybe_alloc == nullptr) return new VariantBox(value);
  VariantBox* box = From(maybe_alloc);
  if (box == nullptr) {  // another library's object lives there: leave it to its owner's rules
    return new VariantBox(value);
  }
  box->value = value;
  return box;
}

VariantBox* VariantBox::From(void* data) {
  if (data == nullptr) return nullptr;
  static const VariantBox probe{nullptr};
  // Same class if and only if same vtable: RTTI of a foreign object must not be touched.
  if (std::memcmp(data, static_cast<const void*>(&probe), sizeof(void*)) != 0) return nullptr;
  return static_cast<VariantBox*>(static_cast<TfLiteVariantData*>(data));
}

}  // namespace opkit::internal
