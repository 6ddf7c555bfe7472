// SPDX-License-Identifier: Apache-2.0
#include "client/follow.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/progress.h"

namespace hebb::client {
namespace {

// A stream is opened anew after this time, so that no wait is without a bound.
constexpr absl::Duration kStreamLife = absl::Minutes(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

class Follower {
 public:
  Follower(Session& session, const std::string& job, const FollowOptions& options)
      : session_(session),
        job_(job),
        options_(options),
        display_(session.err, [&session] { return session.progress_width(); }),
        deadline_(absl::Now() + options.timeout) {}

  absl::StatusOr<v1::Job> Run() {
    while (true) {
      const absl::Time stream_end = std::min(deadline_, absl::Now() + kStreamLife);
      const absl::Status status =
          session_.api().Watch(job_, stream_end, [this](const v1::Job& job) { Take(job); });
      if (IsTerminal(last_.state())) return last_;
      if (session_.interrupted()) return Detached();
      if (absl::Now() >= deadline_) return TimedOut();
      if (absl::Status gone = Pause(status); !gone.ok()) return gone;
      if (session_.interrupted()) return Detached();
    }
  }

 private:
  void Take(const v1::Job& job) {
    if (away_) {
      if (options_.progress) display_.Note("the coordinator is back");
      away_ = false;
    }
    last_ = job;
    pause_ = kFirstPause;
    in_touch_ = absl::Now();
    if (options_.progress) display_.Show(job);
  }

  // After a stream's end: OK when it may be opened again.
  absl::Status Pause(const absl::Status& status) {
    const bool passing = status.ok() || absl::IsUnavailable(status) ||
                         absl::IsDeadlineExceeded(status) || absl::IsCancelled(status);
    if (!passing) return status;
    if (absl::IsUnavailable(status)) {
      const bool never_seen = last_.id().empty();
      const absl::Duration patience = never_seen ? absl::Seconds(3) : options_.away;
      if (absl::Now() - in_touch_ > patience) return status;
      if (!away_ && !never_seen && options_.progress) {
        display_.Note("the coordinator is away; the job goes on, waiting for it");
        away_ = true;
      }
    }
    absl::SleepFor(std::min(pause_, std::max(deadline_ - absl::Now(), absl::ZeroDuration())));
    pause_ = std::min(2 * pause_, kLongestPause);
    return absl::OkStatus();
  }

  absl::Status Detached() const {
    return absl::CancelledError(absl::StrCat("detached, job ", job_,
                                             " goes on; come back with `hebb watch ", job_,
                                             "`, stop it with `hebb cancel ", job_, "`"));
  }

  absl::Status TimedOut() const {
    return absl::DeadlineExceededError(absl::StrCat(
        "job ", job_, " is still ", last_.id().empty() ? "not heard of" : StateText(last_),
        " after ", absl::FormatDuration(options_.timeout), "; wait again or look at it with ",
        "`hebb describe ", job_, "`"));
  }

  Session& session_;
  const std::string job_;
  const FollowOptions options_;
  ProgressDisplay display_;
  const absl::Time deadline_;
  absl::Time in_touch_ = absl::Now();
  absl::Duration pause_ = kFirstPause;
  bool away_ = false;
  v1::Job last_;
};

}  // namespace

absl::StatusOr<v1::Job> FollowJob(Session& session, const std::string& job,
                                  const FollowOptions& options) {
  return Follower(session, job, options).Run();
}

}  // namespace hebb::client
