// The C structs a TensorFlow Lite / LiteRT runtime and a kernel exchange.
//
// No pip package ships TFLite's C headers, so this is our own declaration of the documented
// structs. The layout is pinned by static_asserts below and holds for tf.lite 2.17 to 2.21 and
// ai-edge-litert 2.x on 64-bit platforms. When OPKIT_TFLITE_HEADERS is defined (CMake option
// OPKIT_TFLITE_INCLUDE_DIR) the real headers are used instead and the same asserts check them.
#ifndef OPKIT_TFLITE_ABI_H_
#define OPKIT_TFLITE_ABI_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#ifdef OPKIT_TFLITE_HEADERS
#if __has_include("tflite/core/c/common.h")
#include "tflite/core/c/common.h"
#else
#include "tensorflow/lite/core/c/common.h"
#endif
namespace opkit {
using TfLiteVariantData = ::VariantData;
}
#else

extern "C" {

typedef enum TfLiteStatus : int {
  kTfLiteOk = 0,
  kTfLiteError = 1,
  kTfLiteDelegateError = 2,
  kTfLiteApplicationError = 3,
} TfLiteStatus;

typedef enum TfLiteType : int {
  kTfLiteNoType = 0,
  kTfLiteFloat32 = 1,
  kTfLiteInt32 = 2,
  kTfLiteUInt8 = 3,
  kTfLiteInt64 = 4,
  kTfLiteString = 5,
  kTfLiteBool = 6,
  kTfLiteInt16 = 7,
  kTfLiteComplex64 = 8,
  kTfLiteInt8 = 9,
  kTfLiteFloat16 = 10,
  kTfLiteFloat64 = 11,
  kTfLiteComplex128 = 12,
  kTfLiteUInt64 = 13,
  kTfLiteResource = 14,
  kTfLiteVariant = 15,
  kTfLiteUInt32 = 16,
  kTfLiteUInt16 = 17,
  kTfLiteInt4 = 18,
  kTfLiteBFloat16 = 19,
} TfLiteType;

typedef enum TfLiteAllocationType : int {
  kTfLiteMemNone = 0,
  kTfLiteMmapRo = 1,
  kTfLiteArenaRw = 2,
  kTfLiteArenaRwPersistent = 3,
  kTfLiteDynamic = 4,
  kTfLitePersistentRo = 5,
  kTfLiteCustom = 6,
  kTfLiteVariantObject = 7,
  kTfLiteNonCpu = 8,
} TfLiteAllocationType;

typedef enum TfLiteQuantizationType : int {
  kTfLiteNoQuantization = 0,
  kTfLiteAffineQuantization = 1,
} TfLiteQuantizationType;

typedef enum TfLiteExternalContextType : int {
  kTfLiteEigenContext = 0,
  kTfLiteGemmLowpContext = 1,
  kTfLiteEdgeTpuContext = 2,
  kTfLiteCpuBackendContext = 3,
} TfLiteExternalContextType;

typedef enum TfLiteDelegateFlags : int {
  kTfLiteDelegateFlagsNone = 0,
  kTfLiteDelegateFlagsAllowDynamicTensors = 1,
} TfLiteDelegateFlags;

typedef struct TfLiteExternalContext TfLiteExternalContext;

// A size followed by that many values. The runtime frees what ResizeTensor was given with free().
typedef struct TfLiteIntArray {
  int size;
  int data[];
} TfLiteIntArray;

typedef struct TfLiteFloatArray {
  int size;
  float data[];
} TfLiteFloatArray;

typedef struct TfLiteQuantizationParams {
  float scale;
  int32_t zero_point;
} TfLiteQuantizationParams;

// `params` is only meaningful after `type` was tested: on 2.17 to 2.19 it is garbage otherwise.
typedef struct TfLiteQuantization {
  TfLiteQuantizationType type;
  void* params;
} TfLiteQuantization;

typedef struct TfLiteAffineQuantization {
  TfLiteFloatArray* scale;
  TfLiteIntArray* zero_point;
  int32_t quantized_dimension;
} TfLiteAffineQuantization;

typedef union TfLitePtrUnion {
  char* raw;
  const char* raw_const;
  void* data;
} TfLitePtrUnion;

struct TfLiteDelegate;
struct TfLiteContext;
struct TfLiteRegistration;

typedef struct TfLiteTensor {
  TfLiteType type;
  TfLitePtrUnion data;
  TfLiteIntArray* dims;
  TfLiteQuantizationParams params;
  TfLiteAllocationType allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  struct TfLiteDelegate* delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  TfLiteQuantization quantization;
  void* sparsity;
  const TfLiteIntArray* dims_signature;
} TfLiteTensor;

typedef struct TfLiteNode {
  TfLiteIntArray* inputs;
  TfLiteIntArray* outputs;
  TfLiteIntArray* intermediates;
  TfLiteIntArray* temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  struct TfLiteDelegate* delegate;
  bool might_have_side_effect;
} TfLiteNode;

typedef struct TfLiteDelegateParams {
  struct TfLiteDelegate* delegate;
  TfLiteIntArray* nodes_to_replace;
  TfLiteIntArray* input_tensors;
  TfLiteIntArray* output_tensors;
} TfLiteDelegateParams;

typedef struct TfLiteRegistration {
  void* (*init)(struct TfLiteContext* context, const char* buffer, size_t length);
  void (*free)(struct TfLiteContext* context, void* buffer);
  TfLiteStatus (*prepare)(struct TfLiteContext* context, TfLiteNode* node);
  TfLiteStatus (*invoke)(struct TfLiteContext* context, TfLiteNode* node);
  const char* (*profiling_string)(const struct TfLiteContext* context, const TfLiteNode* node);
  int32_t builtin_code;
  const char* custom_name;
  int version;
  void* registration_external;
  void* (*async_kernel)(struct TfLiteContext* context, TfLiteNode* node);
  uint64_t inplace_operator;
} TfLiteRegistration;

typedef struct TfLiteContext {
  size_t tensors_size;
  TfLiteStatus (*GetExecutionPlan)(struct TfLiteContext* context, TfLiteIntArray** plan);
  TfLiteTensor* tensors;
  void* impl_;
  TfLiteStatus (*ResizeTensor)(struct TfLiteContext*, TfLiteTensor* tensor, TfLiteIntArray* dims);
  void (*ReportError)(struct TfLiteContext*, const char* msg, ...);
  TfLiteStatus (*AddTensors)(struct TfLiteContext*, int count, int* first_new_tensor_index);
  TfLiteStatus (*GetNodeAndRegistration)(struct TfLiteContext*, int node_index, TfLiteNode** node,
                                         struct TfLiteRegistration** registration);
  TfLiteStatus (*ReplaceNodeSubsetsWithDelegateKernels)(struct TfLiteContext*,
                                                        struct TfLiteRegistration registration,
                                                        const TfLiteIntArray* nodes_to_replace,
                                                        struct TfLiteDelegate* delegate);
  int recommended_num_threads;
  TfLiteExternalContext* (*GetExternalContext)(struct TfLiteContext*, TfLiteExternalContextType);
  void (*SetExternalContext)(struct TfLiteContext*, TfLiteExternalContextType,
                             TfLiteExternalContext*);
  bool allow_fp32_relax_to_fp16;
  void* profiler;
  void* (*AllocatePersistentBuffer)(struct TfLiteContext* ctx, size_t bytes);
  TfLiteStatus (*AllocateBufferForEval)(struct TfLiteContext* ctx, size_t bytes, void** ptr);
  TfLiteStatus (*RequestScratchBufferInArena)(struct TfLiteContext* ctx, size_t bytes, int* index);
  void* (*GetScratchBuffer)(struct TfLiteContext* ctx, int index);
  TfLiteStatus (*ResizeTensorExplicit)(struct TfLiteContext* ctx, TfLiteTensor* tensor, int dims,
                                       const int* shape);
  TfLiteStatus (*PreviewDelegatePartitioning)(struct TfLiteContext* context,
                                              const TfLiteIntArray* nodes_to_replace,
                                              TfLiteDelegateParams** partition_params_array,
                                              int* num_partitions);
  TfLiteTensor* (*GetTensor)(const struct TfLiteContext* context, int tensor_idx);
  void* (*GetEvalTensor)(const struct TfLiteContext* context, int tensor_idx);
  TfLiteStatus (*GetModelMetadata)(const struct TfLiteContext* context, const char* name,
                                   const char** ptr, size_t* bytes);
  TfLiteStatus (*AcquireSubgraphContext)(struct TfLiteContext* context, int subgraph_index,
                                         struct TfLiteContext** acquired_context);
  TfLiteStatus (*ReleaseSubgraphContext)(struct TfLiteContext* context, int subgraph_index);
} TfLiteContext;

typedef struct TfLiteDelegate {
  void* data_;
  TfLiteStatus (*Prepare)(TfLiteContext* context, struct TfLiteDelegate* delegate);
  TfLiteStatus (*CopyFromBufferHandle)(TfLiteContext* context, struct TfLiteDelegate* delegate,
                                       int buffer_handle, TfLiteTensor* tensor);
  TfLiteStatus (*CopyToBufferHandle)(TfLiteContext* context, struct TfLiteDelegate* delegate,
                                     int buffer_handle, TfLiteTensor* tensor);
  void (*FreeBufferHandle)(TfLiteContext* context, struct TfLiteDelegate* delegate, int* handle);
  int64_t flags;
  void* opaque_delegate_builder;
} TfLiteDelegate;

}  // extern "C"

namespace opkit {

// What a variant tensor's data points at; the runtime destroys and copies it through this vtable
// (complete destructor, deleting destructor, CloneTo).
class TfLiteVariantData {
 public:
  virtual ~TfLiteVariantData() = default;
  virtual TfLiteVariantData* CloneTo(TfLiteVariantData* maybe_alloc) const = 0;
};

}  // namespace opkit

#endif  // OPKIT_TFLITE_HEADERS

namespace opkit::abi {

inline constexpr int kBuiltinCustom = 32;    // tflite::BuiltinOperator_CUSTOM
inline constexpr int kBuiltinDelegate = 51;  // tflite::BuiltinOperator_DELEGATE

inline TfLiteIntArray* NewIntArray(int size) {
  const size_t bytes = sizeof(int) * (static_cast<size_t>(size) + 1);
  auto* a = static_cast<TfLiteIntArray*>(std::malloc(bytes));
  if (a != nullptr) a->size = size;
  return a;
}

#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(TfLiteTensor) == 112, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, data) == 8, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, dims) == 16, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, params) == 24, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, allocation_type) == 32, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, bytes) == 40, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, name) == 56, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, quantization) == 80, "TfLiteTensor");
static_assert(offsetof(TfLiteTensor, dims_signature) == 104, "TfLiteTensor");
static_assert(sizeof(TfLiteNode) == 80, "TfLiteNode");
static_assert(offsetof(TfLiteNode, user_data) == 32, "TfLiteNode");
static_assert(offsetof(TfLiteNode, custom_initial_data) == 48, "TfLiteNode");
static_assert(offsetof(TfLiteNode, delegate) == 64, "TfLiteNode");
static_assert(sizeof(TfLiteRegistration) == 88, "TfLiteRegistration");
static_assert(offsetof(TfLiteRegistration, builtin_code) == 40, "TfLiteRegistration");
static_assert(offsetof(TfLiteRegistration, custom_name) == 48, "TfLiteRegistration");
static_assert(offsetof(TfLiteRegistration, version) == 56, "TfLiteRegistration");
static_assert(sizeof(TfLiteContext) == 200, "TfLiteContext");
static_assert(offsetof(TfLiteContext, tensors) == 16, "TfLiteContext");
static_assert(offsetof(TfLiteContext, ResizeTensor) == 32, "TfLiteContext");
static_assert(offsetof(TfLiteContext, ReportError) == 40, "TfLiteContext");
static_assert(offsetof(TfLiteContext, GetNodeAndRegistration) == 56, "TfLiteContext");
static_assert(offsetof(TfLiteContext, recommended_num_threads) == 72, "TfLiteContext");
static_assert(offsetof(TfLiteContext, GetExternalContext) == 80, "TfLiteContext");
static_assert(offsetof(TfLiteContext, GetTensor) == 160, "TfLiteContext");
static_assert(offsetof(TfLiteContext, ReleaseSubgraphContext) == 192, "TfLiteContext");
static_assert(sizeof(TfLiteDelegate) == 56, "TfLiteDelegate");
static_assert(offsetof(TfLiteDelegate, flags) == 40, "TfLiteDelegate");
static_assert(sizeof(TfLiteDelegateParams) == 32, "TfLiteDelegateParams");
static_assert(sizeof(TfLiteQuantization) == 16, "TfLiteQuantization");
static_assert(sizeof(TfLiteAffineQuantization) == 24, "TfLiteAffineQuantization");
#endif

}  // namespace opkit::abi

#endif  // OPKIT_TFLITE_ABI_H_
