// SPDX-License-Identifier: Apache-2.0
// The worker's Prometheus series (docs/metrics.md). Those of a job carry its id, and live until the
// next job begins, or for five minutes after the end.
#ifndef HEBB_WORKER_RUNTIME_WORKER_METRICS_H_
#define HEBB_WORKER_RUNTIME_WORKER_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "worker/train/trainer.h"

namespace hebb::runtime {

// So long after its end a job's last values can still be scraped.
inline constexpr absl::Duration kSeriesAfterEnd = absl::Minutes(5);

// Thread-safe.
class WorkerMetrics : public prometheus::Collectable {
 public:
  // `folder`: where checkpoints wait.
  WorkerMetrics(const std::string& build, const std::string& folder,
                std::function<absl::Time()> clock = absl::Now);
  ~WorkerMetrics() override;

  void SetAttached(bool attached);
  bool attached() const;
  void BeginJob(const std::string& job);
  void EndJob();
  void GenerationFormed(int size);
  void StepDone(const train::StepReport& report);
  void EpochDone(const train::EpochMetrics& metrics);
  void LossNotFinite();
  // Of a worker with a GPU, in bytes.
  void SetDeviceMemory(int64_t total, int64_t free);
  void SetDeviceMemoryMissing(int64_t bytes);
  void CheckpointSaved(bool ok, absl::Duration took);
  void CheckpointUploaded(bool ok);
  void CheckpointUploadTook(absl::Duration took);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series;
  const std::function<absl::Time()> clock_;
  std::unique_ptr<Series> series_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_WORKER_METRICS_H_
