// Registration into a tflite::MutableOpResolver of the process's TensorFlow.
//
// TensorFlow's libtensorflow_cc exports AddCustom of the same TFLite version as the interpreter in
// the Python module (checked on 2.17 to 2.21). LiteRT hides it: use the delegate there.
#include <dlfcn.h>

#include <cstring>

#include "hosts/table.h"

namespace {

using AddCustomFn = void (*)(void* resolver, const char* name, const TfLiteRegistration* r,
                             int version);

AddCustomFn FindAddCustom() {
  constexpr const char* kSymbol =
      "_ZN6tflite17MutableOpResolver9AddCustomEPKcPK18TfLiteRegistrationi";
  void* symbol = dlsym(RTLD_DEFAULT, kSymbol);
  for (const char* name : {"libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib"}) {
    if (symbol != nullptr) break;
    // RTLD_NOLOAD: only what the process has loaded already.
    void* handle = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    symbol = dlsym(handle, kSymbol);
    dlclose(handle);
  }
  AddCustomFn fn = nullptr;
  static_assert(sizeof(fn) == sizeof(symbol), "function pointers are data pointers here");
  std::memcpy(&fn, &symbol, sizeof(fn));
  return fn;
}

}  // namespace

extern "C" int opkit_register_all(void* mutable_op_resolver, char* error, size_t error_size) {
  static const AddCustomFn add_custom = FindAddCustom();
  if (mutable_op_resolver == nullptr) {
    return opkit::hosts::Fail("the resolver is null", error, error_size);
  }
  if (add_custom == nullptr) {
    return opkit::hosts::Fail(
        "this process has no TensorFlow that exports tflite::MutableOpResolver::AddCustom (LiteRT "
        "hides it); use the delegate: opkit.Interpreter(...) or opkit.load_delegate()",
        error, error_size);
  }
  for (size_t i = 0; const OpkitOp* op = opkit_op(i); ++i) {
    add_custom(mutable_op_resolver, op->name, op->registration, op->version);
    add_custom(mutable_op_resolver, op->flex_name, op->flex_registration, op->version);
  }
  return 0;
}
