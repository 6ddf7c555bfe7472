// SPDX-License-Identifier: Apache-2.0
// How a gang that was stopped ends: members with a GPU are out of the job once its memory is free
// again, and before that the job is not CANCELLED (or PAUSED, or queued again).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/byte_size.h"
#include "server/control/gang.h"

namespace hebb::control {

// Releases everybody, and ends the attempt when those who have a GPU have answered.
void Gang::FinishStop(absl::string_view detail, absl::Time now, Effects& out) {
  if (ended() || parting()) return;
  stopping_->detail = std::string(detail);
  stopping_->since = now;
  const auto waited_for = [](const Member& m) { return m.facts.device == "cuda"; };
  if (std::none_of(members_.begin(), members_.end(), waited_for)) return FinishParted(out);
  if (phase_ == Phase::kFormed) out.push_back(Close{generation_});
  phase_ = Phase::kParting;
  contact_lost_.reset();
  for (const Member& member : members_) {
    out.push_back(Send{member.facts.id, Release{options_.job, options_.attempt}});
  }
}

void Gang::Depart(absl::string_view worker, Effects& out) {
  std::erase_if(members_, [&](const Member& m) { return m.facts.id == worker; });
  if (members_.empty()) FinishParted(out);
}

Effects Gang::OnFreed(absl::string_view worker, int64_t missing_bytes, absl::Time now) {
  Effects out;
  Member* member = Find(worker);
  if (member == nullptr || !parting()) return out;
  Touch(*member, now);
  if (missing_bytes > 0) {
    out.push_back(Note{absl::StrCat(Name(*member), ": ", FormatByteSize(missing_bytes),
                                    " of its GPU's memory have not come back")});
  }
  Depart(worker, out);
  return out;
}

void Gang::CheckParting(absl::Time now, Effects& out) {
  const absl::Duration limit = AtLeastTenSteps(options_.times.stop);
  std::vector<std::string> gone;
  for (const Member& member : members_) {
    if (!WhyLost(member, now).empty()) gone.push_back(member.facts.id);
  }
  for (const std::string& worker : gone) Depart(worker, out);
  if (ended() || now - stopping_->since <= limit) return;
  out.push_back(
      Note{absl::StrCat(Name(members_.front()), " has not said within ",
                        absl::FormatDuration(limit), " that its GPU's memory is free again")});
  FinishParted(out);
}

void Gang::FinishParted(Effects& out) {
  const std::string& detail = stopping_->detail;
  const std::string reason =
      detail.empty() ? stopping_->reason : absl::StrCat(stopping_->reason, " (", detail, ")");
  Finish(stopping_->outcome, reason, stopping_->result, out);
}

}  // namespace hebb::control
