// opkit.install(): a runtime that meets unresolved Flex ops looks TF_AcquireFlexDelegate up among
// the process's global symbols. This tiny library, loaded RTLD_GLOBAL, answers with our delegate.
#include <memory>

#include "opkit/c_api.h"
#include "opkit/tflite_abi.h"

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wreturn-type-c-linkage"
#endif
extern "C" OPKIT_EXPORT std::unique_ptr<TfLiteDelegate, void (*)(TfLiteDelegate*)>
TF_AcquireFlexDelegate();

extern "C" OPKIT_EXPORT std::unique_ptr<TfLiteDelegate, void (*)(TfLiteDelegate*)>
TF_AcquireFlexDelegate() {
  return {tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr),
          &tflite_plugin_destroy_delegate};
}
#pragma GCC diagnostic pop
