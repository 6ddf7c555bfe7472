// SPDX-License-Identifier: Apache-2.0
// A sweep's epochs as charts: means over seeds with 95 % bands. Pure.
#ifndef HEBB_CLIENT_SWEEP_CURVES_H_
#define HEBB_CLIENT_SWEEP_CURVES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/plot/chart.h"
#include "client/sweep/summary.h"

namespace hebb::client {

// A sweep and its jobs with their epochs, one for each run and in the runs' order.
struct SweepRecord {
  v1::Sweep sweep;
  std::vector<v1::Job> jobs;
};

using EpochValue = std::function<std::optional<double>(const v1::EpochRecord&)>;

// One series a group, of the mean at each epoch over those runs that have the value there. A group
// without any is there too, empty and named so, so that a group looks the same in all charts; but
// when no group has any there is no series.
std::vector<plot::Series> Curves(const SweepRecord& record, const std::vector<Group>& groups,
                                 const EpochValue& value);

// By epoch: the metric; the cosine between W and R of a layer. No series: nothing is known.
plot::Chart MetricChart(const SweepRecord& record, const std::vector<Group>& groups,
                        const Metric& metric);
plot::Chart AlignmentChart(const SweepRecord& record, const std::vector<Group>& groups,
                           const std::string& layer);

// The layers that have an alignment in any epoch, in the network's order.
std::vector<std::string> AlignedLayers(const SweepRecord& record);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_SWEEP_CURVES_H_
