// Save, SaveSlices, SaveV2, Restore, RestoreSlice, RestoreV2: TensorFlow checkpoints, readable by
// TensorFlow and the other way round. A file appears only when it is complete.
#include <string>
#include <vector>

#include "opkit/op.h"
#include "ops/io/checkpoint.h"
#include "ops/io/table.h"

namespace opkit {
namespace {

using io::Box;
using io::Source;
using io::Stored;

Status SingleString(const OpContext& ctx, int input, const char* name, std::string* out) {
  const StringsView s = ctx.strings(input);
  if (s.size() != 1) {
    return Error("%s has %lld elements, want 1", name, static_cast<long long>(s.size()));
  }
  *out = std::string(s[0]);
  return {};
}

// Tensors of signature argument `argument`, named by input 1; specs of input 2 if `with_specs`.
Status Collect(const OpContext& ctx, bool with_specs, std::vector<Source>* out) {
  const int argument = with_specs ? 3 : 2;
  const StringsView names = ctx.strings(1);
  const int begin = ctx.input_begin(argument);
  if (names.size() != ctx.input_count(argument)) {
    return Error("%lld tensor names for %d tensors", static_cast<long long>(names.size()),
                 ctx.input_count(argument));
  }
  if (with_specs && ctx.strings(2).size() != names.size()) {
    return Error("%lld shapes and slices for %lld tensors",
                 static_cast<long long>(ctx.strings(2).size()),
                 static_cast<long long>(names.size()));
  }
  for (int64_t i = 0; i < names.size(); ++i) {
    const int input = begin + static_cast<int>(i);
    Source s;
    s.name = std::string(names[i]);
    s.dtype = ctx.dtype(input);
    s.whole = ctx.shape(input);
    OPKIT_RETURN_IF_ERROR(
        io::ParseSpec(with_specs ? ctx.strings(2)[i] : std::string_view(), &s.whole, &s.box));
    if (s.box.shape() != ctx.shape(input)) {
      return Error("tensor \"%s\" is %s, its slice has shape %s", s.name.c_str(),
                   ctx.shape(input).str().c_str(), s.box.shape().str().c_str());
    }
    if (s.dtype == DType::kString) {
      s.strings = ctx.strings(input);
    } else {
      s.bytes = static_cast<const char*>(ctx.raw(input));
    }
    out->push_back(std::move(s));
  }
  return {};
}

Status Save(OpContext& ctx, bool with_specs,
            Status (*write)(const std::string&, const std::vector<Source>&)) {
  std::string path;
  OPKIT_RETURN_IF_ERROR(SingleString(ctx, 0, "the file name", &path));
  std::vector<Source> tensors;
  OPKIT_RETURN_IF_ERROR(Collect(ctx, with_specs, &tensors));
  return write(path, tensors);
}

Status RunSave(OpContext& ctx) { return Save(ctx, false, io::WriteV1); }
Status RunSaveSlices(OpContext& ctx) { return Save(ctx, true, io::WriteV1); }
Status RunSaveV2(OpContext& ctx) { return Save(ctx, true, io::WriteV2); }

// Reads tensor `name` into output `output`.
Status RestoreOne(OpContext& ctx, io::Reader* reader, const std::string& name,
                  std::string_view spec, int output) {
  Stored stored;
  OPKIT_RETURN_IF_ERROR(reader->Read(name, &stored));
  if (stored.dtype != ctx.out_dtype(output)) {
    return Error("tensor \"%s\" is %s in the checkpoint, want %s", name.c_str(),
                 DTypeName(stored.dtype), DTypeName(ctx.out_dtype(output)));
  }
  Shape whole = stored.shape;
  Box want;
  OPKIT_RETURN_IF_ERROR(io::ParseSpec(spec, &whole, &want));
  if (whole != stored.shape) {
    return Error("tensor \"%s\" is %s in the checkpoint, the slice is of %s", name.c_str(),
                 stored.shape.str().c_str(), whole.str().c_str());
  }
  OPKIT_RETURN_IF_ERROR(io::CheckCovered(stored, want));
  if (stored.dtype == DType::kString) {
    std::vector<std::string_view> strings;
    io::CopyStrings(stored, want, &strings);
    StringWriter writer;
    for (const std::string_view s : strings) writer.Add(s);
    return ctx.WriteStrings(output, writer, want.shape());
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(output, want.shape()));
  const size_t element = DTypeSize(stored.dtype);
  // Slices of a forged file may overlap and leave a gap that the count does not show.
  auto* out = static_cast<char*>(ctx.out_raw(output));
  if (stored.slices.size() > 1) {
    std::fill_n(out, static_cast<size_t>(want.size()) * element, '\0');
  }
  io::CopyBytes(stored, want, element, out);
  return {};
}

Status Open(const std::string& path, std::unique_ptr<io::Reader>* reader) {
  OPKIT_RETURN_IF_ERROR(io::CheckFileName(path));
  return io::IsV2(path) ? io::OpenV2(path, reader) : io::OpenV1(path, reader);
}

Status Restore(OpContext& ctx, bool with_spec) {
  std::string path, name, spec;
  OPKIT_RETURN_IF_ERROR(SingleString(ctx, 0, "file_pattern", &path));
  OPKIT_RETURN_IF_ERROR(SingleString(ctx, 1, "tensor_name", &name));
  if (with_spec) OPKIT_RETURN_IF_ERROR(SingleString(ctx, 2, "shape_and_slice", &spec));
  std::unique_ptr<io::Reader> reader;
  OPKIT_RETURN_IF_ERROR(Open(path, &reader));
  return RestoreOne(ctx, reader.get(), name, spec, 0);
}

Status RunRestore(OpContext& ctx) { return Restore(ctx, false); }
Status RunRestoreSlice(OpContext& ctx) { return Restore(ctx, true); }

Status RunRestoreV2(OpContext& ctx) {
  std::string prefix;
  OPKIT_RETURN_IF_ERROR(SingleString(ctx, 0, "prefix", &prefix));
  const StringsView names = ctx.strings(1), specs = ctx.strings(2);
  if (names.size() != ctx.num_outputs() || specs.size() != names.size()) {
    return Error("%lld names and %lld slices for %d outputs", static_cast<long long>(names.size()),
                 static_cast<long long>(specs.size()), ctx.num_outputs());
  }
  std::unique_ptr<io::Reader> reader;
  OPKIT_RETURN_IF_ERROR(Open(prefix, &reader));
  for (int i = 0; i < ctx.num_outputs(); ++i) {
    OPKIT_RETURN_IF_ERROR(RestoreOne(ctx, reader.get(), std::string(names[i]), specs[i], i));
  }
  return {};
}

#define OPKIT_V1_TYPES                                                                   \
  "{float32, float64, float16, int8, int16, int32, int64, uint8, uint16, bool, string, " \
  "complex}\n"
#define OPKIT_V2_TYPES "{numeric, bool, string}\n"

OPKIT_OP(Save)
    .Signature(
        "filename: string, tensor_names: string, data: T** ->\n"
        "T in " OPKIT_V1_TYPES)
    .Stateful()
    .Run(RunSave);

OPKIT_OP(SaveSlices)
    .Signature(
        "filename: string, tensor_names: string, shapes_and_slices: string, data: T** ->\n"
        "T in " OPKIT_V1_TYPES)
    .Stateful()
    .Run(RunSaveSlices);

OPKIT_OP(SaveV2)
    .Signature(
        "prefix: string, tensor_names: string, shape_and_slices: string,"
        " tensors: dtypes** ->\n"
        "dtypes in " OPKIT_V2_TYPES)
    .Stateful()
    .Run(RunSaveV2);

OPKIT_OP(Restore)
    .Signature(
        "file_pattern: string, tensor_name: string -> tensor: dt\n"
        "dt in " OPKIT_V2_TYPES "preferred_shard: int = -1\n")
    .DataDependent()
    .Stateful()
    .Run(RunRestore);

OPKIT_OP(RestoreSlice)
    .Signature(
        "file_pattern: string, tensor_name: string, shape_and_slice: string -> tensor: dt\n"
        "dt in " OPKIT_V2_TYPES "preferred_shard: int = -1\n")
    .DataDependent()
    .Stateful()
    .Run(RunRestoreSlice);

OPKIT_OP(RestoreV2)
    .Signature(
        "prefix: string, tensor_names: string, shape_and_slices: string"
        " -> tensors: dtypes**\n"
        "dtypes in " OPKIT_V2_TYPES)
    .DataDependent()
    .Stateful()
    .Run(RunRestoreV2);

}  // namespace
}  // namespace opkit
