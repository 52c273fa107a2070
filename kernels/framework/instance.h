// A node's life: made in init, checked and shaped in prepare, called in invoke.
#ifndef OPKIT_FRAMEWORK_INSTANCE_H_
#define OPKIT_FRAMEWORK_INSTANCE_H_

#include <memory>
#include <string>
#include <vector>

#include "framework/attr_value.h"
#include "framework/signature.h"
#include "opkit/op.h"

namespace opkit::internal {

class ResourceScope;

// What a declared op adds up to once its signature is parsed; made once per op.
struct ParsedOp {
  const OpEntry* entry = nullptr;
  Signature signature;
  Status status;  // why the declaration cannot be used
  const ParsedOp* next = nullptr;
};
const ParsedOp& Parsed(const OpEntry& entry);

struct TensorInfo {
  DType dtype = DType::kInvalid;
  Shape shape;
  QuantParams quant;
  int arg = 0;  // index of its argument in the signature
  // A copy of a constant that the model file holds at an address its dtype must not have.
  std::shared_ptr<const void> aligned;
};

struct OpInstance {
  const OpEntry* entry = nullptr;
  const ParsedOp* op = nullptr;
  std::vector<BoundAttr> attrs;
  Status init_status;
  void* state = nullptr;

  std::vector<TensorInfo> inputs, outputs;
  std::vector<int> input_begin;  // per signature argument, plus the end
  bool shapes_at_run = false;    // outputs are dynamic; the shape step runs before each Run
  bool in_shape_step = false;
  std::string misuse;  // a kernel's wrong call, reported after the step
  std::shared_ptr<ResourceScope> resources;
  std::unique_ptr<void, void (*)(void*)> scratch[4] = {
      {nullptr, std::free}, {nullptr, std::free}, {nullptr, std::free}, {nullptr, std::free}};
  size_t scratch_size[4] = {};
};

// Steps of a node, shared by resolver and delegate.
Status CheckNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance);
Status PrepareNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance);
Status InvokeNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance);

// A call of the kernel's; an exception (out of memory, a wrong attribute name) becomes an error.
Status Guarded(OpFn fn, OpContext& ctx);

// Runs the shape function, if there is one besides the patterns: outputs' shapes are then in
// `instance`, not checked yet.
Status ShapeStep(OpContext& ctx, OpInstance* instance);

// Whether an output can have the shape.
Status CheckShape(const Shape& shape, DType dtype, const char* name);

// "opkit: Cumprod (in x float32[2,3], axis int32[]; out 'StatefulPartitionedCall:0')"
std::string Describe(TfLiteContext* context, TfLiteNode* node, const OpInstance& instance);

// Tells the runtime's error reporter, with the description in front.
TfLiteStatus Report(TfLiteContext* context, TfLiteNode* node, const OpInstance& instance,
                    const Status& status);

// Sets a dynamic tensor's shape and memory through the runtime.
Status ResizeOutput(TfLiteContext* context, TfLiteTensor* tensor, const Shape& shape);

}  // namespace opkit::internal

#endif  // OPKIT_FRAMEWORK_INSTANCE_H_
