// SPDX-License-Identifier: Apache-2.0
// The queue sums in the order of the starts, beside its callers, and lets nobody wait after an
// error.
#include "worker/comm/sum_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/contract/comm/rank_nodes.h"
#include "tests/contract/comm/run_ranks.h"
#include "tests/testing/far_memory.h"
#include "worker/comm/local_communicator.h"

namespace hebb::comm {
namespace {

constexpr int kSlices = 8;

// Slice s of sum i holds i + s, so the total is 8 i + 28.
void RunSteps(Communicator& communicator, int slices, int steps) {
  const auto [rank, size] = communicator.topology();
  // Without slices each rank's part is its node.
  const int leaf_count = slices > 0 ? slices : size;
  const slices::SliceRange own = slices::SlicesOfRank(leaf_count, rank, size);
  constexpr std::array<size_t, 4> kLengths = {1, 70000, 0, 10};
  SumQueue queue(communicator, {.slices = slices});
  std::vector<std::vector<float>> sums;
  for (const size_t n : kLengths) sums.emplace_back(n);
  for (int step = 0; step < steps; ++step) {
    std::vector<std::vector<std::vector<float>>> leaves(kLengths.size());
    std::deque<RankNodes> nodes;  // stay where they are
    for (int i = static_cast<int>(kLengths.size()) - 1; i >= 0; --i) {
      std::vector<const float*> pointers;
      for (int s = own.begin; s < own.end; ++s) leaves[i].emplace_back(kLengths[i], i + s + step);
      for (const auto& leaf : leaves[i]) pointers.push_back(leaf.data());
      nodes.emplace_back(leaf_count, communicator.topology(), pointers, kLengths[i]);
      queue.Start(i, nodes.back().pointers(), sums[i]);
    }
    ASSERT_TRUE(queue.Wait(3).ok());
    EXPECT_EQ(sums[3][9], leaf_count * (3 + step) + leaf_count * (leaf_count - 1) / 2);
    ASSERT_TRUE(queue.Drain().ok());
    EXPECT_EQ(sums[1][69999], leaf_count * (1 + step) + leaf_count * (leaf_count - 1) / 2);
    EXPECT_EQ(sums[0][0], leaf_count * step + leaf_count * (leaf_count - 1) / 2);
  }
  EXPECT_EQ(queue.totals().sums, 4 * steps);
  EXPECT_EQ(queue.totals().bytes, int64_t{4} * 70011 * steps);
}

TEST(SumQueueTest, SumsEveryStepOverAllSlices) {
  for (const int ranks : {1, 2, 3}) {
    RunRanks(MakeLocalGang(ranks), [](Communicator& c) { RunSteps(c, kSlices, 5); });
  }
}

TEST(SumQueueTest, SumsWithTheLibrarysAllReduceWithoutSlices) {
  RunRanks(MakeLocalGang(3), [](Communicator& c) { RunSteps(c, 0, 5); });
}

// Sums of both kinds of memory, as a step over GPUs has them.
void RunStepsInTwoMemories(Communicator& communicator, int slices) {
  testing_support::FarMemory memory;
  const int size = communicator.topology().size;
  constexpr size_t kLength = 70000;
  const slices::OwnedVector node(memory, kLength), sum(memory, kLength);
  const std::vector<float> host_node(3, 2.0f);
  std::vector<float> host_sum(3);
  SumQueue queue(communicator, {.slices = slices});
  for (int step = 1; step <= 3; ++step) {
    std::fill_n(node.data(), kLength, static_cast<float>(step));
    const float* nodes[] = {node.data()};
    const float* host_nodes[] = {host_node.data()};
    queue.Start(0, nodes, sum.span(), memory);
    queue.Start(1, host_nodes, host_sum);
    ASSERT_TRUE(queue.Drain().ok());
    EXPECT_EQ(sum.span()[kLength - 1], static_cast<float>(step * size));
    EXPECT_EQ(host_sum[2], static_cast<float>(2 * size));
    EXPECT_EQ(node.span()[0], static_cast<float>(step)) << "inputs are left alone";
  }
}

TEST(SumQueueTest, SumsLieInTheMemoryThatTheirStartNames) {
  for (const int slices : {0, 2}) {
    RunRanks(MakeLocalGang(2), [&](Communicator& c) { RunStepsInTwoMemories(c, slices); });
  }
}

// The others must not wait for a rank whose device has failed.
TEST(SumQueueTest, ErrorOfTheMemoryEndsTheCommunicator) {
  for (const bool full : {false, true}) {
    RunRanks(MakeLocalGang(2), [&](Communicator& communicator) {
      testing_support::FarMemory memory;
      const slices::OwnedVector node(memory, 10), sum(memory, 10);
      const float* nodes[] = {node.data()};
      const bool broken = communicator.topology().rank == 0;
      (full ? memory.full : memory.broken) = broken;
      SumQueue queue(communicator, {.slices = 2});
      queue.Start(0, nodes, sum.span(), memory);
      queue.Start(1, nodes, sum.span(), memory);
      const absl::Status status = queue.Drain();
      if (broken) {
        EXPECT_EQ(status.code(),
                  full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInternal);
        EXPECT_TRUE(absl::IsAborted(communicator.Barrier(absl::Now())));
      } else {
        EXPECT_TRUE(absl::IsUnavailable(status)) << status;
      }
    });
  }
}

TEST(SumQueueTest, FirstErrorWakesAllWaitersAndSticks) {
  const Gang gang = MakeLocalGang(2);  // rank 1 stays silent
  SumQueue queue(*gang[0], {.slices = 2});
  const std::vector<float> leaf(10, 1.0f);
  const std::array<const float*, 1> leaves = {leaf.data()};
  std::vector<float> first(10), second(10);
  queue.Start(0, leaves, first);
  queue.Start(1, leaves, second);
  std::thread waiter([&] { EXPECT_EQ(queue.Wait(1).code(), absl::StatusCode::kAborted); });
  gang[0]->Abort("the coordinator said so");
  EXPECT_EQ(queue.Wait(0).message(), "the coordinator said so");
  waiter.join();
  queue.Start(0, leaves, first);  // ignored
  EXPECT_EQ(queue.Wait(0).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(queue.Drain().code(), absl::StatusCode::kAborted);
}

TEST(SumQueueTest, SilentMemberIsAnErrorAtTheBackstop) {
  const Gang gang = MakeLocalGang(2);
  SumQueue queue(*gang[0], {.slices = 2, .backstop = absl::Milliseconds(50)});
  const float leaf = 1;
  const float* leaves[] = {&leaf};
  float sum = 0;
  queue.Start(0, leaves, {&sum, 1});
  EXPECT_EQ(queue.Wait(0).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(SumQueueTest, DestructorGivesUpSumsUnderWay) {
  const Gang gang = MakeLocalGang(2);
  const float leaf = 1;
  const float* leaves[] = {&leaf};
  float sum = 0;
  const absl::Time begin = absl::Now();
  {
    SumQueue queue(*gang[0], {.slices = 2});
    queue.Start(0, leaves, {&sum, 1});
  }
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  EXPECT_EQ(gang[0]->Barrier(absl::Now()).code(), absl::StatusCode::kAborted);
}

TEST(StepBackstopTest, IsTenMediansButNeverLessThanTheFloor) {
  StepBackstop backstop(absl::Seconds(30));
  EXPECT_EQ(backstop.timeout(), absl::Seconds(30));
  for (int i = 0; i < 5; ++i) backstop.StepTook(absl::Seconds(1));
  EXPECT_EQ(backstop.timeout(), absl::Seconds(30));
  for (int i = 0; i < 31; ++i) backstop.StepTook(absl::Seconds(7));
  backstop.StepTook(absl::Seconds(1000));  // one outlier changes nothing
  EXPECT_EQ(backstop.timeout(), absl::Seconds(70));
}

}  // namespace
}  // namespace hebb::comm
