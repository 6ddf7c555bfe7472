// SPDX-License-Identifier: Apache-2.0
#include "client/theory/experiment.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/theory/start.h"
#include "common/status_macros.h"

namespace hebb::theory {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMostSteps = 1e7;
constexpr double kLeastTarget = 1e-100;  // its square is a number too
constexpr int kMostSeeds = 10'000;
constexpr int kLargestLayer = 2048;
constexpr size_t kMostLayers = 17;

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool Within(double value, double low, double high) { return value >= low && value <= high; }

absl::Status CheckCourse(const Course& course) {
  if (!Within(course.dt, 1e-9, 1e9) || !Within(course.time, course.dt, 1e9)) {
    return Bad("dt and time must be positive, and dt no longer than the time");
  }
  if (course.time / course.dt > kMostSteps) {
    return Bad(absl::StrCat("time / dt is above ", kMostSteps, " steps; take a larger dt"));
  }
  if (!(course.threshold > 0 && course.threshold < 1)) {
    return Bad("the threshold must lie between 0 and 1");
  }
  return absl::OkStatus();
}

absl::Status CheckMatrices(const Matrices& matrices) {
  if (matrices.layers.size() < 2 || matrices.layers.size() > kMostLayers) {
    return Bad(absl::StrCat("a network has 2 to ", kMostLayers, " sizes, the input's first"));
  }
  for (const int size : matrices.layers) {
    if (size < 1 || size > kLargestLayer) {
      return Bad(absl::StrCat("a layer's size must be 1 to ", kLargestLayer, ", not ", size));
    }
  }
  if (!Within(matrices.std_w, 0, 1e6)) return Bad("the deviation of W must be 0 or more");
  if (matrices.std_target && !Within(*matrices.std_target, kLeastTarget, 1e6)) {
    return Bad("the deviation of the target must be positive");
  }
  if (matrices.seeds < 1 || matrices.seeds > kMostSeeds) {
    return Bad(absl::StrCat("there must be 1 to ", kMostSeeds, " seeds"));
  }
  return absl::OkStatus();
}

absl::Status CheckScalars(const Scalars& scalars) {
  if (!Within(std::abs(scalars.target), kLeastTarget, 1e6)) {
    return Bad("the target must not be 0, where the network starts");
  }
  if (!(scalars.bp_start > 0 && scalars.bp_start <= 1e6)) {
    return Bad("BP's start must be positive: it does not leave 0");
  }
  if (scalars.bp_start * scalars.bp_start == scalars.target) {
    return Bad("BP would start at the target");
  }
  return absl::OkStatus();
}

absl::Status Check(const Experiment& experiment) {
  HEBB_RETURN_IF_ERROR(CheckCourse(experiment.course));
  if (experiment.feedback.empty() || experiment.rules.empty()) {
    return Bad("there must be at least one rule and one value for the feedback");
  }
  const double least = experiment.scalars ? -1e6 : 0;
  for (const double value : experiment.feedback) {
    if (!Within(value, least, 1e6)) {
      return Bad(absl::StrCat("the feedback must lie between ", least, " and 1e6"));
    }
  }
  return experiment.scalars ? CheckScalars(*experiment.scalars)
                            : CheckMatrices(experiment.matrices);
}

// BP knows no feedback: its first case is all its cases.
bool IsRepeated(Rule rule, size_t feedback) { return feedback > 0 && rule == Rule::kBp; }

int64_t FlowsOf(const Experiment& experiment) {
  const int64_t starts = experiment.scalars ? 1 : experiment.matrices.seeds;
  int64_t flows = 0;
  for (size_t i = 0; i < experiment.feedback.size(); ++i) {
    for (const Rule rule : experiment.rules) flows += IsRepeated(rule, i) ? 0 : starts;
  }
  return flows;
}

// Counts the moments of all flows for those who watch.
class Meter {
 public:
  // `moments`: of each flow.
  Meter(const Progress& progress, int64_t flows, int64_t moments)
      : progress_(progress), moments_(moments), total_(flows * moments) {}

  Trace Follow(Rule rule, const Problem& problem, const Course& course) {
    const int64_t begun = done_;
    Trace trace = theory::Follow(rule, problem, course, [this] {
      ++done_;
      if (progress_) progress_(done_, total_);
    });
    done_ = begun + moments_;  // one that diverged has ended before its time
    return trace;
  }

 private:
  const Progress& progress_;
  const int64_t moments_;
  const int64_t total_;
  int64_t done_ = 0;
};

std::vector<Trace> FollowAll(const Experiment& experiment, double feedback, Rule rule,
                             Meter& meter) {
  if (experiment.scalars) {
    const double w0 = rule == Rule::kBp ? experiment.scalars->bp_start : 0;
    return {meter.Follow(rule, ScalarProblem(w0, feedback, experiment.scalars->target),
                         experiment.course)};
  }
  const Matrices& matrices = experiment.matrices;
  const Deviations deviations{matrices.std_w, feedback,
                              matrices.std_target.value_or(1 / std::sqrt(matrices.layers[0]))};
  std::vector<Trace> traces;
  for (int i = 0; i < matrices.seeds; ++i) {
    const uint64_t seed = matrices.first_seed + static_cast<uint64_t>(i);
    traces.push_back(
        meter.Follow(rule, RandomProblem(matrices.layers, deviations, seed), experiment.course));
  }
  return traces;
}

// Element `at` of the values in order, where a fraction lies between two.
double Quantile(const std::vector<double>& ordered, double at) {
  const auto below = static_cast<size_t>(at);
  const double part = at - static_cast<double>(below);
  if (part == 0) return ordered[below];
  if (std::isinf(ordered[below + 1])) return kInfinity;
  return ordered[below] + part * (ordered[below + 1] - ordered[below]);
}

void KeepLargest(const std::vector<Violation>& of, std::vector<Violation>& largest) {
  if (largest.empty()) largest = of;
  for (size_t i = 0; i < of.size(); ++i) {
    largest[i].relative = std::max(largest[i].relative, of[i].relative);
  }
}

Result Summary(const std::vector<Trace>& traces, size_t moments) {
  Result result;
  result.starts = static_cast<int>(traces.size());
  std::vector<double> times, rates, final_rates;
  for (const Trace& trace : traces) {
    times.push_back(trace.reached.value_or(kInfinity));
    result.reached += trace.reached ? 1 : 0;
    if (trace.diverged) {
      ++result.diverged;
      result.first_divergence =
          std::min(result.first_divergence.value_or(kInfinity), *trace.diverged);
      continue;
    }
    if (trace.rate) rates.push_back(*trace.rate);
    final_rates.push_back(trace.final_rate);
    KeepLargest(trace.violations, result.violations);
  }
  result.time = QuartilesOf(std::move(times));
  if (!rates.empty()) result.rate = QuartilesOf(std::move(rates));
  if (!final_rates.empty()) result.final_rate = QuartilesOf(std::move(final_rates));
  for (size_t moment = 0; moment < moments; ++moment) {
    std::vector<double> errors;
    for (const Trace& trace : traces) {
      errors.push_back(moment < trace.error.size() ? trace.error[moment] : kInfinity);
    }
    result.error.push_back(QuartilesOf(std::move(errors)));
  }
  return result;
}

}  // namespace

Quartiles QuartilesOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double last = static_cast<double>(values.size()) - 1;
  return {Quantile(values, last / 4), Quantile(values, last / 2), Quantile(values, 3 * last / 4)};
}

absl::StatusOr<Report> RunExperiment(const Experiment& experiment, const Progress& progress) {
  HEBB_RETURN_IF_ERROR(Check(experiment));
  const Course& course = experiment.course;
  Report report;
  for (int64_t step = 0; step <= course.steps(); step += course.stride()) {
    report.times.push_back(static_cast<double>(step) * course.dt);
  }
  Meter meter(progress, FlowsOf(experiment), static_cast<int64_t>(report.times.size()));
  for (size_t i = 0; i < experiment.feedback.size(); ++i) {
    for (size_t j = 0; j < experiment.rules.size(); ++j) {
      const Rule rule = experiment.rules[j];
      Result result = IsRepeated(rule, i)
                          ? report.results[j]
                          : Summary(FollowAll(experiment, experiment.feedback[i], rule, meter),
                                    report.times.size());
      result.feedback = experiment.feedback[i];
      result.rule = rule;
      report.results.push_back(std::move(result));
    }
  }
  return report;
}

std::string ToCsv(const Report& report) {
  std::string csv = "feedback,rule,time,error,error_lower_quartile,error_upper_quartile\n";
  for (const Result& result : report.results) {
    for (size_t i = 0; i < report.times.size(); ++i) {
      const Quartiles& error = result.error[i];
      absl::StrAppendFormat(&csv, "%g,%s,%.9g,%.9g,%.9g,%.9g\n", result.feedback,
                            NameOf(result.rule), report.times[i], error.median, error.lower,
                            error.upper);
    }
  }
  return csv;
}

}  // namespace hebb::theory
