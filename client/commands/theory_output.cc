// SPDX-License-Identifier: Apache-2.0
#include "client/commands/theory_output.h"

#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace hebb::client {
namespace {

using theory::Experiment;
using theory::Quartiles;
using theory::Report;
using theory::Result;

constexpr double kLeastDrawn = 1e-16;  // below, the axis would be mostly rounding errors

std::string CaseName(const Experiment& experiment) { return experiment.scalars ? "r0" : "R std"; }

std::string MeasureName(const Experiment& experiment) {
  return experiment.course.measure == theory::Measure::kError ? "relative error"
                                                              : "relative squared error";
}

// Why the median start has no time.
std::string NoTime(const Experiment& experiment, const Result& result) {
  const int late = result.starts - result.reached - result.diverged;
  if (result.diverged > late) return "diverged";
  return absl::StrFormat("> %g", experiment.course.time);
}

std::string Time(const Experiment& experiment, const Result& result, double time) {
  return std::isfinite(time) ? absl::StrFormat("%.3f", time) : NoTime(experiment, result);
}

std::string Rate(const std::optional<Quartiles>& rate) {
  return rate ? absl::StrFormat("%.3f", rate->median) : "-";
}

std::string Violations(const Result& result) {
  return absl::StrJoin(result.violations, ", ",
                       [](std::string* out, const theory::Violation& violation) {
                         absl::StrAppendFormat(out, "%s: %.1e", violation.name, violation.relative);
                       });
}

nlohmann::ordered_json Number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json Json(const Quartiles& quartiles) {
  return {{"median", Number(quartiles.median)},
          {"lower_quartile", Number(quartiles.lower)},
          {"upper_quartile", Number(quartiles.upper)}};
}

nlohmann::ordered_json Json(const Result& result) {
  nlohmann::ordered_json json = {
      {"feedback", result.feedback}, {"rule", theory::NameOf(result.rule)},
      {"starts", result.starts},     {"reached", result.reached},
      {"diverged", result.diverged}, {"first_divergence", nullptr},
      {"time", Json(result.time)},   {"rate", nullptr},
      {"final_rate", nullptr},       {"final_error", Json(result.error.back())}};
  if (result.first_divergence) json["first_divergence"] = *result.first_divergence;
  if (result.rate) json["rate"] = Json(*result.rate);
  if (result.final_rate) json["final_rate"] = Json(*result.final_rate);
  json["invariants"] = nlohmann::ordered_json::array();
  for (const theory::Violation& violation : result.violations) {
    json["invariants"].push_back({{"name", violation.name}, {"violation", violation.relative}});
  }
  return json;
}

std::string SeriesName(const Experiment& experiment, const Result& result) {
  if (result.rule == theory::Rule::kBp || experiment.feedback.size() == 1) {
    return theory::NameOf(result.rule);
  }
  return absl::StrFormat("%s, %s %g", theory::NameOf(result.rule), CaseName(experiment),
                         result.feedback);
}

plot::Series SeriesOf(const Experiment& experiment, const Report& report, const Result& result) {
  plot::Series series{SeriesName(experiment, result), {}};
  for (size_t i = 0; i < report.times.size(); ++i) {
    const Quartiles& error = result.error[i];
    if (!(error.median >= kLeastDrawn)) break;
    plot::Point point{report.times[i], error.median};
    if (result.starts > 1) point.band = plot::Band{error.lower, error.upper};
    series.points.push_back(point);
  }
  return series;
}

}  // namespace

Table TheoryTable(const Experiment& experiment, const Report& report) {
  Table table({experiment.scalars ? "R0" : "R-STD", "RULE", "TIME", "QUARTILES", "REACHED",
               "DIVERGED", "RATE", "FINAL-RATE", "FINAL-ERROR", "CHANGE OF INVARIANTS"});
  for (const Result& result : report.results) {
    const double error = result.error.back().median;
    table.Add({absl::StrCat(result.feedback), theory::NameOf(result.rule),
               Time(experiment, result, result.time.median),
               result.starts == 1
                   ? "-"
                   : absl::StrCat(Time(experiment, result, result.time.lower), " .. ",
                                  Time(experiment, result, result.time.upper)),
               absl::StrCat(result.reached, "/", result.starts), absl::StrCat(result.diverged),
               Rate(result.rate), Rate(result.final_rate),
               std::isfinite(error) ? absl::StrFormat("%.1e", error) : "-", Violations(result)});
  }
  return table;
}

nlohmann::ordered_json TheoryJson(const Experiment& experiment, const Report& report) {
  const theory::Course& course = experiment.course;
  nlohmann::ordered_json json;
  if (experiment.scalars) {
    json["scalar"] = {{"target", experiment.scalars->target},
                      {"bp_start", experiment.scalars->bp_start}};
  } else {
    const theory::Matrices& matrices = experiment.matrices;
    json["layers"] = matrices.layers;
    json["std_w"] = matrices.std_w;
    json["std_target"] = matrices.std_target.value_or(1 / std::sqrt(matrices.layers[0]));
    json["first_seed"] = matrices.first_seed;
    json["seeds"] = matrices.seeds;
  }
  json["integrator"] = theory::NameOf(course.integrator);
  json["dt"] = course.dt;
  json["end"] = course.time;
  json["criterion"] = theory::NameOf(course.measure);
  json["threshold"] = course.threshold;
  json["results"] = nlohmann::ordered_json::array();
  for (const Result& result : report.results) json["results"].push_back(Json(result));
  return json;
}

plot::Chart TheoryChart(const Experiment& experiment, const Report& report) {
  plot::Chart chart;
  chart.title = experiment.scalars ? "Scalar chain"
                                   : absl::StrCat("Linear network ",
                                                  absl::StrJoin(experiment.matrices.layers, "-"));
  chart.x_label = "time";
  chart.y_label = MeasureName(experiment);
  chart.y_scale = plot::Scale::kLog;
  for (size_t i = 0; i < report.results.size(); ++i) {
    const Result& result = report.results[i];
    // BP's cases are all one.
    if (result.rule == theory::Rule::kBp && i >= experiment.rules.size()) continue;
    chart.series.push_back(SeriesOf(experiment, report, result));
  }
  return chart;
}

std::vector<std::string> DivergenceNotes(const Experiment& experiment, const Report& report) {
  std::vector<std::string> notes;
  for (const Result& result : report.results) {
    if (result.diverged == 0) continue;
    notes.push_back(absl::StrFormat(
        "%s, %s %g: %d of %d starts diverged, the first at t = %g; a smaller --dt or --integrator "
        "rk4 follows the flow more closely",
        theory::NameOf(result.rule), CaseName(experiment), result.feedback, result.diverged,
        result.starts, *result.first_divergence));
  }
  return notes;
}

}  // namespace hebb::client
