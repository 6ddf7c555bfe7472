// SPDX-License-Identifier: Apache-2.0
// The sums of a step lie where the engine's do, and are started only when the engine's part of them
// is written. The memory here holds writes back until they are settled (far_memory.h).
#include "worker/train/step_sums.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/contract/comm/run_ranks.h"
#include "tests/testing/far_memory.h"
#include "worker/comm/local_communicator.h"

namespace hebb::train {
namespace {

using comm::Communicator;
using testing_support::FarMemory;

const std::vector<engine::SumInfo>& Infos() {
  static const auto* infos = new std::vector<engine::SumInfo>{{"out", 5}, {"hidden", 70000}};
  return *infos;
}

// What an engine does in a step: sum i gets nodes of i + 1 + step.
class FarEngine {
 public:
  FarEngine(FarMemory& memory, int nodes) : memory_(memory) {
    for (const engine::SumInfo& info : Infos()) {
      auto& vectors = nodes_.emplace_back();
      for (int node = 0; node < nodes; ++node) vectors.emplace_back(memory, info.size);
    }
  }

  void HandOn(int sum, int step, StepSums& sums) {
    std::vector<const float*> pointers;
    for (const slices::OwnedVector& node : nodes_[sum]) {
      memory_.WriteLater(node.data(),
                         std::vector<float>(node.size(), static_cast<float>(sum + 1 + step)));
      pointers.push_back(node.data());
    }
    ASSERT_TRUE(sums.Ready(sum, pointers).ok());
  }

 private:
  FarMemory& memory_;
  std::vector<std::vector<slices::OwnedVector>> nodes_;
};

SliceLayout LayoutOf(const Communicator& communicator, int slices) {
  return {.slices = slices, .topology = communicator.topology(), .threads = 1};
}

void RunSteps(Communicator& communicator, int slices) {
  FarMemory memory;
  const SliceLayout layout = LayoutOf(communicator, slices);
  const int parts = slices > 0 ? slices : layout.topology.size;  // here each slice is a node
  StepSums sums(communicator, layout, Infos(), memory, absl::Seconds(30));
  FarEngine engine(memory, layout.local_slices());
  const std::vector<engine::SliceTotals> totals(layout.local_slices(), {.loss = 2, .correct = 1});
  for (int step = 0; step < 3; ++step) {
    sums.Begin();
    for (int sum : {0, 1}) engine.HandOn(sum, step, sums);
    const auto first = sums.WaitForSum(0);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ((*first)[4], static_cast<float>(parts * (1 + step)));
    sums.StartTotals(totals, {.stop = layout.topology.rank == 0}, 0.5);
    const auto finished = sums.Finish();
    ASSERT_TRUE(finished.ok()) << finished.status();
    EXPECT_EQ(finished->loss, 2.0F * parts);
    EXPECT_TRUE(finished->flags.stop);
    for (size_t sum = 0; sum < Infos().size(); ++sum) {
      const std::span<const float> of = sums.sums()[sum];
      EXPECT_TRUE(memory.Has(of.data(), of.size()));
      EXPECT_EQ(of.back(), static_cast<float>(parts * static_cast<int>(sum + 1 + step)));
    }
  }
}

TEST(StepSumsTest, SumsLieInTheEnginesMemory) {
  comm::RunRanks(comm::MakeLocalGang(2), [](Communicator& c) { RunSteps(c, 2); });
  comm::RunRanks(comm::MakeLocalGang(3), [](Communicator& c) { RunSteps(c, 0); });
}

TEST(StepSumsTest, AloneTheNodeIsTheSum) {
  comm::RunRanks(comm::MakeLocalGang(1), [](Communicator& communicator) {
    FarMemory memory;
    StepSums sums(communicator, LayoutOf(communicator, 1), Infos(), memory, absl::Seconds(30));
    const slices::OwnedVector node(memory, 5);
    const float* nodes[] = {node.data()};
    sums.Begin();
    memory.broken = true;  // nothing is waited for
    ASSERT_TRUE(sums.Ready(0, nodes).ok());
    EXPECT_EQ(sums.sums()[0].data(), node.data());
  });
}

TEST(StepSumsTest, AnEngineThatGaveUpAddsZeros) {
  comm::RunRanks(comm::MakeLocalGang(2), [](Communicator& communicator) {
    FarMemory memory;
    const SliceLayout layout = LayoutOf(communicator, 2);
    StepSums sums(communicator, layout, Infos(), memory, absl::Seconds(30));
    FarEngine engine(memory, 1);
    sums.Begin();
    engine.HandOn(0, 0, sums);
    if (layout.topology.rank == 0) {
      engine.HandOn(1, 0, sums);
    } else {
      ASSERT_TRUE(sums.StartMissing().ok());
    }
    const std::vector<engine::SliceTotals> totals(1);
    sums.StartTotals(totals, {}, 0);
    ASSERT_TRUE(sums.Finish().ok());
    EXPECT_EQ(sums.sums()[0][0], 2.0F);
    EXPECT_EQ(sums.sums()[1][0], 2.0F) << "of rank 0 alone";
  });
}

TEST(StepSumsTest, ErrorOfTheDeviceIsAnErrorOfTheStep) {
  comm::RunRanks(comm::MakeLocalGang(2), [](Communicator& communicator) {
    FarMemory memory;
    StepSums sums(communicator, LayoutOf(communicator, 2), Infos(), memory, absl::Seconds(30));
    const slices::OwnedVector node(memory, 5);
    const float* nodes[] = {node.data()};
    sums.Begin();
    memory.broken = true;
    EXPECT_TRUE(absl::IsInternal(sums.Ready(0, nodes)));
    memory.full = true;
    EXPECT_TRUE(absl::IsResourceExhausted(sums.StartMissing()));
  });
}

}  // namespace
}  // namespace hebb::train
