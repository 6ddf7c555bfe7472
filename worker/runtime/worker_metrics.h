// SPDX-License-Identifier: Apache-2.0
// The worker's Prometheus series. Those of a job carry its id, and live until the next job begins.
#ifndef HEBB_WORKER_RUNTIME_WORKER_METRICS_H_
#define HEBB_WORKER_RUNTIME_WORKER_METRICS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "worker/train/trainer.h"

namespace prometheus {
class Registry;
}

namespace hebb::runtime {

// Thread-safe.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(const std::string& build);
  ~WorkerMetrics();

  const prometheus::Registry& registry() const;

  void SetAttached(bool attached);
  bool attached() const;
  void BeginJob(const std::string& job);
  void GenerationFormed(int size);
  void StepDone(const train::StepReport& report);
  void EpochDone(const train::EpochMetrics& metrics);
  void CheckpointUploaded(bool ok);

 private:
  struct Series;
  std::unique_ptr<Series> series_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_WORKER_METRICS_H_
