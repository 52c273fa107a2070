// What a kernel author includes: declare an op, and compute it through an OpContext.
//
//   Status Run(opkit::OpContext& ctx) { ... return {}; }
//   OPKIT_OP(Softshrink)
//       .Signature(R"(
//         features: T -> activations: T
//         T in {float32, float64, qint8}
//         lambda: float = 0.5
//       )")
//       .Shape(opkit::SameAs<0>)
//       .Run(Run);
//
// The signature is the single source of arity, dtypes, ranks, attributes with defaults and, where
// its dimension patterns allow, the output shapes. The framework checks all of it when the model
// is loaded, so Run sees no bad call; only values (indices, sizes) are left for Run to check.
//
// Signature language
//   first line   inputs -> outputs, comma separated, each `name: Type` plus
//                [a, b] named dimensions that must agree wherever a name recurs, [] a scalar,
//                [..., m, n] any leading dimensions (equal between inputs, copied to outputs),
//                [2, _] a fixed and a free dimension; no brackets: any shape;
//                `?` optional, `*` zero or more of one dtype, `**` zero or more, each any of T
//   T in {...}   the dtypes of a type variable; groups: floating, integral, index, complex,
//                quantized, numeric (= floating integral complex), any
//   name: kind   attribute, kind one of int float bool string type shape func tensor, or
//                list(kind), list(kind)[n]; `= default` (without one the attribute is required);
//                `in {A, B}` limits strings
#ifndef OPKIT_OP_H_
#define OPKIT_OP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "opkit/dtype.h"
#include "opkit/parallel.h"
#include "opkit/resource.h"
#include "opkit/shape.h"
#include "opkit/status.h"
#include "opkit/strings.h"
#include "opkit/tflite_abi.h"

namespace opkit {

class OpContext;
using OpFn = Status (*)(OpContext&);

// real = scale * (stored - zero_point)
struct QuantParams {
  float scale = 1.0f;
  int32_t zero_point = 0;
};

// A shape attribute: dimensions of -1 are unknown; an unknown rank has no dimensions.
struct PartialShape {
  bool known_rank = false;
  std::vector<int64_t> dims;
};

template <typename... Ts>
struct TypeList {};
using FloatingTypes = TypeList<float, double, Half, BFloat16>;
using IntegralTypes =
    TypeList<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
using IndexTypes = TypeList<int32_t, int64_t>;
using ComplexTypes = TypeList<Complex64, Complex128>;

namespace internal {
struct OpInstance;
struct OpEntry;
}  // namespace internal

// One node's view of its inputs, outputs, attributes and state. Indices are those of the
// signature; list arguments (`*`) are flattened, see input_begin.
class OpContext {
 public:
  // --- inputs and outputs -------------------------------------------------------------------
  int num_inputs() const;
  int num_outputs() const;
  bool has_input(int i) const;     // false for an absent optional input
  int input_begin(int arg) const;  // first flat index of signature argument `arg`
  int input_count(int arg) const;  // number of tensors of that argument
  DType dtype(int i) const;        // of input i; qint8 etc. where quantized
  DType out_dtype(int i) const;
  const Shape& shape(int i) const;      // of input i
  const Shape& out_shape(int i) const;  // valid after the shape step or Allocate
  bool is_constant(int i) const;        // value known when the model is loaded
  const void* raw(int i) const;         // null when empty
  void* out_raw(int i);
  template <typename T>
  const T* in(int i) const {
    return static_cast<const T*>(raw(i));
  }
  template <typename T>
  T* out(int i) {
    return static_cast<T*>(out_raw(i));
  }
  int64_t ScalarInt(int i) const;               // first element of an int32 or int64 input
  std::vector<int64_t> IntValues(int i) const;  // all elements of an integer input
  QuantParams quant_in(int i) const;
  QuantParams quant_out(int i) const;
  StringsView strings(int i) const;

  // --- shapes ---------------------------------------------------------------------------------
  // In the shape step: fixes the shape of output i.
  void SetShape(int i, const Shape& shape);
  // In Run of a DataDependent op: gives output i its shape and memory.
  Status Allocate(int i, const Shape& shape);
  // In Run: stores strings in output i, whose shape becomes `shape`.
  Status WriteStrings(int i, const StringWriter& strings, const Shape& shape);

  // --- attributes (declared in the signature; a wrong name or kind is an error at load) ---------
  int64_t attr_int(const char* name) const;
  float attr_float(const char* name) const;
  bool attr_bool(const char* name) const;
  const std::string& attr_string(const char* name) const;  // also func names and raw tensors
  DType attr_type(const char* name) const;
  const PartialShape& attr_shape(const char* name) const;
  const std::vector<int64_t>& attr_ints(const char* name) const;  // also list(bool)
  const std::vector<float>& attr_floats(const char* name) const;
  const std::vector<std::string>& attr_strings(const char* name) const;
  const std::vector<DType>& attr_types(const char* name) const;
  const std::vector<PartialShape>& attr_shapes(const char* name) const;

  // --- state, scratch, threads ------------------------------------------------------------------
  template <typename S>
  S& state() {
    return *static_cast<S*>(state_ptr());
  }
  // 64-byte aligned memory kept by the node and grown on demand; slots 0 to 3 are independent.
  void* Scratch(size_t bytes, int slot = 0);
  template <typename T>
  T* ScratchOf(int64_t count, int slot = 0) {
    return static_cast<T*>(Scratch(static_cast<size_t>(count) * sizeof(T), slot));
  }
  int threads() const;  // the interpreter's num_threads, at least 1
  void ParallelFor(int64_t n, int64_t grain, RangeFn fn) const {
    opkit::ParallelFor(threads(), n, grain, fn);
  }

  // --- resources and variants ----------------------------------------------------------------
  // The id a resource tensor carries, and the shared object behind it. Objects live as long as any
  // node of the interpreter (all signatures and subgraphs) that touched a resource.
  Status GetResource(int input, std::shared_ptr<ResourceBase>* out) const;
  // Finds or makes the object named by (container, name); writes its id to resource output i and,
  // when asked for, the object itself to *out.
  Status MakeResource(int output, const std::string& key,
                      const std::function<std::shared_ptr<ResourceBase>()>& make,
                      std::shared_ptr<ResourceBase>* out = nullptr);
  Status GetVariant(int input, std::shared_ptr<const VariantValue>* out) const;
  Status SetVariant(int output, std::shared_ptr<const VariantValue> value);

  // --- dispatch ---------------------------------------------------------------------------------
  // Calls f(T()) for the storage type of input i; an error when no listed type matches, which a
  // complete list makes impossible.
  template <typename... Ts, typename F>
  Status Visit(int i, F&& f) {
    return VisitDType(dtype(i), TypeList<Ts...>{}, static_cast<F&&>(f));
  }
  template <typename... Ts, typename F>
  Status Visit(int i, TypeList<Ts...> types, F&& f) {
    return VisitDType(dtype(i), types, static_cast<F&&>(f));
  }
  template <typename... Ts, typename F>
  static Status VisitDType(DType d, TypeList<Ts...>, F&& f) {
    const DType storage = StorageType(d);
    Status status;
    const bool hit = ((storage == DTypeOf<Ts>::value ? (status = f(Ts()), true) : false) || ...);
    if (!hit) return Error("no kernel for %s", DTypeName(d));
    return status;
  }

  // --- for the framework -------------------------------------------------------------------------
  OpContext(TfLiteContext* context, TfLiteNode* node, internal::OpInstance* instance)
      : context_(context), node_(node), instance_(instance) {}
  TfLiteContext* tflite_context() const { return context_; }
  TfLiteTensor* tensor(int i) const;  // null for an absent optional input
  TfLiteTensor* out_tensor(int i) const;

 private:
  void* state_ptr() const;
  TfLiteContext* context_;
  TfLiteNode* node_;
  internal::OpInstance* instance_;
};

// The declaration; a constant, built by OPKIT_OP.
class OpDecl {
 public:
  constexpr explicit OpDecl(const char* name) : name_(name) {}
  // See the signature language above.
  constexpr OpDecl& Signature(const char* s) {
    signature_ = s;
    return *this;
  }
  // Starts at 1; changes when semantics change.
  constexpr OpDecl& Version(int v) {
    version_ = v;
    return *this;
  }
  // Sets output shapes from input shapes, attributes and the values of ShapeFrom inputs.
  constexpr OpDecl& Shape(OpFn f) {
    shape_ = f;
    return *this;
  }
  // Names of inputs, comma separated, whose values the shape function reads. While these are not
  // constants, outputs are dynamic and the shape function runs before each Run.
  constexpr OpDecl& ShapeFrom(const char* inputs) {
    shape_from_ = inputs;
    return *this;
  }
  // Output shapes are found in Run, which calls Allocate for every output.
  constexpr OpDecl& DataDependent() {
    data_dependent_ = true;
    return *this;
  }
  // Runs after shapes are set at load and after each resize: tables, plans.
  constexpr OpDecl& Prepare(OpFn f) {
    prepare_ = f;
    return *this;
  }
  constexpr OpDecl& Run(OpFn f) {
    run_ = f;
    return *this;
  }
  // Per-node state S, default-constructed at load, kept between calls.
  template <typename S>
  constexpr OpDecl& State() {
    new_state_ = [](int) -> void* { return new S(); };
    delete_state_ = [](void* s) { delete static_cast<S*>(s); };
    return *this;
  }
  // The op writes files, draws random numbers or changes a resource: never folded or merged.
  constexpr OpDecl& Stateful() {
    stateful_ = true;
    return *this;
  }

  const char* name_;
  int version_ = 1;
  const char* signature_ = "";
  const char* shape_from_ = "";
  OpFn shape_ = nullptr;
  OpFn prepare_ = nullptr;
  OpFn run_ = nullptr;
  void* (*new_state_)(int) = nullptr;
  void (*delete_state_)(void*) = nullptr;
  bool data_dependent_ = false;
  bool stateful_ = false;
};

// Ready shape functions.
template <int kInput>
Status SameAs(OpContext& ctx) {  // every output has the shape of input kInput
  for (int i = 0; i < ctx.num_outputs(); ++i) ctx.SetShape(i, ctx.shape(kInput));
  return {};
}
Status BroadcastShape(OpContext& ctx);  // all inputs broadcast together, TF rules

namespace internal {

using InitFn = void* (*)(TfLiteContext*, const char*, size_t);

// A declared op in its library's list; built during static initialisation.
struct OpEntry {
  OpEntry(const OpDecl& decl, InitFn init);
  OpDecl decl;
  InitFn init;
  const OpEntry* next;
  static const OpEntry*& head();
};

void* InitNode(const OpEntry& entry, TfLiteContext* context, const char* buffer, size_t length);

// Whether this build has the op: all, or those of -DOPKIT_OPS, each with a comma after it.
constexpr bool IsChosen(std::string_view name) {
#ifdef OPKIT_CHOSEN_OPS
  std::string_view list = OPKIT_CHOSEN_OPS;
  for (size_t end = list.find(','); end != list.npos; end = list.find(',')) {
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(end + 1);
  }
  return false;
#else
  return !name.empty();
#endif
}

template <typename Tag, bool kChosen>
struct Registrar : OpEntry {
  Registrar(const OpDecl& d) : OpEntry(d, &Init) { self = this; }  // NOLINT: implicit by design
  static void* Init(TfLiteContext* context, const char* buffer, size_t length) {
    return InitNode(*self, context, buffer, length);
  }
  static inline const OpEntry* self = nullptr;
};

// Of an op that was not chosen nothing refers to its kernel, and the linker drops it.
template <typename Tag>
struct Registrar<Tag, false> {
  constexpr Registrar(const OpDecl&) {}  // NOLINT: as above
};

}  // namespace internal

// Declares the op that TF calls `name`; followed by the OpDecl calls above and a semicolon.
#define OPKIT_OP(name)                                                                     \
  [[maybe_unused]] static const ::opkit::internal::Registrar<                              \
      struct OpkitTag_##name, ::opkit::internal::IsChosen(#name)> opkit_registrar_##name = \
      ::opkit::OpDecl(#name)

}  // namespace opkit

#endif  // OPKIT_OP_H_
