// SPDX-License-Identifier: Apache-2.0
#include "client/sweep/follow_sweep.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/bar.h"
#include "client/exit_code.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(500);
constexpr absl::Duration kAway = absl::Minutes(5);

int64_t EndedRuns(const v1::Sweep& sweep) {
  int64_t ended = 0;
  for (const v1::StateCount& count : sweep.counts()) {
    if (IsTerminal(count.state())) ended += count.jobs();
  }
  return ended;
}

}  // namespace

std::string CountsText(const v1::Sweep& sweep) {
  const auto text = [](std::string* out, const v1::StateCount& count) {
    absl::StrAppend(out, count.jobs(), " ", v1::JobState_Name(count.state()));
  };
  return absl::StrCat(sweep.jobs(), sweep.jobs() == 1 ? " run: " : " runs: ",
                      absl::StrJoin(sweep.counts(), ", ", text));
}

absl::StatusOr<v1::Sweep> FollowSweep(Session& session, const std::string& sweep) {
  std::string shown;
  SlowBar bar = session.MakeBar();
  absl::Time in_touch = absl::Now();
  bool away = false;
  while (true) {
    const absl::StatusOr<v1::Sweep> now = session.api().GetSweep(sweep, /*brief=*/true);
    if (session.interrupted()) {
      bar.Clear();
      return absl::CancelledError(
          absl::StrCat("detached, sweep ", sweep, " goes on; look at it with `hebb sweep status ",
                       sweep, "`, stop it with `hebb sweep stop ", sweep, "`"));
    }
    if (now.ok()) {
      in_touch = absl::Now();
      away = false;
      const std::string text = CountsText(*now);
      if (text != shown) {
        bar.Clear();
        session.err << text << std::endl;
      }
      shown = text;
      if (IsTerminal(now->state())) return now;
      if (now->jobs() > 0) bar.ShowCount("ended", EndedRuns(*now), now->jobs());
    } else if (!absl::IsUnavailable(now.status()) || absl::Now() - in_touch > kAway) {
      return now;
    } else if (!away) {
      bar.Clear();
      session.err << "the coordinator is away; the sweep goes on, waiting for it" << std::endl;
      away = true;
    }
    absl::SleepFor(kPoll);
  }
}

}  // namespace hebb::client
