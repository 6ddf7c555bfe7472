// SPDX-License-Identifier: Apache-2.0
// What the machine gives this process: processor time, memory, open files, and the room on the disk
// where it keeps its files. Read from /proc at every scrape.
#ifndef HEBB_COMMON_METRICS_PROCESS_METRICS_H_
#define HEBB_COMMON_METRICS_PROCESS_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

namespace hebb::metrics {

// Thread-safe. What cannot be read has no series.
class ProcessMetrics : public prometheus::Collectable {
 public:
  // `folder`: on the disk whose room is told.
  explicit ProcessMetrics(std::string folder) : folder_(std::move(folder)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::string folder_;
};

}  // namespace hebb::metrics

#endif  // HEBB_COMMON_METRICS_PROCESS_METRICS_H_
