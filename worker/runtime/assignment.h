// SPDX-License-Identifier: Apache-2.0
// One attempt of a job on this worker, as the coordinator knows it (docs/gang_protocol.md): between
// the session's thread, which brings the coordinator's words, and the training thread, which acts
// on them. It holds all that must be told again when contact was lost.
//
// Phases:  preparing -> waiting <-> in gang -> finished
//                          ^----------------------'   (the gang broke before the result was
//                          durable)
#ifndef HEBB_WORKER_RUNTIME_ASSIGNMENT_H_
#define HEBB_WORKER_RUNTIME_ASSIGNMENT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/log.h"
#include "common/steady_clock.h"
#include "hebb/v1/workers.pb.h"
#include "worker/runtime/cancellation.h"
#include "worker/runtime/outbox.h"
#include "worker/train/trainer.h"

namespace hebb::runtime {

// One communicator's life on this rank. Cancelling it ends the forming of the mesh, a running
// collective and the upload of the last checkpoint.
struct Generation {
  v1::FormGang form;
  Cancellation cancellation;
  train::Requests requests;
};

// Thread-safe. Messages are sent within the critical section that changes the state, so that the
// coordinator hears of changes in their order.
class Assignment {
 public:
  static constexpr size_t kLogLinesKept = 1000;  // while the coordinator is away
  static constexpr size_t kDigestsKept = 100000;
  static constexpr size_t kDigestsInMessage = 1000;

  Assignment(v1::Assign assign, Outbox& outbox);  // `outbox` is borrowed

  const v1::Assign& assign() const { return assign_; }
  bool Is(absl::string_view job, int attempt) const;
  // Ends downloads and pauses of the preparation, and everything else: see Release.
  Cancellation& cancellation() { return cancellation_; }

  // ---- session's thread ------------------------------------------------------------------------

  // Gives `open` what is held and all that must be told again. Nothing is held once released or
  // accepted.
  using Open = std::function<void(std::optional<v1::HeldAttempt>, std::vector<v1::FromWorker>)>;
  void Attach(const Open& open);

  void AssignedAgain();  // the coordinator has forgotten that it heard from us
  void FormGang(const v1::FormGang& form);
  void LeaveGang(const v1::LeaveGang& leave);
  void Stop(const v1::Stop& stop);
  void ResultAccepted(const v1::ResultAccepted& accepted);
  // Drops the attempt in every phase; from now on nothing more is sent for it.
  void Release(absl::string_view reason);
  // The worker wants to end. Rank 0, which alone can ask the gang to part at a step boundary, does
  // so and waits for it until `deadline` of SteadyNow(); for the others the coordinator acts on
  // their farewell.
  void LeaveUntil(absl::Time deadline);

  // ---- training thread -------------------------------------------------------------------------

  // What the first report of a prepared worker names. REQUIRES: called before Report.
  void SetData(std::vector<v1::DataDigest> data);
  // "I am out of any communicator and hold the state after `step` steps."
  void Report(int64_t step, std::string digest, std::string cause, bool fatal);

  // Waits for the next generation; null once released. The last one ends here: nothing may use it.
  Generation* AwaitGang();

  // The communicator is gone. REQUIRES: called before Report and Finish, after each AwaitGang.
  void OutOfGang();

  // Sends the result and keeps it. True: it is durable, or the attempt was released. False: a
  // member was lost before it was durable; report, and go on with the next generation.
  bool Finish(v1::AttemptResult result);

  void SetStep(int64_t step);  // for what is held
  void Progress(v1::Progress progress);
  void EpochDone(v1::EpochRecord record);
  // The newest kDigestsKept are told again when contact was lost.
  void DigestDone(int64_t step, std::string weights_digest);
  // To stderr and to the coordinator's log of the job.
  void LogLine(LogLevel level, absl::string_view text);

  bool released() const;
  bool over() const;  // released, or its result accepted: nothing is held any more
  int64_t step() const;
  v1::GenerationId generation() const;  // the last one formed; generation 0 before
  int rank() const;                     // in it; -1 before

 private:
  enum class Phase { kPreparing, kWaiting, kInGang, kFinished };

  // The living generation of that number, or null.
  Generation* FindLocked(const v1::GenerationId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool LeadsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool SendLocked(v1::FromWorker message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SendEpochsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AbortLocked(absl::string_view reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddDigestsLocked(size_t begin, std::vector<v1::FromWorker>& out) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<v1::FromWorker> AgainLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::FromWorker LogBatchLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool OverLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return released_ || accepted_; }

  bool GangOrReleased() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ResultDecided() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const v1::Assign assign_;
  Outbox& outbox_;
  Cancellation cancellation_;

  mutable absl::Mutex mutex_;
  SteadyCondVar out_of_gang_;  // communicating_ has become false
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kPreparing;
  bool communicating_ ABSL_GUARDED_BY(mutex_) = false;  // a communicator may be alive
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  bool accepted_ ABSL_GUARDED_BY(mutex_) = false;
  bool leaving_ ABSL_GUARDED_BY(mutex_) = false;  // the worker ends: asks for no more generations
  int64_t step_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::GenerationId id_ ABSL_GUARDED_BY(mutex_);
  int rank_ ABSL_GUARDED_BY(mutex_) = -1;
  std::unique_ptr<Generation> generation_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Generation> next_ ABSL_GUARDED_BY(mutex_);  // formed, not taken up yet
  v1::MemberReport report_ ABSL_GUARDED_BY(mutex_);
  v1::AttemptResult result_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::Progress> progress_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::EpochRecord> epochs_ ABSL_GUARDED_BY(mutex_);
  size_t epochs_sent_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::pair<int64_t, std::string>> digests_ ABSL_GUARDED_BY(mutex_);  // of steps
  std::vector<v1::DataDigest> data_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::LogLine> log_ ABSL_GUARDED_BY(mutex_);  // not sent yet
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_ASSIGNMENT_H_
