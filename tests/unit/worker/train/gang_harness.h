// SPDX-License-Identifier: Apache-2.0
// Gangs of trainers as threads over one communicator, formed and formed anew as the
// coordinator would (docs/gang_protocol.md).
#ifndef HEBB_TESTS_UNIT_WORKER_TRAIN_GANG_HARNESS_H_
#define HEBB_TESTS_UNIT_WORKER_TRAIN_GANG_HARNESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker/comm/communicator.h"
#include "worker/engine/engine.h"
#include "worker/train/trainer.h"

namespace hebb::train {

// Keeps all it is told. `on_step` and `on_epoch` run on the training thread.
class RecordingObserver final : public Observer {
 public:
  void StepDone(const StepReport& report) override;
  void EpochDone(const EpochMetrics& metrics) override;
  void DigestDone(int64_t step, const std::string& weights_digest) override;
  absl::Status SaveCheckpoint(const checkpoint::Writer& checkpoint) override;

  std::function<void(const StepReport&)> on_step;
  std::function<void(const EpochMetrics&)> on_epoch;
  absl::Status save_status;  // what SaveCheckpoint answers
  StepReport last_step;
  std::map<int64_t, EpochMetrics> epochs;  // the last report of each
  std::map<int64_t, std::string> saves;    // bytes by step
  std::map<int64_t, std::string> digests;  // of what was saved, by step
  std::vector<std::pair<int64_t, std::string>> reported_digests;
};

// A worker: its trainer outlives generations.
class Member {
 public:
  // Breaks off the generation on this rank, if one runs. Any thread.
  void Abort();
  // null when the generation has ended.
  void SetCommunicator(comm::Communicator* communicator);

  std::unique_ptr<Trainer> trainer;
  RecordingObserver observer;

 private:
  absl::Mutex mutex_;
  comm::Communicator* communicator_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

// What a test program's gangs are made of: linked to it (cpu_gang_under_test.cc, or a GPU's).
absl::StatusOr<std::unique_ptr<engine::Engine>> CreateEngineUnderTest(
    const engine::EngineOptions& options);
// Those that are Connectable are not connected yet.
std::vector<std::unique_ptr<comm::Communicator>> MakeGangUnderTest(int size);
// How many deaths a job of theirs is put through: where the host plays the GPUs, fewer.
int DeathsUnderTest();

using Members = std::vector<std::unique_ptr<Member>>;
using TrainerMaker = std::function<absl::StatusOr<std::unique_ptr<Trainer>>()>;

// Fails the test if a trainer cannot be made.
std::unique_ptr<Member> MakeMember(const TrainerMaker& make);
Members MakeMembers(const TrainerMaker& make, int count);

// One generation of these members, in rank order: state from the first of the highest step to
// those behind, then Run. Each rank drops its communicator when it is done, as a process would.
std::vector<absl::StatusOr<RunEnd>> RunGeneration(const std::vector<Member*>& ranks,
                                                  Requests& requests);

// A fresh gang of `size` trains to the end; every rank must finish with the same digest.
struct Finished {
  std::string digest;
  FinalMetrics metrics;
  std::map<int64_t, EpochMetrics> epochs;
  std::map<int64_t, std::string> saves;
};
Finished TrainToTheEnd(const TrainerMaker& make, int size);

// The same for members that exist already.
Finished FinishWith(const std::vector<Member*>& ranks);

// Everything that a user sees of a run, bit by bit (but for the times).
void ExpectSame(const Finished& actual, const Finished& expected);

std::vector<Member*> Pointers(const Members& members);

}  // namespace hebb::train

#endif  // HEBB_TESTS_UNIT_WORKER_TRAIN_GANG_HARNESS_H_
