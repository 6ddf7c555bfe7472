// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/worker_name.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace hebb::launcher {
namespace {

TEST(NameOfWorkerTest, IsWhatTheWorkerWasAskedForBy) {
  EXPECT_EQ(NameOfWorker("hebb-lab-cpu-17.ab12", "lab"), "hebb-lab-cpu-17");
  EXPECT_EQ(NameOfWorker("hebb-lab2-cpu-17.ab12", "lab"), "");
  EXPECT_EQ(NameOfWorker("0123456789abcdef", "lab"), "");
}

TEST(WorkerNameTest, IsReadBackAndFitsForYears) {
  const std::string name = WorkerName("0123456789abcdef", "cuda", int64_t{9'999'999'999'999});
  EXPECT_LE(name.size(), 40u);
  EXPECT_TRUE(IsOfCluster(name, "0123456789abcdef"));
  EXPECT_FALSE(IsOfCluster(name, "0123456789"));
  EXPECT_EQ(DeviceOfName(name, "0123456789abcdef"), "cuda");
}

}  // namespace
}  // namespace hebb::launcher
