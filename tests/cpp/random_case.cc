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
using internal::OpEntry;
using internal::Signature;

uint64_t Source::Bits() {
  if (size_ >= 8) {
    uint64_t v;
    std::memcpy(&v, data_, 8);
    data_ += 8;
    size_ -= 8;
    return v;
  }
  state_ += 0x9e3779b97f4a7c15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

namespace {

DType PickDType(DTypeSet set, Source* s) {
  std::vector<DType> all;
  for (int i = 1; i < static_cast<int>(DType::kCount); ++i) {
    if ((set & Bit(static_cast<DType>(i))) != 0) all.push_back(static_cast<DType>(i));
  }
  return all[static_cast<size_t>(s->Below(static_cast<int>(all.size())))];
}

// Mostly small, at times extreme.
int64_t PickInt(Source* s, bool hostile) {
  if (hostile && s->OneIn(4)) {
    static constexpr int64_t kExtremes[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, -1,
                                            1 << 30,   -129,      65536,     255,       1 << 20};
    return kExtremes[s->Below(10)];
  }
  return hostile ? s->Below(12) - 4 : s->Below(4);
}

double PickFloat(Source* s) {
  switch (s->Below(8)) {
    case 0:
      return 0.0;
    case 1:
      return std::numeric_limits<double>::infinity() * (s->OneIn(2) ? 1 : -1);
    case 2:
      return std::numeric_limits<double>::quiet_NaN();
    case 3: {  // any float32
      const uint32_t bits = static_cast<uint32_t>(s->Bits());
      float f;
      std::memcpy(&f, &bits, 4);
      return static_cast<double>(f);
    }
    default:
      return (static_cast<double>(s->Below(2001)) - 1000) / 100;
  }
}

std::string PickString(Source* s) {
  static const char* const kWords[] = {"",         "a",      "Hello, World", "\xc3\x84rger",
                                       "\xff\xfe", "1 2  3", "SAME",         "x,y,,z"};
  if (s->OneIn(2)) return kWords[s->Below(8)];
  std::string out(static_cast<size_t>(s->Below(40)), ' ');
  for (char& c : out) {
    c = static_cast<char>(s->Bits());
    if (c == '/') c = '_';  // names of files stay in the working folder
  }
  return out;
}

template <typename T>
void Put(std::string* out, T v) {
  out->append(reinterpret_cast<const char*>(&v), sizeof(v));
}

std::string RandomBytes(DType dtype, size_t count, Source* s, bool hostile) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    switch (StorageType(dtype)) {
      case DType::kFloat32:
        Put(&out, static_cast<float>(PickFloat(s)));
        break;
      case DType::kFloat64:
        Put(&out, PickFloat(s));
        break;
      case DType::kFloat16:
        Put(&out, Half(static_cast<float>(PickFloat(s))).bits);
        break;
      case DType::kBFloat16:
        Put(&out, BFloat16(static_cast<float>(PickFloat(s))).bits);
        break;
      case DType::kComplex64:
        Put(&out, static_cast<float>(PickFloat(s)));
        Put(&out, static_cast<float>(PickFloat(s)));
        break;
      case DType::kComplex128:
        Put(&out, PickFloat(s));
        Put(&out, PickFloat(s));
        break;
      case DType::kBool:
        Put(&out, static_cast<uint8_t>(s->Below(2)));
        break;
      default: {
        const int64_t v =
            IsQuantized(dtype) ? static_cast<int64_t>(s->Bits()) : PickInt(s, hostile);
        out.append(reinterpret_cast<const char*>(&v), DTypeSize(dtype));
      }
    }
  }
  return out;
}

FlexValue PickScalarAttr(const AttrSig& a, Source* s, bool hostile) {
  switch (a.kind) {
    case AttrKind::kInt:
      return FlexValue::Int(PickInt(s, hostile));
    case AttrKind::kBool:
      return FlexValue::Bool(s->OneIn(2));
    case AttrKind::kFloat:
      return FlexValue::Float(PickFloat(s));
    case AttrKind::kType:
      return FlexValue::Int(s->Below(hostile ? 30 : 19));
    case AttrKind::kShape: {
      if (s->OneIn(3)) return FlexValue();
      std::vector<FlexValue> dims;
      for (int n = s->Below(4); n > 0; --n) dims.push_back(FlexValue::Int(PickInt(s, hostile)));
      return FlexValue::List(std::move(dims));
    }
    default:
      if (!a.choices.empty() && !(hostile && s->OneIn(8))) {
        return FlexValue::String(
            a.choices[static_cast<size_t>(s->Below(static_cast<int>(a.choices.size())))]);
      }
      return FlexValue::String(PickString(s));
  }
}

std::string PickOptions(const Signature& sig, Source* s, bool hostile) {
  std::map<std::string, FlexValue> values;
  for (const AttrSig& a : sig.attrs) {
    if (!a.required && s->OneIn(2)) continue;
    if (!a.list) {
      values[a.name] = PickScalarAttr(a, s, hostile);
      continue;
    }
    std::vector<FlexValue> list;
    for (int n = a.fixed_length >= 0 ? a.fixed_length : s->Below(6); n > 0; --n) {
      list.push_back(PickScalarAttr(a, s, hostile));
    }
    values[a.name] = FlexValue::List(std::move(list));
  }
  std::string out = FlexWriter::Map(values);
  if (hostile && s->OneIn(6)) {  // damage the encoding
    for (int n = 1 + s->Below(4); n > 0 && !out.empty(); --n) {
      out[static_cast<size_t>(s->Below(static_cast<int>(out.size())))] =
          static_cast<char>(s->Bits());
    }
    if (s->OneIn(3)) out.resize(static_cast<size_t>(s->Below(static_cast<int>(out.size()))));
  }
  return out;
}

// One call in the making: tensors of an op whose dtypes and dimensions agree, unless hostile.
class Caller {
 public:
  Caller(MiniRuntime* runtime, Source* s, bool hostile)
      : runtime_(runtime), s_(s), hostile_(hostile) {}

  // False when a variant or resource input has no maker.
  bool Call(const OpEntry& entry, int depth, Outcome* outcome, std::vector<int>* produced) {
    const Signature& sig = internal::Parsed(entry).signature;
    std::vector<DType> vars;
    for (const auto& t : sig.types) vars.push_back(PickDType(t.dtypes, s_));
    std::vector<int> dims(sig.dim_names.size());
    for (int& d : dims) d = s_->OneIn(8) ? 0 : 1 + s_->Below(5);
    batch_.assign(static_cast<size_t>(s_->Below(3)), 0);
    for (int& b : batch_) b = s_->OneIn(10) ? 0 : 1 + s_->Below(3);
    free_shape_.assign(static_cast<size_t>(s_->Below(4)), 0);
    for (int& d : free_shape_) d = s_->OneIn(10) ? 0 : 1 + s_->Below(5);

    std::vector<int> inputs, outputs;
    const int list_length = s_->Below(4);
    for (const ArgSig& arg : sig.inputs) {
      if (arg.optional && s_->OneIn(2)) {
        inputs.push_back(-1);
        continue;
      }
      for (int n = arg.list ? list_length : 1; n > 0; --n) {
        const int tensor = Input(arg, vars, dims, depth);
        if (tensor < 0) return false;
        inputs.push_back(tensor);
      }
    }
    const int out_list = s_->Below(4);
    for (const ArgSig& arg : sig.outputs) {
      for (int n = arg.list ? out_list : 1; n > 0; --n) {
        outputs.push_back(AddTensor(DTypeOf(arg, vars), {}));
      }
    }
    if (hostile_ && !inputs.empty() && s_->OneIn(20)) inputs.pop_back();
    if (hostile_ && !outputs.empty() && s_->OneIn(20)) outputs.pop_back();
    TfLiteRegistration r = {};
    r.init = entry.init;
    r.free = internal::FreeNode;
    r.prepare = internal::PrepareCallback;
    r.invoke = internal::InvokeCallback;
    outcome->ran = runtime_->Run(r, inputs, outputs, PickOptions(sig, s_, hostile_));
    outcome->message = runtime_->errors();
    *produced = outputs;
    return true;
  }

 private:
  DType DTypeOf(const ArgSig& arg, const std::vector<DType>& vars) {
    if (hostile_ && s_->OneIn(25)) return static_cast<DType>(1 + s_->Below(15));
    if (arg.type_var < 0 || arg.mixed) return PickDType(arg.dtypes, s_);
    return vars[static_cast<size_t>(arg.type_var)];
  }

  int AddTensor(DType dtype, const std::vector<int>& shape) {
    if (!IsQuantized(dtype)) return runtime_->AddTensor(dtype, shape);
    static constexpr float kScales[] = {1.0f / 256, 0.05f, 1.0f, 3.0e-5f};
    const int zero = dtype == DType::kQUInt8  ? s_->Below(256)
                     : dtype == DType::kQInt8 ? s_->Below(256) - 128
                                              : 0;
    return runtime_->AddTensor(dtype, shape, kScales[s_->Below(4)], zero);
  }

  std::vector<int> PickShape(const ArgSig& arg, const std::vector<int>& dims) {
    if (!arg.has_dims) {
      if (s_->OneIn(6)) return {};
      std::vector<int> shape = free_shape_;
      if (hostile_ && s_->OneIn(3)) shape.assign(static_cast<size_t>(s_->Below(6)), s_->Below(4));
      return shape;
    }
    std::vector<int> shape = arg.ellipsis ? batch_ : std::vector<int>();
    for (const internal::DimSig& d : arg.dims) {
      shape.push_back(d.kind == internal::DimSig::kNamed   ? dims[static_cast<size_t>(d.name)]
                      : d.kind == internal::DimSig::kFixed ? static_cast<int>(d.value)
                                                           : s_->Below(5));
    }
    if (hostile_ && s_->OneIn(15)) shape.push_back(s_->Below(3));
    return shape;
  }

  int Input(const ArgSig& arg, const std::vector<DType>& vars, const std::vector<int>& dims,
            int depth) {
    const DType dtype = DTypeOf(arg, vars);
    if (dtype == DType::kVariant || dtype == DType::kResource) return Made(dtype, depth);
    const std::vector<int> shape = PickShape(arg, dims);
    size_t count = 1;
    for (int d : shape) count *= static_cast<size_t>(d);
    const int tensor = AddTensor(dtype, shape);
    const bool constant = s_->OneIn(2);
    if (dtype == DType::kString) {
      std::vector<std::string> strings;
      for (size_t i = 0; i < count; ++i) strings.push_back(PickString(s_));
      runtime_->SetStrings(tensor, strings, constant);
    } else {
      runtime_->SetData(tensor, RandomBytes(dtype, count, s_, hostile_), constant);
    }
    return tensor;
  }

  // Runs an op that makes a variant or resource out of plain tensors.
  int Made(DType dtype, int depth) {
    std::vector<const OpEntry*> makers;
    for (const OpEntry* e : AllOps()) {
      const Signature& sig = internal::Parsed(*e).signature;
      if (sig.outputs.size() != 1 || sig.outputs[0].dtypes != Bit(dtype)) continue;
      const bool plain = std::none_of(sig.inputs.begin(), sig.inputs.end(), [](const ArgSig& a) {
        return (a.dtypes & (Bit(DType::kVariant) | Bit(DType::kResource))) != 0 &&
               (a.dtypes & Bit(DType::kFloat32)) == 0;
      });
      if (plain) makers.push_back(e);
    }
    if (makers.empty() || depth > 0) return runtime_->AddTensor(dtype, {});
    const std::vector<int> batch = batch_, free_shape = free_shape_;
    for (int attempt = 0; attempt < 4; ++attempt) {
      Outcome outcome;
      std::vector<int> produced;
      const OpEntry* maker =
          makers[static_cast<size_t>(s_->Below(static_cast<int>(makers.size())))];
      if (Call(*maker, depth + 1, &outcome, &produced) && outcome.ran) {
        batch_ = batch;
        free_shape_ = free_shape;
        return produced[0];
      }
    }
    batch_ = batch;
    free_shape_ = free_shape;
    return runtime_->AddTensor(dtype, {});
  }

  MiniRuntime* runtime_;
  Source* s_;
  bool hostile_;
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
  Caller caller(&runtime, source, source->OneIn(2));
  Outcome outcome;
  std::vector<int> produced;
  caller.Call(entry, 0, &outcome, &produced);
  return outcome;
}

}  // namespace opkit::testing
