// SPDX-License-Identifier: Apache-2.0
// What the training thread does with an assignment: prepare, then generation after generation form
// the gang, sync, train, and report (docs/gang_protocol.md).
#ifndef HEBB_WORKER_RUNTIME_ATTEMPT_H_
#define HEBB_WORKER_RUNTIME_ATTEMPT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/spec/spec.h"
#include "common/times.h"
#include "worker/runtime/assignment.h"
#include "worker/runtime/checkpoint_uploader.h"
#include "worker/runtime/coordinator_channel.h"
#include "worker/runtime/numerics.h"
#include "worker/runtime/worker_metrics.h"
#include "worker/train/trainer.h"

namespace hebb::runtime {

class GpuDevice;

// What all attempts of a worker share; borrowed.
struct AttemptContext {
  const Numerics& numerics;
  CoordinatorChannel& channel;
  WorkerMetrics& metrics;
  int threads = 1;
  std::string spool_folder;
  // This process must start anew: an MPI world cannot go on after an error.
  std::function<void()> restart_wanted;
  GpuDevice* gpu = nullptr;  // null: on the CPU
  // This process must end, for the reason: its GPU fails all that it is asked for.
  std::function<void(const std::string& reason)> device_lost = {};
  // From the end of a job until its memory on the GPU must be free again.
  absl::Duration memory_back_within = absl::Seconds(5);
};

// Lives on the training thread.
class Attempt : private train::Observer {
 public:
  // `times`: what follows from the coordinator's detect_within, as it last said.
  Attempt(const AttemptContext& context, Assignment& assignment, std::function<Times()> times);

  // Returns when the assignment is released or its result accepted.
  void Run();

 private:
  enum class Next { kWaitForGang, kDone };

  absl::Status Prepare();
  absl::Status LoadStartState();
  absl::StatusOr<std::string> Download(const v1::StoredFile& file);
  Next Take(Generation& generation);
  // Forms, syncs and trains; the communicator is gone when it returns.
  absl::StatusOr<train::RunEnd> Train(Generation& generation);
  absl::Status ReportAudit();
  absl::Status CheckState(const v1::FormGang& form) const;
  Next Conclude(Generation& generation, v1::AttemptResult::Outcome outcome);
  // Whether `status` came of a GPU that is lost to this process; then the worker ends, and its
  // farewell is the report.
  bool DeviceIsLost(const absl::Status& status);
  void LookAtDevice();  // for the metrics
  Next Broken(const Generation& generation, const absl::Status& status);
  void Report(const std::string& cause, bool fatal);
  void SendProgress();
  v1::AttemptResult Result(v1::AttemptResult::Outcome outcome) const;

  void StepDone(const train::StepReport& report) override;
  void EpochDone(const train::EpochMetrics& metrics) override;
  void DigestDone(int64_t step, const std::string& weights_digest) override;
  absl::Status SaveCheckpoint(const checkpoint::Writer& checkpoint) override;

  const AttemptContext& context_;
  Assignment& assignment_;
  const std::function<Times()> times_;
  spec::Job job_;
  std::unique_ptr<data::Dataset> dataset_;
  std::unique_ptr<train::Trainer> trainer_;
  std::unique_ptr<CheckpointUploader> uploader_;

  bool restart_at_end_ = false;  // an MPI world in which a generation broke can't go on
  comm::Topology topology_;      // of the present generation
  std::optional<train::StepReport> last_step_;
  bool progress_due_ = false;  // last_step_ was not sent yet
  absl::Time next_progress_ = absl::InfinitePast();
  std::optional<train::EpochMetrics> last_epoch_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_ATTEMPT_H_
