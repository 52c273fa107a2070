// Resources and variants: what outlives a call, and the kernels' way to it.
#include "framework/resources.h"

#include <cstdint>
#include <cstring>
#include <new>

#include "framework/instance.h"

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

int32_t ResourceScope::FirstId() {
  static const char here = 0;  // one in every library, on pages of its own
  const auto page = reinterpret_cast<uintptr_t>(&here) >> 12;
  return static_cast<int32_t>(0x40000000 | (page & 0x3fff) << 16);
}

int32_t ResourceScope::FindOrMake(const std::string& key,
                                  const std::function<std::shared_ptr<ResourceBase>()>& make) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = ids_.find(key);
  if (found != ids_.end()) return found->second;
  const int32_t id = FirstId() + static_cast<int32_t>(objects_.size());
  objects_.push_back(make());
  ids_[key] = id;
  return id;
}

std::shared_ptr<ResourceBase> ResourceScope::Get(int32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const int64_t at = static_cast<int64_t>(id) - FirstId();
  if (at < 0 || at >= static_cast<int64_t>(objects_.size())) return nullptr;
  return objects_[static_cast<size_t>(at)];
}

TfLiteVariantData* VariantBox::CloneTo(TfLiteVariantData* maybe_alloc) const {
  if (VariantBox* box = From(maybe_alloc)) {
    box->value = value;
    return box;
  }
  delete maybe_alloc;  // null, or another library's, ours to end as whoever replaces it
  return new VariantBox(value);
}

VariantBox* VariantBox::From(void* data) {
  if (data == nullptr) return nullptr;
  static const VariantBox probe{nullptr};
  // Same class if and only if same vtable: RTTI of a foreign object must not be touched.
  if (std::memcmp(data, static_cast<const void*>(&probe), sizeof(void*)) != 0) return nullptr;
  return static_cast<VariantBox*>(static_cast<TfLiteVariantData*>(data));
}

}  // namespace opkit::internal

namespace opkit {
namespace {

// Found by the first resource a node asks for: most libraries of chosen ops need none.
internal::ResourceScope& Resources(TfLiteContext* context, internal::OpInstance* instance) {
  if (instance->resources == nullptr) instance->resources = internal::ResourceScope::For(context);
  return *instance->resources;
}

}  // namespace

Status OpContext::GetResource(int input, std::shared_ptr<ResourceBase>* out) const {
  const TfLiteTensor* t = tensor(input);
  if (t == nullptr || t->data.raw == nullptr || t->bytes < sizeof(int32_t)) {
    return Error("the resource input holds no handle; its initializer did not run");
  }
  int32_t id;
  std::memcpy(&id, t->data.raw, sizeof(id));
  *out = Resources(context_, instance_).Get(id);
  if (*out == nullptr) {
    return Error("resource handle %d is not one of this interpreter's opkit resources", id);
  }
  return {};
}

Status OpContext::MakeResource(int output, const std::string& key,
                               const std::function<std::shared_ptr<ResourceBase>()>& make,
                               std::shared_ptr<ResourceBase>* out) {
  internal::ResourceScope& resources = Resources(context_, instance_);
  const int32_t id = resources.FindOrMake(key, make);
  if (out != nullptr) *out = resources.Get(id);
  TfLiteTensor* t = out_tensor(output);
  t->type = kTfLiteInt32;  // lets the runtime allocate the four bytes of a handle
  Status status = internal::ResizeOutput(context_, t, Shape{1});
  t->type = kTfLiteResource;
  OPKIT_RETURN_IF_ERROR(std::move(status));
  std::memcpy(t->data.raw, &id, sizeof(id));
  return {};
}

Status OpContext::GetVariant(int input, std::shared_ptr<const VariantValue>* out) const {
  const TfLiteTensor* t = tensor(input);
  const internal::VariantBox* box = t != nullptr && t->allocation_type == kTfLiteVariantObject
                                        ? internal::VariantBox::From(t->data.data)
                                        : nullptr;
  if (box == nullptr || box->value == nullptr) {
    return Error("the variant input is empty or was made by another library's kernel");
  }
  *out = box->value;
  return {};
}

Status OpContext::SetVariant(int output, std::shared_ptr<const VariantValue> value) {
  TfLiteTensor* t = out_tensor(output);
  if (t->type != kTfLiteVariant) return Error("output %d is no variant tensor", output);
  if (t->allocation_type != kTfLiteVariantObject) {
    t->allocation_type = kTfLiteVariantObject;
    t->data.data = nullptr;
  }
  if (internal::VariantBox* box = internal::VariantBox::From(t->data.data)) {
    box->value = std::move(value);
    return {};
  }
  if (t->data.data != nullptr) delete static_cast<TfLiteVariantData*>(t->data.data);
  t->data.data = static_cast<TfLiteVariantData*>(new internal::VariantBox(std::move(value)));
  return {};
}

}  // namespace opkit
