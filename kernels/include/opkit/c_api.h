/* The plain C surface of an op library: libopkit itself, and every library an author builds with
 * the kit, exports opkit_library(). Only C types cross the boundary. */
#ifndef OPKIT_C_API_H_
#define OPKIT_C_API_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OPKIT_ABI_VERSION 1
#define OPKIT_EXPORT __attribute__((visibility("default")))

struct TfLiteRegistration;
struct TfLiteDelegate;

typedef struct OpkitOp {
  const char* name;      /* TF's op name, static */
  const char* flex_name; /* "Flex" + name, static */
  int32_t version;
  const char* declaration_json; /* arity, dtypes, attributes; see docs/authoring.md */
  const struct TfLiteRegistration* registration;      /* custom_name == name */
  const struct TfLiteRegistration* flex_registration; /* custom_name == flex_name */
} OpkitOp;

typedef struct OpkitLibrary {
  uint32_t abi_version; /* OPKIT_ABI_VERSION */
  uint32_t struct_size; /* sizeof(OpkitLibrary) */
  uint32_t op_size;     /* sizeof(OpkitOp) */
  uint32_t op_count;
  const OpkitOp* ops;
  const char* error; /* NULL, or why a declaration of this library cannot be used */
} OpkitLibrary;

/* The ops of this library. */
OPKIT_EXPORT const OpkitLibrary* opkit_library(void);

/* Below: libopkit only. */

/* Adds the ops of a library at `path`; later additions of a taken name are refused.
 * Returns 0, or -1 with a message in `error` (cut at error_size). */
OPKIT_EXPORT int opkit_load_library(const char* path, char* error, size_t error_size);

/* All known ops: the kit's own, then those of loaded libraries. Index from 0; NULL at the end. */
OPKIT_EXPORT const OpkitOp* opkit_op(size_t index);

/* Registers every op (under its name and its Flex name) through the exported
 * tflite::MutableOpResolver::AddCustom of the process's TensorFlow.
 * Returns 0, or -1 with a message in `error`. */
OPKIT_EXPORT int opkit_register_all(void* mutable_op_resolver, char* error, size_t error_size);

/* Caps the instruction set kernels use: "auto", "sse4", "avx2", "avx512", "neon".
 * Returns 0, or -1 when the name is unknown or the CPU lacks it. Not thread-safe. */
OPKIT_EXPORT int opkit_set_simd(const char* name);
OPKIT_EXPORT const char* opkit_get_simd(void);

/* TFLite's external delegate entry points. Options: none. */
OPKIT_EXPORT struct TfLiteDelegate* tflite_plugin_create_delegate(
    const char* const* keys, const char* const* values, size_t count,
    void (*report_error)(const char*));
OPKIT_EXPORT void tflite_plugin_destroy_delegate(struct TfLiteDelegate* delegate);

#ifdef __cplusplus
}
#endif

#endif /* OPKIT_C_API_H_ */
