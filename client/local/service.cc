// SPDX-License-Identifier: Apache-2.0
#include "client/local/service.h"

#include <sys/wait.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kShortestPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
constexpr absl::Duration kLongRun = absl::Seconds(10);
constexpr int kDoublings = 5;  // 0.2 s * 2^5 is above the longest pause

}  // namespace

absl::Duration Backoff::Next(absl::Duration lasted) {
  if (lasted >= kLongRun) short_runs_ = 0;
  const absl::Duration pause =
      std::min(kLongestPause, kShortestPause * (1 << std::min(short_runs_, kDoublings)));
  ++short_runs_;
  return pause;
}

Service::Service(std::string name, SpawnOptions options, int final_code)
    : name_(std::move(name)), options_(std::move(options)), final_code_(final_code) {}

absl::Status Service::StartIfDue(absl::Time now) {
  if (running() || now < due_) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(id_, Spawn(options_));
  started_ = now;
  return absl::OkStatus();
}

std::string Service::Ended(int wait_status, absl::Time now) {
  id_ = ProcessId{};
  given_up_ = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == final_code_;
  due_ = given_up_ ? absl::InfiniteFuture() : now + backoff_.Next(now - started_);
  return WIFSIGNALED(wait_status) ? absl::StrCat("signal ", WTERMSIG(wait_status))
                                  : absl::StrCat("exit code ", WEXITSTATUS(wait_status));
}

}  // namespace hebb::client
