// SPDX-License-Identifier: Apache-2.0
// The coordinator's Prometheus series (docs/metrics.md), made anew at every scrape from the store
// and the fleet: they need no bookkeeping, are right after a restart, and a job's series end with
// it.
#ifndef HEBB_SERVER_HTTP_COORDINATOR_METRICS_H_
#define HEBB_SERVER_HTTP_COORDINATOR_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/http/fleet_view.h"
#include "server/store/job_store.h"

namespace hebb::http {

// A job's own series are served while it lives and this long after its end, so that the last
// values are scraped.
inline constexpr absl::Duration kSeriesAfterEnd = absl::Minutes(5);

// One job as the metrics show it.
struct JobSample {
  job::Job job;
  std::vector<std::pair<std::string, double>> alignment;  // layer, cos(W, R), of the last epoch
  std::vector<job::LayerState> layers;                    // of the last epoch
  std::optional<job::FileRef> last_checkpoint;
};

struct Sample {
  std::map<job::State, int64_t> jobs_by_state;
  std::vector<JobSample> jobs;
  Fleet fleet;
  std::string version;
};

// Pure.
std::vector<prometheus::MetricFamily> MakeFamilies(const Sample& sample);

// Thread-safe. Borrows both; they outlive it.
class CoordinatorMetrics : public prometheus::Collectable {
 public:
  CoordinatorMetrics(store::JobStore& store, const FleetView& fleet, std::string version)
      : store_(store), fleet_(fleet), version_(std::move(version)) {}

  // hebb_store_up is 0, and the job series are missing, when the store cannot be read.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  store::JobStore& store_;
  const FleetView& fleet_;
  const std::string version_;
};

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_COORDINATOR_METRICS_H_
