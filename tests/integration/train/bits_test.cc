// SPDX-License-Identifier: Apache-2.0
// Proves with the real engine and real images that weights and metrics are the same bits for any
// number of ranks and threads, after any change of the gang, after a death, and after a resume from
// a checkpoint at every step of a run with a short last batch (and slices that it leaves empty).
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/train/glyphs.h"

namespace hebb::train {
namespace {

constexpr absl::string_view kJob = R"(
name: bits
seed: 5
dataset: {name: glyphs, validation: 70}
network:
  layers:
    - {name: conv1, conv: {filters: 4, kernel: 3}}
    - {name: pool1, max_pool: {size: 3, stride: 2}}
    - {name: conv2, conv: {filters: 6, kernel: 3, activation: tanh}}
    - {name: pool2, max_pool: {size: 2, stride: 2, ties: first}}
    - {name: drop1, dropout: {rate: 0.3}}
    - {name: dense1, dense: {units: 12}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  optimizer: {sgd: {learning_rate: 0.05}}
  batch_size: 20
  epochs: 2
data_parallel: {slices: 4}
checkpoint: {every_steps: 1, keep: 3}
)";

class BitsTest : public ::testing::Test {
 protected:
  TrainerMaker Maker(const std::vector<std::string>& sets = {}, int threads = 1) const {
    return RealTrainers(ParseOrDie(kJob, sets), dataset_, threads);
  }

  // 4 steps an epoch, the last of 2 records: two of its four slices are empty.
  const SmallGlyphs dataset_{62, 70, 90};
};

TEST_F(BitsTest, AnyNumberOfRanksAndThreads) {
  for (const char* propagate : {"before_update", "after_update"}) {
    for (const char* rule : {"urfb", "frfb", "bp"}) {
      const std::vector<std::string> sets = {absl::StrCat("learning.rule=", rule),
                                             absl::StrCat("learning.propagate=", propagate)};
      SCOPED_TRACE(absl::StrCat(rule, " ", propagate));
      const Finished alone = TrainToTheEnd(Maker(sets), 1);
      for (int size = 1; size <= 4; ++size) {
        SCOPED_TRACE(size);
        ExpectSame(TrainToTheEnd(Maker(sets, size <= 2 ? 2 : 1), size), alone);
      }
    }
  }
}

TEST_F(BitsTest, ResumeAtEveryStep) {
  const Finished whole = TrainToTheEnd(Maker(), 2);
  ASSERT_EQ(whole.saves.size(), 8U);
  for (const auto& [step, bytes] : whole.saves) {
    SCOPED_TRACE(step);
    const Members members = MakeMembers(Maker(), 1 + static_cast<int>(step % 3));
    for (const std::unique_ptr<Member>& member : members) {
      ASSERT_TRUE(member->trainer->LoadCheckpoint(bytes, "checkpoint").ok());
    }
    const Finished resumed = FinishWith(Pointers(members));
    ExpectSame(resumed, whole);
    EXPECT_EQ(resumed.saves.rbegin()->second, whole.saves.rbegin()->second);
  }
}

TEST_F(BitsTest, ThreeThenTwoThenFour) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  for (const int64_t first : {1, 3, 4, 6}) {
    SCOPED_TRACE(first);
    const Members members = MakeMembers(Maker(), 4);
    std::vector<Member*> ranks = Pointers(members);
    const auto leave_after = [&](const std::vector<Member*>& gang, int64_t step) {
      Requests requests;
      if (gang[0]->trainer->step() + 1 >= step) requests.leave = true;
      gang[0]->observer.on_step = [&](const StepReport& report) {
        if (report.step + 1 >= step) requests.leave = true;
      };
      for (const auto& end : RunGeneration(gang, requests)) {
        ASSERT_TRUE(end.ok()) << end.status();
        ASSERT_EQ(*end, RunEnd::kLeft);
      }
      gang[0]->observer.on_step = nullptr;
      ASSERT_EQ(gang[0]->trainer->step(), step);
    };
    leave_after({ranks[0], ranks[1], ranks[2]}, first);
    leave_after({ranks[1], ranks[2]}, first + 1);
    ExpectSame(FinishWith({ranks[3], ranks[0], ranks[2], ranks[1]}), whole);
  }
}

TEST_F(BitsTest, DeathAtRandomPoints) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  std::mt19937 random(11);
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    const Members members = MakeMembers(Maker(), 3);
    Member* const victim = members[round % 3].get();
    const int64_t at = 1 + random() % 7;
    const absl::Duration delay = absl::Microseconds(random() % 3000);
    std::thread killer;
    victim->observer.on_step = [&](const StepReport& report) {
      if (report.step != at) return;
      killer = std::thread([victim, until = absl::Now() + delay] {
        while (absl::Now() < until) continue;  // finer than a sleep
        victim->Abort();
      });
    };
    Requests requests;
    RunGeneration(Pointers(members), requests);
    if (killer.joinable()) killer.join();
    std::vector<Member*> survivors;
    for (const std::unique_ptr<Member>& member : members) {
      if (member.get() != victim) survivors.push_back(member.get());
    }
    ExpectSame(FinishWith(survivors), whole);
  }
}

}  // namespace
}  // namespace hebb::train
