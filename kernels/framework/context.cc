// OpContext: a kernel's view of its node.
#include <cstring>
#include <stdexcept>

#include "framework/instance.h"

namespace opkit {

using internal::AttrKind;
using internal::AttrSig;
using internal::AttrValue;

int OpContext::num_inputs() const { return static_cast<int>(instance_->inputs.size()); }
int OpContext::num_outputs() const { return static_cast<int>(instance_->outputs.size()); }

TfLiteTensor* OpContext::tensor(int i) const {
  if (i < 0 || i >= node_->inputs->size) return nullptr;
  const int id = node_->inputs->data[i];
  return id < 0 ? nullptr : &context_->tensors[id];
}

TfLiteTensor* OpContext::out_tensor(int i) const {
  return &context_->tensors[node_->outputs->data[i]];
}

bool OpContext::has_input(int i) const { return tensor(i) != nullptr; }
int OpContext::input_begin(int arg) const {
  return instance_->input_begin[static_cast<size_t>(arg)];
}
int OpContext::input_count(int arg) const {
  return instance_->input_begin[static_cast<size_t>(arg) + 1] - input_begin(arg);
}

DType OpContext::dtype(int i) const { return instance_->inputs[static_cast<size_t>(i)].dtype; }
DType OpContext::out_dtype(int i) const { return instance_->outputs[static_cast<size_t>(i)].dtype; }
const Shape& OpContext::shape(int i) const {
  return instance_->inputs[static_cast<size_t>(i)].shape;
}
const Shape& OpContext::out_shape(int i) const {
  return instance_->outputs[static_cast<size_t>(i)].shape;
}

bool OpContext::is_constant(int i) const {
  const TfLiteTensor* t = tensor(i);
  return t == nullptr || t->allocation_type == kTfLiteMmapRo ||
         t->allocation_type == kTfLitePersistentRo;
}

const void* OpContext::raw(int i) const {
  const TfLiteTensor* t = tensor(i);
  if (t == nullptr) return nullptr;
  const std::shared_ptr<const void>& aligned = instance_->inputs[static_cast<size_t>(i)].aligned;
  return aligned != nullptr ? aligned.get() : t->data.raw_const;
}

void* OpContext::out_raw(int i) { return out_tensor(i)->data.raw; }

int64_t OpContext::ScalarInt(int i) const {
  if (raw(i) == nullptr) return 0;
  int64_t v = 0;
  if (dtype(i) == DType::kInt32) {
    int32_t v32;
    std::memcpy(&v32, raw(i), 4);
    v = v32;
  } else if (dtype(i) == DType::kInt64) {
    std::memcpy(&v, raw(i), 8);
  }
  return v;
}

std::vector<int64_t> OpContext::IntValues(int i) const {
  std::vector<int64_t> out(static_cast<size_t>(shape(i).size()));
  if (out.empty()) return out;
  const Status status = VisitDType(dtype(i), IntegralTypes{}, [&](auto tag) {
    using T = decltype(tag);
    const T* p = in<T>(i);
    for (size_t k = 0; k < out.size(); ++k) out[k] = static_cast<int64_t>(p[k]);
    return Status();
  });
  if (!status.ok()) throw std::logic_error("IntValues of a non-integer input");
  return out;
}

QuantParams OpContext::quant_in(int i) const {
  return instance_->inputs[static_cast<size_t>(i)].quant;
}
QuantParams OpContext::quant_out(int i) const {
  return instance_->outputs[static_cast<size_t>(i)].quant;
}

StringsView OpContext::strings(int i) const {
  const char* data = static_cast<const char*>(raw(i));
  return data == nullptr ? StringsView() : StringsView(data, static_cast<int32_t>(shape(i).size()));
}

void OpContext::SetShape(int i, const Shape& shape) {
  if (i < 0 || i >= num_outputs() || !instance_->in_shape_step) {
    instance_->misuse =
        Format("SetShape(%d) outside the shape step or its %d outputs", i, num_outputs());
    return;
  }
  instance_->outputs[static_cast<size_t>(i)].shape = shape;
}

Status OpContext::Allocate(int i, const Shape& shape) {
  instance_->outputs[static_cast<size_t>(i)].shape = shape;
  const DType d = out_dtype(i);
  if (d == DType::kString || d == DType::kVariant) return {};
  return internal::ResizeOutput(context_, out_tensor(i), shape);
}

Status OpContext::WriteStrings(int i, const StringWriter& strings, const Shape& shape) {
  const int64_t n = strings.size();
  if (!shape.valid() || shape.size() != n) {
    return Error("%lld strings do not fill shape %s", static_cast<long long>(n),
                 shape.str().c_str());
  }
  const size_t header = 4 * (static_cast<size_t>(n) + 2);
  const size_t total = header + strings.bytes().size();
  if (total > static_cast<size_t>(INT32_MAX)) {
    return Error("string output of %zu bytes, a TFLite tensor holds at most 2 GB", total);
  }
  instance_->outputs[static_cast<size_t>(i)].shape = shape;
  TfLiteTensor* t = out_tensor(i);
  // As int8 bytes the runtime allocates and owns the buffer; then the real type and shape return.
  t->type = kTfLiteInt8;
  Status status = internal::ResizeOutput(context_, t, Shape{static_cast<int64_t>(total)});
  t->type = kTfLiteString;
  OPKIT_RETURN_IF_ERROR(std::move(status));
  char* p = t->data.raw;
  const int32_t count = static_cast<int32_t>(n);
  std::memcpy(p, &count, 4);
  int32_t offset = static_cast<int32_t>(header);
  std::memcpy(p + 4, &offset, 4);
  for (size_t k = 0; k < strings.ends().size(); ++k) {
    offset = static_cast<int32_t>(header + strings.ends()[k]);
    std::memcpy(p + 4 * (k + 2), &offset, 4);
  }
  if (!strings.bytes().empty()) {
    std::memcpy(p + header, strings.bytes().data(), strings.bytes().size());
  }
  const size_t bytes = t->bytes;
  OPKIT_RETURN_IF_ERROR(internal::ResizeOutput(context_, t, shape));
  t->bytes = bytes;
  return {};
}

namespace {

// A name or kind the declaration lacks is the author's mistake: an error text, not a crash.
const AttrValue& Attr(const internal::OpInstance& instance, const char* name, AttrKind kind,
                      bool list) {
  const internal::Signature& sig = instance.op->signature;
  const int i = sig.FindAttr(name);
  if (i < 0) throw std::logic_error(Format("the signature has no attribute %s", name));
  const AttrSig& a = sig.attrs[static_cast<size_t>(i)];
  const bool same =
      a.kind == kind ||
      (kind == AttrKind::kString && (a.kind == AttrKind::kFunc || a.kind == AttrKind::kTensor)) ||
      (kind == AttrKind::kInt && a.kind == AttrKind::kBool && list);
  if (!same || a.list != list) {
    throw std::logic_error(Format("attribute %s is declared %s", name, a.KindText().c_str()));
  }
  return *instance.attrs[static_cast<size_t>(i)].value;
}

}  // namespace

int64_t OpContext::attr_int(const char* n) const {
  return Attr(*instance_, n, AttrKind::kInt, false).i;
}
float OpContext::attr_float(const char* n) const {
  return Attr(*instance_, n, AttrKind::kFloat, false).f;
}
bool OpContext::attr_bool(const char* n) const {
  return Attr(*instance_, n, AttrKind::kBool, false).i != 0;
}
const std::string& OpContext::attr_string(const char* n) const {
  return Attr(*instance_, n, AttrKind::kString, false).s;
}
DType OpContext::attr_type(const char* n) const {
  return Attr(*instance_, n, AttrKind::kType, false).t;
}
const PartialShape& OpContext::attr_shape(const char* n) const {
  return Attr(*instance_, n, AttrKind::kShape, false).shape;
}
const std::vector<int64_t>& OpContext::attr_ints(const char* n) const {
  return Attr(*instance_, n, AttrKind::kInt, true).ints;
}
const std::vector<float>& OpContext::attr_floats(const char* n) const {
  return Attr(*instance_, n, AttrKind::kFloat, true).floats;
}
const std::vector<std::string>& OpContext::attr_strings(const char* n) const {
  return Attr(*instance_, n, AttrKind::kString, true).strings;
}
const std::vector<DType>& OpContext::attr_types(const char* n) const {
  return Attr(*instance_, n, AttrKind::kType, true).types;
}
const std::vector<PartialShape>& OpContext::attr_shapes(const char* n) const {
  return Attr(*instance_, n, AttrKind::kShape, true).shapes;
}

void* OpContext::Scratch(size_t bytes, int slot) {
  auto& buffer = instance_->scratch[slot & 3];
  size_t& size = instance_->scratch_size[slot & 3];
  if (bytes > size) {
    const size_t rounded = (bytes + 63) / 64 * 64;
    void* p = rounded >= bytes ? std::aligned_alloc(64, rounded) : nullptr;
    if (p == nullptr) throw std::bad_alloc();
    buffer.reset(p);
    size = rounded;
  }
  return buffer.get();
}

int OpContext::threads() const {
  return context_->recommended_num_threads < 1 ? 1 : context_->recommended_num_threads;
}

void* OpContext::state_ptr() const { return instance_->state; }

Status BroadcastShape(OpContext& ctx) {
  Shape out = ctx.shape(0);
  for (int i = 1; i < ctx.num_inputs(); ++i) {
    if (!BroadcastShapes(out, ctx.shape(i), &out)) {
      return Error("shapes %s and %s do not broadcast", ctx.shape(0).str().c_str(),
                   ctx.shape(i).str().c_str());
    }
  }
  for (int i = 0; i < ctx.num_outputs(); ++i) ctx.SetShape(i, out);
  return {};
}

}  // namespace opkit
