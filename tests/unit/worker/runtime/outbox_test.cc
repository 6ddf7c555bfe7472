// SPDX-License-Identifier: Apache-2.0
// Proves that the outbox belongs to one stream, keeps order, and has a bound.
#include "worker/runtime/outbox.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "absl/time/clock.h"

namespace hebb::runtime {
namespace {

v1::FromWorker Beat(int64_t step) {
  v1::FromWorker message;
  message.mutable_heartbeat()->set_step(step);
  return message;
}

TEST(OutboxTest, TakesNothingWithoutAStream) {
  Outbox outbox;
  EXPECT_FALSE(outbox.Send(Beat(1)));
  EXPECT_FALSE(outbox.SendLast(Beat(1)));
  v1::FromWorker message;
  EXPECT_EQ(outbox.Next(absl::InfiniteFuture(), message), Outbox::Event::kClosed);
}

TEST(OutboxTest, KeepsOrderAndEndsAfterTheLastWord) {
  Outbox outbox;
  outbox.Open({Beat(1)});
  EXPECT_TRUE(outbox.Send(Beat(2)));
  EXPECT_TRUE(outbox.SendLast(Beat(3)));
  EXPECT_FALSE(outbox.Send(Beat(4)));
  v1::FromWorker message;
  for (int64_t step = 1; step <= 3; ++step) {
    ASSERT_EQ(outbox.Next(absl::InfiniteFuture(), message), Outbox::Event::kMessage);
    EXPECT_EQ(message.heartbeat().step(), step);
  }
  EXPECT_EQ(outbox.Next(absl::InfiniteFuture(), message), Outbox::Event::kClosed);
}

TEST(OutboxTest, ForgetsWhatWasMeantForAnEarlierStream) {
  Outbox outbox;
  outbox.Open({Beat(1), Beat(2)});
  outbox.Close();
  outbox.Open({Beat(3)});
  v1::FromWorker message;
  ASSERT_EQ(outbox.Next(absl::InfiniteFuture(), message), Outbox::Event::kMessage);
  EXPECT_EQ(message.heartbeat().step(), 3);
  EXPECT_EQ(outbox.Next(absl::Now(), message), Outbox::Event::kDeadline);
}

TEST(OutboxTest, GivesUpAStreamThatNobodyReads) {
  Outbox outbox;
  outbox.Open({});
  for (size_t i = 0; i < Outbox::kCapacity; ++i) ASSERT_TRUE(outbox.Send(Beat(1)));
  EXPECT_FALSE(outbox.Send(Beat(1)));
  v1::FromWorker message;
  EXPECT_EQ(outbox.Next(absl::InfiniteFuture(), message), Outbox::Event::kClosed);
}

}  // namespace
}  // namespace hebb::runtime
