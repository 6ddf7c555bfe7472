// SPDX-License-Identifier: Apache-2.0
// The sums of one step over the gang: every layer's update as it becomes ready, and at the end the
// losses together with what rank 0 was asked to do, so that all ranks learn both in the same step.
#ifndef HEBB_WORKER_TRAIN_STEP_SUMS_H_
#define HEBB_WORKER_TRAIN_STEP_SUMS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"
#include "worker/comm/sum_queue.h"
#include "worker/engine/engine.h"
#include "worker/slices/vector_fold.h"
#include "worker/slices/vector_memory.h"
#include "worker/train/batch_loader.h"

namespace hebb::train {

// Raised by rank 0, seen by all.
struct ControlFlags {
  bool leave = false;
  bool stop = false;
  bool stop_checkpoint = false;
};

struct StepTotals {
  float loss = 0;     // over the whole batch
  float correct = 0;  // a whole number
  ControlFlags flags;
  std::span<const float> own_seconds = {};  // by rank, as told to StartTotals; until the next step
};

// `memory`: the engine's (Engine::memory), where its nodes and the sums lie; the totals lie on the
// host. `backstop`: no sum's deadline is shorter.
// Per step: Begin, the engine's calls, StartTotals, Finish; then sums() holds every total.
// The engine's calls come from its threads, the rest from the training thread. Owns the queue of
// sums; borrows the communicator and the memory. Allocates nothing after the first step. Throws
// std::bad_alloc.
//
// Errors are the communicator's or the memory's, and stick.
class StepSums final : public engine::SumSink {
 public:
  StepSums(comm::Communicator& communicator, const SliceLayout& layout,
           std::span<const engine::SumInfo> sums, slices::VectorMemory& memory,
           absl::Duration backstop);
  ~StepSums() override;

  void Begin();
  void ForwardDone() override;
  absl::Status Ready(int sum, std::span<const float* const> nodes) override;
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override;

  // After an engine gave up: takes part in the sums it left out, with zeros, in their order, so
  // that the other ranks learn of it from the totals. RESOURCE_EXHAUSTED: no memory for the zeros.
  absl::Status StartMissing();
  // One entry per local slice. `own_seconds`: what this rank's step has taken without its waits.
  void StartTotals(std::span<const engine::SliceTotals> totals, const ControlFlags& flags,
                   double own_seconds);
  // Waits until everything has arrived.
  absl::StatusOr<StepTotals> Finish();

  std::span<const std::span<const float>> sums() const { return sum_views_; }
  // Since the beginning.
  comm::SumQueueTotals queue_totals() const { return queue_.totals(); }
  // Between Begin and ForwardDone, without waits; nothing if the engine did not say.
  std::optional<double> forward_seconds() const { return forward_seconds_; }
  void StepTook(absl::Duration step) { queue_.StepTook(step); }

 private:
  // loss, correct, leave, stop, stop_checkpoint, and for each rank its own_seconds
  using TotalsVector = std::vector<float>;

  const comm::Topology topology_;
  const bool alone_;  // one rank with one node: that is the sum
  slices::VectorMemory& memory_;
  std::vector<engine::SumInfo> infos_;
  std::vector<slices::OwnedVector> sums_;  // unless alone
  std::vector<std::span<const float>> sum_views_;
  std::vector<char> started_;  // by sum, in this step
  slices::VectorFold totals_fold_;
  std::vector<TotalsVector> totals_leaves_;  // by local slice
  std::vector<TotalsVector> totals_nodes_;
  std::vector<const float*> leaf_pointers_;
  std::vector<float*> node_pointers_;
  TotalsVector totals_;
  absl::Time begin_;
  double waited_at_begin_ = 0;
  std::optional<double> forward_seconds_;
  slices::OwnedVector zeros_;  // StartMissing's nodes
  comm::SumQueue queue_;       // last: its thread uses the above
};

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_STEP_SUMS_H_
