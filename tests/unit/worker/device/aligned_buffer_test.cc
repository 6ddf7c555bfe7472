// SPDX-License-Identifier: Apache-2.0
#include "worker/device/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

namespace hebb::device {
namespace {

constexpr int64_t kHugePageFloats = (int64_t{2} << 20) / 4;

class AlignedBufferTest : public testing::TestWithParam<int64_t> {};

TEST_P(AlignedBufferTest, IsZeroedAlignedAndWritableToItsEnd) {
  const int64_t size = GetParam();
  for (int turn = 0; turn < 3; ++turn) {  // also where the memory was used before
    FloatBuffer buffer(size);
    ASSERT_EQ(buffer.size(), size);
    const uintptr_t alignment = size < kHugePageFloats ? 4096 : uintptr_t{2} << 20;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % alignment, 0u);
    EXPECT_TRUE(
        std::all_of(buffer.span().begin(), buffer.span().end(), [](float v) { return v == 0; }));
    std::fill(buffer.span().begin(), buffer.span().end(), 7.0f);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, AlignedBufferTest,
                         testing::Values(0, 1, 1000, 1024, kHugePageFloats - 1, kHugePageFloats,
                                         kHugePageFloats + 1, 3 * kHugePageFloats + 5));

TEST(AlignedBufferMoveTest, MovesHandOverTheMemory) {
  FloatBuffer small(10), large(kHugePageFloats);
  const float* const kept = large.data();
  small = std::move(large);
  EXPECT_EQ(small.data(), kept);
  EXPECT_EQ(small.size(), kHugePageFloats);
  small = FloatBuffer();
  EXPECT_EQ(small.size(), 0);
}

#if !defined(HEBB_SANITIZED)  // whose allocator gives up instead
TEST(AlignedBufferSizeTest, ImpossibleSizesThrow) {
  EXPECT_THROW(FloatBuffer(std::numeric_limits<int64_t>::max() / 8), std::bad_alloc);
  EXPECT_THROW(AllocateAligned(std::numeric_limits<size_t>::max() - 5), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace hebb::device
