// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/times.h"

namespace hebb::client::doctor {
namespace {

using absl::Milliseconds;
using ::testing::HasSubstr;

TEST(ClockTest, OffsetIsThatOfTheQuickestCall) {
  int calls = 0;
  const absl::StatusOr<Offset> offset = MeasureOffset([&calls]() -> absl::StatusOr<absl::Time> {
    // All but the third take long on their way back, and would seem to be behind.
    const absl::Time remote = absl::Now() + absl::Seconds(90);
    if (++calls != 3) absl::Notification().WaitForNotificationWithTimeout(Milliseconds(40));
    return remote;
  });
  ASSERT_TRUE(offset.ok());
  EXPECT_EQ(calls, 5);
  EXPECT_LE(absl::AbsDuration(offset->offset - absl::Seconds(90)), offset->round_trip / 2);
  EXPECT_LT(offset->round_trip, Milliseconds(40));
}

TEST(ClockTest, ErrorOfACallIsTheResult) {
  EXPECT_TRUE(absl::IsUnavailable(MeasureOffset([]() -> absl::StatusOr<absl::Time> {
                                    return absl::UnavailableError("away");
                                  }).status()));
}

TEST(ClockTest, OffsetBeyondASecondIsAWarningUnlessTheCallTookAsLong) {
  EXPECT_EQ(JudgeOffset({Milliseconds(900), Milliseconds(1)}).verdict, Verdict::kOk);
  EXPECT_EQ(JudgeOffset({-absl::Seconds(3), Milliseconds(1)}).verdict, Verdict::kWarning);
  EXPECT_EQ(JudgeOffset({absl::Seconds(3), absl::Seconds(5)}).verdict, Verdict::kOk);
  EXPECT_THAT(JudgeOffset({-absl::Seconds(3), Milliseconds(1)}).found, HasSubstr("-3000 ms"));
}

std::vector<Verdict> VerdictsOf(const ClockFacts& facts, absl::Duration detect_within) {
  std::vector<Verdict> verdicts;
  for (const Finding& finding : JudgeClocks(facts, detect_within)) {
    verdicts.push_back(finding.verdict);
  }
  return verdicts;
}

TEST(ClockTest, EachFaultHasItsVerdict) {
  const ClockFacts good = {false, absl::Microseconds(10), Milliseconds(3), "tsc"};
  using V = std::vector<Verdict>;
  EXPECT_EQ(VerdictsOf(good, kDetectWithinDefault), (V{Verdict::kOk, Verdict::kOk}));
  ClockFacts bad = good;
  bad.backwards = true;
  EXPECT_EQ(VerdictsOf(bad, kDetectWithinDefault), (V{Verdict::kFailed, Verdict::kOk}));
  bad = good;
  bad.drift = absl::Seconds(-1);
  EXPECT_EQ(VerdictsOf(bad, kDetectWithinDefault), (V{Verdict::kWarning, Verdict::kOk}));
  bad = good;
  bad.source = "hpet";
  EXPECT_EQ(VerdictsOf(bad, kDetectWithinDefault), (V{Verdict::kWarning, Verdict::kOk}));
}

// The same machine may do for two seconds and be too busy for a tenth.
TEST(ClockTest, PausesAreJudgedByTheKnob) {
  const ClockFacts facts = {false, {}, Milliseconds(100), "tsc"};
  EXPECT_EQ(JudgeClocks(facts, absl::Seconds(2))[1].verdict, Verdict::kOk);
  EXPECT_EQ(JudgeClocks(facts, Milliseconds(200))[1].verdict, Verdict::kWarning);
}

TEST(ClockTest, ClocksOfThisMachineAreWatched) {
  const absl::Time begin = absl::Now();
  const ClockFacts facts = WatchClocks();
  EXPECT_FALSE(facts.backwards);
  EXPECT_GE(facts.longest_nap, Milliseconds(2));
  EXPECT_GE(absl::Now() - begin, Milliseconds(300));
}

}  // namespace
}  // namespace hebb::client::doctor
