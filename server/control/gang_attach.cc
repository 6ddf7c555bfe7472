// SPDX-License-Identifier: Apache-2.0
// A member's stream ends and begins: what it holds against what it should hold.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/control/gang.h"

namespace hebb::control {

void Gang::OnStreamEnded(absl::string_view worker, absl::Time now) {
  Member* member = Find(worker);
  if (member == nullptr || !member->attached) return;
  member->attached = false;
  member->detached_at = now;
  // A stream that ends after a silence was cut by a keepalive; one that ends while its worker is in
  // touch means that the process is gone.
  member->died = now - member->last_heard <= options_.times.detect_within;
}

Effects Gang::OnAttached(const WorkerFacts& worker, const std::optional<HeldAttempt>& held,
                         absl::Time now) {
  Effects out;
  if (ended()) return out;
  Member* member = Find(worker.id);
  if (member == nullptr) {
    if (!held) return out;
    // A joiner whose assignment only the last coordinator knew.
    const bool joiner = held->generation.generation == 0 && !stopping_ &&
                        static_cast<int64_t>(members_.size()) < options_.workers;
    if (!joiner || !worker.mpi_world.empty()) {
      out.push_back(Send{worker.id, Release{options_.job, options_.attempt}});
      return out;
    }
    Touch(Add(worker, false, now), now);
    return out;
  }
  member->facts = worker;
  member->attached = true;
  member->died = false;
  Touch(*member, now);
  if (parting()) {  // its release, or its answer to it, may be lost
    out.push_back(Send{worker.id, Release{options_.job, options_.attempt}});
    return out;
  }
  Reconcile(*member, held, now, out);
  Settle(now, out);
  return out;
}

void Gang::Reconcile(Member& member, const std::optional<HeldAttempt>& held, absl::Time now,
                     Effects& out) {
  if (held && member.generation == 0 && held->generation.generation == 0) return;
  if (!held && member.generation == 0) {  // the assignment did not reach it
    Enter(member, MemberState::kPreparing, now);
    out.push_back(Prepare{member.facts.id});
    return;
  }
  if (!held) {
    Lose(member.facts.id, "it came back without its state", now, out);
    return;
  }
  if (held->generation.generation > member.generation) {
    const std::string id = member.facts.id;
    out.push_back(Send{id, Release{options_.job, options_.attempt}});
    Lose(id, absl::StrCat("it holds the unknown generation ", held->generation.generation), now,
         out);
    return;
  }
  ReconcileFormed(member, *held, now, out);
}

void Gang::ReconcileFormed(Member& member, const HeldAttempt& held, absl::Time now, Effects& out) {
  highest_step_ = std::max(highest_step_, held.step);
  const bool current = held.generation.generation == generation_;
  const bool was_formed =
      member.state == MemberState::kInGang || member.state == MemberState::kDone;
  if (held.in_gang && current && was_formed && phase_ == Phase::kFormed) {
    Remind(member, out);
    return;
  }
  if (!held.in_gang && member.state == MemberState::kReady &&
      held.generation.generation == member.generation) {
    return;  // it waits, as it should
  }
  // It is in a generation that is over, or out of the one that should run: it has to report, and
  // the others have to leave, too. Its FormGang may never have reached it.
  member.generation = held.generation.generation;
  member.told_to_leave = !held.in_gang;
  Enter(member, MemberState::kLeaving, now);
  Blame(member, "it came back outside of the current generation", highest_step_, /*loss=*/true);
  Break(absl::StrCat(Name(member), " came back outside of the current generation"), now, out);
}

// Says again what rank 0 may have missed.
void Gang::Remind(Member& member, Effects& out) {
  if (member.rank != 0 || member.state != MemberState::kInGang || !member.attached) return;
  if (stopping_) {
    out.push_back(Send{member.facts.id, Stop{Id(generation_), true, stopping_->reason}});
  } else if (leave_at_boundary_) {
    out.push_back(Send{member.facts.id, LeaveGang{Id(generation_), false, "the gang changes"}});
  }
}

}  // namespace hebb::control
