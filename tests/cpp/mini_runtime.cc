#include "mini_runtime.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace opkit::testing {
namespace {

TfLiteIntArray* MakeDims(const std::vector<int>& dims) {
  TfLiteIntArray* a = abi::NewIntArray(static_cast<int>(dims.size()));
  for (size_t i = 0; i < dims.size(); ++i) a->data[i] = dims[i];
  return a;
}

TfLiteExternalContext* NoContext(TfLiteContext* context, TfLiteExternalContextType) {
  return reinterpret_cast<TfLiteExternalContext*>(context->impl_);
}

// Bytes of a tensor of these dims; false when it would not fit `limit`.
bool ByteCount(const TfLiteTensor& t, size_t limit, size_t* out) {
  size_t bytes = DTypeSize(DTypeFromTfLite(t.type));
  for (int i = 0; i < t.dims->size; ++i) {
    if (t.dims->data[i] < 0) return false;
    bytes *= static_cast<size_t>(t.dims->data[i]);
    if (bytes > limit) return false;
  }
  *out = bytes;
  return true;
}

}  // namespace

MiniRuntime::MiniRuntime(int num_threads) {
  tensors_.reserve(kMaxTensors);
  context_.impl_ = this;
  context_.ResizeTensor = ResizeTensor;
  context_.ReportError = ReportError;
  context_.GetExternalContext = NoContext;
  context_.recommended_num_threads = num_threads;
}

MiniRuntime::~MiniRuntime() {
  for (LiveNode& live : nodes_) {
    live.registration.free(&context_, live.node.user_data);
    std::free(live.node.inputs);
    std::free(live.node.outputs);
  }
  for (TfLiteTensor& t : tensors_) {
    Release(&t);
    std::free(t.dims);
    if (t.quantization.params != nullptr) {
      auto* q = static_cast<TfLiteAffineQuantization*>(t.quantization.params);
      std::free(q->scale);
      std::free(q->zero_point);
      std::free(q);
    }
  }
}

void MiniRuntime::Release(TfLiteTensor* t) {
  if (t->allocation_type == kTfLiteVariantObject) {
    delete static_cast<TfLiteVariantData*>(t->data.data);
  } else {
    std::free(t->data.raw);
  }
  t->data.raw = nullptr;
  t->bytes = 0;
}

int MiniRuntime::AddTensor(DType dtype, const std::vector<int>& dims, float scale, int zero_point) {
  if (tensors_.size() == kMaxTensors) std::abort();
  TfLiteTensor t = {};
  t.type = static_cast<TfLiteType>(DTypeToTfLite(dtype));
  t.dims = MakeDims(dims);
  t.allocation_type = kTfLiteArenaRw;
  t.name = names_.emplace_back("t" + std::to_string(tensors_.size())).c_str();
  if (scale != 0.0f) {
    auto* q =
        static_cast<TfLiteAffineQuantization*>(std::calloc(1, sizeof(TfLiteAffineQuantization)));
    q->scale = static_cast<TfLiteFloatArray*>(std::malloc(sizeof(int) + sizeof(float)));
    q->scale->size = 1;
    q->scale->data[0] = scale;
    q->zero_point = MakeDims({zero_point});
    t.quantization.type = kTfLiteAffineQuantization;
    t.quantization.params = q;
  }
  tensors_.push_back(t);
  context_.tensors = tensors_.data();
  context_.tensors_size = tensors_.size();
  return static_cast<int>(tensors_.size()) - 1;
}

void MiniRuntime::SetData(int i, const std::string& bytes, bool constant) {
  TfLiteTensor& t = tensor(i);
  Release(&t);
  if (!bytes.empty()) {
    t.data.raw = static_cast<char*>(std::malloc(bytes.size()));
    std::memcpy(t.data.raw, bytes.data(), bytes.size());
  }
  t.bytes = bytes.size();
  if (constant) t.allocation_type = kTfLiteMmapRo;
}

void MiniRuntime::SetStrings(int i, const std::vector<std::string>& strings, bool constant) {
  const int32_t count = static_cast<int32_t>(strings.size());
  int32_t offset = 4 * (count + 2);
  std::string bytes(reinterpret_cast<const char*>(&count), 4);
  bytes.append(reinterpret_cast<const char*>(&offset), 4);
  for (const std::string& s : strings) {
    offset += static_cast<int32_t>(s.size());
    bytes.append(reinterpret_cast<const char*>(&offset), 4);
  }
  for (const std::string& s : strings) bytes += s;
  SetData(i, bytes, constant);
}

std::string MiniRuntime::Bytes(int i) const {
  const TfLiteTensor& t = tensors_[static_cast<size_t>(i)];
  return t.data.raw == nullptr ? std::string() : std::string(t.data.raw, t.bytes);
}

TfLiteStatus MiniRuntime::ResizeTensor(TfLiteContext* context, TfLiteTensor* t,
                                       TfLiteIntArray* dims) {
  (void)context;
  std::free(t->dims);
  t->dims = dims;
  if (t->allocation_type == kTfLiteMmapRo || t->allocation_type == kTfLiteVariantObject) {
    return kTfLiteError;
  }
  if (t->allocation_type != kTfLiteDynamic) return kTfLiteOk;
  if (t->type == kTfLiteString || t->type == kTfLiteResource || t->type == kTfLiteVariant) {
    return kTfLiteOk;
  }
  size_t bytes;
  if (!ByteCount(*t, kMaxBytes, &bytes)) return kTfLiteError;
  std::free(t->data.raw);
  t->data.raw = bytes == 0 ? nullptr : static_cast<char*>(std::malloc(bytes));
  t->bytes = bytes;
  return kTfLiteOk;
}

void MiniRuntime::ReportError(TfLiteContext* context, const char* format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  static_cast<MiniRuntime*>(context->impl_)->errors_ += std::string(text) + "\n";
}

bool MiniRuntime::Run(const TfLiteRegistration& registration, const std::vector<int>& inputs,
                      const std::vector<int>& outputs, const std::string& options) {
  errors_.clear();
  prepared_ = false;
  TfLiteNode& node = nodes_.emplace_back(LiveNode{registration, {}}).node;
  node.inputs = MakeDims(inputs);
  node.outputs = MakeDims(outputs);
  // An exact copy: reading past the options is then seen.
  const std::unique_ptr<char[]> exact(new char[options.size()]);
  std::memcpy(exact.get(), options.data(), options.size());
  node.user_data = registration.init(&context_, exact.get(), options.size());
  // Arena outputs get their memory between prepare and invoke.
  bool ok = registration.prepare(&context_, &node) == kTfLiteOk;
  prepared_ = ok;
  for (int i : outputs) {
    TfLiteTensor& t = tensor(i);
    size_t bytes = 0;
    if (!ok || t.allocation_type != kTfLiteArenaRw) continue;
    ok = ByteCount(t, kMaxBytes, &bytes);
    if (!ok) errors_ += "the arena has no room for output " + std::to_string(i) + "\n";
    if (!ok || bytes == 0) continue;
    t.data.raw = static_cast<char*>(std::malloc(bytes));
    t.bytes = bytes;
  }
  for (int call = 0; ok && call < 2; ++call) {
    ok = registration.invoke(&context_, &node) == kTfLiteOk;
  }
  return ok;
}

}  // namespace opkit::testing
