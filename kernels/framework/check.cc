// What a declaration implies for a node: arity, dtypes, quantization, ranks and dimensions.
#include <cstring>

#include "framework/instance.h"

namespace opkit::internal {
namespace {

TfLiteTensor* TensorAt(TfLiteContext* context, const TfLiteIntArray* ids, int i) {
  const int id = ids->data[i];
  if (id < 0 || static_cast<size_t>(id) >= context->tensors_size) return nullptr;
  return &context->tensors[id];
}

// Flat positions of each argument. Several lists on a side have equal lengths.
Status PlaceArgs(const std::vector<ArgSig>& args, int count, const char* side,
                 std::vector<int>* begin) {
  int lists = 0, required = 0, single = 0;
  for (const ArgSig& a : args) {
    lists += a.list;
    single += !a.list;
    required += !a.list && !a.optional;
  }
  int list_length = 0;
  if (lists > 0) {
    if (count < single || (count - single) % lists != 0) {
      return Error("%d %ss do not fill the %d lists of the declaration", count, side, lists);
    }
    list_length = (count - single) / lists;
  } else if (count < required || count > single) {
    std::string names;
    for (const ArgSig& a : args) AddToList(&names, a.name);
    return Error("%d %ss, want %d%s (%s)", count, side, required,
                 required == single ? "" : " or more", names.c_str());
  }
  begin->clear();
  int at = 0;
  for (const ArgSig& a : args) {
    begin->push_back(at);
    if (at < count) at += a.list ? list_length : 1;
  }
  begin->push_back(at);
  return {};
}

bool AffineParams(const TfLiteTensor& t, QuantParams* out, bool* per_channel) {
  *per_channel = false;
  if (t.quantization.type != kTfLiteAffineQuantization || t.quantization.params == nullptr) {
    return false;
  }
  const auto* q = static_cast<const TfLiteAffineQuantization*>(t.quantization.params);
  if (q->scale == nullptr || q->scale->size < 1) return false;
  if (q->scale->size > 1) {
    *per_channel = true;
    return false;
  }
  out->scale = q->scale->data[0];
  out->zero_point =
      q->zero_point != nullptr && q->zero_point->size > 0 ? q->zero_point->data[0] : 0;
  return true;
}

DType QuantizedOf(DType storage) {
  switch (storage) {
    case DType::kInt8:
      return DType::kQInt8;
    case DType::kUInt8:
      return DType::kQUInt8;
    case DType::kInt16:
      return DType::kQInt16;
    default:
      return DType::kInvalid;
  }
}

Status ResolveDType(const ArgSig& arg, const TfLiteTensor& t, const char* side, TensorInfo* info) {
  const DType storage = DTypeFromTfLite(t.type);
  const DType quantized = QuantizedOf(storage);
  if (quantized != DType::kInvalid && (arg.dtypes & Bit(quantized)) != 0) {
    bool per_channel;
    if (AffineParams(t, &info->quant, &per_channel)) {
      if (!(info->quant.scale > 0.0f) || info->quant.scale > 3.4e38f) {
        return Error("%s '%s' has quantization scale %g, want a finite value above 0", side,
                     arg.name, static_cast<double>(info->quant.scale));
      }
      const bool wide = storage == DType::kInt16;
      const int lo = storage == DType::kUInt8 ? 0 : (wide ? INT16_MIN : INT8_MIN);
      const int hi = storage == DType::kUInt8 ? 255 : (wide ? INT16_MAX : INT8_MAX);
      if (info->quant.zero_point < lo || info->quant.zero_point > hi) {
        return Error("%s '%s' has zero point %d, outside %s", side, arg.name,
                     info->quant.zero_point, DTypeName(storage));
      }
      info->dtype = quantized;
      return {};
    }
    if ((arg.dtypes & Bit(storage)) == 0) {
      return Error("%s '%s' is %s %s, want one scale and zero point for the whole tensor", side,
                   arg.name, DTypeName(storage),
                   per_channel ? "quantized per channel" : "without quantization parameters");
    }
  }
  if (storage == DType::kInvalid || (arg.dtypes & Bit(storage)) == 0) {
    return Error("%s '%s' is %s, this kernel takes %s", side, arg.name,
                 storage == DType::kInvalid ? "of an unsupported type" : DTypeName(storage),
                 DTypeSetText(arg.dtypes).c_str());
  }
  info->dtype = storage;
  return {};
}

Status CheckSide(TfLiteContext* context, const TfLiteIntArray* ids, const std::vector<ArgSig>& args,
                 const std::vector<int>& begin, const char* side, std::vector<DType>* bound,
                 const Signature& sig, std::vector<TensorInfo>* tensors) {
  tensors->assign(static_cast<size_t>(ids->size), TensorInfo());
  for (size_t a = 0; a < args.size(); ++a) {
    const ArgSig& arg = args[a];
    for (int i = begin[a]; i < begin[a + 1]; ++i) {
      TensorInfo& info = (*tensors)[static_cast<size_t>(i)];
      info.arg = static_cast<int>(a);
      const TfLiteTensor* t = TensorAt(context, ids, i);
      if (t == nullptr) {
        if (arg.optional) continue;
        return Error("%s '%s' is missing", side, arg.name);
      }
      OPKIT_RETURN_IF_ERROR(ResolveDType(arg, *t, side, &info));
      if (arg.type_var < 0 || arg.mixed) continue;
      DType& var = (*bound)[static_cast<size_t>(arg.type_var)];
      if (var == DType::kInvalid) var = info.dtype;
      if (var != info.dtype) {
        return Error("%s '%s' is %s, but %s is %s here", side, arg.name, DTypeName(info.dtype),
                     sig.types[static_cast<size_t>(arg.type_var)].name, DTypeName(var));
      }
    }
  }
  return {};
}

Status ReadShape(const TfLiteTensor& t, const char* name, Shape* out) {
  *out = Shape();
  if (t.dims == nullptr) return {};
  int64_t count = 1;
  for (int i = 0; i < t.dims->size; ++i) {
    out->push_back(t.dims->data[i]);
    if (t.dims->data[i] > 0 && count > INT64_MAX / 16 / t.dims->data[i]) {
      return Error("input '%s' has more elements than fit", name);
    }
    if (t.dims->data[i] > 0) count *= t.dims->data[i];
  }
  if (!out->valid()) {
    return Error("input '%s' has rank %d or a negative dimension, want rank up to %d", name,
                 t.dims->size, Shape::kMaxRank);
  }
  return {};
}

// Model files align constants to 4 bytes at times, and int64 or double values need 8.
Status AlignConstant(const TfLiteTensor& t, TensorInfo* info) {
  const bool constant =
      t.allocation_type == kTfLiteMmapRo || t.allocation_type == kTfLitePersistentRo;
  constexpr uintptr_t kStrictest = alignof(double);
  if (!constant || t.data.raw == nullptr || DTypeSize(info->dtype) < kStrictest ||
      reinterpret_cast<uintptr_t>(t.data.raw) % kStrictest == 0) {
    return {};
  }
  void* copy = std::malloc(t.bytes);
  if (copy == nullptr) return Error("out of memory");
  std::memcpy(copy, t.data.raw, t.bytes);
  info->aligned =
      std::shared_ptr<const void>(copy, [](const void* p) { std::free(const_cast<void*>(p)); });
  return {};
}

struct Binding {
  std::vector<int64_t> dims;  // per name, -1 unbound
  bool has_batch = false;
  Shape batch;
};

Status MatchDims(const Signature& sig, const ArgSig& arg, const Shape& shape, Binding* b) {
  const int fixed = static_cast<int>(arg.dims.size());
  if (arg.ellipsis ? shape.rank() < fixed : shape.rank() != fixed) {
    return Error("input '%s' has shape %s, want %s%s", arg.name, shape.str().c_str(),
                 arg.DimsText(sig.dim_names).c_str(), fixed == 0 ? " (a scalar)" : "");
  }
  const int lead = shape.rank() - fixed;
  if (arg.ellipsis) {
    const Shape batch = shape.slice(0, lead);
    if (b->has_batch && batch != b->batch) {
      return Error("input '%s' has leading dimensions %s, others have %s", arg.name,
                   batch.str().c_str(), b->batch.str().c_str());
    }
    b->has_batch = true;
    b->batch = batch;
  }
  for (int i = 0; i < fixed; ++i) {
    const DimSig& d = arg.dims[static_cast<size_t>(i)];
    const int64_t got = shape[lead + i];
    if (d.kind == DimSig::kFixed && got != d.value) {
      return Error("input '%s' has shape %s, want %s", arg.name, shape.str().c_str(),
                   arg.DimsText(sig.dim_names).c_str());
    }
    if (d.kind != DimSig::kNamed) continue;
    int64_t& want = b->dims[static_cast<size_t>(d.name)];
    if (want < 0) want = got;
    if (want != got) {
      return Error("input '%s' has shape %s, want %s with %s = %lld", arg.name, shape.str().c_str(),
                   arg.DimsText(sig.dim_names).c_str(), sig.dim_names[static_cast<size_t>(d.name)],
                   static_cast<long long>(want));
    }
  }
  return {};
}

}  // namespace

// Fills dtypes, quantization and input shapes, and output shapes where the patterns give them.
Status CheckNode(TfLiteContext* context, TfLiteNode* node, OpInstance* instance) {
  const Signature& sig = instance->op->signature;
  std::vector<int> output_begin;
  OPKIT_RETURN_IF_ERROR(PlaceArgs(sig.inputs, node->inputs->size, "input", &instance->input_begin));
  OPKIT_RETURN_IF_ERROR(PlaceArgs(sig.outputs, node->outputs->size, "output", &output_begin));
  std::vector<DType> bound(sig.types.size(), DType::kInvalid);
  OPKIT_RETURN_IF_ERROR(CheckSide(context, node->inputs, sig.inputs, instance->input_begin, "input",
                                  &bound, sig, &instance->inputs));
  OPKIT_RETURN_IF_ERROR(CheckSide(context, node->outputs, sig.outputs, output_begin, "output",
                                  &bound, sig, &instance->outputs));
  Binding binding;
  binding.dims.assign(sig.dim_names.size(), -1);
  for (size_t i = 0; i < instance->inputs.size(); ++i) {
    TensorInfo& info = instance->inputs[i];
    if (info.dtype == DType::kInvalid) continue;
    const ArgSig& arg = sig.inputs[static_cast<size_t>(info.arg)];
    const TfLiteTensor* t = TensorAt(context, node->inputs, static_cast<int>(i));
    OPKIT_RETURN_IF_ERROR(ReadShape(*t, arg.name, &info.shape));
    OPKIT_RETURN_IF_ERROR(AlignConstant(*t, &info));
    if (arg.has_dims) OPKIT_RETURN_IF_ERROR(MatchDims(sig, arg, info.shape, &binding));
  }
  if (!sig.shapes_follow) return {};
  for (TensorInfo& info : instance->outputs) {
    const ArgSig& arg = sig.outputs[static_cast<size_t>(info.arg)];
    Shape shape = arg.ellipsis ? binding.batch : Shape();
    for (const DimSig& d : arg.dims) {
      shape.push_back(d.kind == DimSig::kFixed ? d.value
                                               : binding.dims[static_cast<size_t>(d.name)]);
    }
    info.shape = shape;
  }
  return {};
}

std::string Describe(TfLiteContext* context, TfLiteNode* node, const OpInstance& instance) {
  const Signature& sig = instance.op->signature;
  std::string out = Format("opkit: %s (in ", instance.entry->decl.name_);
  const auto add = [&](const TfLiteIntArray* ids, int i, const char* arg) {
    if (i > 0) out += ", ";
    if (arg != nullptr) out += Format("%s ", arg);
    const TfLiteTensor* t = TensorAt(context, ids, i);
    if (t == nullptr) {
      out += "absent";
      return;
    }
    out += DTypeName(DTypeFromTfLite(t->type));
    out += '[';
    for (int d = 0; t->dims != nullptr && d < t->dims->size; ++d) {
      out += Format(d > 0 ? ",%d" : "%d", t->dims->data[d]);
    }
    out += ']';
    if (t->name != nullptr && t->name[0] != '\0') out += Format(" '%s'", t->name);
  };
  constexpr int kMaxShown = 6;
  const std::vector<int>& begin = instance.input_begin;
  size_t arg = 0;  // of input i: the last one that begins there or before
  for (int i = 0; i < node->inputs->size; ++i) {
    if (i == kMaxShown) {
      out += ", ...";
      break;
    }
    while (arg + 1 < begin.size() && i >= begin[arg + 1]) ++arg;
    add(node->inputs, i, arg + 1 < begin.size() ? sig.inputs[arg].name : nullptr);
  }
  out += "; out ";
  for (int i = 0; i < node->outputs->size && i < kMaxShown; ++i) add(node->outputs, i, nullptr);
  return out + ")";
}

}  // namespace opkit::internal
