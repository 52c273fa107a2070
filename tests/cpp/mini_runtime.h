// A runtime of one node, for sanitizers and the fuzzer: it follows TFLite's rules for tensors and
// gives every buffer exactly its size, so that a sanitizer sees any access outside of it.
#ifndef OPKIT_TESTS_CPP_MINI_RUNTIME_H_
#define OPKIT_TESTS_CPP_MINI_RUNTIME_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "opkit/c_api.h"
#include "opkit/dtype.h"
#include "opkit/shape.h"
#include "opkit/tflite_abi.h"

namespace opkit::testing {

class MiniRuntime {
 public:
  explicit MiniRuntime(int num_threads = 1);
  ~MiniRuntime();
  MiniRuntime(const MiniRuntime&) = delete;
  MiniRuntime& operator=(const MiniRuntime&) = delete;

  // Adds a tensor and returns its index. A quantized dtype gets scale and zero point.
  int AddTensor(DType dtype, const std::vector<int>& dims, float scale = 0.0f, int zero_point = 0);
  // Fills a tensor's memory (exact copy); `constant` marks it read-only, as a model's weights.
  void SetData(int tensor, const std::string& bytes, bool constant = false);
  void SetStrings(int tensor, const std::vector<std::string>& strings, bool constant = false);

  // init, prepare, invoke (twice, as a caller may). False when any of them refused; then `errors`
  // says why. The node lives on, as in a model: what it made (tables, ...) stays usable.
  bool Run(const TfLiteRegistration& registration, const std::vector<int>& inputs,
           const std::vector<int>& outputs, const std::string& options);

  size_t size() const { return tensors_.size(); }
  TfLiteTensor& tensor(int i) { return tensors_[static_cast<size_t>(i)]; }
  std::string Bytes(int tensor) const;
  const std::string& errors() const { return errors_; }
  bool prepared() const { return prepared_; }

 private:
  static TfLiteStatus ResizeTensor(TfLiteContext* context, TfLiteTensor* t, TfLiteIntArray* dims);
  static void ReportError(TfLiteContext* context, const char* format, ...);
  static void Release(TfLiteTensor* t);

  struct LiveNode {
    TfLiteRegistration registration;
    TfLiteNode node;
  };

  static constexpr size_t kMaxTensors = 1024;     // fixed: kernels keep no pointers, but tests do
  static constexpr size_t kMaxBytes = 64u << 20;  // larger outputs fail, as memory would
  TfLiteContext context_ = {};
  std::vector<TfLiteTensor> tensors_;
  std::deque<std::string> names_;
  std::deque<LiveNode> nodes_;
  std::string errors_;
  bool prepared_ = false;
};

}  // namespace opkit::testing

#endif  // OPKIT_TESTS_CPP_MINI_RUNTIME_H_
