// SPDX-License-Identifier: Apache-2.0
// Which tensors a second stage begins with.
#include "worker/train/carry_over.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::train {
namespace {

using ::testing::ElementsAre;

TEST(CarryOverTest, CopiesUntiesAndRedraws) {
  const std::vector<weights::Tensor> before = {
      {"same.weight", {2}, {1, 2}},    {"untied.weight", {2, 1, 1, 1}, {3, 4}},
      {"untied.bias", {2}, {5, 6}},    {"new.weight", {2}, {7, 8}},
      {"norm.running_mean", {1}, {9}}, {"optimizer/same.weight", {2}, {10, 11}},
  };
  const std::vector<weights::Tensor> fresh = {
      {"same.weight", {2}, {0, 0}},
      {"untied.weight", {1, 2, 2, 1, 1, 1}, {0, 0, 0, 0}},
      {"untied.bias", {1, 2, 2}, {0, 0, 0, 0}},
      {"new.weight", {2}, {-7, -8}},
      {"norm.running_mean", {1}, {0}},
      {"optimizer/same.weight", {2}, {0, 0}},
  };
  spec::SecondStage stage;
  stage.redraw = {"new"};
  const std::vector<weights::Tensor> after = CarryOver(before, fresh, stage);
  ASSERT_EQ(after.size(), 5u) << "momentum begins anew";
  EXPECT_THAT(after[0].values, ElementsAre(1, 2));
  EXPECT_EQ(after[1].shape, fresh[1].shape);
  EXPECT_THAT(after[1].values, ElementsAre(3, 4, 3, 4));
  EXPECT_THAT(after[2].values, ElementsAre(5, 6, 5, 6));
  EXPECT_THAT(after[3].values, ElementsAre(-7, -8));
  EXPECT_THAT(after[4].values, ElementsAre(9));
}

}  // namespace
}  // namespace hebb::train
