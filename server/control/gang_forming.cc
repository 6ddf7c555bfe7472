// SPDX-License-Identifier: Apache-2.0
// Generations: how one breaks, how the next is made, how the attempt ends.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/control/gang.h"

namespace hebb::control {
namespace {

// A gang that breaks this often in a row without a step gained has a fault that re-forming does not
// cure, such as a network that lets nobody connect.
constexpr int kBarrenGenerationsMax = 8;

}  // namespace

// ---- losing ------------------------------------------------------------------------------------

void Gang::Lose(const std::string& worker, const std::string& how, absl::Time now, Effects& out) {
  const Member* member = Find(worker);
  if (member == nullptr || ended()) return;
  Blame(*member, absl::StrCat("it was lost: ", how), highest_step_, /*loss=*/true);
  Drop(Lost{worker, absl::StrCat(Name(*member), " lost: ", how)}, now, out);
}

// It has not been in a generation, so the others need not know.
void Gang::LeaveOut(const std::string& worker, const std::string& cause, absl::Time now,
                    Effects& out) {
  const Member* member = Find(worker);
  if (member == nullptr || ended()) return;
  out.push_back(Send{worker, Release{options_.job, options_.attempt}});
  if (phase_ != Phase::kFormed) {  // a joiner's is its own
    Blame(*member, cause, highest_step_, /*loss=*/true);
  }
  Drop(Lost{worker, absl::StrCat(Name(*member), " left out: it could not prepare: ", cause), true},
       now, out);
}

void Gang::Drop(const Lost& lost, absl::Time now, Effects& out) {
  const auto place = std::find_if(members_.begin(), members_.end(),
                                  [&](const Member& m) { return m.facts.id == lost.worker; });
  const bool mpi = IsMpi();
  const bool in_generation =
      place->generation == generation_ && generation_ > 0 && place->state != MemberState::kReady;
  members_.erase(place);
  out.push_back(lost);
  last_left_planned_ = lost.planned;
  last_cause_ = lost.text;
  if (mpi || (in_generation && (phase_ == Phase::kFormed || leave_at_boundary_))) {
    Break(lost.text, now, out);
  }
}

// A communicator's error names nobody, but a member whose stream is gone needs no further proof.
void Gang::LoseDetached(const std::string& cause, absl::Time now, Effects& out) {
  std::vector<std::string> gone;
  for (const Member& member : members_) {
    if (member.died) gone.push_back(member.facts.id);
  }
  for (const std::string& worker : gone) {
    Lose(worker, absl::StrCat("its connection ended, and another member reports: ", cause), now,
         out);
  }
}

// The generation is over: all who are still in it are told so. An MPI world cannot re-form: it
// ends, its supervisor starts it again, and so the attempt ends.
void Gang::Break(const std::string& reason, absl::Time now, Effects& out) {
  if (ended()) return;
  last_cause_ = reason;
  leave_at_boundary_ = false;
  if (phase_ == Phase::kFormed) {
    phase_ = Phase::kAssembling;
    out.push_back(Close{generation_});
    out.push_back(Note{absl::StrCat("generation ", generation_, " is over: ", reason)});
  }
  for (Member& member : members_) {
    const bool inside = member.state == MemberState::kInGang ||
                        member.state == MemberState::kDone ||
                        (member.state == MemberState::kLeaving && !member.told_to_leave);
    if (!inside) continue;
    out.push_back(Send{member.facts.id, LeaveGang{Id(member.generation), true, reason}});
    member.told_to_leave = true;
    Enter(member, MemberState::kLeaving, now);
  }
  if (stopping_ && !StopKeepsState()) {
    FinishStop(reason, now, out);
  } else if (IsMpi()) {
    Finish(AttemptOutcome::kLost, reason, {}, out);
  }
}

// Rank 0 told all members to leave after the same step, for one that joins or drains; the first has
// reported.
void Gang::LeaveTogether(absl::Time now, Effects& out) {
  phase_ = Phase::kAssembling;
  out.push_back(Close{generation_});
  for (Member& member : members_) {
    if (member.state == MemberState::kInGang || member.state == MemberState::kDone) {
      Enter(member, MemberState::kLeaving, now);
    }
  }
}

// Lets ready joiners in, and those out that drain, at the next step boundary.
void Gang::Invite(Effects& out) {
  if (leave_at_boundary_ || stopping_ || phase_ != Phase::kFormed) return;
  const bool waits = std::any_of(members_.begin(), members_.end(), [](const Member& m) {
    return m.attached &&
           (m.draining ? m.state == MemberState::kInGang : m.state == MemberState::kReady);
  });
  if (!waits) return;
  leave_at_boundary_ = true;
  for (Member& member : members_) Remind(member, out);
}

// ---- draining ----------------------------------------------------------------------------------

bool Gang::StopKeepsState() const {
  return stopping_ && generation_ > 0 &&
         (stopping_->outcome == AttemptOutcome::kPaused ||
          stopping_->outcome == AttemptOutcome::kPreempted);
}

// A gang that would be too small without those that drain, or cannot change, stops.
void Gang::Retreat(absl::Time now, Effects& out) {
  if (phase_ != Phase::kFormed || stopping_) return;
  int64_t staying = 0;
  bool draining = false;
  for (const Member& member : members_) {
    if (member.draining) {
      draining = draining || member.state == MemberState::kInGang;
    } else if (member.state != MemberState::kPreparing) {
      ++staying;
    }
  }
  if (!draining) return;
  if (!IsMpi() && staying >= std::max<int64_t>(options_.min_workers, 1)) return;
  Effects stop = RequestStop(AttemptOutcome::kPreempted, "its workers drain", now);
  std::move(stop.begin(), stop.end(), std::back_inserter(out));
}

// Lets those go that drain and are in `state`, out of every gang, unless one of them alone has the
// newest state: it comes along once more.
void Gang::Dismiss(MemberState state, absl::Time now, Effects& out) {
  int64_t highest = -1;
  for (const Member& member : members_) {
    if (!member.draining && member.state == MemberState::kReady) {
      highest = std::max(highest, member.step);
    }
  }
  std::vector<Lost> leaving;
  for (const Member& member : members_) {
    if (!member.draining || member.state != state) continue;
    if (generation_ > 0 && state == MemberState::kReady && member.step > highest) continue;
    leaving.push_back({member.facts.id, absl::StrCat(Name(member), " has drained"), false, true});
  }
  for (const Lost& lost : leaving) {
    out.push_back(Send{lost.worker, Release{options_.job, options_.attempt}});
    Drop(lost, now, out);
  }
}

// ---- forming -----------------------------------------------------------------------------------

// Whether all who are waited for are out of every gang and have said so.
bool Gang::AllReported(bool& joiner_comes) const {
  joiner_comes = false;
  for (const Member& member : members_) {
    if (member.state == MemberState::kReady && member.attached) continue;
    if (member.awaited) return false;
    joiner_comes = true;
  }
  return true;
}

// Forms a generation if all who are waited for have reported, or ends the attempt if it cannot.
void Gang::Settle(absl::Time now, Effects& out) {
  Retreat(now, out);
  Invite(out);
  if (phase_ != Phase::kAssembling || contact_lost_) return;
  if (stopping_ && !StopKeepsState()) {  // all have left; there is nothing more to agree on
    FinishStop("", now, out);
    return;
  }
  Dismiss(MemberState::kPreparing, now, out);
  bool joiner_comes = false;
  if (ended() || !AllReported(joiner_comes)) return;
  const std::string differing = DifferingReplicas();
  if (!differing.empty()) {
    Finish(AttemptOutcome::kFailed, differing, {}, out);
    return;
  }
  Dismiss(MemberState::kReady, now, out);
  if (ended()) return;
  std::vector<Member*> ready;
  for (Member& member : members_) {
    if (member.state == MemberState::kReady && member.attached) ready.push_back(&member);
  }
  if (static_cast<int64_t>(ready.size()) >= std::max<int64_t>(options_.min_workers, 1)) {
    Form(std::move(ready), now, out);
    Retreat(now, out);
    Invite(out);
  } else if (!joiner_comes) {
    Finish(last_left_planned_ ? AttemptOutcome::kPreempted : AttemptOutcome::kLost,
           absl::StrCat(ready.size(), " of at least ", options_.min_workers, " workers are left",
                        last_cause_.empty() ? "" : "; ", last_cause_),
           {}, out);
  }
}

std::string Gang::DifferingReplicas() const {
  for (const Member& a : members_) {
    for (const Member& b : members_) {
      const bool both = a.state == MemberState::kReady && b.state == MemberState::kReady;
      if (!both || a.step != b.step || a.digest == b.digest) continue;
      return absl::StrCat("replicas differ at step ", a.step, ": ", Name(a), " has weights ",
                          a.digest, ", ", Name(b), " has ", b.digest,
                          "; the job's results cannot be trusted: report this, and look for mixed "
                          "builds or faulty memory");
    }
  }
  return "";
}

void Gang::Form(std::vector<Member*> ready, absl::Time now, Effects& out) {
  Formation formation;
  std::vector<WorkerFacts> facts;
  for (Member* member : ready) {
    formation.start_step = std::max(formation.start_step, member->step);
    facts.push_back(member->facts);
  }
  barren_generations_ = formation.start_step > formed_at_step_ ? 0 : barren_generations_ + 1;
  formed_at_step_ = formation.start_step;
  last_gain_ = now;
  if (barren_generations_ >= kBarrenGenerationsMax) {
    Finish(AttemptOutcome::kLost,
           absl::StrCat(barren_generations_,
                        " generations in a row gained no step; the last: ", last_cause_),
           {}, out);
    return;
  }
  fault_.reset();
  formation.generation = Id(++generation_);
  formation.backend = ChooseBackend(facts);
  formation.state_source = -1;
  for (size_t i = 0; i < ready.size(); ++i) {
    Member& member = *ready[i];
    const int rank = static_cast<int>(i);
    if (member.step < formation.start_step) {
      formation.state_wanted.push_back(rank);
    } else if (formation.state_source < 0) {
      formation.state_source = rank;
    }
    member.rank = rank;
    member.generation = generation_;
    member.awaited = true;
    Enter(member, MemberState::kInGang, now);
    formation.members.push_back({rank, member.facts.id, member.facts.host, member.facts.device});
    if (formation.backend == "mpi") formation.mpi_ranks.push_back(member.facts.mpi_rank);
  }
  phase_ = Phase::kFormed;
  leave_at_boundary_ = false;
  out.push_back(Commit{formation});
  for (const Member* member : ready) {
    out.push_back(Send{member->facts.id, FormGang{formation, member->rank}});
  }
  if (stopping_) Remind(*ready.front(), out);  // the stop that this generation was formed for
}

// ---- ending ------------------------------------------------------------------------------------

void Gang::Finish(AttemptOutcome outcome, const std::string& reason,
                  const std::optional<AttemptResult>& result, Effects& out,
                  std::optional<job::Failure> failure) {
  if (ended()) return;
  if (outcome == AttemptOutcome::kLost && fault_) failure = fault_->failure;
  if (!failure && (outcome == AttemptOutcome::kLost || outcome == AttemptOutcome::kFailed)) {
    failure.emplace();
    failure->attempt = options_.attempt;
    failure->step = highest_step_;
    failure->error = reason;
  }
  // Members of an MPI world that have left their communicator by force exit on their own.
  const bool world_ends = outcome == AttemptOutcome::kLost && IsMpi() && generation_ > 0;
  if (phase_ == Phase::kFormed) out.push_back(Close{generation_});
  phase_ = Phase::kEnded;
  contact_lost_.reset();
  out.push_back(End{outcome, reason, result, std::move(failure)});
  for (const Member& member : members_) {
    if (result && member.rank == 0 && member.generation == generation_) {
      out.push_back(Send{member.facts.id, ResultAccepted{Id(generation_)}});
    }
    if (world_ends) out.push_back(Retire{member.facts.id});
    // Also then: one that never took up its generation has nothing to exit for, and must not wait.
    out.push_back(Send{member.facts.id, Release{options_.job, options_.attempt}});
  }
  members_.clear();
}

}  // namespace hebb::control
