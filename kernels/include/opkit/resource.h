// State shared between nodes and signatures of one interpreter (hash tables, ...), and variant
// values that travel through tensors (tensor lists, ...).
#ifndef OPKIT_RESOURCE_H_
#define OPKIT_RESOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "opkit/tflite_abi.h"

namespace opkit {

// Base of everything OpContext::Resource<T> keeps.
class ResourceBase {
 public:
  virtual ~ResourceBase() = default;
  virtual const char* kind() const = 0;  // "hash table", for error texts
};

// A variant value: immutable once stored, shared by all tensors that copied it.
class VariantValue {
 public:
  virtual ~VariantValue() = default;
  virtual const char* kind() const = 0;  // "tensor list", for error texts
};

}  // namespace opkit

#endif  // OPKIT_RESOURCE_H_
