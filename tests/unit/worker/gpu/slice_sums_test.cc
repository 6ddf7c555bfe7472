// SPDX-License-Identifier: Apache-2.0
// Where the parts of slices lie: so that a slice's products have the same bits whichever place
// among the rank's slices it has.
#include "worker/gpu/slice_sums.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/testing/gpu/host_ops.h"

namespace hebb::gpu {
namespace {

TEST(SliceSumsTest, AllPartsAreAlignedAlike) {
  HostOps ops;
  Work work(ops);
  constexpr int kSlices = 3;
  const engine::SumInfo odd = {.name = "odd", .size = 650}, tiny = {.name = "tiny", .size = 1};
  const std::vector<engine::SumInfo> infos = {odd, tiny};
  const SliceSums sums(infos, slices::Fold::OfRank(4, {0, kSlices}), work);
  ASSERT_TRUE(sums.status().ok() && work.status().ok());
  for (int sum = 0; sum < 2; ++sum) {
    const SliceSum& of = sums.of(sum);
    EXPECT_GE(of.stride, of.size);
    for (int slice = 1; slice < kSlices; ++slice) {
      EXPECT_EQ((of.part(slice) - of.part(0)) % SliceSums::kPartAlignment, 0) << slice;
    }
  }
}

}  // namespace
}  // namespace hebb::gpu
