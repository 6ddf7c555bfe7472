// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/sweep_groups.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "common/sweep/labels.h"
#include "common/sweep/statistics.h"

namespace hebb::rpc {
namespace {

sweep::Point PointOf(const v1::SweepRun& run) {
  sweep::Point point;
  for (const v1::GridValue& entry : run.point()) point.emplace_back(entry.key(), entry.value());
  return point;
}

// One mean for each field of Metrics that a run has; what is not finite is none.
void AddMeans(const std::vector<const v1::SweepRun*>& succeeded, v1::SweepGroup& group) {
  const auto* const reflection = v1::Metrics::GetReflection();
  const auto* const descriptor = v1::Metrics::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* const field = descriptor->field(i);
    std::vector<double> values;
    for (const v1::SweepRun* run : succeeded) {
      if (!reflection->HasField(run->metrics(), field)) continue;
      const double value = reflection->GetDouble(run->metrics(), field);
      if (std::isfinite(value)) values.push_back(value);
    }
    if (values.empty()) continue;
    const sweep::Estimate estimate = sweep::EstimateMean(values);
    v1::SweepMean& mean = *group.add_means();
    mean.set_metric(field->name());
    mean.set_n(estimate.n);
    mean.set_mean(estimate.mean);
    if (estimate.half_width) mean.set_half_width(*estimate.half_width);
  }
}

}  // namespace

void GroupRuns(v1::Sweep& sweep) {
  std::vector<sweep::Point> points;
  for (const v1::SweepRun& run : sweep.runs()) points.push_back(PointOf(run));
  const sweep::Labels labels(points);
  sweep.clear_groups();
  std::map<sweep::Point, int> places;  // of the groups
  for (int i = 0; i < sweep.runs_size(); ++i) {
    sweep::Point point = points[i];
    std::erase_if(point, [](const auto& entry) { return entry.first == "seed"; });
    const auto [place, is_new] = places.try_emplace(point, sweep.groups_size());
    if (is_new) {
      v1::SweepGroup& group = *sweep.add_groups();
      group.set_label(point.empty() ? "all" : labels.Of(point));
      for (const auto& [key, value] : point) {
        v1::GridValue& entry = *group.add_point();
        entry.set_key(key);
        entry.set_value(value);
      }
    }
    sweep.mutable_groups(place->second)->add_runs(i);
  }
  for (v1::SweepGroup& group : *sweep.mutable_groups()) {
    std::vector<const v1::SweepRun*> succeeded;
    for (const int run : group.runs()) {
      if (sweep.runs(run).state() == v1::SUCCEEDED) succeeded.push_back(&sweep.runs(run));
    }
    group.set_succeeded(static_cast<int32_t>(succeeded.size()));
    AddMeans(succeeded, group);
  }
}

}  // namespace hebb::rpc
