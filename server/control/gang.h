// SPDX-License-Identifier: Apache-2.0
// One attempt of a job as a pure state machine (docs/gang_protocol.md): events in, effects out. No
// I/O, no clock, no protobuf; the control loop carries the effects out in their order.
#ifndef HEBB_SERVER_CONTROL_GANG_H_
#define HEBB_SERVER_CONTROL_GANG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/times.h"
#include "server/control/gang_effects.h"
#include "server/control/messages.h"

namespace hebb::control {

struct GangOptions {
  std::string job;
  int attempt = 1;
  int64_t workers = 1;
  int64_t min_workers = 1;
  int64_t start_step = 0;
  Times times;
};

// ---- the machine -------------------------------------------------------------------------------

// The backend for a gang of these workers: nccl if all have it, mpi inside one world, else gloo.
std::string ChooseBackend(const std::vector<WorkerFacts>& workers);

// One thread at a time. Invariants:
// 1. A generation is formed only of members that have reported that they are out of every other.
// 2. The generation number only grows, by one.
// 3. Each living member is in exactly one state.
// 4. After End nothing more comes out, except Release to a worker that still speaks of the attempt.
class Gang {
 public:
  explicit Gang(GangOptions options) : options_(std::move(options)) {}

  // One of the two comes first: a new attempt, or what the store holds after a restart.
  Effects Start(const std::vector<WorkerFacts>& workers, absl::Time now);
  Effects Restore(int generation, const std::vector<job::Member>& members, absl::Time now);

  // Whatever a member says, it lives.
  void OnHeard(absl::string_view worker, absl::Time now);
  // Its stream ended: it is lost unless it attaches again within detect_within.
  void OnStreamEnded(absl::string_view worker, absl::Time now);
  // A new stream of `worker`; `held` if it holds this attempt.
  Effects OnAttached(const WorkerFacts& worker, const std::optional<HeldAttempt>& held,
                     absl::Time now);
  Effects OnReport(absl::string_view worker, const MemberReport& report, absl::Time now);
  Effects OnResult(absl::string_view worker, const AttemptResult& result, absl::Time now);
  // A member that was released has its GPU's memory back, but for so many bytes.
  Effects OnFreed(absl::string_view worker, int64_t missing_bytes, absl::Time now);
  Effects OnFarewell(absl::string_view worker, absl::string_view reason, absl::Time now);
  // It is to leave at the next step boundary. The others go on without it; if they would be too
  // few, the attempt stops there with a checkpoint and ends as preempted.
  // False takes it back.
  Effects OnDrain(absl::string_view worker, bool draining, absl::Time now);
  // False: it speaks of a generation that is over (or never was), and counts for nothing.
  bool OnProgress(absl::string_view worker, const Progress& progress, absl::Time now);
  // REQUIRES: CanTakeJoiner().
  Effects OnJoiner(const WorkerFacts& worker, absl::Time now);
  // Stop at the next step boundary; the attempt ends with `outcome` unless it ends before. To be
  // paused or preempted, a gang that is between two generations forms the next one first: its
  // members may be ahead of every checkpoint.
  Effects RequestStop(AttemptOutcome outcome, const std::string& reason, absl::Time now);
  // Time has passed: judges who is lost and which waits are over.
  Effects OnTick(absl::Time now);
  // The coordinator itself stood still: nobody is held to have been silent meanwhile.
  void ForgiveSilence(absl::Time now);
  // Ends the attempt as failed: what it computes cannot be trusted.
  Effects Fail(const std::string& reason);
  // Ends the attempt as lost: its state cannot be kept.
  Effects Abandon(const std::string& reason);

  bool ended() const { return phase_ == Phase::kEnded; }
  bool formed() const { return phase_ == Phase::kFormed; }
  bool stopping() const { return stopping_.has_value(); }
  // No member is in touch; waits for the end of the lease.
  bool unreachable() const { return contact_lost_.has_value(); }
  bool CanTakeJoiner() const;
  bool HasMember(absl::string_view worker) const;
  // A member whose facts are known, for a joiner to be compared with; null if there is none.
  const WorkerFacts* Example() const;
  int generation() const { return generation_; }
  int64_t highest_step() const { return highest_step_; }
  const GangOptions& options() const { return options_; }

 private:
  enum class Phase {
    kAssembling,
    kFormed,
    kParting,  // stopped and released; those with a GPU have not said that its memory is free
    kEnded,
  };
  enum class MemberState {
    kPreparing,  // assigned, has not reported
    kReady,      // has reported, waits for a generation
    kInGang,     // was given the current generation
    kLeaving,    // leaves its generation, has not reported
    kDone,       // has sent its result of the current generation
  };
  struct Member {
    WorkerFacts facts;
    MemberState state = MemberState::kPreparing;
    absl::Time since;     // in this state
    int generation = 0;   // the last one it is known to hold
    int rank = -1;        // in that generation
    bool awaited = true;  // false: a joiner, which the others do not wait for
    bool told_to_leave = false;
    bool attached = true;
    bool died = false;  // its stream ended while it was in touch: a process that is gone
    bool draining = false;
    absl::Time last_heard;
    absl::Time detached_at = absl::InfinitePast();
    int64_t step = 0;
    std::string digest;
  };

  Member* Find(absl::string_view worker);
  Member& Add(const WorkerFacts& facts, bool awaited, absl::Time now);
  void Enter(Member& member, MemberState state, absl::Time now);
  GenerationId Id(int generation) const;
  bool IsMpi() const;
  static std::string Name(const Member& member);

  // gang_attach.cc
  void Reconcile(Member& member, const std::optional<HeldAttempt>& held, absl::Time now,
                 Effects& out);
  void ReconcileFormed(Member& member, const HeldAttempt& held, absl::Time now, Effects& out);
  void Remind(Member& member, Effects& out);

  // gang_liveness.cc
  void Touch(Member& member, absl::Time now);
  bool AllSilent(absl::Time now) const;
  std::string WhyLost(const Member& member, absl::Time now) const;
  bool CheckReach(absl::Time now, Effects& out);
  void CheckDeadlines(absl::Time now, Effects& out);
  // `backstop`, or longer where this job's steps are so slow that a healthy member may need it.
  absl::Duration AtLeastTenSteps(absl::Duration backstop) const;

  // What goes wrong with `member`, for the failure record. Of a gang that breaks the first fault
  // counts, but a loss more than an error that is told first and may only follow from it.
  void Blame(const Member& member, std::string error, int64_t step, bool loss);
  job::Failure FailureOf(const Member& member, std::string error, int64_t step) const;

  // gang_forming.cc
  void Lose(const std::string& worker, const std::string& how, absl::Time now, Effects& out);
  void LeaveOut(const std::string& worker, const std::string& cause, absl::Time now, Effects& out);
  void Drop(const Lost& lost, absl::Time now, Effects& out);
  void LoseDetached(const std::string& cause, absl::Time now, Effects& out);
  void Break(const std::string& reason, absl::Time now, Effects& out);
  void LeaveTogether(absl::Time now, Effects& out);
  void Invite(Effects& out);
  void Retreat(absl::Time now, Effects& out);
  void Dismiss(MemberState state, absl::Time now, Effects& out);
  bool AllReported(bool& joiner_comes) const;
  // A stop that must not lose a step.
  bool StopKeepsState() const;
  void Settle(absl::Time now, Effects& out);
  std::string DifferingReplicas() const;
  void Form(std::vector<Member*> ready, absl::Time now, Effects& out);
  // `failure`: of a failed attempt, if one member failed it; of a lost one it is the first fault.
  void Finish(AttemptOutcome outcome, const std::string& reason,
              const std::optional<AttemptResult>& result, Effects& out,
              std::optional<job::Failure> failure = std::nullopt);

  // gang_parting.cc
  bool parting() const { return phase_ == Phase::kParting; }
  void FinishStop(absl::string_view detail, absl::Time now, Effects& out);
  void FinishParted(Effects& out);
  void Depart(absl::string_view worker, Effects& out);
  void CheckParting(absl::Time now, Effects& out);

  const GangOptions options_;
  Phase phase_ = Phase::kAssembling;
  int generation_ = 0;
  std::vector<Member> members_;     // in the order of their assignment, which ranks follow
  bool leave_at_boundary_ = false;  // rank 0 was asked to let joiners in
  int64_t highest_step_ = 0;
  int64_t formed_at_step_ = -1;
  absl::Time last_gain_;  // when the generation was formed, or its highest step last grew
  absl::Duration slowest_step_;
  int barren_generations_ = 0;  // formed in a row without a step gained
  std::string last_cause_;      // why the last generation broke, for reasons
  struct Fault {
    job::Failure failure;
    bool loss = false;
  };
  std::optional<Fault> fault_;      // of the last generation, or of what is to be the next
  bool last_left_planned_ = false;  // the last member that went did so by draining
  struct Stopping {
    AttemptOutcome outcome;
    std::string reason;
    absl::Time since;
    std::optional<AttemptResult> result;  // rank 0's
    std::string detail = {};              // of the end, for the reason
  };
  std::optional<Stopping> stopping_;
  std::optional<absl::Time> contact_lost_;
  // Who was not heard since `silent_since_` is not judged before `grace_until_`.
  absl::Time silent_since_ = absl::InfinitePast();
  absl::Time grace_until_ = absl::InfinitePast();
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_GANG_H_
