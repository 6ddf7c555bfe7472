// SPDX-License-Identifier: Apache-2.0
// Proves that what is registered runs exactly once, however Cancel and the registration race.
#include "worker/runtime/cancellation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/time/clock.h"

namespace hebb::runtime {
namespace {

TEST(CancellationTest, RunsWhatIsRegisteredOnceWithTheFirstReason) {
  Cancellation cancellation;
  int runs = 0;
  std::string reason;
  Cancellation::Scope scope(cancellation, [&](const std::string& r) {
    ++runs;
    reason = r;
  });
  cancellation.Cancel("first");
  cancellation.Cancel("second");
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(reason, "first");
  EXPECT_EQ(cancellation.reason(), "first");
}

TEST(CancellationTest, RunsAtOnceWhenAlreadyCancelled) {
  Cancellation cancellation;
  cancellation.Cancel("over");
  bool ran = false;
  Cancellation::Scope scope(cancellation, [&](const std::string&) { ran = true; });
  EXPECT_TRUE(ran);
  EXPECT_FALSE(cancellation.Pause(absl::Hours(1)));
}

TEST(CancellationTest, ForgetsWhatHasEnded) {
  Cancellation cancellation;
  bool ran = false;
  {
    Cancellation::Scope scope(cancellation, [&](const std::string&) { ran = true; });
  }
  cancellation.Cancel("over");
  EXPECT_FALSE(ran);
}

TEST(CancellationTest, EndsAPauseFromAnotherThread) {
  Cancellation cancellation;
  std::thread other([&] { cancellation.Cancel("over"); });
  EXPECT_FALSE(cancellation.Pause(absl::Seconds(60)));
  other.join();
}

TEST(CancellationTest, ScopeThatEndsWhileCancelRunsIsSafe) {
  for (int round = 0; round < 200; ++round) {
    Cancellation cancellation;
    std::atomic<bool> alive{true};
    std::atomic<bool> touched_dead{false};
    std::thread other([&] { cancellation.Cancel("over"); });
    {
      Cancellation::Scope scope(cancellation, [&](const std::string&) {
        if (!alive) touched_dead = true;
      });
    }
    alive = false;
    other.join();
    EXPECT_FALSE(touched_dead);
  }
}

}  // namespace
}  // namespace hebb::runtime
