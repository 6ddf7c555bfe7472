// SPDX-License-Identifier: Apache-2.0
// Who is alive: heartbeats, ended streams, leases and the deadlines of each state.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/control/gang.h"

namespace hebb::control {

void Gang::OnHeard(absl::string_view worker, absl::Time now) {
  if (Member* member = Find(worker)) Touch(*member, now);
}

void Gang::Touch(Member& member, absl::Time now) {
  member.last_heard = std::max(member.last_heard, now);
  if (!contact_lost_) return;
  // The first of a gang that was out of reach is back: the others get a while to follow.
  silent_since_ = std::max(silent_since_, *contact_lost_);
  contact_lost_.reset();
  grace_until_ = now + options_.times.grace;
}

void Gang::ForgiveSilence(absl::Time now) {
  for (Member& member : members_) {
    if (member.attached) {
      member.last_heard = now;
    } else {
      member.detached_at = now;
    }
  }
}

bool Gang::AllSilent(absl::Time now) const {
  // A process that died closes its stream, so silence on all open streams at once speaks for the
  // network (or for us), not for the workers.
  if (phase_ != Phase::kFormed || members_.empty()) return false;
  absl::Time last = absl::InfinitePast();
  absl::Time first = absl::InfiniteFuture();
  for (const Member& member : members_) {
    if (member.died) return false;
    last = std::max(last, member.last_heard);
    first = std::min(first, member.last_heard);
  }
  // Those cut off at once differ by no more than the time between two heartbeats.
  return now - first > options_.times.detect_within && now - last > options_.times.same_moment;
}

std::string Gang::WhyLost(const Member& member, absl::Time now) const {
  const absl::Duration limit = options_.times.detect_within;
  if (now < grace_until_ && member.last_heard <= silent_since_) return "";
  if (!member.attached && now - member.detached_at > limit) {
    return absl::StrCat("its connection ended and it did not come back within ",
                        absl::FormatDuration(limit));
  }
  if (member.attached && now - member.last_heard > limit) {
    return absl::StrCat("no heartbeat for ", absl::FormatDuration(limit));
  }
  const absl::Duration waited = now - member.since;
  if (member.state == MemberState::kPreparing && waited > options_.times.prepare) {
    return absl::StrCat("it did not get ready within ",
                        absl::FormatDuration(options_.times.prepare));
  }
  const absl::Duration leave = AtLeastTenSteps(options_.times.leave);
  if (member.state == MemberState::kLeaving && waited > leave) {
    return absl::StrCat("it did not leave its gang within ", absl::FormatDuration(leave));
  }
  return "";
}

absl::Duration Gang::AtLeastTenSteps(absl::Duration backstop) const {
  return std::max(backstop, absl::Trunc(10 * slowest_step_, absl::Seconds(1)));
}

// False while the whole gang is out of reach: then nobody is judged.
bool Gang::CheckReach(absl::Time now, Effects& out) {
  if (!contact_lost_ && now >= grace_until_ && AllSilent(now)) {
    contact_lost_ = now;
    out.push_back(
        Note{absl::StrCat("no worker of the gang is in touch; a new attempt starts in ",
                          absl::FormatDuration(options_.times.lease), " unless one comes back")});
  }
  if (!contact_lost_) return true;
  if (now - *contact_lost_ < options_.times.lease) return false;
  const std::string reason = absl::StrCat("no worker of the gang was in touch for ",
                                          absl::FormatDuration(options_.times.lease));
  if (stopping_) {
    FinishStop(reason, now, out);
  } else {
    Finish(AttemptOutcome::kLost, reason, {}, out);
  }
  return false;
}

void Gang::CheckDeadlines(absl::Time now, Effects& out) {
  if (ended()) return;
  const absl::Duration stop = AtLeastTenSteps(options_.times.stop);
  if (stopping_ && now - stopping_->since > stop) {
    FinishStop(absl::StrCat("not all workers stopped within ", absl::FormatDuration(stop)), now,
               out);
    return;
  }
  for (const Member& member : members_) {
    if (member.state == MemberState::kDone && now - member.since > options_.times.finish) {
      Break(absl::StrCat("rank 0 gave no result within ",
                         absl::FormatDuration(options_.times.finish)),
            now, out);
      return;
    }
  }
}

Effects Gang::OnTick(absl::Time now) {
  Effects out;
  if (parting()) CheckParting(now, out);
  if (ended() || parting() || !CheckReach(now, out)) return out;
  std::vector<std::pair<std::string, std::string>> lost;
  for (const Member& member : members_) {
    std::string why = WhyLost(member, now);
    if (!why.empty()) lost.emplace_back(member.facts.id, std::move(why));
  }
  for (const auto& [worker, why] : lost) {
    if (ended()) return out;
    // It may live on behind a slow link or stuck in a step: it must drop the attempt.
    out.push_back(Send{worker, Release{options_.job, options_.attempt}});
    Lose(worker, why, now, out);
  }
  CheckDeadlines(now, out);
  Settle(now, out);
  return out;
}

}  // namespace hebb::control
