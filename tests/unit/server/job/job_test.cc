// SPDX-License-Identifier: Apache-2.0
// The transition table, whole: every one of the 81 pairs is written down here a second time, as a
// picture, so that a change of the table is a change of this file.
#include "server/job/job.h"

#include <gtest/gtest.h>

#include <vector>

namespace hebb::job {
namespace {

constexpr State kAll[] = {State::kQueued,    State::kStarting,  State::kRunning,
                          State::kPausing,   State::kPaused,    State::kCancelling,
                          State::kCancelled, State::kSucceeded, State::kFailed};

// Row: from; column: to, both in the order of kAll. 'x': allowed.
constexpr const char* kTable[] = {
    // Q S R Pg Pd Cg Cd Su F
    "xx..x.x.x",  // QUEUED
    "xxxxxxxxx",  // STARTING
    "xxxx.x.xx",  // RUNNING
    "...xxx.xx",  // PAUSING
    "x...x.x..",  // PAUSED
    ".....xxxx",  // CANCELLING
    "......x..",  // CANCELLED
    ".......x.",  // SUCCEEDED
    "........x",  // FAILED
};

TEST(JobTest, TheTransitionTableIsAsDrawn) {
  for (size_t from = 0; from < std::size(kAll); ++from) {
    for (size_t to = 0; to < std::size(kAll); ++to) {
      const absl::Status status = CheckTransition(kAll[from], kAll[to]);
      EXPECT_EQ(status.ok(), kTable[from][to] == 'x')
          << StateName(kAll[from]) << " -> " << StateName(kAll[to]) << ": " << status;
      EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
    }
  }
}

TEST(JobTest, ExactlyTheLastThreeStatesAreTerminal) {
  for (size_t i = 0; i < std::size(kAll); ++i) EXPECT_EQ(IsTerminal(kAll[i]), i >= 6);
}

TEST(JobTest, EveryStateCanReachAnEnd) {
  for (State from : kAll) {
    if (IsTerminal(from)) continue;
    bool ends = false;
    for (State to : kAll) ends = ends || (IsTerminal(to) && CheckTransition(from, to).ok());
    EXPECT_TRUE(ends) << StateName(from);
  }
}

TEST(JobTest, NamesGoThereAndBack) {
  for (State state : kAll) EXPECT_EQ(StateFromName(StateName(state)), state);
  EXPECT_EQ(StateFromName("queued"), std::nullopt);
  EXPECT_EQ(StateFromName(""), std::nullopt);
  EXPECT_EQ(StateName(static_cast<State>(99)), "UNKNOWN");
}

TEST(JobTest, ARefusalSaysWhatIsAllowed) {
  EXPECT_EQ(CheckTransition(State::kPaused, State::kRunning).message(),
            "a job that is PAUSED cannot become RUNNING, only QUEUED, CANCELLED");
  EXPECT_EQ(CheckTransition(State::kFailed, State::kQueued).message(),
            "a job that is FAILED cannot become QUEUED: FAILED is final");
}

TEST(JobTest, ASweepsStateIsThatOfAllItsJobs) {
  using enum State;
  EXPECT_EQ(SweepState({{kQueued, 3}}), kQueued);
  EXPECT_EQ(SweepState({{kQueued, 2}, {kSucceeded, 1}}), kRunning);
  EXPECT_EQ(SweepState({{kCancelling, 1}, {kFailed, 1}}), kRunning);
  EXPECT_EQ(SweepState({{kSucceeded, 3}}), kSucceeded);
  EXPECT_EQ(SweepState({{kSucceeded, 1}, {kCancelled, 1}}), kCancelled);
  EXPECT_EQ(SweepState({{kSucceeded, 1}, {kCancelled, 1}, {kFailed, 1}}), kFailed);
}

}  // namespace
}  // namespace hebb::job
