// SPDX-License-Identifier: Apache-2.0
// One flow, followed from its start to the end of the time. Pure; thread-safe.
#ifndef HEBB_CLIENT_THEORY_TRACE_H_
#define HEBB_CLIENT_THEORY_TRACE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "client/theory/invariants.h"
#include "client/theory/rule.h"
#include "client/theory/start.h"

namespace hebb::theory {

// Time has the unit of the flow's equations.
struct Course {
  Integrator integrator = Integrator::kEuler;
  double dt = 0.01;
  double time = 20;
  Measure measure = Measure::kSquaredError;
  double threshold = 0.01;  // of the error relative to its start

  int64_t steps() const;
  // Steps between two recorded moments: at most 401 are recorded, the start among them.
  int64_t stride() const;
};

struct Trace {
  // Relative to the start, at every stride-th step. Shorter than the course when it diverged.
  std::vector<double> error;
  // When the error first came down to the threshold, interpolated within the step.
  std::optional<double> reached;
  // When the error was no longer a finite number. Nothing else but `error` is set then.
  std::optional<double> diverged;
  // -d ln|E| / dt at the step after `reached`.
  std::optional<double> rate;
  // The same at the last recorded moment at which |E| was above what rounding leaves of it.
  double final_rate = 0;
  std::vector<Violation> violations;  // at the recorded moments
};

// `at_record`: called at each recorded moment. REQUIRES: 0 < dt <= time, 0 < threshold < 1, an
// error at the start.
Trace Follow(Rule rule, const Problem& problem, const Course& course,
             const std::function<void()>& at_record = nullptr);

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_TRACE_H_
