#include "hosts/table.h"

#include <dlfcn.h>

#include <cstring>
#include <mutex>
#include <vector>

#include "opkit/status.h"

namespace opkit::hosts {
namespace {

// Grows only; pointers into it stay valid.
class OpTable {
 public:
  static OpTable& Get() {
    static auto* table = new OpTable();
    return *table;
  }

  std::string Add(const OpkitLibrary& library, const char* path) {
    if (library.abi_version != OPKIT_ABI_VERSION || library.struct_size < sizeof(OpkitLibrary) ||
        library.op_size < sizeof(OpkitOp)) {
      return Format(
          "%s was built for op table version %u, this kit reads version %d; rebuild it with the "
          "installed kit",
          path, library.abi_version, OPKIT_ABI_VERSION);
    }
    if (library.error != nullptr) return Format("%s: %s", path, library.error);
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = [&](uint32_t i) {
      return reinterpret_cast<const OpkitOp*>(reinterpret_cast<const char*>(library.ops) +
                                              size_t{i} * library.op_size);
    };
    for (const OpkitLibrary* known : libraries_) {
      if (known == &library) return "";  // loaded before
    }
    for (uint32_t i = 0; i < library.op_count; ++i) {
      for (const OpkitOp* op : ops_) {
        if (std::strcmp(op->name, at(i)->name) == 0 && op->version == at(i)->version) {
          return Format("%s: op %s version %d is already there; give yours another name or version",
                        path, op->name, op->version);
        }
      }
    }
    for (uint32_t i = 0; i < library.op_count; ++i) ops_.push_back(at(i));
    libraries_.push_back(&library);
    return "";
  }

  const OpkitOp* At(size_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return index < ops_.size() ? ops_[index] : nullptr;
  }

  const OpkitOp* Find(const char* name, int version) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const OpkitOp* best = nullptr;
    for (const OpkitOp* op : ops_) {
      if (std::strcmp(op->name, name) != 0 && std::strcmp(op->flex_name, name) != 0) continue;
      if (version != 0 && op->version != version) continue;
      if (best == nullptr || op->version > best->version) best = op;
    }
    return best;
  }

 private:
  OpTable() {
    const OpkitLibrary* own = opkit_library();
    if (own->error == nullptr) Add(*own, "libopkit");
  }

  std::mutex mutex_;
  std::vector<const OpkitOp*> ops_;
  std::vector<const OpkitLibrary*> libraries_;
};

}  // namespace

const OpkitOp* FindOp(const char* custom_name, int version) {
  return OpTable::Get().Find(custom_name, version);
}

int Fail(const std::string& message, char* error, size_t error_size) {
  if (error != nullptr && error_size > 0) {
    const size_t n = message.size() < error_size - 1 ? message.size() : error_size - 1;
    std::memcpy(error, message.data(), n);
    error[n] = '\0';
  }
  return -1;
}

}  // namespace opkit::hosts

extern "C" const OpkitOp* opkit_op(size_t index) { return opkit::hosts::OpTable::Get().At(index); }

extern "C" int opkit_load_library(const char* path, char* error, size_t error_size) {
  using opkit::hosts::Fail;
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = dlerror();
    return Fail(why != nullptr ? why : "dlopen failed", error, error_size);
  }
  using LibraryFn = const OpkitLibrary* (*)();
  void* symbol = dlsym(handle, "opkit_library");
  if (symbol == nullptr) {
    dlclose(handle);
    return Fail(opkit::Format("%s exports no opkit_library; build it with opkit_add_ops()", path),
                error, error_size);
  }
  LibraryFn library;
  std::memcpy(&library, &symbol, sizeof(library));
  const std::string problem = opkit::hosts::OpTable::Get().Add(*library(), path);
  if (problem.empty()) return 0;  // the table keeps pointers into the library: it stays open
  dlclose(handle);
  return Fail(problem, error, error_size);
}
