// SPDX-License-Identifier: Apache-2.0
#include "client/sweep/summary.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/format.h"

namespace hebb::client {

const std::vector<Metric>& Metrics() {
  static const auto* all =
      new std::vector<Metric>{{"train_loss", "train loss", false},
                              {"train_accuracy", "train accuracy", true},
                              {"validation_accuracy", "validation accuracy", true},
                              {"test_accuracy", "test accuracy", true},
                              {"test_loss", "test loss", false}};
  return *all;
}

absl::StatusOr<Metric> FindMetric(absl::string_view name) {
  std::vector<std::string> names;
  for (const Metric& metric : Metrics()) {
    if (metric.name == name) return metric;
    names.push_back(metric.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no metric '", name, "'; use one of ", absl::StrJoin(names, ", ")));
}

std::optional<double> ValueOf(const v1::Metrics& metrics, const Metric& metric) {
  const auto* field = v1::Metrics::descriptor()->FindFieldByName(metric.name);
  const auto* reflection = metrics.GetReflection();
  if (field == nullptr || !reflection->HasField(metrics, field)) return std::nullopt;
  const double value = reflection->GetDouble(metrics, field);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string ValueText(const Metric& metric, std::optional<double> value) {
  if (!value) return "";
  return metric.is_accuracy ? Percent(*value) : absl::StrFormat("%.4f", *value);
}

std::string EstimateText(const Metric& metric, const Estimate& estimate) {
  if (estimate.n == 0) return "";
  if (!estimate.half_width) return ValueText(metric, estimate.mean);
  if (metric.is_accuracy) {
    return absl::StrFormat("%.2f ± %.2f %%", 100 * estimate.mean, 100 * *estimate.half_width);
  }
  return absl::StrFormat("%.4f ± %.4f", estimate.mean, *estimate.half_width);
}

sweep::Point PointOf(const v1::SweepRun& run) {
  sweep::Point point;
  for (const v1::GridValue& entry : run.point()) point.emplace_back(entry.key(), entry.value());
  return point;
}

sweep::Labels LabelsOf(const v1::Sweep& sweep) {
  std::vector<sweep::Point> points;
  for (const v1::SweepRun& run : sweep.runs()) points.push_back(PointOf(run));
  return sweep::Labels(points);
}

std::vector<Group> GroupsOf(const v1::Sweep& sweep) {
  std::vector<Group> groups;
  for (const v1::SweepGroup& from : sweep.groups()) {
    Group group = {{}, from.label(), {from.runs().begin(), from.runs().end()}, {}};
    for (const v1::GridValue& entry : from.point()) {
      group.point.emplace_back(entry.key(), entry.value());
    }
    for (const v1::SweepMean& mean : from.means()) {
      Estimate& estimate = group.means[mean.metric()];
      estimate = {mean.n(), mean.mean(), std::nullopt};
      if (mean.has_half_width()) estimate.half_width = mean.half_width();
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Estimate MeanOf(const Group& group, const Metric& metric) {
  const auto found = group.means.find(metric.name);
  return found == group.means.end() ? Estimate{} : found->second;
}

const Group* BestGroup(const std::vector<Group>& groups, const Metric& metric) {
  const Group* best = nullptr;
  double best_mean = 0;
  for (const Group& group : groups) {
    const Estimate estimate = MeanOf(group, metric);
    if (estimate.n == 0) continue;
    const bool better = metric.is_accuracy ? estimate.mean > best_mean : estimate.mean < best_mean;
    if (best == nullptr || better) {
      best = &group;
      best_mean = estimate.mean;
    }
  }
  return best;
}

nlohmann::ordered_json ToJson(const v1::Sweep& sweep, const std::vector<Group>& groups) {
  auto array = nlohmann::ordered_json::array();
  for (const Group& group : groups) {
    nlohmann::ordered_json entry = {{"label", group.label}};
    entry["point"] = nlohmann::ordered_json::object();
    for (const auto& [key, value] : group.point) entry["point"][key] = value;
    entry["jobs"] = nlohmann::ordered_json::array();
    for (const int run : group.runs) entry["jobs"].push_back(sweep.runs(run).job());
    for (const Metric& metric : Metrics()) {
      nlohmann::ordered_json& slot = entry["metrics"][metric.name];
      const Estimate estimate = MeanOf(group, metric);
      if (estimate.n == 0) continue;
      slot = {{"n", estimate.n}, {"mean", estimate.mean}, {"half_width", nullptr}};
      if (estimate.half_width) slot["half_width"] = *estimate.half_width;
    }
    array.push_back(std::move(entry));
  }
  return array;
}

}  // namespace hebb::client
