// The external delegate: claims each node the kit has a kernel for, one delegate node per node.
//
// One node at a time, in plan order, because a cluster with a dynamic intermediate has no arena
// memory for it. Flags are AllowDynamicTensors alone: anything else makes allocation fail.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "framework/attr_value.h"
#include "hosts/table.h"

namespace opkit::hosts {
namespace {

void CopyArray(const TfLiteIntArray* from, TfLiteIntArray** to) {
  const int n = from != nullptr ? from->size : 0;
  *to = abi::NewIntArray(n);
  if (*to != nullptr && n > 0) {
    std::memcpy((*to)->data, from->data, sizeof(int) * static_cast<size_t>(n));
  }
}

// The original node, kept because a delegate node's inputs arrive sorted and deduplicated and its
// unused outputs dropped.
struct ClaimedNode {
  TfLiteNode node = {};
  const TfLiteRegistration* registration = nullptr;
  int index = -1;  // in the model's subgraph
  std::string problem;
  TfLiteIntArray* dropped_outputs = nullptr;

  ~ClaimedNode() {
    std::free(node.inputs);
    std::free(node.outputs);
    std::free(node.intermediates);
    std::free(node.temporaries);
    std::free(dropped_outputs);
  }
};

constexpr char kFlex[] = "Flex";

bool Contains(const TfLiteIntArray* a, int value) {
  for (int i = 0; a != nullptr && i < a->size; ++i) {
    if (a->data[i] == value) return true;
  }
  return false;
}

size_t OptionBytes(const TfLiteNode& node) {
  return node.custom_initial_data_size < 0 ? 0 : static_cast<size_t>(node.custom_initial_data_size);
}

// The custom code of a node, "" for a builtin. The reference resolver registers every Flex op under
// the bare name "Flex": which one it is, only the node's options say.
std::string CodeOf(const TfLiteRegistration& original, const TfLiteNode& node) {
  if (original.builtin_code != abi::kBuiltinCustom || original.custom_name == nullptr) return "";
  if (std::strcmp(original.custom_name, kFlex) != 0) return original.custom_name;
  std::vector<internal::NamedRawAttr> attrs;
  std::string name, node_def;
  bool is_flex = false;
  const auto* options = static_cast<const uint8_t*>(node.custom_initial_data);
  if (options == nullptr || OptionBytes(node) == 0 ||
      !internal::DecodeFlexbuffer(options, OptionBytes(node), &attrs, &name, &node_def, &is_flex)
           .ok() ||
      !is_flex) {
    return "";
  }
  return kFlex + name;
}

void* Init(TfLiteContext* context, const char* buffer, size_t) {
  const auto* params = reinterpret_cast<const TfLiteDelegateParams*>(buffer);
  auto claimed = std::make_unique<ClaimedNode>();
  const int index = params->nodes_to_replace->data[0];
  TfLiteNode* node = nullptr;
  TfLiteRegistration* registration = nullptr;
  claimed->index = index;
  if (context->GetNodeAndRegistration(context, index, &node, &registration) != kTfLiteOk) {
    claimed->problem = Format("the runtime does not know node %d", index);
    return claimed.release();
  }
  const OpkitOp* op = FindOp(CodeOf(*registration, *node).c_str(), 0);
  if (op == nullptr) {
    claimed->problem = Format("node %d has no kernel any more", index);
    return claimed.release();
  }
  claimed->registration = op->registration;
  claimed->node = *node;
  CopyArray(node->inputs, &claimed->node.inputs);
  CopyArray(node->outputs, &claimed->node.outputs);
  CopyArray(node->intermediates, &claimed->node.intermediates);
  CopyArray(node->temporaries, &claimed->node.temporaries);
  CopyArray(node->outputs, &claimed->dropped_outputs);
  int dropped = 0;
  for (int i = 0; i < node->outputs->size; ++i) {
    if (!Contains(params->output_tensors, node->outputs->data[i])) {
      claimed->dropped_outputs->data[dropped++] = node->outputs->data[i];
    }
  }
  claimed->dropped_outputs->size = dropped;
  claimed->node.delegate = nullptr;
  claimed->node.user_data = claimed->registration->init(
      context, static_cast<const char*>(node->custom_initial_data), OptionBytes(*node));
  return claimed.release();
}

void Free(TfLiteContext* context, void* data) {
  auto* claimed = static_cast<ClaimedNode*>(data);
  if (claimed == nullptr) return;
  if (claimed->registration != nullptr) {
    claimed->registration->free(context, claimed->node.user_data);
  }
  delete claimed;
}

// The runtime's own message counts delegate nodes; this one names the model's.
TfLiteStatus Located(TfLiteContext* context, const ClaimedNode& claimed, TfLiteStatus status) {
  if (status != kTfLiteOk) {
    context->ReportError(context, "opkit: the error above is at node %d of the model",
                         claimed.index);
  }
  return status;
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  auto* claimed = static_cast<ClaimedNode*>(node->user_data);
  if (!claimed->problem.empty()) {
    context->ReportError(context, "opkit: %s", claimed->problem.c_str());
    return kTfLiteError;
  }
  // Outputs nobody reads are not in the partition, so the arena gives them no memory.
  for (int i = 0; i < claimed->dropped_outputs->size; ++i) {
    TfLiteTensor* t = &context->tensors[claimed->dropped_outputs->data[i]];
    if (t->type == kTfLiteVariant || t->allocation_type == kTfLiteDynamic) continue;
    t->allocation_type = kTfLiteDynamic;
    t->data.raw = nullptr;
  }
  return Located(context, *claimed, claimed->registration->prepare(context, &claimed->node));
}

TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  auto* claimed = static_cast<ClaimedNode*>(node->user_data);
  return Located(context, *claimed, claimed->registration->invoke(context, &claimed->node));
}

// A Flex node nobody takes fails later, in the runtime's words, which do not say what op it is.
void ReportUnserved(TfLiteContext* context, int index, const std::string& code) {
  constexpr size_t kPrefix = sizeof(kFlex) - 1;
  if (code.compare(0, kPrefix, kFlex) != 0 || code.size() == kPrefix) return;
  const char* op = code.c_str() + kPrefix;
  context->ReportError(context,
                       "opkit: node %d (%s) is left to the runtime: the kit has no kernel for %s; "
                       "write one with: opkit new %s, or replace the op in the model\n",
                       index, code.c_str(), op, op);
}

TfLiteStatus PrepareDelegate(TfLiteContext* context, TfLiteDelegate* delegate) {
  TfLiteIntArray* plan = nullptr;
  if (context->GetExecutionPlan(context, &plan) != kTfLiteOk) return kTfLiteError;
  TfLiteIntArray* nodes = nullptr;  // the plan changes while nodes are replaced
  CopyArray(plan, &nodes);
  const std::unique_ptr<TfLiteIntArray, void (*)(void*)> owner(nodes, std::free);

  TfLiteRegistration registration;
  std::memset(static_cast<void*>(&registration), 0, sizeof(registration));
  registration.init = Init;
  registration.free = Free;
  registration.prepare = Prepare;
  registration.invoke = Invoke;
  registration.builtin_code = abi::kBuiltinDelegate;
  registration.custom_name = "OpkitDelegate";
  registration.version = 1;

  for (int i = 0; i < nodes->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* original = nullptr;
    if (context->GetNodeAndRegistration(context, nodes->data[i], &node, &original) != kTfLiteOk) {
      return kTfLiteError;
    }
    if (node->delegate != nullptr) continue;
    const std::string code = CodeOf(*original, *node);
    if (FindOp(code.c_str(), 0) == nullptr) {
      ReportUnserved(context, nodes->data[i], code);
      continue;
    }
    TfLiteIntArray* one = abi::NewIntArray(1);
    if (one == nullptr) return kTfLiteError;
    one->data[0] = nodes->data[i];
    const TfLiteStatus status =
        context->ReplaceNodeSubsetsWithDelegateKernels(context, registration, one, delegate);
    std::free(one);
    if (status != kTfLiteOk) return status;
  }
  return kTfLiteOk;
}

}  // namespace
}  // namespace opkit::hosts

extern "C" TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys,
                                                         const char* const*, size_t count,
                                                         void (*report_error)(const char*)) {
  if (count > 0) {
    if (report_error != nullptr) {
      report_error(
          opkit::Format("opkit delegate: unknown option '%s'; it takes none", keys[0]).c_str());
    }
    return nullptr;
  }
  // Zero-padded: a newer runtime may read fields this declaration does not have.
  void* memory = std::calloc(1, sizeof(TfLiteDelegate) + 64);
  if (memory == nullptr) return nullptr;
  auto* delegate = static_cast<TfLiteDelegate*>(memory);
  delegate->Prepare = opkit::hosts::PrepareDelegate;
  delegate->flags = kTfLiteDelegateFlagsAllowDynamicTensors;
  return delegate;
}

extern "C" void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) { std::free(delegate); }
