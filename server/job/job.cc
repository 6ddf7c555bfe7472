// SPDX-License-Identifier: Apache-2.0
#include "server/job/job.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hebb::job {
namespace {

constexpr std::array<std::pair<State, absl::string_view>, 9> kNames = {{
    {State::kQueued, "QUEUED"},
    {State::kStarting, "STARTING"},
    {State::kRunning, "RUNNING"},
    {State::kPausing, "PAUSING"},
    {State::kPaused, "PAUSED"},
    {State::kCancelling, "CANCELLING"},
    {State::kCancelled, "CANCELLED"},
    {State::kSucceeded, "SUCCEEDED"},
    {State::kFailed, "FAILED"},
}};

// The table. A lost attempt goes back to QUEUED, or straight to STARTING where workers are at
// hand. STARTING may end in SUCCEEDED: a gang that finished while the coordinator was away can
// deliver its result before RUNNING was recorded. A job that ends before it is stopped keeps the
// end it reached.
std::vector<State> Next(State from) {
  switch (from) {
    case State::kQueued:
      return {State::kStarting, State::kPaused, State::kCancelled, State::kFailed};
    case State::kStarting:
      return {State::kRunning,    State::kQueued,    State::kPausing,   State::kPaused,
              State::kCancelling, State::kCancelled, State::kSucceeded, State::kFailed};
    case State::kRunning:
      return {State::kQueued,     State::kStarting,  State::kPausing,
              State::kCancelling, State::kSucceeded, State::kFailed};
    case State::kPausing:
      return {State::kPaused, State::kCancelling, State::kSucceeded, State::kFailed};
    case State::kPaused:
      return {State::kQueued, State::kCancelled};
    case State::kCancelling:
      return {State::kCancelled, State::kSucceeded, State::kFailed};
    case State::kCancelled:
    case State::kSucceeded:
    case State::kFailed:
      return {};
  }
  return {};
}

}  // namespace

absl::string_view StateName(State state) {
  for (const auto& [value, name] : kNames) {
    if (value == state) return name;
  }
  return "UNKNOWN";
}

std::optional<State> StateFromName(absl::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

bool IsTerminal(State state) { return Next(state).empty(); }

absl::Status CheckTransition(State from, State to) {
  if (from == to) return absl::OkStatus();
  const std::vector<State> allowed = Next(from);
  for (State state : allowed) {
    if (state == to) return absl::OkStatus();
  }
  const std::string asked =
      absl::StrCat("a job that is ", StateName(from), " cannot become ", StateName(to));
  if (allowed.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(asked, ": ", StateName(from), " is final"));
  }
  const auto append = [](std::string* out, State state) { absl::StrAppend(out, StateName(state)); };
  return absl::FailedPreconditionError(
      absl::StrCat(asked, ", only ", absl::StrJoin(allowed, ", ", append)));
}

State SweepState(const StateCounts& counts) {
  int64_t all = 0;
  int64_t ended = 0;
  for (const auto& [state, count] : counts) {
    all += count;
    ended += IsTerminal(state) ? count : 0;
  }
  const auto any = [&counts](State state) {
    const auto found = counts.find(state);
    return found == counts.end() ? 0 : found->second;
  };
  if (all > 0 && any(State::kQueued) == all) return State::kQueued;
  if (ended < all) return State::kRunning;
  if (any(State::kFailed) > 0) return State::kFailed;
  return any(State::kCancelled) > 0 ? State::kCancelled : State::kSucceeded;
}

}  // namespace hebb::job
