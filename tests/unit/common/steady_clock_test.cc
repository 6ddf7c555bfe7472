// SPDX-License-Identifier: Apache-2.0
// What is proven: time and waits go on as before while the wall clock jumps an hour on or back, and
// a signal ends a wait.
#include "common/steady_clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "absl/time/clock.h"
#include "tests/testing/jump_clock.h"

namespace hebb {
namespace {

using testing_support::JumpedClock;
using Steady = std::chrono::steady_clock;

TEST(SteadyClockTest, TimeAndWaitsDoNotJump) {
  absl::Mutex mutex;
  SteadyCondVar changed;
  for (const int hours : {1, -1}) {
    const absl::Time before = SteadyNow();
    const absl::Time wall_before = absl::Now();
    const JumpedClock jumped(absl::Hours(hours));
    EXPECT_GT(absl::AbsDuration(absl::Now() - wall_before), absl::Minutes(50)) << "not jumped";
    const auto begin = Steady::now();
    absl::MutexLock lock(&mutex);
    EXPECT_FALSE(changed.Await(
        mutex, [] { return false; }, SteadyNow() + absl::Milliseconds(30)));
    const auto waited = Steady::now() - begin;
    EXPECT_GE(waited, std::chrono::milliseconds(30));
    EXPECT_LT(waited, std::chrono::minutes(1));
    EXPECT_GE(SteadyNow() - before, absl::Milliseconds(30));
    EXPECT_LT(SteadyNow() - before, absl::Minutes(1));
  }
}

TEST(SteadyClockTest, ASignalEndsAWaitWithoutEnd) {
  absl::Mutex mutex;
  SteadyCondVar changed;
  bool done = false;
  std::thread other([&] {
    absl::MutexLock lock(&mutex);
    done = true;
    changed.SignalAll();
  });
  {
    absl::MutexLock lock(&mutex);
    EXPECT_TRUE(changed.Await(
        mutex, [&] { return done; }, absl::InfiniteFuture()));
  }
  other.join();
}

}  // namespace
}  // namespace hebb
