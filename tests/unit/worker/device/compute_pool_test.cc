// SPDX-License-Identifier: Apache-2.0
// Every index is run once, on one of the pool's threads, and all are done when the call returns.
#include "worker/device/compute_pool.h"
#include "absl/time/time.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "worker/device/aligned_buffer.h"

namespace hebb::device {
namespace {

TEST(ComputePoolTest, RunsEveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ComputePool pool(threads);
    for (int count : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> runs(count);
      std::atomic<bool> known_thread{true};
      pool.ParallelFor(count, [&](int index, int thread) {
        ++runs[index];
        if (thread < 0 || thread >= threads) known_thread = false;
      });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
      EXPECT_TRUE(known_thread);
    }
  }
}

// Two bodies that wait for each other end only if they run at the same time.
TEST(ComputePoolTest, RunsAsManyAtOnceAsThreads) {
  ComputePool pool(3);
  absl::Mutex mutex;
  int arrived = 0;
  std::atomic<int> met{0};
  pool.ParallelFor(3, [&](int, int) {
    absl::MutexLock lock(&mutex);
    ++arrived;
    const auto all = [&arrived] { return arrived == 3; };
    if (mutex.AwaitWithTimeout(absl::Condition(&all), absl::Seconds(30))) ++met;
  });
  EXPECT_EQ(met, 3);
}

TEST(AlignedBufferTest, IsZeroedAndAligned) {
  for (int64_t size : {0, 1, 1000, 3 << 20}) {
    const FloatBuffer buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 4096, 0u);
    EXPECT_EQ(buffer.size(), size);
    for (float value : buffer.span()) ASSERT_EQ(value, 0.0f);
  }
}

}  // namespace
}  // namespace hebb::device
