#include "random_case.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "flexbuffer_writer.h"
#include "framework/registry.h"

namespace opkit::testing {

using internal::ArgSig;
using internal::AttrKind;
using internal::AttrSig;
using internal::DimSig;
using internal::OpEntry;
using internal::Signature;

namespace {

constexpr DTypeSet kHandles = Bit(DType::kVariant) | Bit(DType::kResource);
constexpr DTypeSet kIndices = Bit(DType::kInt32) | Bit(DType::kInt64);
constexpr DTypeSet kAny = (DTypeSet{1} << static_cast<int>(DType::kCount)) - 2;
constexpr int kDepth = 3;             // makers of handles that need handles themselves
constexpr size_t kManyTensors = 512;  // then no more makers

bool TakesHandle(const ArgSig& a) {
  return (a.dtypes & kHandles) != 0 && (a.dtypes & ~kHandles) == 0;
}

// The first output that is always a handle of this dtype; -1 without one.
int MakesHandle(const Signature& sig, DType dtype) {
  for (size_t i = 0; i < sig.outputs.size() && !sig.outputs[i].list; ++i) {
    if (sig.outputs[i].dtypes == Bit(dtype)) return static_cast<int>(i);
  }
  return -1;
}

// An op whose result has a dtype of its own and that gets strings alone finds it elsewhere.
bool ReadsElsewhere(const Signature& sig) {
  const auto carried = [&sig](int type_var) {
    return std::any_of(sig.inputs.begin(), sig.inputs.end(),
                       [type_var](const ArgSig& a) { return a.type_var == type_var; });
  };
  return !sig.inputs.empty() &&
         std::all_of(sig.inputs.begin(), sig.inputs.end(),
                     [](const ArgSig& a) { return a.dtypes == Bit(DType::kString); }) &&
         std::any_of(sig.outputs.begin(), sig.outputs.end(), [&carried](const ArgSig& a) {
           return a.type_var >= 0 && !carried(a.type_var);
         });
}

// An op with no output and no handle leaves something outside: a file.
bool WritesElsewhere(const Signature& sig) {
  return sig.outputs.empty() && std::none_of(sig.inputs.begin(), sig.inputs.end(), TakesHandle);
}

FlexValue PickScalarAttr(const AttrSig& a, Taste* t) {
  switch (a.kind) {
    case AttrKind::kInt:
      return FlexValue::Int(t->PickAttribute());
    case AttrKind::kBool:
      return FlexValue::Bool(t->OneIn(2));
    case AttrKind::kFloat:
      return FlexValue::Float(t->PickFloat());
    case AttrKind::kType:
      return FlexValue::Int(t->hostile() && t->OneIn(4)
                                ? t->Below(30)
                                : DTypeToTfLite(StorageType(t->PickDType(kAny))));
    case AttrKind::kShape: {
      if (t->OneIn(3)) return FlexValue();
      std::vector<FlexValue> dims;
      for (const int d : t->PickShape(3)) {
        dims.push_back(FlexValue::Int(t->hostile() ? t->PickInt() : d));
      }
      return FlexValue::List(std::move(dims));
    }
    default:
      if (!a.choices.empty() && !(t->hostile() && t->OneIn(8))) {
        return FlexValue::String(
            a.choices[static_cast<size_t>(t->Below(static_cast<int>(a.choices.size())))]);
      }
      return FlexValue::String(t->PickString());
  }
}

// Entries of a list attribute: often one for each dimension of an input, as strides have.
int PickLength(const AttrSig& a, const Signature& sig, Taste* t) {
  if (a.fixed_length >= 0) return a.fixed_length;
  size_t rank = 0;
  for (const ArgSig& arg : sig.inputs) rank = std::max(rank, arg.dims.size());
  return rank > 0 && t->OneIn(2) ? static_cast<int>(rank) : t->Below(6);
}

std::string PickOptions(const Signature& sig, Taste* t) {
  std::map<std::string, FlexValue> values;
  for (const AttrSig& a : sig.attrs) {
    if (a.default_value != nullptr && t->OneIn(2)) continue;
    if (!a.list) {
      values[a.name] = PickScalarAttr(a, t);
      continue;
    }
    std::vector<FlexValue> list;
    const bool ones = a.kind == AttrKind::kInt && t->OneIn(3);
    for (int n = PickLength(a, sig, t); n > 0; --n) {
      list.push_back(ones ? FlexValue::Int(1) : PickScalarAttr(a, t));
    }
    values[a.name] = FlexValue::List(std::move(list));
  }
  std::string out = FlexWriter::Map(values);
  if (t->hostile() && t->OneIn(6)) {  // damage the encoding
    for (int n = 1 + t->Below(4); n > 0 && !out.empty(); --n) {
      out[static_cast<size_t>(t->Below(static_cast<int>(out.size())))] =
          static_cast<char>(t->source().Bits());
    }
    if (t->OneIn(3)) out.resize(static_cast<size_t>(t->Below(static_cast<int>(out.size()))));
  }
  return out;
}

// The calls of one case: tensors of an op whose dtypes and dimensions agree, unless hostile, and
// the calls before it that make what it needs.
class Caller {
 public:
  Caller(MiniRuntime* runtime, Taste* taste)
      : runtime_(runtime),
        t_(taste),
        batch_(taste->PickShape(2)),
        free_shape_(taste->PickShape(3)) {}

  Outcome Call(const OpEntry& entry) {
    if (ReadsElsewhere(internal::Parsed(entry).signature) && !t_->OneIn(4)) {
      Try([](const Signature& sig) { return WritesElsewhere(sig); }, 0);
    }
    return Run(entry, 0).outcome;
  }

 private:
  struct Made {
    Outcome outcome;
    const Signature* signature = nullptr;
    std::vector<int> outputs;
  };

  Made Run(const OpEntry& entry, int depth) {
    const Signature& sig = internal::Parsed(entry).signature;
    std::vector<DType> vars;
    for (const auto& v : sig.types) vars.push_back(t_->PickDType(v.dtypes));
    std::vector<int> dims(sig.dim_names.size());
    for (int& d : dims) d = t_->PickExtent();
    if (depth > 0 && t_->OneIn(3)) free_shape_ = t_->PickShape(3);

    std::vector<int> inputs;
    const int in_list = ListLength();
    for (const ArgSig& arg : sig.inputs) {
      if (arg.optional && t_->OneIn(2)) {
        inputs.push_back(-1);
        continue;
      }
      for (int n = arg.list ? in_list : 1; n > 0; --n) {
        inputs.push_back(Input(arg, vars, dims, depth));
      }
    }
    Made made;
    made.signature = &sig;
    const int out_list = ListLength();
    for (const ArgSig& arg : sig.outputs) {
      for (int n = arg.list ? out_list : 1; n > 0; --n) {
        made.outputs.push_back(AddTensor(DTypeOf(arg, vars), {}));
      }
    }
    std::vector<int> outputs = made.outputs;
    if (t_->hostile() && !inputs.empty() && t_->OneIn(20)) inputs.pop_back();
    if (t_->hostile() && !outputs.empty() && t_->OneIn(20)) outputs.pop_back();
    TfLiteRegistration r = {};
    r.init = entry.init;
    r.free = internal::FreeNode;
    r.prepare = internal::PrepareCallback;
    r.invoke = internal::InvokeCallback;
    made.outcome.ran = runtime_->Run(r, inputs, outputs, PickOptions(sig, t_));
    made.outcome.message = runtime_->errors();
    return made;
  }

  int ListLength() { return t_->OneIn(2) ? t_->PickExtent() : t_->Below(4); }

  // A few attempts at a call of some op that `fits`; the last one, if accepted.
  template <typename F>
  Made Try(F&& fits, int depth) {
    std::vector<const OpEntry*> ops;
    for (const OpEntry* e : AllOps()) {
      if (fits(internal::Parsed(*e).signature)) ops.push_back(e);
    }
    const std::vector<int> free_shape = free_shape_;
    Made made;
    for (int left = ops.empty() ? 0 : 4; left > 0 && !made.outcome.ran; --left) {
      made = Run(*ops[static_cast<size_t>(t_->Below(static_cast<int>(ops.size())))], depth + 1);
      free_shape_ = free_shape;
    }
    return made;
  }

  DType DTypeOf(const ArgSig& arg, const std::vector<DType>& vars) {
    if (t_->hostile() && t_->OneIn(25)) return static_cast<DType>(1 + t_->Below(15));
    if (arg.type_var < 0 || arg.mixed) return t_->PickDType(arg.dtypes);
    return vars[static_cast<size_t>(arg.type_var)];
  }

  int AddTensor(DType dtype, const std::vector<int>& shape) {
    if (!IsQuantized(dtype)) return runtime_->AddTensor(dtype, shape);
    static constexpr float kScales[] = {1.0f / 256, 0.05f, 1.0f, 3.0e-5f};
    const int zero = dtype == DType::kQUInt8  ? t_->Below(256)
                     : dtype == DType::kQInt8 ? t_->Below(256) - 128
                                              : 0;
    return runtime_->AddTensor(dtype, shape, kScales[t_->Below(4)], zero);
  }

  std::vector<int> PickShape(const ArgSig& arg, const std::vector<int>& dims) {
    if (!arg.has_dims) {
      if (t_->OneIn(6)) return {};
      std::vector<int> shape = free_shape_;
      if (t_->hostile() && t_->OneIn(3)) {
        shape.assign(static_cast<size_t>(t_->Below(6)), t_->Below(4));
      }
      return shape;
    }
    std::vector<int> shape = arg.ellipsis ? batch_ : std::vector<int>();
    for (const DimSig& d : arg.dims) {
      shape.push_back(d.kind == DimSig::kNamed   ? dims[static_cast<size_t>(d.name)]
                      : d.kind == DimSig::kFixed ? static_cast<int>(d.value)
                                                 : t_->PickExtent());
    }
    if (t_->hostile() && t_->OneIn(15)) shape.push_back(t_->Below(3));
    return shape;
  }

  // Whether an index argument is a vector, or may be one: it can hold a shape.
  static bool HoldsShape(const ArgSig& arg, DType dtype) {
    return (Bit(dtype) & kIndices) != 0 && (!arg.has_dims || arg.dims.size() == 1);
  }

  // A vector with the dimensions of what the call is about; where any shape goes, also the scalar
  // -1, which stands for an unknown one.
  int ShapeInput(const ArgSig& arg, DType dtype, const std::vector<int>& dims) {
    std::vector<int> values = free_shape_;
    if (!arg.has_dims && t_->OneIn(3)) {
      const int tensor = AddTensor(dtype, {});
      runtime_->SetData(tensor, IntBytes(dtype, {-1}), t_->OneIn(2));
      return tensor;
    }
    if (!values.empty() && t_->OneIn(3)) values.erase(values.begin());
    if (arg.has_dims) {
      values.resize(static_cast<size_t>(PickShape(arg, dims)[0]));
      for (int& v : values) v = t_->PickExtent();
    }
    const int tensor = AddTensor(dtype, {static_cast<int>(values.size())});
    runtime_->SetData(tensor, IntBytes(dtype, values), t_->OneIn(2));
    return tensor;
  }

  int Input(const ArgSig& arg, const std::vector<DType>& vars, const std::vector<int>& dims,
            int depth) {
    const DType dtype = DTypeOf(arg, vars);
    if ((Bit(dtype) & kHandles) != 0) return Handle(dtype, depth);
    if (HoldsShape(arg, dtype) && t_->OneIn(2)) return ShapeInput(arg, dtype, dims);
    const std::vector<int> shape = PickShape(arg, dims);
    size_t count = 1;
    for (int d : shape) count *= static_cast<size_t>(d);
    const int tensor = AddTensor(dtype, shape);
    const bool constant = t_->OneIn(2);
    if (dtype == DType::kString) {
      std::vector<std::string> strings;
      for (size_t i = 0; i < count; ++i) strings.push_back(t_->PickString());
      runtime_->SetStrings(tensor, strings, constant);
    } else {
      runtime_->SetData(tensor, t_->PickBytes(dtype, count), constant);
    }
    return tensor;
  }

  // A variant or resource that some op made, out of plain tensors or of other handles.
  int Handle(DType dtype, int depth) {
    if (depth < kDepth && runtime_->size() < kManyTensors) {
      const bool plain = depth + 1 == kDepth || t_->OneIn(2);
      const Made made = Try(
          [dtype, plain](const Signature& sig) {
            return MakesHandle(sig, dtype) >= 0 &&
                   (!plain || std::none_of(sig.inputs.begin(), sig.inputs.end(), TakesHandle));
          },
          depth);
      if (made.outcome.ran) {
        return made.outputs[static_cast<size_t>(MakesHandle(*made.signature, dtype))];
      }
    }
    return runtime_->AddTensor(dtype, {});
  }

  MiniRuntime* runtime_;
  Taste* t_;
  std::vector<int> batch_, free_shape_;
};

}  // namespace

std::vector<const OpEntry*> AllOps() {
  std::vector<const OpEntry*> ops;
  for (const OpEntry* e = OpEntry::head(); e != nullptr; e = e->next) ops.push_back(e);
  std::sort(ops.begin(), ops.end(), [](const OpEntry* a, const OpEntry* b) {
    return std::strcmp(a->decl.name_, b->decl.name_) < 0;
  });
  return ops;
}

Outcome RunRandomCase(const OpEntry& entry, Source* source) {
  MiniRuntime runtime(source->OneIn(4) ? 2 : 1);
  Taste taste(source, source->OneIn(2));
  return Caller(&runtime, &taste).Call(entry);
}

}  // namespace opkit::testing
