#include "hosts/table.h"

#include <dlfcn.h>

#include <cstring>
#include <deque>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace opkit::hosts {
namespace {

// Grows only; pointers into it stay valid.
class OpTable {
 public:
  static OpTable& Get() {
    static auto* table = new OpTable();
    return *table;
  }

  std::string Add(const OpkitLibrary& library, const std::string& path) {
    if (library.abi_version != OPKIT_ABI_VERSION || library.struct_size < sizeof(OpkitLibrary) ||
        library.op_size < sizeof(OpkitOp)) {
      return path + " was built for op table version " + std::to_string(library.abi_version) +
             ", this kit reads version " + std::to_string(OPKIT_ABI_VERSION) +
             "; rebuild it with the installed kit";
    }
    if (library.error != nullptr) return path + ": " + library.error;
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
          return path + ": op " + op->name + " version " + std::to_string(op->version) +
                 " is already there; give yours another name or version";
        }
      }
    }
    for (uint32_t i = 0; i < library.op_count; ++i) {
      ops_.push_back(at(i));
      Index(at(i)->name, at(i));
      Index(at(i)->flex_name, at(i));
    }
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
    const auto range = by_name_.equal_range(name);
    for (auto it = range.first; it != range.second; ++it) {
      const OpkitOp* op = it->second;
      if (version != 0 && op->version != version) continue;
      if (best == nullptr || op->version > best->version) best = op;
    }
    return best;
  }

 private:
  OpTable() {
    const OpkitLibrary* own = opkit_library();
    if (own->error == nullptr) {
      Add(*own, "libopkit");
    }
  }
  void Index(const char* name, const OpkitOp* op) { by_name_.emplace(name, op); }

  std::mutex mutex_;
  std::deque<const OpkitOp*> ops_;
  std::deque<const OpkitLibrary*> libraries_;
  std::unordered_multimap<std::string_view, const OpkitOp*> by_name_;
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
    return Fail(std::string(path) + " exports no opkit_library; build it with opkit_add_ops()",
                error, error_size);
  }
  LibraryFn library;
  std::memcpy(&library, &symbol, sizeof(library));
  const std::string problem = opkit::hosts::OpTable::Get().Add(*library(), path);
  // The table keeps pointers into the library, so it is never closed once added.
  return problem.empty() ? 0 : Fail(problem, error, error_size);
}
