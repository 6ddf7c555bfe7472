// SPDX-License-Identifier: Apache-2.0
#include "client/local/freeze_judge.h"

#include <algorithm>

namespace hebb::client {

bool FreezeJudge::IsFrozen(const std::vector<pid_t>& ranks, const Census::View& view,
                           absl::Time now) {
  const bool complete = std::all_of(ranks.begin(), ranks.end(),
                                    [&view](pid_t rank) { return view.attached.contains(rank); });
  if (!view.serving || complete) {
    complete_once_ = complete_once_ || (view.serving && !ranks.empty());
    silent_since_ = absl::InfiniteFuture();
    return false;
  }
  silent_since_ = std::min(silent_since_, now);
  return now - silent_since_ > (complete_once_ ? kPatience : kStartPatience);
}

}  // namespace hebb::client
