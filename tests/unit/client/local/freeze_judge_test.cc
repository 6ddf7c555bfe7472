// SPDX-License-Identifier: Apache-2.0
// A world is ended when a rank stays silent while the coordinator answers, and not before: neither
// while it starts, nor while the coordinator is away, nor for a short silence.
#include "client/local/freeze_judge.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

namespace hebb::client {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);
const std::vector<pid_t> kRanks = {11, 12};

Census::View Attached(std::set<int64_t> pids) { return {true, std::move(pids)}; }

absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }

TEST(FreezeJudgeTest, ASilentRankIsFrozenAfterThePatience) {
  FreezeJudge judge;
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({11, 12}), At(0)));
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({11}), At(1)));
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({11}), At(5)));
  EXPECT_TRUE(judge.IsFrozen(kRanks, Attached({11}), At(6.5)));
}

TEST(FreezeJudgeTest, AShortSilenceIsForgotten) {
  FreezeJudge judge;
  judge.IsFrozen(kRanks, Attached({11, 12}), At(0));
  judge.IsFrozen(kRanks, Attached({12}), At(1));
  judge.IsFrozen(kRanks, Attached({11, 12}), At(5));
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({12}), At(7)));
}

TEST(FreezeJudgeTest, ACoordinatorThatIsAwayIsNotTheRanksFault) {
  FreezeJudge judge;
  judge.IsFrozen(kRanks, Attached({11, 12}), At(0));
  for (int t = 1; t < 100; ++t) EXPECT_FALSE(judge.IsFrozen(kRanks, {false, {}}, At(t)));
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({}), At(100)));
  EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({}), At(104)));
}

TEST(FreezeJudgeTest, AStartingWorldHasMoreTime) {
  FreezeJudge judge;
  EXPECT_FALSE(judge.IsFrozen({}, Attached({}), At(0)));
  for (int t = 0; t <= 60; t += 5) EXPECT_FALSE(judge.IsFrozen(kRanks, Attached({11}), At(t)));
  EXPECT_TRUE(judge.IsFrozen(kRanks, Attached({11}), At(61)));
}

}  // namespace
}  // namespace hebb::client
