// SPDX-License-Identifier: Apache-2.0
// Small jobs that together have every kind of layer, activation, loss, rule and option.
#ifndef HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_
#define HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_

#include <string>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::runtime {

struct ConformanceCase {
  std::string name;
  spec::Job job;
  // Of a step on one engine against the same on another, relative, of each tensor's change.
  double limit = 0;
};

// Of images of 3 x 12 x 12, 10 classes.
std::vector<ConformanceCase> ConformanceCases();

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_
