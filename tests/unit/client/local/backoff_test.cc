// SPDX-License-Identifier: Apache-2.0
// The pauses before a program is started again grow from 0.2 s to 5 s and start over after a long
// run.
#include <gtest/gtest.h>

#include "client/local/service.h"

namespace hebb::client {
namespace {

TEST(BackoffTest, GrowsWhileRunsAreShort) {
  Backoff backoff;
  for (const double expected : {0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0}) {
    EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Seconds(expected));
  }
  EXPECT_EQ(backoff.short_runs(), 8);
}

TEST(BackoffTest, StartsOverAfterALongRun) {
  Backoff backoff;
  for (int i = 0; i < 100; ++i) backoff.Next(absl::ZeroDuration());
  EXPECT_EQ(backoff.Next(absl::Seconds(10)), absl::Seconds(0.2));
  EXPECT_EQ(backoff.Next(absl::Seconds(1)), absl::Seconds(0.4));
}

}  // namespace
}  // namespace hebb::client
