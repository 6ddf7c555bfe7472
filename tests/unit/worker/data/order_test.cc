// SPDX-License-Identifier: Apache-2.0
// Sharding as properties: whatever the number of workers and slices, every sample is used exactly
// once in an epoch, and the order depends on (seed, epoch) alone.
#include "worker/data/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace hebb::data {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<int64_t> Order(uint64_t seed, int64_t epoch, int64_t records, bool shuffle = true) {
  std::vector<int64_t> order;
  FillEpochOrder(seed, epoch, records, shuffle, order);
  return order;
}

TEST(EpochOrderTest, IsAPermutation) {
  for (int64_t records : {0, 1, 2, 3, 1000, 60000}) {
    std::vector<int64_t> sorted = Order(7, 3, records);
    std::sort(sorted.begin(), sorted.end());
    std::vector<int64_t> identity(static_cast<size_t>(records));
    std::iota(identity.begin(), identity.end(), 0);
    EXPECT_EQ(sorted, identity) << records;
  }
}

TEST(EpochOrderTest, DependsOnSeedAndEpochOnly) {
  EXPECT_EQ(Order(1, 2, 1000), Order(1, 2, 1000));
  EXPECT_NE(Order(1, 2, 1000), Order(1, 3, 1000));
  EXPECT_NE(Order(1, 2, 1000), Order(2, 2, 1000));
  EXPECT_NE(Order(1, 2, 1000), Order(uint64_t{1} << 32 | 1, 2, 1000));
}

// The order is part of a run's identity: a change here changes every result.
TEST(EpochOrderTest, IsTheOrderOfEveryVersion) {
  EXPECT_THAT(Order(1, 0, 8), ElementsAre(1, 5, 7, 3, 0, 2, 4, 6));
}

TEST(EpochOrderTest, WithoutShuffleIsTheFilesOrder) {
  EXPECT_THAT(Order(1, 5, 4, false), ElementsAre(0, 1, 2, 3));
}

TEST(EpochOrderTest, ReusesItsMemory) {
  std::vector<int64_t> order;
  FillEpochOrder(1, 0, 1000, true, order);
  const int64_t* const memory = order.data();
  FillEpochOrder(1, 1, 1000, true, order);
  EXPECT_EQ(order.data(), memory);
}

// Chi-squared over which of 6 places record 0 takes: a biased shuffle shows.
TEST(EpochOrderTest, EveryPlaceIsEquallyLikely) {
  constexpr int kEpochs = 6000, kRecords = 6;
  int counts[kRecords] = {};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> order = Order(99, epoch, kRecords);
    ++counts[std::find(order.begin(), order.end(), 0) - order.begin()];
  }
  double chi2 = 0;
  for (int count : counts) chi2 += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi2, 20.5);  // 5 degrees of freedom, p = 0.001; the draws are fixed
}

TEST(BatchRangeTest, LastBatchKeepsItsTrueSize) {
  EXPECT_THAT(BatchRange(1000, 300, 0), Pair(0, 300));
  EXPECT_THAT(BatchRange(1000, 300, 3), Pair(900, 1000));
}

TEST(SliceRowsTest, FirstSlicesAreOneLarger) {
  EXPECT_THAT(SliceRows(10, 4, 0), Pair(0, 3));
  EXPECT_THAT(SliceRows(10, 4, 1), Pair(3, 6));
  EXPECT_THAT(SliceRows(10, 4, 2), Pair(6, 8));
  EXPECT_THAT(SliceRows(10, 4, 3), Pair(8, 10));
  EXPECT_THAT(SliceRows(2, 4, 3), Pair(2, 2));  // empty
  EXPECT_THAT(SliceRows(0, 4, 0), Pair(0, 0));
}

// Ranks own whole slices, dealt out by the same rule as rows.
TEST(ShardingTest, EverySampleOncePerEpochForAnyWorkersAndSlices) {
  constexpr int64_t kRecords = 1037, kBatch = 100;
  const std::vector<int64_t> order = Order(5, 1, kRecords);
  for (int64_t workers = 1; workers <= 8; ++workers) {
    for (int64_t slices : {workers, int64_t{8}, int64_t{13}}) {
      std::vector<int> used(kRecords, 0);
      for (int64_t step = 0; step * kBatch < kRecords; ++step) {
        const auto [begin, end] = BatchRange(kRecords, kBatch, step);
        for (int64_t rank = 0; rank < workers; ++rank) {
          const auto [first, last] = SliceRows(slices, workers, rank);
          for (int64_t slice = first; slice < last; ++slice) {
            const auto [from, to] = SliceRows(end - begin, slices, slice);
            for (int64_t row = from; row < to; ++row) ++used[order[begin + row]];
          }
        }
      }
      EXPECT_EQ(std::count(used.begin(), used.end(), 1), kRecords) << workers << " " << slices;
    }
  }
}

}  // namespace
}  // namespace hebb::data
