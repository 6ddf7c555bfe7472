// SPDX-License-Identifier: Apache-2.0
// A sweep's groups of runs over seeds, as the coordinator gives them: what `hebb sweep status`,
// `best` and `report` show. Pure.
#ifndef HEBB_CLIENT_SWEEP_SUMMARY_H_
#define HEBB_CLIENT_SWEEP_SUMMARY_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sweep/labels.h"
#include "common/sweep/statistics.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

using sweep::Estimate;

struct Metric {
  const char* name;   // as in hebb.v1.Metrics: "validation_accuracy"
  const char* title;  // for a table or an axis: "validation"
  bool is_accuracy;   // a ratio, higher is better; else a loss
};

// All of hebb.v1.Metrics, in that order.
const std::vector<Metric>& Metrics();
// INVALID_ARGUMENT with the names there are.
absl::StatusOr<Metric> FindMetric(absl::string_view name);
// Nothing for a value that is unknown or not finite.
std::optional<double> ValueOf(const v1::Metrics& metrics, const Metric& metric);
// "87.1 %", "0.1234"; "" for nothing.
std::string ValueText(const Metric& metric, std::optional<double> value);
// "87.12 ± 0.43 %", "0.1234 ± 0.0012"; without ± for one value; "" for none.
std::string EstimateText(const Metric& metric, const Estimate& estimate);

sweep::Point PointOf(const v1::SweepRun& run);
sweep::Labels LabelsOf(const v1::Sweep& sweep);

// The runs that differ by their seed only.
struct Group {
  sweep::Point point;     // without the seed
  std::string label;      // "rule=bp,learning_rate=0.1"; "all" when the seed is the only grid key
  std::vector<int> runs;  // indices of sweep.runs(), in their order
  std::map<std::string, Estimate> means;  // by the metric's name
};

// In the order of their first runs.
std::vector<Group> GroupsOf(const v1::Sweep& sweep);

// Over the runs of the group that SUCCEEDED and have a value.
Estimate MeanOf(const Group& group, const Metric& metric);

// The group with the best mean; the first of equals. Null when no run that SUCCEEDED has a value.
const Group* BestGroup(const std::vector<Group>& groups, const Metric& metric);

// [{label, point{key: value}, jobs[], metrics{name: {n, mean, half_width} or null}}]
nlohmann::ordered_json ToJson(const v1::Sweep& sweep, const std::vector<Group>& groups);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SWEEP_SUMMARY_H_
