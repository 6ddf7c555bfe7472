// SPDX-License-Identifier: Apache-2.0
// Proves that the ranks' slices together are the batch, in order and once, for every gang size,
// short batches included, and that the cut does not move samples between canonical slices.
#include "worker/train/batch_loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/worker/train/toy_engine.h"
#include "worker/data/order.h"

namespace hebb::train {
namespace {

std::vector<std::vector<int64_t>> SlicesOfGang(const RunPlan& plan, int slices, int size,
                                               int64_t step) {
  std::vector<std::vector<int64_t>> all;
  for (int rank = 0; rank < size; ++rank) {
    BatchLoader loader(plan, plan.stages[0],
                       {.slices = slices, .topology = {rank, size}, .threads = 2});
    for (const std::span<const engine::Sample> slice : loader.Load(step).slices) {
      all.emplace_back();
      for (const engine::Sample& sample : slice) all.back().push_back(sample.id);
    }
  }
  return all;
}

class BatchLoaderTest : public ::testing::Test {
 protected:
  const ToyDataset dataset_{23, 0, 0};
  const RunPlan plan_ = *MakeRunPlan(ToyJob(10, 2, 8), "job", 2, dataset_);
};

TEST_F(BatchLoaderTest, CanonicalSlicesAreTheSameForEveryGangSize) {
  for (int64_t step = 0; step < plan_.total_steps; ++step) {
    const auto expected = SlicesOfGang(plan_, 8, 1, step);
    ASSERT_EQ(expected.size(), 8U);
    for (int size = 2; size <= 8; ++size) {
      EXPECT_EQ(SlicesOfGang(plan_, 8, size, step), expected) << "step " << step;
    }
  }
}

TEST_F(BatchLoaderTest, BatchIsTheOrdersRangeWithItsTrueSize) {
  std::vector<int64_t> order;
  for (int64_t step = 0; step < plan_.total_steps; ++step) {
    const int64_t epoch = step / 3;
    data::FillEpochOrder(plan_.job.seed, epoch, 23, true, order);
    const int64_t begin = step % 3 * 10;
    const int64_t rows = std::min<int64_t>(10, 23 - begin);
    for (const int slices : {8, 0}) {  // 0: by rank and thread
      std::vector<int64_t> ids;
      for (const auto& slice : SlicesOfGang(plan_, slices, 3, step)) {
        ids.insert(ids.end(), slice.begin(), slice.end());
      }
      EXPECT_EQ(ids, std::vector<int64_t>(order.begin() + begin, order.begin() + begin + rows));
    }
    BatchLoader loader(plan_, plan_.stages[0], {.slices = 8, .topology = {1, 3}, .threads = 2});
    EXPECT_EQ(loader.Load(step).rows, rows);
  }
}

TEST_F(BatchLoaderTest, StepsMayBeLoadedInAnyOrder) {
  BatchLoader loader(plan_, plan_.stages[0], {.slices = 1, .topology = {0, 1}, .threads = 1});
  std::vector<int64_t> first;
  for (const engine::Sample& sample : loader.Load(0).slices[0]) first.push_back(sample.id);
  loader.Load(5);
  std::vector<int64_t> again;
  for (const engine::Sample& sample : loader.Load(0).slices[0]) again.push_back(sample.id);
  EXPECT_EQ(again, first);
}

}  // namespace
}  // namespace hebb::train
