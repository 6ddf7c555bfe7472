// SPDX-License-Identifier: Apache-2.0
// What is proven: a round begins at the start, at each waking and when it is due, none is missed
// that was asked for during a round, and a stop waits for nothing but the round at hand.
#include "server/control/rounds.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"
#include "tests/testing/wait.h"

namespace hebb::control {
namespace {

using testing_support::WaitUntil;

constexpr absl::Duration kNoPace = absl::ZeroDuration();

TEST(RoundsTest, BeginAtTheStartAndAtEachWaking) {
  std::atomic<int> count = 0;
  Rounds rounds(kNoPace, [&] {
    ++count;
    return absl::InfiniteFuture();
  });
  rounds.Start();
  for (int expected = 1; expected <= 3; ++expected) {
    ASSERT_TRUE(WaitUntil([&] { return count == expected; }));
    rounds.Wake();
  }
  rounds.Stop();
  EXPECT_LE(count, 4);
}

TEST(RoundsTest, BeginWhenTheyAreDue) {
  std::atomic<int> count = 0;
  Rounds rounds(kNoPace, [&] {
    ++count;
    return SteadyNow() + absl::Milliseconds(1);
  });
  rounds.Start();
  EXPECT_TRUE(WaitUntil([&] { return count >= 5; }));
}

TEST(RoundsTest, AWakingDuringARoundBringsAnother) {
  std::atomic<int> count = 0;
  absl::Notification begun, go_on;
  Rounds rounds(kNoPace, [&] {
    if (++count == 1) {
      begun.Notify();
      go_on.WaitForNotification();
    }
    return absl::InfiniteFuture();
  });
  rounds.Start();
  begun.WaitForNotification();
  rounds.Wake();
  rounds.Wake();
  go_on.Notify();
  EXPECT_TRUE(WaitUntil([&] { return count == 2; }));
}

TEST(RoundsTest, AStopEndsTheRestAndTheWait) {
  for (const absl::Duration pace : {kNoPace, absl::Hours(1)}) {
    std::atomic<int> count = 0;
    Rounds rounds(pace, [&] {
      ++count;
      return absl::InfiniteFuture();
    });
    rounds.Start();
    ASSERT_TRUE(WaitUntil([&] { return count == 1; }));
    if (pace > kNoPace) rounds.Wake();  // rests first
    const absl::Time begin = SteadyNow();
    rounds.Stop();
    rounds.Stop();
    EXPECT_LT(SteadyNow() - begin, absl::Minutes(1));
    EXPECT_EQ(count, 1);
    EXPECT_TRUE(rounds.stopping());
  }
}

TEST(RoundsTest, OneThatWasNeverStartedStops) {
  Rounds rounds(kNoPace, [] { return absl::InfiniteFuture(); });
  rounds.Stop();
}

}  // namespace
}  // namespace hebb::control
