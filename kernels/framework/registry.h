// The ops of this library, as the C table hosts read.
#ifndef OPKIT_FRAMEWORK_REGISTRY_H_
#define OPKIT_FRAMEWORK_REGISTRY_H_

#include "framework/instance.h"

namespace opkit::internal {

// The runtime's callbacks (init is per op, see Registrar).
void FreeNode(TfLiteContext* context, void* buffer);
TfLiteStatus PrepareCallback(TfLiteContext* context, TfLiteNode* node);
TfLiteStatus InvokeCallback(TfLiteContext* context, TfLiteNode* node);

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_REGISTRY_H_
