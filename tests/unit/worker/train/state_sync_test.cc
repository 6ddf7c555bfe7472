// SPDX-License-Identifier: Apache-2.0
// Proves that the state reaches those who want it whole, whatever the parts it travels in, and that
// the others only compare.
#include "worker/train/state_sync.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "common/weights/safetensors.h"
#include "tests/unit/worker/train/toy_engine.h"
#include "worker/comm/local_communicator.h"

namespace hebb::train {
namespace {

class StateSyncTest : public ::testing::Test {
 protected:
  // One rank's plan and state, with weights drawn from `seed`.
  struct Rank {
    Rank(const data::Dataset& dataset, uint64_t seed)
        : plan(*MakeRunPlan(ToyJob(10, 2, 4), "j1", 1, dataset)), state(Make(plan, seed)) {}

    static RunState Make(RunPlan& plan, uint64_t seed) {
      plan.job.seed = plan.stages[0].job.seed = seed;
      return *RunState::Create(plan, ToyEngines());
    }
    std::string digest() const { return weights::WeightsDigest(state.engine().Export()); }

    RunPlan plan;
    RunState state;
  };

  std::vector<absl::Status> OnAll(
      const std::function<absl::Status(comm::Communicator&, int rank)>& act) {
    const std::vector<std::unique_ptr<comm::Communicator>> gang = comm::MakeLocalGang(3);
    std::vector<absl::Status> statuses(3);
    std::vector<std::thread> threads;
    for (int rank = 0; rank < 3; ++rank) {
      threads.emplace_back([&, rank] { statuses[rank] = act(*gang[rank], rank); });
    }
    for (std::thread& thread : threads) thread.join();
    return statuses;
  }

  const absl::Time deadline_ = absl::Now() + absl::Seconds(30);
  const ToyDataset dataset_{23, 0, 0};
};

TEST_F(StateSyncTest, StateArrivesWholeInPartsOfAnySize) {
  for (const int64_t part : {int64_t{1000}, int64_t{64}, int64_t{1}, kStateChunkBytes}) {
    std::vector<Rank> ranks;
    ranks.reserve(3);
    for (const uint64_t seed : {1, 2, 2}) ranks.emplace_back(dataset_, seed);
    CountStep(ranks[1].plan, 10, 1.0 / 3, 4, ranks[1].state.progress);
    ranks[2].state.progress = ranks[1].state.progress;
    ranks[0].state.epoch_reported = true;
    for (const absl::Status& status : OnAll([&](comm::Communicator&communicator, int rank) {
           return BroadcastState(communicator, 1, rank == 0, ranks[rank].state, deadline_, part);
         })) {
      EXPECT_TRUE(status.ok()) << status;
    }
    EXPECT_EQ(ranks[0].digest(), ranks[1].digest());
    EXPECT_EQ(ranks[0].state.progress, ranks[1].state.progress);
    EXPECT_FALSE(ranks[0].state.epoch_reported);
  }
}

TEST_F(StateSyncTest, OneThatIsNotCurrentAndWantsNothingIsAnError) {
  std::vector<Rank> ranks;
  ranks.reserve(3);
  for (const uint64_t seed : {1, 1, 2}) ranks.emplace_back(dataset_, seed);
  CountStep(ranks[0].plan, 10, 1, 4, ranks[0].state.progress);
  CountStep(ranks[2].plan, 10, 1, 4, ranks[2].state.progress);
  const std::vector<absl::Status> statuses = OnAll([&](comm::Communicator& communicator, int rank) {
    return BroadcastState(communicator, 0, false, ranks[rank].state, deadline_);
  });
  EXPECT_TRUE(statuses[0].ok());
  EXPECT_TRUE(absl::IsInternal(statuses[1])) << statuses[1];            // another step
  EXPECT_TRUE(absl::IsFailedPrecondition(statuses[2])) << statuses[2];  // other weights
}

TEST_F(StateSyncTest, EpochIsReportedOnlyIfAllHaveReportedIt) {
  std::vector<Rank> ranks;
  ranks.reserve(3);
  for (int i = 0; i < 3; ++i) ranks.emplace_back(dataset_, 1);
  const auto agree = [&](comm::Communicator& communicator, int rank) {
    return AgreeOnStanding(communicator, ranks[rank].state, deadline_);
  };
  for (Rank& rank : ranks) rank.state.epoch_reported = true;
  OnAll(agree);
  for (const Rank& rank : ranks) EXPECT_TRUE(rank.state.epoch_reported);
  ranks[2].state.epoch_reported = false;
  OnAll(agree);
  for (const Rank& rank : ranks) EXPECT_FALSE(rank.state.epoch_reported);
}

}  // namespace
}  // namespace hebb::train
