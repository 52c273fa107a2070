// How a declaration serves the runtime's callbacks that run once per model: init, prepare, free;
// and what prepare shares with invoke.cc.
#include <exception>
#include <new>
#include <utility>

#include "framework/instance.h"
#include "framework/registry.h"

namespace opkit::internal {
namespace {

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

}  // namespace

Status Guarded(OpFn fn, OpContext& ctx) {
  try {
    return fn(ctx);
  } catch (const std::bad_alloc&) {
    return Error("out of memory");
  } catch (const std::exception& e) {
    return Error("%s", e.what());
  }
}

Status CheckShape(const Shape& shape, DType dtype, const char* name) {
  if (!shape.valid()) {
    return Error(
        "output '%s' would have a negative or oversized dimension, or more than %d "
        "dimensions",
        name, Shape::kMaxRank);
  }
  constexpr double kMaxBytes = 1e12;  // in floating point: the product may not fit an integer
  double bytes = static_cast<double>(DTypeSize(dtype));
  for (int64_t d : shape) bytes *= static_cast<double>(d);
  if (bytes > kMaxBytes) {
    return Error("output '%s' would have shape %s, %.3g bytes", name, shape.str().c_str(), bytes);
  }
  return {};
}

Status ShapeStep(OpContext& ctx, OpInstance* instance) {
  if (instance->entry->decl.shape_ == nullptr) return {};
  instance->in_shape_step = true;
  Status status = Guarded(instance->entry->decl.shape_, ctx);
  instance->in_shape_step = false;
  if (!instance->misuse.empty()) return Status(std::exchange(instance->misuse, std::string()));
  return status;
}

TfLiteStatus Report(TfLiteContext* context, TfLiteNode* node, const OpInstance& instance,
                    const Status& status) {
  if (status.ok()) return kTfLiteOk;
  context->ReportError(context, "%s: %s", Describe(context, node, instance).c_str(),
                       status.message().c_str());
  return kTfLiteError;
}

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
  OPKIT_RETURN_IF_ERROR(CheckNode(context, node, instance));
  OpContext ctx(context, node, instance);
  const OpDecl& decl = instance->entry->decl;
  const Signature& sig = instance->op->signature;
  bool known = !decl.data_dependent_;
  for (size_t i = 0; i < instance->inputs.size(); ++i) {
    const size_t arg = static_cast<size_t>(instance->inputs[i].arg);
    if (sig.inputs[arg].shape_from && !ctx.is_constant(static_cast<int>(i))) known = false;
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

}  // namespace opkit::internal
