// Objects that nodes of one interpreter share (hash tables, ...).
#ifndef OPKIT_FRAMEWORK_RESOURCES_H_
#define OPKIT_FRAMEWORK_RESOURCES_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "opkit/resource.h"

namespace opkit::internal {

// The objects of one interpreter. All its subgraphs and signatures share one CPU backend context,
// whose address names the scope; the scope ends with the last node that holds it.
class ResourceScope {
 public:
  static std::shared_ptr<ResourceScope> For(TfLiteContext* context);

  // Ids start at a tag of this library's own: those of builtins and of other op libraries are told
  // apart.
  int32_t FindOrMake(const std::string& key,
                     const std::function<std::shared_ptr<ResourceBase>()>& make);
  std::shared_ptr<ResourceBase> Get(int32_t id);

 private:
  static int32_t FirstId();
  std::mutex mutex_;
  std::map<std::string, int32_t> ids_;
  std::vector<std::shared_ptr<ResourceBase>> objects_;
};

// The variant object the runtime sees: a counted reference to an immutable value.
class VariantBox final : public TfLiteVariantData {
 public:
  explicit VariantBox(std::shared_ptr<const VariantValue> v) : value(std::move(v)) {}
  TfLiteVariantData* CloneTo(TfLiteVariantData* maybe_alloc) const override;
  // Null when `data` is empty or another library's variant.
  static VariantBox* From(void* data);

  std::shared_ptr<const VariantValue> value;
};

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_RESOURCES_H_
