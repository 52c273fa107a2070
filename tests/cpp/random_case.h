// Random calls of declared ops, valid or hostile, drawn from a byte source.
#ifndef OPKIT_TESTS_CPP_RANDOM_CASE_H_
#define OPKIT_TESTS_CPP_RANDOM_CASE_H_

#include <string>
#include <vector>

#include "framework/instance.h"
#include "mini_runtime.h"
#include "random_values.h"

namespace opkit::testing {

struct Outcome {
  bool ran = false;     // prepare and invoke accepted the call
  std::string message;  // what was reported otherwise
};

// Makes inputs, attributes and outputs for `entry` and runs it. The same source gives the same
// call. Handles come from ops that make or change some; what an op may find in files is written by
// one that writes files.
Outcome RunRandomCase(const internal::OpEntry& entry, Source* source);

// All declared ops, in alphabetical order.
std::vector<const internal::OpEntry*> AllOps();

}  // namespace opkit::testing

#endif  // OPKIT_TESTS_CPP_RANDOM_CASE_H_
