// SPDX-License-Identifier: Apache-2.0
// gpu::Ops as ops.h promises it: memory, copies, kernels, records, two queues. On the GPU against
// the host, and on the host in its place.
#include "worker/gpu/ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <thread>

#include "tests/gpu/device.h"

namespace hebb::gpu {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

class OpsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (IsMissing(GetParam())) GTEST_SKIP() << "there is no GPU here";
    auto made = MakeDevice(GetParam());
    ASSERT_TRUE(made.ok()) << made.status();
    ops_ = *std::move(made);
  }
  std::unique_ptr<Ops> ops_;
};

TEST_P(OpsTest, SaysWhatItIs) {
  EXPECT_NE(ops_->device_name(), "");
  EXPECT_NE(ops_->kernel_family(), "");
  const auto memory = ops_->memory();
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_GT(memory->free, 0);
  EXPECT_LE(memory->free, memory->total);
}

TEST_P(OpsTest, MemoryIsClearedAndGivenBack) {
  constexpr int64_t kBytes = int64_t{32} << 20;
  const std::vector<float> zeros(kBytes / sizeof(float), 0.0f);
  const std::vector<float> ones(kBytes / sizeof(float), 1.0f);
  const int64_t before = ops_->memory()->free;
  for (int i = 0; i < 2; ++i) {  // the second may get what the first has written
    const DeviceFloats floats(*ops_, kBytes / sizeof(float));
    EXPECT_LE(ops_->memory()->free, before - kBytes / 2);
    ASSERT_TRUE(floats.Read() == zeros);
    ASSERT_TRUE(ops_->Upload(ones.data(), floats.get(), kBytes).ok());
  }
  EXPECT_GE(ops_->memory()->free, before - kBytes / 2);
}

TEST_P(OpsTest, UploadLeavesTheSourceFree) {
  constexpr size_t kFloats = 3'000'001;  // several blocks of any staging
  std::vector<float> source(kFloats);
  const DeviceFloats first(*ops_, kFloats);
  const DeviceFloats second(*ops_, kFloats);
  const auto bytes = static_cast<int64_t>(kFloats * sizeof(float));
  std::iota(source.begin(), source.end(), 0.0f);
  const std::vector<float> kept = source;
  ASSERT_TRUE(ops_->Upload(source.data(), first.get(), bytes).ok());
  std::fill(source.begin(), source.end(), -1.0f);
  ASSERT_TRUE(ops_->Upload(source.data(), second.get(), bytes).ok());
  EXPECT_EQ(first.Read(), kept);
  EXPECT_EQ(second.Read(), source);
  ASSERT_TRUE(ops_->Copy(first.get(), second.get(), bytes - 4).ok());
  ASSERT_TRUE(ops_->Clear(first.get(), 8).ok());
  EXPECT_EQ(second.Read()[kFloats - 2], kept[kFloats - 2]);
  EXPECT_EQ(second.Read()[kFloats - 1], -1.0f);
  EXPECT_EQ(first.Read()[1], 0.0f);
  EXPECT_EQ(first.Read()[2], 2.0f);
}

TEST_P(OpsTest, WhatIsFetchedIsAsItWasThen) {
  const std::vector<float> ones(1000, 1.0f), twos(1000, 2.0f);
  const DeviceFloats floats(*ops_, ones.size());
  constexpr int64_t kBytes = 1000 * sizeof(float);
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(ops_->Upload(ones.data(), floats.get(), kBytes).ok());
    ASSERT_TRUE(ops_->Fetch(floats.get(), kBytes).ok());
    ASSERT_TRUE(ops_->Upload(twos.data(), floats.get(), kBytes).ok());
    std::vector<float> fetched(1000);
    ASSERT_TRUE(ops_->Fetched(fetched.data()).ok());
    EXPECT_EQ(fetched, ones);
    EXPECT_EQ(floats.Read(), twos);
  }
}

TEST_P(OpsTest, KernelsRunEveryIndexOnce) {
  for (const size_t n : {0, 1, 255, 256, 257, 100'003, 5'000'000}) {
    const std::vector<float> a = RandomFloats(n + 1, 1);
    const std::vector<float> b = RandomFloats(n + 1, 2);
    const DeviceFloats on_device(*ops_, a);
    const DeviceFloats other(*ops_, b);
    const kernels::Sum sum = {on_device.get(), other.get(), on_device.get()};
    ASSERT_TRUE(ops_->Launch(sum, static_cast<int64_t>(n)).ok());
    const std::vector<float> result = on_device.Read();
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(result[i], a[i] + b[i]) << i << " of " << n;
    EXPECT_EQ(result[n], a[n]);  // and none beside
  }
}

TEST_P(OpsTest, RoundsAsTheHostDoes) {
  std::vector<float> values = RandomFloats(10'000, 3);
  values[0] = std::numeric_limits<float>::infinity();
  values[1] = std::nanf("");
  values[2] = -0.0f;
  values[3] = 1e-40f;  // no normal number
  std::vector<float> expected(values.size());
  const kernels::RoundToBf16 on_host = {values.data(), expected.data()};
  for (size_t i = 0; i < values.size(); ++i) on_host(static_cast<kernels::Index>(i));
  const DeviceFloats on_device(*ops_, values);
  const kernels::RoundToBf16 round = {on_device.get(), on_device.get()};
  ASSERT_TRUE(ops_->Launch(round, static_cast<int64_t>(values.size())).ok());
  const std::vector<float> result = on_device.Read();
  EXPECT_EQ(std::memcmp(result.data(), expected.data(), result.size() * sizeof(float)), 0);
}

TEST_P(OpsTest, RecordsRunAgainOnWhatIsThere) {
  constexpr size_t kFloats = 1000;
  const DeviceFloats a(*ops_, RandomFloats(kFloats, 4));
  const DeviceFloats total(*ops_, kFloats);
  const DeviceFloats kept(*ops_, kFloats);
  const kernels::Sum add = {total.get(), a.get(), total.get()};
  ASSERT_TRUE(ops_->Launch(add, kFloats).ok());
  ASSERT_TRUE(ops_->BeginRecord().ok());
  ASSERT_TRUE(ops_->Launch(add, kFloats).ok());
  ASSERT_TRUE(ops_->Copy(total.get(), kept.get(), kFloats * sizeof(float)).ok());
  ASSERT_TRUE(ops_->Clear(a.get(), 4).ok());
  const auto record = ops_->EndRecord();
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_THAT(kept.Read(), Each(0.0f));  // nothing ran yet
  std::vector<float> values = RandomFloats(kFloats, 5);
  std::vector<float> expected = total.Read();
  a.Read();
  for (int replay = 0; replay < 3; ++replay) {
    values[0] = static_cast<float>(replay);
    ASSERT_TRUE(ops_->Upload(values.data(), a.get(), kFloats * sizeof(float)).ok());
    ASSERT_TRUE(ops_->Replay(*record).ok());
    for (size_t i = 0; i < kFloats; ++i) expected[i] += values[i];
    ASSERT_EQ(kept.Read(), expected);
    EXPECT_EQ(a.Read()[0], 0.0f);
  }
  ops_->Forget();
}

TEST_P(OpsTest, TooMuchMemoryIsExplainedAndHarmsNothing) {
  const auto memory = ops_->Allocate(int64_t{1} << 50);
  EXPECT_EQ(memory.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(memory.status().message(), HasSubstr("asked for"));
  const DeviceFloats floats(*ops_, 10);
  EXPECT_THAT(floats.Read(), Each(0.0f));
}

TEST_P(OpsTest, SecondQueueWorksBeside) {
  constexpr size_t kFloats = 1 << 20;
  const DeviceFloats a(*ops_, RandomFloats(kFloats, 6));
  const DeviceFloats b(*ops_, kFloats);
  auto second = ops_->Second();
  ASSERT_TRUE(second.ok()) << second.status();
  const DeviceFloats theirs(**second, a.Read());
  constexpr int kTimes = 50;
  std::thread other([&] {
    for (int i = 0; i < kTimes; ++i) {
      const kernels::PositivePart part = {theirs.get(), theirs.get()};
      EXPECT_TRUE((*second)->Launch(part, kFloats).ok());
    }
    EXPECT_TRUE((*second)->Wait().ok());
  });
  for (int i = 0; i < kTimes; ++i) {
    EXPECT_TRUE(ops_->Launch(kernels::Sum{a.get(), b.get(), b.get()}, kFloats).ok());
  }
  const std::vector<float> sums = b.Read();
  other.join();
  const std::vector<float> ours = a.Read();
  std::vector<float> expected(kFloats, 0.0f);
  for (int i = 0; i < kTimes; ++i) {
    for (size_t j = 0; j < kFloats; ++j) expected[j] = ours[j] + expected[j];
  }
  EXPECT_EQ(sums, expected);
  const std::vector<float> parts = theirs.Read();
  for (size_t j = 0; j < kFloats; ++j) ASSERT_EQ(parts[j], ours[j] < 0.0f ? 0.0f : ours[j]);
}

INSTANTIATE_TEST_SUITE_P(Devices, OpsTest, ::testing::Values("host", "cuda"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace hebb::gpu
