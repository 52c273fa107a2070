// The runtime's invoke callback, in every call of every node.
#include <cstring>

#include "framework/instance.h"
#include "framework/registry.h"

namespace opkit::internal {
namespace {

// String tensors come from anywhere: their table of offsets must stay inside the buffer.
Status CheckStrings(const TfLiteTensor& t, int64_t count, const char* name) {
  if (t.data.raw == nullptr || t.bytes < 8) {
    if (count == 0) return {};
    return Error("string input '%s' holds no data", name);
  }
  int32_t stored;
  std::memcpy(&stored, t.data.raw, 4);
  const uint64_t header = 4 * (static_cast<uint64_t>(count) + 2);
  if (stored != count || header > t.bytes) {
    return Error("string input '%s' holds %d strings, its shape wants %lld", name, stored,
                 static_cast<long long>(count));
  }
  int32_t last = static_cast<int32_t>(header);
  for (int64_t i = 0; i <= count; ++i) {
    int32_t offset;
    std::memcpy(&offset, t.data.raw + 4 * (i + 1), 4);
    if (offset < last || static_cast<uint64_t>(offset) > t.bytes) {
      return Error("string input '%s' has a malformed offset table", name);
    }
    last = offset;
  }
  return {};
}

bool SameDims(const TfLiteTensor& t, const Shape& shape) {
  if (t.dims == nullptr || t.dims->size != shape.rank()) return false;
  for (int d = 0; d < shape.rank(); ++d) {
    if (t.dims->data[d] != shape[d]) return false;
  }
  return true;
}

bool ShapesChanged(const OpContext& ctx, const OpInstance& instance) {
  for (size_t i = 0; i < instance.inputs.size(); ++i) {
    const TfLiteTensor* t = ctx.tensor(static_cast<int>(i));
    if (t != nullptr && t->dims != nullptr && !SameDims(*t, instance.inputs[i].shape)) return true;
  }
  return false;
}

// A malformed graph can have another node write to an output, and resize or take what prepare
// gave it.
Status CheckOutputs(const OpContext& ctx, const OpInstance& instance) {
  for (size_t i = 0; i < instance.outputs.size(); ++i) {
    const TensorInfo& info = instance.outputs[i];
    if (DTypeSize(info.dtype) == 0) continue;
    const TfLiteTensor* t = ctx.out_tensor(static_cast<int>(i));
    if (SameDims(*t, info.shape) && (t->data.raw != nullptr || info.shape.size() == 0)) continue;
    return Error(
        "output '%s' has lost the memory it got in allocate_tensors; does another node "
        "write to it?",
        instance.op->signature.outputs[static_cast<size_t>(info.arg)].name);
  }
  return {};
}

}  // namespace

Status InvokeNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance) {
  OpContext ctx(context, node, instance);
  const OpDecl& decl = instance->entry->decl;
  // A While body can hand over other shapes without a new prepare.
  const bool reshaped = ShapesChanged(ctx, *instance);
  if (reshaped) OPKIT_RETURN_IF_ERROR(CheckNode(context, node, instance));
  const Signature& sig = instance->op->signature;
  for (size_t i = 0; i < instance->inputs.size(); ++i) {
    const TensorInfo& info = instance->inputs[i];
    const TfLiteTensor* t = ctx.tensor(static_cast<int>(i));
    if (t == nullptr) continue;
    if (info.dtype == DType::kString) {
      OPKIT_RETURN_IF_ERROR(
          CheckStrings(*t, info.shape.size(), sig.inputs[static_cast<size_t>(info.arg)].name));
    } else if (t->data.raw == nullptr && info.shape.size() > 0 && DTypeSize(info.dtype) > 0) {
      return Error("input '%s' has no memory; was allocate_tensors called?",
                   sig.inputs[static_cast<size_t>(info.arg)].name);
    }
  }
  if (!instance->shapes_at_run && !reshaped) {
    OPKIT_RETURN_IF_ERROR(CheckOutputs(ctx, *instance));
  } else if (!decl.data_dependent_) {
    OPKIT_RETURN_IF_ERROR(ShapeStep(ctx, instance));
    for (int i = 0; i < ctx.num_outputs(); ++i) {
      const TensorInfo& info = instance->outputs[static_cast<size_t>(i)];
      OPKIT_RETURN_IF_ERROR(
          CheckShape(info.shape, info.dtype, sig.outputs[static_cast<size_t>(info.arg)].name));
      if (info.dtype == DType::kString || info.dtype == DType::kVariant ||
          info.dtype == DType::kResource) {
        continue;
      }
      TfLiteTensor* t = ctx.out_tensor(i);
      if (t->allocation_type == kTfLiteDynamic) {
        OPKIT_RETURN_IF_ERROR(ResizeOutput(context, t, info.shape));
      } else if (!SameDims(*t, info.shape)) {
        return Error("input shapes changed since allocate_tensors: output '%s' would become %s",
                     sig.outputs[static_cast<size_t>(info.arg)].name, info.shape.str().c_str());
      }
    }
  }
  if ((instance->shapes_at_run || reshaped) && decl.prepare_ != nullptr) {
    OPKIT_RETURN_IF_ERROR(Guarded(decl.prepare_, ctx));
  }
  return Guarded(decl.run_, ctx);
}

TfLiteStatus InvokeCallback(TfLiteContext* context, TfLiteNode* node) {
  auto* instance = static_cast<OpInstance*>(node->user_data);
  return Report(context, node, *instance, InvokeNode(context, node, instance));
}

}  // namespace opkit::internal
