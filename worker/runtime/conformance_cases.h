// SPDX-License-Identifier: Apache-2.0
// Small jobs that together have every kind of layer, activation, loss, rule and option.
#ifndef HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_
#define HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_

#include <string>
#include <vector>

#include "worker/engine/oracle/scene.h"

namespace hebb::runtime {

struct ConformanceCase {
  std::string name;
  engine::OracleCase network;
  spec::Job job;
  int steps = 1;
  // Of the steps on an engine against the oracle's, relative, of each tensor's change. Two engines
  // may be twice as far apart.
  double limit = 1e-5;
};

// The oracle's networks, each under another rule, loss and order; its variants, which are the rules
// with their options, optimizers and inputs; and one product in each precision.
std::vector<ConformanceCase> ConformanceCases();

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CONFORMANCE_CASES_H_
