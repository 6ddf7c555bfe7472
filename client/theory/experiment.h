// SPDX-License-Identifier: Apache-2.0
// A comparison of the rules on linear networks over many starts. Pure: the same experiment gives
// the same report. Thread-safe.
#ifndef HEBB_CLIENT_THEORY_EXPERIMENT_H_
#define HEBB_CLIENT_THEORY_EXPERIMENT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/theory/rule.h"
#include "client/theory/trace.h"

namespace hebb::theory {

// Networks of random weights.
struct Matrices {
  std::vector<int> layers = {40, 30, 10};  // from the input to the output
  double std_w = 0.05;
  std::optional<double> std_target;  // default: 1 / sqrt(inputs)
  uint64_t first_seed = 1;
  int seeds = 10;
};

// y = w2 w1 x from w1 = w2 = 0.
struct Scalars {
  double target = 1;
  double bp_start = 1e-3;  // w1 = w2 under BP, which does not leave 0
};

struct Experiment {
  std::optional<Scalars> scalars;  // else matrices
  Matrices matrices;
  // One case each: the scalar chain's r0, or the standard deviation of R.
  std::vector<double> feedback = {0.1};
  std::vector<Rule> rules = {Rule::kBp, Rule::kFrfb, Rule::kUrfb};
  Course course;
};

// Over the starts. Infinite where so many of them diverged or, for a time, did not arrive.
struct Quartiles {
  double lower = 0;
  double median = 0;
  double upper = 0;
};

struct Result {
  double feedback = 0;
  Rule rule = Rule::kBp;
  int starts = 0;
  int reached = 0;
  int diverged = 0;
  std::optional<double> first_divergence;  // the earliest time at which a start diverged
  Quartiles time;                          // to the threshold
  // Of the starts that came down to the threshold and of those that did not diverge; empty where
  // there were none.
  std::optional<Quartiles> rate;
  std::optional<Quartiles> final_rate;
  std::vector<Violation> violations;  // the largest
  std::vector<Quartiles> error;       // at Report::times
};

struct Report {
  std::vector<double> times;
  std::vector<Result> results;  // case by case, in the order of the rules
};

// How many moments of the flows are computed, and how many there are in all. Called by the thread
// that runs the experiment.
using Progress = std::function<void(int64_t done, int64_t total)>;

// INVALID_ARGUMENT: numbers outside of what makes sense or can be computed in a sensible time.
absl::StatusOr<Report> RunExperiment(const Experiment& experiment,
                                     const Progress& progress = nullptr);

// Of at least one value, by linear interpolation between neighbours.
Quartiles QuartilesOf(std::vector<double> values);

// feedback,rule,time,error,error_lower_quartile,error_upper_quartile: a header and a line for each
// case, rule and time.
std::string ToCsv(const Report& report);

}  // namespace hebb::theory

#endif  // HEBB_CLIENT_THEORY_EXPERIMENT_H_
