// SPDX-License-Identifier: Apache-2.0
// A rank's part of a job: which samples, which step, the sums, the epochs, the checkpoints. It
// lives through any number of generations (communicators); between them it holds the exact state
// after `step()` steps. Knows nothing of gRPC: the runtime drives it and listens.
#ifndef HEBB_WORKER_TRAIN_TRAINER_H_
#define HEBB_WORKER_TRAIN_TRAINER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/spec/spec.h"
#include "common/times.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/comm/communicator.h"
#include "worker/data/dataset.h"
#include "worker/engine/engine.h"

namespace hebb::train {

struct EpochMetrics {
  int64_t epoch = 0;  // 1-based, the one just completed
  int64_t step = 0;
  double train_loss = 0;  // mean per sample over the epoch
  double train_accuracy = 0;
  std::optional<double> validation_accuracy;
  std::vector<std::pair<std::string, double>> alignment;  // layer, cos(W, R)
  std::vector<engine::LayerDiagnostics> layers;           // rank 0, every diagnostics.every_epochs
  double seconds = 0;
};

struct StepReport {
  int64_t step = 0;       // completed
  int64_t epoch = 0;      // completed
  double train_loss = 0;  // mean so far in this epoch
  double train_accuracy = 0;
  int64_t own_images = 0;        // of the step, on this rank
  double images_per_second = 0;  // trained images over step time since the trainer was made
  // The step's phases; together they are the whole of it.
  double data_seconds = 0, forward_seconds = 0, backward_seconds = 0;
  double wait_seconds = 0;  // for ranks that computed longer
  double sum_seconds = 0;   // the rest of the stand for the gang's sums
  double update_seconds = 0;
  double own_ratio = 1;  // this rank's data, forward and backward over the gang's mean
  int64_t allreduce_bytes = 0;
  double allreduce_seconds = 0;  // of the communication thread, beside the above

  double total_seconds() const {
    return data_seconds + forward_seconds + backward_seconds + wait_seconds + sum_seconds +
           update_seconds;
  }
};

struct FinalMetrics {
  std::optional<double> test_accuracy;
  std::optional<double> test_loss;
  std::optional<double> validation_accuracy;
  std::optional<engine::AuditReport> audit;  // rank 0, kind: audit
};

// Called on the training thread, on every rank; cheap calls only, except SaveCheckpoint.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void StepDone(const StepReport& report) = 0;
  virtual void EpochDone(const EpochMetrics& metrics) = 0;
  // After every digests.every_steps steps and the last one: the digest of this rank's weights.
  virtual void DigestDone(int64_t step, const std::string& weights_digest) = 0;
  // Rank 0 only; `checkpoint` is valid during the call.
  virtual absl::Status SaveCheckpoint(const checkpoint::Writer& checkpoint) = 0;
};

// What the runtime asks for while a generation runs. Set from any thread on rank 0; all ranks agree
// on it within one step, through one more element of a sum.
struct Requests {
  std::atomic<bool> leave{false};            // leave the gang at a step boundary (somebody joins)
  std::atomic<bool> stop{false};             // stop the attempt at a step boundary
  std::atomic<bool> stop_checkpoint{false};  // ... with a checkpoint first
  // No sum's deadline is shorter. Set before the run.
  absl::Duration backstop = Times().collective;
};

// Whether Run failed because a loss was not finite.
bool IsLossNotFinite(const absl::Status& status);

enum class RunEnd { kFinished, kLeft, kStopped };

struct TrainerOptions {
  spec::Job job;
  std::string job_id;
  int threads = 1;
  // Where the numbers are made; none: engine::CreateCpuEngine.
  std::function<absl::StatusOr<std::unique_ptr<engine::Engine>>(const engine::EngineOptions&)>
      make_engine = {};
};

// One thread at a time.
class Trainer {
 public:
  // `dataset` is borrowed and outlives the trainer. Fresh weights from the seed, step 0.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const TrainerOptions& options,
                                                         const data::Dataset& dataset);
  virtual ~Trainer() = default;

  virtual int64_t step() const = 0;
  virtual int64_t total_steps() const = 0;
  virtual std::string WeightsDigest() const = 0;

  // Start state from a checkpoint (DATA_LOSS, INVALID_ARGUMENT: of another job) or from given
  // weights at step 0 (`init`).
  virtual absl::Status LoadCheckpoint(const std::string& bytes, const std::string& origin) = 0;
  virtual absl::Status LoadInitialWeights(const std::string& bytes, const std::string& origin) = 0;

  // First act of a generation: ranks in `wanted` receive the state of rank `source`. Collective.
  virtual absl::Status SyncState(comm::Communicator& communicator, int source,
                                 const std::vector<int>& wanted, absl::Time deadline) = 0;

  // Steps, validations, checkpoints until the end, a request, or an error. Collective. On an error
  // the state is that of the last completed step. Errors of the communicator keep their code
  // (UNAVAILABLE, DEADLINE_EXCEEDED, ABORTED); FAILED_PRECONDITION and others are the job's own
  // fault and fatal (a loss that is not finite ...).
  virtual absl::StatusOr<RunEnd> Run(comm::Communicator& communicator, Requests& requests,
                                     Observer& observer) = 0;

  // After kFinished.
  virtual const FinalMetrics& final_metrics() const = 0;
};

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_TRAINER_H_
