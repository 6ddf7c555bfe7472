// SPDX-License-Identifier: Apache-2.0
#include "server/control/gang.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::control {
namespace {

bool Has(const std::vector<std::string>& list, absl::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

absl::string_view OutcomeName(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kSucceeded:
      return "succeeded";
    case AttemptOutcome::kFailed:
      return "failed";
    case AttemptOutcome::kLost:
      return "lost";
    case AttemptOutcome::kCancelled:
      return "cancelled";
    case AttemptOutcome::kPaused:
      return "paused";
    case AttemptOutcome::kPreempted:
      return "preempted";
  }
  return "";
}

std::string ChooseBackend(const std::vector<WorkerFacts>& workers) {
  const auto all = [&](auto&& fits) {
    return !workers.empty() && std::all_of(workers.begin(), workers.end(), fits);
  };
  if (all([](const WorkerFacts& w) { return w.device == "cuda" && Has(w.backends, "nccl"); })) {
    return "nccl";
  }
  if (all([&](const WorkerFacts& w) {
        return !w.mpi_world.empty() && w.mpi_world == workers[0].mpi_world;
      })) {
    return "mpi";
  }
  return "gloo";
}

// ---- small things ------------------------------------------------------------------------------

Gang::Member* Gang::Find(absl::string_view worker) {
  for (Member& member : members_) {
    if (member.facts.id == worker) return &member;
  }
  return nullptr;
}

bool Gang::HasMember(absl::string_view worker) const {
  return const_cast<Gang*>(this)->Find(worker) != nullptr;
}

Gang::Member& Gang::Add(const WorkerFacts& facts, bool awaited, absl::Time now) {
  Member member;
  member.facts = facts;
  member.awaited = awaited;
  member.since = now;
  member.last_heard = now;
  members_.push_back(std::move(member));
  return members_.back();
}

void Gang::Enter(Member& member, MemberState state, absl::Time now) {
  member.state = state;
  member.since = now;
}

GenerationId Gang::Id(int generation) const { return {options_.job, options_.attempt, generation}; }

bool Gang::IsMpi() const {
  // Members restored from the store have no facts before they attach; a gang lies within one world
  // or none, so the known ones speak for all.
  std::vector<WorkerFacts> known;
  for (const Member& member : members_) {
    if (!member.facts.backends.empty()) known.push_back(member.facts);
  }
  return ChooseBackend(known) == "mpi";
}

std::string Gang::Name(const Member& member) {
  const std::string rank =
      member.rank >= 0 ? absl::StrCat("rank ", member.rank) : std::string("no rank yet");
  return absl::StrCat("worker ", member.facts.id, " (host ", member.facts.host, ", ", rank, ")");
}

job::Failure Gang::FailureOf(const Member& member, std::string error, int64_t step) const {
  const WorkerFacts& facts = member.facts;
  const std::string device = facts.device_name.empty() ? facts.device : facts.device_name;
  return {options_.attempt, member.rank, facts.id, facts.host, device, step, std::move(error)};
}

void Gang::Blame(const Member& member, std::string error, int64_t step, bool loss) {
  const bool follows = fault_ && phase_ != Phase::kFormed && (fault_->loss || !loss);
  if (!follows) fault_ = Fault{FailureOf(member, std::move(error), step), loss};
}

const WorkerFacts* Gang::Example() const {
  for (const Member& member : members_) {
    if (!member.facts.kernel_family.empty() || !member.facts.backends.empty()) {
      return &member.facts;
    }
  }
  return nullptr;
}

bool Gang::CanTakeJoiner() const {
  return !ended() && !stopping_ && !unreachable() && !IsMpi() && Example() != nullptr &&
         static_cast<int64_t>(members_.size()) < options_.workers;
}

// ---- beginning ---------------------------------------------------------------------------------

Effects Gang::Start(const std::vector<WorkerFacts>& workers, absl::Time now) {
  HEBB_CHECK(members_.empty() && generation_ == 0);
  Effects out;
  highest_step_ = options_.start_step;
  last_gain_ = now;
  for (const WorkerFacts& facts : workers) {
    Add(facts, true, now);
    out.push_back(Prepare{facts.id});
  }
  return out;
}

Effects Gang::Restore(int generation, const std::vector<job::Member>& members, absl::Time now) {
  HEBB_CHECK(members_.empty() && generation_ == 0);
  generation_ = generation;
  highest_step_ = options_.start_step;
  phase_ = generation > 0 ? Phase::kFormed : Phase::kAssembling;
  for (const job::Member& stored : members) {
    WorkerFacts facts;
    facts.id = stored.worker;
    facts.host = stored.host;
    facts.device = stored.device;
    Member& member = Add(facts, true, now);
    member.attached = false;
    member.detached_at = now;
    if (generation == 0) continue;
    member.rank = stored.rank;
    member.generation = generation;
    member.state = MemberState::kInGang;
  }
  contact_lost_ = now;
  silent_since_ = now;
  last_gain_ = now;
  return {};
}

// ---- what members say --------------------------------------------------------------------------

Effects Gang::OnReport(absl::string_view worker, const MemberReport& report, absl::Time now) {
  Effects out;
  Member* member = Find(worker);
  if (member == nullptr) {
    out.push_back(Send{std::string(worker), Release{options_.job, options_.attempt}});
    return out;
  }
  Touch(*member, now);
  if (parting()) return out;
  if (report.generation.generation != member->generation) return out;  // an old word, late
  // The others have prepared the same job: what a joiner lacks is its own fault, not the job's.
  const bool joiner = !member->awaited;
  if (report.fatal && !joiner) {
    Finish(AttemptOutcome::kFailed, absl::StrCat(Name(*member), ": ", report.cause), {}, out,
           FailureOf(*member, report.cause, report.step));
    return out;
  }
  const bool unprepared = member->state == MemberState::kPreparing && !report.cause.empty();
  if (report.fatal || unprepared) {
    LeaveOut(std::string(worker), report.cause, now, out);
    Settle(now, out);
    return out;
  }
  if (member->state == MemberState::kReady) return out;  // said twice
  const bool left_formed =
      member->state == MemberState::kInGang || member->state == MemberState::kDone;
  const bool told = member->told_to_leave;
  const std::string name = Name(*member);
  member->step = report.step;
  member->digest = report.weights_digest;
  member->told_to_leave = false;
  Enter(*member, MemberState::kReady, now);
  highest_step_ = std::max(highest_step_, report.step);
  if (!report.cause.empty()) {
    if (!told) {
      Blame(*member, report.cause, report.step, /*loss=*/false);
      Break(absl::StrCat(name, " left: ", report.cause), now, out);
    }
    LoseDetached(report.cause, now, out);
  } else if (left_formed && leave_at_boundary_) {
    LeaveTogether(now, out);
  } else if (left_formed) {
    Break(absl::StrCat(name, " left without being asked"), now, out);
  }
  Settle(now, out);
  return out;
}

Effects Gang::OnResult(absl::string_view worker, const AttemptResult& result, absl::Time now) {
  Effects out;
  Member* member = Find(worker);
  if (member == nullptr) {
    out.push_back(Send{std::string(worker), Release{options_.job, options_.attempt}});
    return out;
  }
  Touch(*member, now);
  // Only the current generation may commit a result; it may do so while it is being broken up.
  if (parting() || generation_ == 0 || result.generation.generation != generation_ ||
      member->generation != generation_) {
    return out;
  }
  highest_step_ = std::max(highest_step_, result.step);
  if (result.outcome == Outcome::kFailed) {
    Finish(AttemptOutcome::kFailed, absl::StrCat(Name(*member), ": ", result.reason), {}, out,
           FailureOf(*member, result.reason, result.step));
  } else if (result.outcome == Outcome::kSucceeded && member->rank == 0) {
    Finish(AttemptOutcome::kSucceeded, "", result, out);
  } else if (result.outcome == Outcome::kStopped && !stopping_) {
    Finish(AttemptOutcome::kLost, absl::StrCat(Name(*member), " stopped without being asked"), {},
           out);
  } else if (member->state == MemberState::kInGang) {
    Enter(*member, MemberState::kDone, now);
    if (stopping_ && member->rank == 0) stopping_->result = result;
    const bool all_done = std::all_of(members_.begin(), members_.end(), [](const Member& m) {
      return m.state == MemberState::kDone || m.generation == 0;
    });
    if (stopping_ && all_done) FinishStop("", now, out);
  }
  return out;
}

bool Gang::OnProgress(absl::string_view worker, const Progress& progress, absl::Time now) {
  if (Find(worker) == nullptr || progress.generation.generation != generation_) return false;
  if (progress.step <= highest_step_) return true;
  const int64_t gained = progress.step - highest_step_;
  slowest_step_ = std::max(slowest_step_, (now - last_gain_) / gained);
  last_gain_ = now;
  highest_step_ = progress.step;
  return true;
}

Effects Gang::OnFarewell(absl::string_view worker, absl::string_view reason, absl::Time now) {
  Effects out;
  if (Find(worker) == nullptr) return out;
  if (parting()) {
    Depart(worker, out);
    return out;
  }
  Lose(std::string(worker), absl::StrCat("it said farewell: ", reason), now, out);
  Settle(now, out);
  return out;
}

Effects Gang::OnDrain(absl::string_view worker, bool draining, absl::Time now) {
  Effects out;
  Member* member = Find(worker);
  if (member == nullptr || member->draining == draining) return out;
  member->draining = draining;
  Settle(now, out);
  return out;
}

// ---- what the coordinator wants ----------------------------------------------------------------

Effects Gang::OnJoiner(const WorkerFacts& worker, absl::Time now) {
  HEBB_CHECK(CanTakeJoiner() && Find(worker.id) == nullptr);
  Add(worker, false, now);
  return {Prepare{worker.id}};
}

Effects Gang::RequestStop(AttemptOutcome outcome, const std::string& reason, absl::Time now) {
  Effects out;
  if (ended() || stopping_) return out;
  stopping_ = Stopping{outcome, reason, now, std::nullopt};
  if (phase_ != Phase::kFormed) {  // no gang runs: nothing has to agree on a step
    if (!StopKeepsState()) FinishStop("", now, out);
    return out;
  }
  for (Member& member : members_) {
    if (member.rank == 0 && member.generation == generation_) Remind(member, out);
  }
  return out;
}

Effects Gang::Fail(const std::string& reason) {
  Effects out;
  Finish(AttemptOutcome::kFailed, reason, {}, out);
  return out;
}

Effects Gang::Abandon(const std::string& reason) {
  Effects out;
  Finish(AttemptOutcome::kLost, reason, {}, out);
  return out;
}

}  // namespace hebb::control
