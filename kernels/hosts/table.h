// All ops a host can offer: the kit's own and those of loaded libraries.
#ifndef OPKIT_HOSTS_TABLE_H_
#define OPKIT_HOSTS_TABLE_H_

#include <string>

#include "opkit/c_api.h"
#include "opkit/tflite_abi.h"

namespace opkit::hosts {

// The op whose name, or "Flex" + name, is `custom_name`, at this version (0: the newest).
const OpkitOp* FindOp(const char* custom_name, int version);

// Copies `message` into a C caller's buffer.
int Fail(const std::string& message, char* error, size_t error_size);

}  // namespace opkit::hosts

#endif  // OPKIT_HOSTS_TABLE_H_
