// SPDX-License-Identifier: Apache-2.0
// Proves that streams get their turns: soon or when they are due, one at a time, none too many.
#include "server/rpc/stream_pump.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"

namespace hebb::rpc {
namespace {

class TestStream : public StreamPump::Stream {
 public:
  explicit TestStream(std::function<void()> turn) : turn_(std::move(turn)) {}
  void Turn() override { turn_(); }

 private:
  const std::function<void()> turn_;
};

std::shared_ptr<StreamPump::Stream> Stream(std::function<void()> turn) {
  return std::make_shared<TestStream>(std::move(turn));
}

constexpr absl::Duration kPatience = absl::Seconds(20);

TEST(StreamPumpTest, AStreamThatIsDueLaterLetsOthersGoFirst) {
  StreamPump pump(1);
  absl::Notification over;
  std::atomic<int> turns{0};
  const absl::Time begin = absl::Now();
  const auto late = Stream([&] {
    EXPECT_EQ(++turns, 2);
    EXPECT_GE(absl::Now(), begin + absl::Milliseconds(30));
    over.Notify();
  });
  pump.Wake(late, begin + absl::Milliseconds(30));
  pump.Wake(Stream([&] { EXPECT_EQ(++turns, 1); }));
  EXPECT_TRUE(over.WaitForNotificationWithTimeout(kPatience));
}

TEST(StreamPumpTest, AnEarlierCallBringsTheTurnForward) {
  StreamPump pump(1);
  absl::Notification over;
  const auto stream = Stream([&] { over.Notify(); });
  pump.Wake(stream, absl::InfiniteFuture());
  pump.Wake(stream, absl::Now() + absl::Hours(1));
  pump.Wake(stream);
  EXPECT_TRUE(over.WaitForNotificationWithTimeout(kPatience));
}

TEST(StreamPumpTest, SeveralCallsBeforeATurnAreOneAndThoseDuringItAreForTheNext) {
  StreamPump pump(4);
  absl::Notification busy, go, over;
  std::atomic<int> turns{0};
  std::atomic<int> at_once{0};
  const auto stream = Stream([&] {
    EXPECT_EQ(++at_once, 1) << "two turns of one stream at once";
    const int turn = ++turns;
    if (turn == 1) {
      busy.Notify();
      go.WaitForNotification();
    }
    --at_once;
    if (turn == 2) over.Notify();
  });
  pump.Wake(stream);
  busy.WaitForNotification();
  for (int i = 0; i < 10; ++i) pump.Wake(stream);
  go.Notify();
  ASSERT_TRUE(over.WaitForNotificationWithTimeout(kPatience));
  absl::Notification later;
  pump.Wake(Stream([&] { later.Notify(); }));
  ASSERT_TRUE(later.WaitForNotificationWithTimeout(kPatience));
  EXPECT_EQ(turns, 2);
}

TEST(StreamPumpTest, ManyStreamsTakeTurnsOnAFewThreads) {
  constexpr int kStreams = 500;
  StreamPump pump(2);
  absl::Notification all;
  std::atomic<int> turns{0};
  for (int i = 0; i < kStreams; ++i) {
    pump.Wake(Stream([&] {
      if (++turns == kStreams) all.Notify();
    }));
  }
  EXPECT_TRUE(all.WaitForNotificationWithTimeout(kPatience));
}

TEST(StreamPumpTest, ItsEndWaitsForTurnsUnderWayAndDropsTheOthers) {
  std::atomic<int> turns{0};
  absl::Notification busy;
  {
    StreamPump pump(1);
    pump.Wake(Stream([&] {
      busy.Notify();
      ++turns;
    }));
    pump.Wake(Stream([&] { ++turns; }), absl::Now() + absl::Hours(1));
    busy.WaitForNotification();
  }
  EXPECT_EQ(turns, 1);
}

}  // namespace
}  // namespace hebb::rpc
