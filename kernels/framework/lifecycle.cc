// How a declaration serves the runtime's four callbacks: init, prepare, invoke, free.
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "framework/instance.h"
#include "framework/registry.h"
#include "framework/resources.h"

namespace opkit::internal {
namespace {

// A kernel's exception (out of memory, a wrong attribute name) becomes an error text.
Status Guarded(OpFn fn, OpContext& ctx) {
  try {
    return fn(ctx);
  } catch (const std::bad_alloc&) {
    return Error("out of memory");
  } catch (const std::exception& e) {
    return Error("%s", e.what());
  }
}

Status CheckShape(const Shape& shape, DType dtype, const std::string& name) {
  if (!shape.valid()) {
    return Error(
        "output '%s' would have a negative or oversized dimension, or more than %d "
        "dimensions",
        name.c_str(), Shape::kMaxRank);
  }
  constexpr double kMaxBytes = 1e12;  // in floating point: the product may not fit an integer
  double bytes = static_cast<double>(DTypeSize(dtype));
  for (int64_t d : shape) bytes *= static_cast<double>(d);
  if (bytes > kMaxBytes) {
    return Error("output '%s' would have shape %s, %.3g bytes", name.c_str(), shape.str().c_str(),
                 bytes);
  }
  return {};
}

void MakeDynamic(TfLiteTensor* t) {
  if (t->allocation_type == kTfLiteDynamic) return;
  // Arena memory belongs to the runtime; from now on the tensor owns what ResizeTensor gives it.
  t->allocation_type = kTfLiteDynamic;
  t->data.raw = nullptr;
}

void MakeVariant(TfLiteTensor* t) {
  if (t->allocation_type == kTfLiteVariantObject) return;
  t->allocation_type = kTfLiteVariantObject;
  t->data.data = nullptr;
}

// Runs the shape function (or takes the patterns' result); outputs' shapes are then in instance.
Status ShapeStep(OpContext& ctx, OpInstance* instance) {
  if (instance->entry->decl.shape_ == nullptr) return {};
  instance->in_shape_step = true;
  Status status = Guarded(instance->entry->decl.shape_, ctx);
  instance->in_shape_step = false;
  if (!instance->misuse.empty()) return Status(std::exchange(instance->misuse, std::string()));
  return status;
}

// String tensors come from anywhere: their table of offsets must stay inside the buffer.
Status CheckStrings(const TfLiteTensor& t, int64_t count, const std::string& name) {
  if (t.data.raw == nullptr || t.bytes < 8) {
    if (count == 0) return {};
    return Error("string input '%s' holds no data", name.c_str());
  }
  int32_t stored;
  std::memcpy(&stored, t.data.raw, 4);
  const uint64_t header = 4 * (static_cast<uint64_t>(count) + 2);
  if (stored != count || header > t.bytes) {
    return Error("string input '%s' holds %d strings, its shape wants %lld", name.c_str(), stored,
                 static_cast<long long>(count));
  }
  int32_t last = static_cast<int32_t>(header);
  for (int64_t i = 0; i <= count; ++i) {
    int32_t offset;
    std::memcpy(&offset, t.data.raw + 4 * (i + 1), 4);
    if (offset < last || static_cast<uint64_t>(offset) > t.bytes) {
      return Error("string input '%s' has a malformed offset table", name.c_str());
    }
    last = offset;
  }
  return {};
}

TfLiteStatus Report(TfLiteContext* context, TfLiteNode* node, const OpInstance& instance,
                    const Status& status) {
  if (status.ok()) return kTfLiteOk;
  context->ReportError(context, "%s: %s", Describe(context, node, instance).c_str(),
                       status.message().c_str());
  return kTfLiteError;
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

}  // namespace

Status ResizeOutput(TfLiteContext* context, TfLiteTensor* tensor, const Shape& shape) {
  OPKIT_RETURN_IF_ERROR(CheckShape(shape, DTypeFromTfLite(tensor->type),
                                   tensor->name != nullptr ? tensor->name : ""));
  TfLiteIntArray* dims = abi::NewIntArray(shape.rank());
  if (dims == nullptr) return Error("out of memory");
  for (int i = 0; i < shape.rank(); ++i) dims->data[i] = static_cast<int>(shape[i]);
  if (context->ResizeTensor(context, tensor, dims) != kTfLiteOk) {
    return Error("the runtime could not give output '%s' the shape %s",
                 tensor->name != nullptr ? tensor->name : "", shape.str().c_str());
  }
  if (tensor->data.raw == nullptr && tensor->allocation_type == kTfLiteDynamic &&
      shape.size() > 0 && DTypeSize(DTypeFromTfLite(tensor->type)) > 0) {
    return Error("out of memory for output '%s' of shape %s",
                 tensor->name != nullptr ? tensor->name : "", shape.str().c_str());
  }
  return {};
}

Status PrepareNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance) {
  if (!instance->op->status.ok()) {
    return Error("the declaration is unusable: %s", instance->op->status.message().c_str());
  }
  if (!instance->init_status.ok()) return Error("%s", instance->init_status.message().c_str());
  if (instance->resources == nullptr) instance->resources = ResourceScope::For(context);
  OPKIT_RETURN_IF_ERROR(CheckNode(context, node, instance));
  OpContext ctx(context, node, instance);
  const OpDecl& decl = instance->entry->decl;
  const Signature& sig = instance->op->signature;
  bool known = !decl.data_dependent_;
  for (size_t i = 0; i < instance->inputs.size(); ++i) {
    const size_t arg = static_cast<size_t>(instance->inputs[i].arg);
    if (sig.shape_from[arg] && !ctx.is_constant(static_cast<int>(i))) known = false;
  }
  instance->shapes_at_run = !known;
  if (known) OPKIT_RETURN_IF_ERROR(ShapeStep(ctx, instance));
  for (int i = 0; i < ctx.num_outputs(); ++i) {
    TensorInfo& info = instance->outputs[static_cast<size_t>(i)];
    TfLiteTensor* t = ctx.out_tensor(i);
    if (info.dtype == DType::kVariant) {
      MakeVariant(t);
    } else if (!known || info.dtype == DType::kString || info.dtype == DType::kResource) {
      MakeDynamic(t);
    } else {
      OPKIT_RETURN_IF_ERROR(ResizeOutput(context, t, info.shape));
    }
  }
  if (decl.prepare_ != nullptr && known) return Guarded(decl.prepare_, ctx);
  return {};
}

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
                   sig.inputs[static_cast<size_t>(info.arg)].name.c_str());
    }
  }
  if ((instance->shapes_at_run || reshaped) && !decl.data_dependent_) {
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
                     sig.outputs[static_cast<size_t>(info.arg)].name.c_str(),
                     info.shape.str().c_str());
      }
    }
  }
  if ((instance->shapes_at_run || reshaped) && decl.prepare_ != nullptr) {
    OPKIT_RETURN_IF_ERROR(Guarded(decl.prepare_, ctx));
  }
  return Guarded(decl.run_, ctx);
}

void* InitNode(const OpEntry& entry, TfLiteContext* context, const char* buffer, size_t length) {
  (void)context;
  auto* instance = new OpInstance();
  instance->entry = &entry;
  instance->op = &Parsed(entry);
  try {
    std::vector<NamedRawAttr> raw;
    instance->init_status = DecodeOptions(buffer, length, entry.decl.name_, &raw);
    if (instance->init_status.ok()) {
      instance->init_status = BindAttrs(instance->op->signature, raw, &instance->attrs);
    }
    if (entry.decl.new_state_ != nullptr) instance->state = entry.decl.new_state_(0);
  } catch (const std::exception& e) {
    instance->init_status = Error("%s", e.what());
  }
  return instance;
}

void FreeNode(TfLiteContext*, void* buffer) {
  auto* instance = static_cast<OpInstance*>(buffer);
  if (instance == nullptr) return;
  if (instance->state != nullptr) instance->entry->decl.delete_state_(instance->state);
  delete instance;
}

TfLiteStatus PrepareCallback(TfLiteContext* context, TfLiteNode* node) {
  auto* instance = static_cast<OpInstance*>(node->user_data);
  return Report(context, node, *instance, PrepareNode(context, node, instance));
}

TfLiteStatus InvokeCallback(TfLiteContext* context, TfLiteNode* node) {
  auto* instance = static_cast<OpInstance*>(node->user_data);
  return Report(context, node, *instance, InvokeNode(context, node, instance));
}

}  // namespace opkit::internal
