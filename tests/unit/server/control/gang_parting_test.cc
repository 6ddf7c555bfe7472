// SPDX-License-Identifier: Apache-2.0
// What is proven: a gang with GPUs that is stopped ends only when each member has said that its
// GPU's memory is free again, is gone, or was waited for long enough. How: as gang_test.cc.
#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GangPartingTest : public GangTest {
 protected:
  Gang StartedOnGpus(const std::vector<std::string>& ids) {
    Gang gang = Make(static_cast<int64_t>(ids.size()));
    std::vector<WorkerFacts> facts;
    for (const std::string& id : ids) {
      facts.push_back(Worker(id));
      facts.back().device = "cuda";
      facts.back().backends = {"nccl"};
    }
    gang.Start(facts, now_);
    return gang;
  }
  Gang FormedOnGpus(const std::vector<std::string>& ids) {
    Gang gang = StartedOnGpus(ids);
    for (const std::string& id : ids) Report(gang, id, 0, 0);
    EXPECT_TRUE(gang.formed());
    return gang;
  }
  // Cancelled, and all its ranks have stopped.
  Gang Parting(const std::vector<std::string>& ids, Effects& last) {
    Gang gang = FormedOnGpus(ids);
    gang.RequestStop(AttemptOutcome::kCancelled, "cancelled by ada", now_);
    for (const std::string& id : ids) last = Result(gang, id, 1, Outcome::kStopped);
    return gang;
  }
};

TEST_F(GangPartingTest, AStoppedGangOfGpusEndsOnceTheirMemoryIsBack) {
  Effects effects;
  Gang gang = Parting({"a", "b"}, effects);
  EXPECT_THAT(SentTo<Release>(effects), ElementsAre("a", "b"));
  EXPECT_NE(FirstOf<Close>(effects), nullptr);
  EXPECT_EQ(FirstOf<End>(effects), nullptr);
  EXPECT_FALSE(gang.ended());
  EXPECT_THAT(Pass(gang, absl::Minutes(1), {"a", "b"}), IsEmpty());
  EXPECT_THAT(gang.OnFreed("b", 0, now_), IsEmpty());
  EXPECT_THAT(gang.OnFreed("b", 0, now_), IsEmpty()) << "said twice";
  const Effects ended = gang.OnFreed("a", 0, now_);
  ASSERT_NE(FirstOf<End>(ended), nullptr);
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kCancelled);
  EXPECT_EQ(FirstOf<End>(ended)->reason, "cancelled by ada");
  EXPECT_TRUE(FirstOf<End>(ended)->result.has_value()) << "rank 0's";
}

TEST_F(GangPartingTest, OneThatStillPreparesIsWaitedForToo) {
  Gang gang = StartedOnGpus({"a"});
  const Effects asked = gang.RequestStop(AttemptOutcome::kCancelled, "cancelled", now_);
  EXPECT_THAT(SentTo<Release>(asked), ElementsAre("a"));
  EXPECT_FALSE(gang.ended());
  EXPECT_THAT(Report(gang, "a", 0, 0), IsEmpty()) << "on its way before the release came";
  EXPECT_NE(FirstOf<End>(gang.OnFreed("a", 0, now_)), nullptr);
}

TEST_F(GangPartingTest, MemoryThatDoesNotComeBackIsAnEvent) {
  Effects effects;
  Gang gang = Parting({"a"}, effects);
  const Effects ended = gang.OnFreed("a", int64_t{3} << 30, now_);
  ASSERT_NE(FirstOf<Note>(ended), nullptr);
  EXPECT_THAT(FirstOf<Note>(ended)->text,
              HasSubstr("3 GiB of its GPU's memory have not come back"));
  EXPECT_NE(FirstOf<End>(ended), nullptr);
}

TEST_F(GangPartingTest, WhoIsGoneHasNoMemoryToGiveBack) {
  Effects effects;
  Gang gang = Parting({"a", "b"}, effects);
  EXPECT_THAT(gang.OnFarewell("a", "bye", now_), IsEmpty());
  const Effects ended = Pass(gang, absl::Seconds(5), {});
  ASSERT_NE(FirstOf<End>(ended), nullptr) << "b was not heard any more";
  EXPECT_EQ(FirstOf<End>(ended)->outcome, AttemptOutcome::kCancelled);
}

TEST_F(GangPartingTest, OneThatComesBackIsToldAgain) {
  Effects effects;
  Gang gang = Parting({"a"}, effects);
  gang.OnStreamEnded("a", now_);
  WorkerFacts facts = Worker("a");
  facts.device = "cuda";
  EXPECT_THAT(SentTo<Release>(gang.OnAttached(facts, std::nullopt, now_)), ElementsAre("a"));
  EXPECT_FALSE(gang.ended());
  EXPECT_NE(FirstOf<End>(gang.OnFreed("a", 0, now_)), nullptr);
}

TEST_F(GangPartingTest, PatienceHasAnEnd) {
  Effects effects;
  Gang gang = Parting({"a"}, effects);
  const Effects ended = Pass(gang, absl::Minutes(3), {"a"});
  ASSERT_NE(FirstOf<Note>(ended), nullptr);
  EXPECT_THAT(FirstOf<Note>(ended)->text, HasSubstr("has not said within 2m"));
  ASSERT_NE(FirstOf<End>(ended), nullptr);
}

}  // namespace
}  // namespace hebb::control
