// opkit._native: libopkit's C surface for Python.
#include <dlfcn.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "opkit/c_api.h"

namespace py = pybind11;

namespace {

// Callable that registers every kernel into a tflite::MutableOpResolver given by its address: what
// custom_op_registerers, the Calibrator and the converter's _experimental_custom_op_registerers
// take.
class OpResolver {
 public:
  void Register(uintptr_t resolver) const {
    char error[512] = "";
    void* address = reinterpret_cast<void*>(resolver);  // NOLINT: Python passes addresses as int
    if (opkit_register_all(address, error, sizeof(error)) != 0) {
      throw std::runtime_error(error);
    }
  }
};

std::vector<std::string> Declarations() {
  std::vector<std::string> out;
  for (size_t i = 0; const OpkitOp* op = opkit_op(i); ++i) out.emplace_back(op->declaration_json);
  return out;
}

void LoadLibrary(const std::string& path) {
  char error[1024] = "";
  if (opkit_load_library(path.c_str(), error, sizeof(error)) != 0) {
    throw std::runtime_error(error);
  }
}

void SetSimd(const std::string& name) {
  if (opkit_set_simd(name.c_str()) != 0) {
    throw std::invalid_argument("SIMD level '" + name +
                                "' is unknown or not supported by this CPU; levels: auto, sse4, "
                                "avx2, avx512, neon");
  }
}

std::string LibraryPath() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&opkit_library), &info) == 0) return "";
  return info.dli_fname;
}

std::string LibraryError() {
  const char* error = opkit_library()->error;
  return error == nullptr ? "" : error;
}

}  // namespace

PYBIND11_MODULE(_native, m) {
  m.doc() = "libopkit's kernels, registry and hosts.";
  py::class_<OpResolver>(m, "OpResolver",
                         "Registers every opkit kernel into a TensorFlow Lite op resolver.\n\n"
                         "Pass an instance in custom_op_registerers of InterpreterWithCustomOps,\n"
                         "in custom_op_registerers_by_func of Calibrator, or in\n"
                         "converter.target_spec._experimental_custom_op_registerers.")
      .def(py::init<>())
      .def("__call__", &OpResolver::Register, py::arg("resolver"),
           "Registers into the tflite::MutableOpResolver at this address.\n\n"
           "Raises RuntimeError where the process has no TensorFlow (LiteRT): use the delegate.")
      .def("__repr__", [](const OpResolver&) {
        return "<opkit.OpResolver of " + std::to_string(Declarations().size()) + " ops>";
      });
  m.def("declarations", &Declarations, "JSON text of every op's declaration.");
  m.def("load_library", &LoadLibrary, py::arg("path"),
        "Adds the ops of a library built with opkit_add_ops(). Raises RuntimeError.");
  m.def("set_simd", &SetSimd, py::arg("level"),
        "Caps the instruction set: auto, sse4, avx2, avx512, neon. Raises ValueError.");
  m.def("get_simd", [] { return std::string(opkit_get_simd()); }, "The instruction set in use.");
  m.def("library_path", &LibraryPath, "File of libopkit.");
  m.def("library_error", &LibraryError, "Why the kit's own declarations cannot be used, or ''.");
}
