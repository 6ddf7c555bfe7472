// SPDX-License-Identifier: Apache-2.0
// Proves who goes on, who waits and who stops, whatever the order in which runs come to a rung, and
// that nobody waits for ever; and that the pilot carries it out from the records alone.
#include "server/control/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/control/sweep_pilot.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::control {
namespace {

using job::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

sweep::Halving Rungs(std::vector<int64_t> epochs, double keep = 0.5) {
  return {"validation_accuracy", std::move(epochs), keep, {}};
}

HalvingRun RunIs(const std::string& id, State state, std::map<int64_t, double> scores) {
  HalvingRun run;
  run.id = id;
  run.state = state;
  run.scores = std::move(scores);
  return run;
}

TEST(HalvingTest, ThoseAtTheRungWaitForTheOthers) {
  const HalvingSteps steps =
      Halve(Rungs({2}), {RunIs("a", State::kRunning, {{2, 0.9}}), RunIs("b", State::kRunning, {}),
                         RunIs("c", State::kQueued, {})});
  EXPECT_THAT(steps.hold, ElementsAre("a"));
  EXPECT_THAT(steps.resume, IsEmpty());
  EXPECT_THAT(steps.stop, IsEmpty());
}

TEST(HalvingTest, TheBestGoOnAndTheOthersStop) {
  HalvingRun held = RunIs("c", State::kPaused, {{2, 0.7}});
  held.held = true;
  const HalvingSteps steps = Halve(
      Rungs({2}), {RunIs("a", State::kRunning, {{2, 0.1}}), RunIs("b", State::kPaused, {{2, 0.5}}),
                   held, RunIs("d", State::kRunning, {{2, 0.6}})});
  EXPECT_THAT(steps.hold, IsEmpty());
  EXPECT_THAT(steps.resume, ElementsAre("c"));
  EXPECT_THAT(steps.stop, UnorderedElementsAre(HalvingSteps::Stop{"b", 1, 3, 4},
                                               HalvingSteps::Stop{"a", 1, 4, 4}));
}

TEST(HalvingTest, APauseByAUserIsNotUndone) {
  const HalvingSteps steps = Halve(Rungs({2}), {RunIs("a", State::kPaused, {{2, 0.9}}),
                                                RunIs("b", State::kRunning, {{2, 0.1}})});
  EXPECT_THAT(steps.resume, IsEmpty());
}

TEST(HalvingTest, FailedAndCancelledRunsTakeNoPart) {
  const HalvingSteps steps =
      Halve(Rungs({2}), {RunIs("a", State::kFailed, {}), RunIs("b", State::kCancelled, {{2, 1.0}}),
                         RunIs("c", State::kRunning, {{2, 0.2}})});
  EXPECT_THAT(steps.stop, IsEmpty());
  EXPECT_THAT(steps.hold, IsEmpty());
}

TEST(HalvingTest, WhenAWinnerIsCancelledTheStoppedDoNotComeBackAndNobodyWaitsForThem) {
  HalvingRun stopped = RunIs("b", State::kCancelled, {{2, 0.5}});
  stopped.stopped_early = true;
  HalvingRun held = RunIs("c", State::kPaused, {{2, 0.4}, {4, 0.4}});
  held.held = true;
  const HalvingSteps steps =
      Halve(Rungs({2, 4}, 0.67), {RunIs("a", State::kCancelled, {{2, 0.9}}), stopped, held});
  EXPECT_THAT(steps.resume, ElementsAre("c"));
}

// A small world in which runs go on in any order; seeds differ by their order alone.
TEST(HalvingTest, TheSameRunsWinInWhateverOrderTheyComeAndAllEnds) {
  const sweep::Halving halving = Rungs({1, 3}, 1.0 / 3);
  std::vector<std::string> winners;
  for (int seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    std::vector<HalvingRun> runs;
    for (int i = 0; i < 9; ++i) runs.push_back(RunIs(absl::StrCat(i), State::kRunning, {}));
    std::vector<int64_t> epochs(9, 0);
    for (int turn = 0; turn < 1000; ++turn) {
      const size_t i = random() % runs.size();
      HalvingRun& run = runs[i];
      if (run.state == State::kRunning && ++epochs[i] <= 5) {
        run.scores[epochs[i]] = static_cast<double>((i * 7 + epochs[i]) % 10);
        if (epochs[i] == 5) run.state = State::kSucceeded;
      }
      const HalvingSteps steps = Halve(halving, runs);
      const auto find = [&](const std::string& id) -> HalvingRun& { return runs[std::stoul(id)]; };
      for (const std::string& id : steps.hold) {
        find(id).state = State::kPaused;
        find(id).held = true;
      }
      for (const std::string& id : steps.resume) {
        find(id).state = State::kRunning;
        find(id).held = false;
      }
      for (const HalvingSteps::Stop& stop : steps.stop) {
        ASSERT_NE(find(stop.id).state, State::kSucceeded);
        find(stop.id).state = State::kCancelled;
        find(stop.id).stopped_early = true;
      }
    }
    std::string won;
    for (const HalvingRun& run : runs) {
      ASSERT_TRUE(job::IsTerminal(run.state)) << "seed " << seed << ", run " << run.id;
      if (run.state == State::kSucceeded) won += run.id;
    }
    winners.push_back(won);
  }
  EXPECT_EQ(winners.front().size(), 1u);
  EXPECT_THAT(winners, ::testing::Each(winners.front()));
}

class SweepPilotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto [sweep, jobs] = testing::SampleSweep("s-1", {"j-a", "j-b"});
    sweep.yaml = "sweep: \n  grid: {seed: [1, 2]}\n  halving: {epochs: [2], keep: 0.5}\nname: x\n";
    sweep.file_name = "s.yaml";
    sweep.sets.clear();
    for (job::Job& job : jobs) {
      job.state = State::kRunning;
      job.epoch = 0;
    }
    ASSERT_TRUE(jobs_.CreateSweep(sweep, jobs).ok());
  }
  void Epoch(const std::string& id, int64_t epoch, double accuracy) {
    job::EpochRecord record;
    record.epoch = epoch;
    record.metrics.validation_accuracy = accuracy;
    ASSERT_TRUE(jobs_.PutEpoch(id, record).ok());
    ASSERT_TRUE(Change(id, [epoch](job::Job& job) { job.epoch = epoch; }).ok());
  }
  absl::Status Change(const std::string& id, const std::function<void(job::Job&)>& change) {
    return jobs_
        .Update(id,
                [&](job::Job& job) {
                  change(job);
                  return absl::OkStatus();
                })
        .status();
  }
  // As after a restart: another pilot, the same records.
  void Look() {
    SweepPilot pilot(jobs_, feed_, [this] { ++wakes_; });
    const absl::Status status = pilot.Look();
    EXPECT_TRUE(status.ok()) << status;
  }
  store::MemoryJobStore jobs_;
  ChangeFeed feed_;
  int wakes_ = 0;
};

TEST_F(SweepPilotTest, HoldsThenStopsTheWorseAndLetsTheBetterGoOn) {
  Look();
  EXPECT_EQ(wakes_, 0);
  Epoch("j-a", 1, 0.1);
  Epoch("j-a", 2, 0.6);
  Look();
  EXPECT_EQ(jobs_.Get("j-a")->state, State::kPausing);
  Epoch("j-b", 2, 0.3);
  Look();
  const job::Job worse = *jobs_.Get("j-b");
  EXPECT_EQ(worse.state, State::kCancelling);
  EXPECT_EQ(worse.reason, "stopped early at rung 1 (epoch 2): place 2 of 2 by validation_accuracy");
  EXPECT_TRUE(IsStoppedEarly(worse));
  EXPECT_EQ(jobs_.Get("j-a")->state, State::kPausing) << "its checkpoint is not durable yet";
  // The control loop has stopped both; a detail may follow the reason.
  ASSERT_TRUE(Change("j-a", [](job::Job& job) {
                job.state = State::kPaused;
                job.reason += " (at step 40)";
              }).ok());
  ASSERT_TRUE(Change("j-b", [](job::Job& job) { job.state = State::kCancelled; }).ok());
  Look();
  EXPECT_EQ(jobs_.Get("j-a")->state, State::kQueued);
  EXPECT_EQ(jobs_.Events("j-b")->back().actor, "sweep");
  const int before = wakes_;
  Look();
  EXPECT_EQ(wakes_, before) << "nothing is left to do";
}

TEST_F(SweepPilotTest, AnAccuracyThatIsNoNumberIsTheWorst) {
  Epoch("j-a", 2, std::nan(""));
  Epoch("j-b", 2, 0.01);
  Look();
  EXPECT_TRUE(IsStoppedEarly(*jobs_.Get("j-a")));
  EXPECT_EQ(jobs_.Get("j-b")->state, State::kRunning);
}

}  // namespace
}  // namespace hebb::control
