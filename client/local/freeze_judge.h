// SPDX-License-Identifier: Apache-2.0
// Decides when an MPI world has to be ended because a rank no longer answers: mpirun sees dead
// ranks but not stopped ones. Pure: the caller brings the time.
#ifndef HEBB_CLIENT_LOCAL_FREEZE_JUDGE_H_
#define HEBB_CLIENT_LOCAL_FREEZE_JUDGE_H_

#include <sys/types.h>

#include <vector>

#include "absl/time/time.h"
#include "client/local/census.h"

namespace hebb::client {

// One judge a world. Silence counts only while the coordinator answers, because ranks that cannot
// reach it are not to blame.
class FreezeJudge {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(5);
  static constexpr absl::Duration kStartPatience =
      absl::Seconds(60);  // until all have attached once

  // True: some of `ranks` have been out of touch for too long.
  bool IsFrozen(const std::vector<pid_t>& ranks, const Census::View& view, absl::Time now);

 private:
  absl::Time silent_since_ = absl::InfiniteFuture();
  bool complete_once_ = false;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_FREEZE_JUDGE_H_
