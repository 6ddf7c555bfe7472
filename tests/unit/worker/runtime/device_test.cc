// SPDX-License-Identifier: Apache-2.0
// Proves which device a worker takes, and what it says of it: every wish, with and without GPUs and
// plugin, and workers beside it that hold some. The GPUs are fakes; the locks are real ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/testing/temporary_folder.h"
#include "tests/unit/worker/runtime/fake_gpu.h"
#include "worker/runtime/identity.h"

namespace hebb::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeviceTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<GpuDevice>> Choose(const std::string& wish) {
    return ChooseDevice(*ParseDevice(wish), parts_, locks_);
  }
  // Of the device that is taken; -1: the CPU, -2: refused.
  int Taken(const absl::StatusOr<std::unique_ptr<GpuDevice>>& device) {
    if (!device.ok()) return -2;
    return *device == nullptr ? -1 : (*device)->info().index;
  }

  hebb::testing::TemporaryFolder folder_;
  const std::string locks_ = folder_ / "locks";
  FakePlugin plugin_{2};
  GpuParts parts_ = FakeParts(&plugin_);
};

TEST_F(DeviceTest, WishesAreRead) {
  EXPECT_EQ(ParseDevice("auto")->kind, DeviceWish::Kind::kAuto);
  EXPECT_EQ(ParseDevice("cpu")->kind, DeviceWish::Kind::kCpu);
  EXPECT_EQ(ParseDevice("cuda")->kind, DeviceWish::Kind::kCuda);
  EXPECT_EQ(ParseDevice("cuda")->index, std::nullopt);
  EXPECT_EQ(ParseDevice("cuda:12")->index, 12);
  for (const char* text : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA"}) {
    EXPECT_EQ(ParseDevice(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(DeviceTest, WithoutAGpuAutoIsTheCpuAndCudaIsRefused) {
  parts_ = FakeParts(nullptr);
  EXPECT_EQ(Taken(Choose("auto")), -1);
  const auto refused = Choose("cuda");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(),
              AllOf(HasSubstr("no GPU that CUDA can use"), HasSubstr("hebb doctor")));
  EXPECT_EQ(Taken(Choose("cuda:0")), -2);
}

TEST_F(DeviceTest, WithoutThePluginAutoIsTheCpuAndCudaNamesTheCause) {
  parts_.open_plugin = []() -> absl::StatusOr<gpu::Plugin*> {
    return absl::FailedPreconditionError("libcudnn.so.9: cannot open shared object file");
  };
  EXPECT_EQ(Taken(Choose("auto")), -1);
  EXPECT_THAT(Choose("cuda").status().message(), HasSubstr("libcudnn.so.9: cannot open"));
  parts_ = FakeParts(&plugin_);
  plugin_.fails = absl::FailedPreconditionError("the driver is too old");
  EXPECT_EQ(Taken(Choose("auto")), -1);
  EXPECT_THAT(Choose("cuda").status().message(), HasSubstr("the driver is too old"));
}

TEST_F(DeviceTest, TheCpuIsTakenWhereItIsAskedFor) { EXPECT_EQ(Taken(Choose("cpu")), -1); }

TEST_F(DeviceTest, WorkersThatAreStartedAlikeTakeAGpuEach) {
  auto first = Choose("auto");
  const auto second = Choose("cuda");
  EXPECT_EQ(Taken(first), 0);
  EXPECT_EQ(Taken(second), 1);
  for (const char* wish : {"auto", "cuda"}) {
    const auto third = Choose(wish);
    EXPECT_EQ(third.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(third.status().message(),
                AllOf(HasSubstr("the 2 GPUs here are all held by other workers"),
                      HasSubstr("--device cuda:N to share")));
  }
  first = nullptr;  // that worker ends
  EXPECT_EQ(Taken(Choose("auto")), 0);
}

TEST_F(DeviceTest, ANumberedGpuMayBeShared) {
  const auto first = Choose("auto");
  EXPECT_EQ(Taken(Choose("cuda:0")), 0);
  const auto numbered = Choose("cuda:1");
  EXPECT_EQ(Taken(numbered), 1);
  EXPECT_EQ(Taken(Choose("cuda:1")), 1);
  EXPECT_EQ(Taken(Choose("cuda")), -2) << "both are in use";
  EXPECT_THAT(Choose("cuda:2").status().message(),
              HasSubstr("there is no such GPU; 2 can be seen"));
}

TEST_F(DeviceTest, LocksLieWhereNobodyElseWrites) {
  ASSERT_EQ(mkdir(locks_.c_str(), 0700), 0);
  ASSERT_EQ(chmod(locks_.c_str(), 0777), 0);
  const auto refused = Choose("auto");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("only this user may write to"));
}

TEST_F(DeviceTest, ItIsSaidInTheHello) {
  const auto taken = plugin_.gpus[1].Take(30 * kGiB);
  const auto device = Choose("cuda:1");
  const v1::Worker worker = MakeIdentity("w", 4, "", nullptr, device->get());
  EXPECT_EQ(worker.device(), "cuda");
  EXPECT_EQ(worker.device_name(), "Fake GPU");
  EXPECT_EQ(worker.kernel_family(), "fake-80g");
  EXPECT_THAT(worker.backends(), ElementsAre("nccl"));
  EXPECT_EQ(worker.device_memory(), 80 * kGiB);
  EXPECT_EQ(worker.device_memory_free(), 50 * kGiB);
  EXPECT_EQ(worker.software().libraries().at("cuFake"), "13");
  EXPECT_EQ(worker.software().processor(), "Fake GPU");
  const v1::Worker other = MakeIdentity("w", 4, "", nullptr, nullptr);
  EXPECT_EQ(other.device(), "cpu");
  EXPECT_THAT(other.backends(), ElementsAre("gloo"));
  EXPECT_EQ(other.device_memory(), 0);
}

TEST_F(DeviceTest, ABrokenGpuIsNotTaken) {
  plugin_.gpus[0].broken = true;
  EXPECT_EQ(Choose("cuda:0").status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace hebb::runtime
