// SPDX-License-Identifier: Apache-2.0
// The device's memory adds as the host's does, bit by bit, keeps to the second queue, and says what
// fails. The device is the heap (host_ops.h).
#include "worker/gpu/device_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include "tests/testing/gpu/host_ops.h"
#include "worker/slices/slice_tree.h"
#include "worker/slices/vector_fold.h"

namespace hebb::gpu {
namespace {

using slices::Fold;
using slices::OwnedVector;

std::vector<float> Draw(size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& x : values) x = std::ldexp(normal(random), static_cast<int>(random() % 40) - 20);
  return values;
}

// HostOps, counting what the memory asks of it.
struct Counts {
  int uploads = 0;
  int waits = 0;
};
class CountingOps final : public HostOps {
 public:
  CountingOps(std::shared_ptr<HostDevice> device, Counts& counts)
      : HostOps(std::move(device)), counts_(counts) {}
  absl::Status Upload(const void* from, void* to, int64_t bytes) override {
    ++counts_.uploads;
    return HostOps::Upload(from, to, bytes);
  }
  absl::Status Wait() override {
    ++counts_.waits;
    return HostOps::Wait();
  }

 private:
  Counts& counts_;
};

// The engine's queue; its second one can be counted and broken.
class TwoQueues final : public HostOps {
 public:
  explicit TwoQueues(std::shared_ptr<HostDevice> device)
      : HostOps(device), shared_(std::move(device)) {}
  absl::StatusOr<std::unique_ptr<Ops>> Second() override {
    if (!refusal.ok()) return refusal;
    auto made = std::make_unique<CountingOps>(shared_, counts);
    second = made.get();
    return made;
  }
  absl::Status Wait() override {
    ++waits;
    return HostOps::Wait();
  }

  absl::Status refusal;
  Counts counts;
  CountingOps* second = nullptr;
  int waits = 0;

 private:
  std::shared_ptr<HostDevice> shared_;
};

class DeviceMemoryTest : public testing::Test {
 protected:
  std::shared_ptr<HostDevice> device_ = std::make_shared<HostDevice>();
  TwoQueues ops_{device_};
  std::unique_ptr<DeviceMemory> memory_ = *DeviceMemory::Create(ops_);
};

// Every rank's fold, and the one over all ranks' nodes, for gangs of any size.
std::vector<Fold> FoldsOf(int slices) {
  std::vector<Fold> folds;
  for (int ranks = 1; ranks <= slices; ++ranks) {
    std::vector<slices::SliceRange> nodes;
    for (int rank = 0; rank < ranks; ++rank) {
      const slices::SliceRange owned = slices::SlicesOfRank(slices, rank, ranks);
      folds.push_back(Fold::OfRank(slices, owned));
      for (const auto& node : slices::MaximalNodes(slices, owned)) nodes.push_back(node);
    }
    const slices::SliceRange root = {0, slices};
    folds.emplace_back(std::span(&root, 1), nodes);
  }
  return folds;
}

TEST_F(DeviceMemoryTest, FoldsWithTheHostsBits) {
  std::mt19937 random(1);
  constexpr size_t kLength = 1500;
  for (const int slices : {1, 3, 5, 8, 13}) {
    for (const Fold& fold : FoldsOf(slices)) {
      std::vector<std::vector<float>> inputs, expected(fold.roots(), std::vector<float>(kLength));
      std::vector<OwnedVector> far_inputs, far_roots;
      std::vector<const float*> from, far_from;
      std::vector<float*> to, far_to;
      for (int i = 0; i < fold.inputs(); ++i) {
        inputs.push_back(Draw(kLength, random));
        far_inputs.emplace_back(*memory_, kLength);
        std::copy(inputs[i].begin(), inputs[i].end(), far_inputs[i].data());
        far_from.push_back(far_inputs[i].data());
      }
      for (const auto& input : inputs) from.push_back(input.data());
      for (auto& root : expected) {
        to.push_back(root.data());
        far_to.push_back(far_roots.emplace_back(*memory_, kLength).data());
      }
      slices::VectorFold(fold).Run(from, to, kLength);
      ASSERT_TRUE(memory_->MakeFolding(fold)->Run(far_from, far_to, kLength).ok());
      for (int root = 0; root < fold.roots(); ++root) {
        EXPECT_EQ(std::memcmp(far_to[root], to[root], kLength * sizeof(float)), 0);
      }
    }
  }
}

TEST_F(DeviceMemoryTest, ARootMayBeItsOwnInput) {
  const auto folding = memory_->MakeFolding(Fold::OfRank(2, {0, 2}));
  const OwnedVector a(*memory_, 5), b(*memory_, 5);
  std::fill_n(a.data(), 5, 1.0F);
  std::fill_n(b.data(), 5, 2.0F);
  const float* inputs[] = {a.data(), b.data()};
  float* roots[] = {b.data()};
  ASSERT_TRUE(folding->Run(inputs, roots, 5).ok());
  EXPECT_EQ(b.span()[4], 3.0F);
}

TEST_F(DeviceMemoryTest, AddressesAreTakenToTheDeviceOnlyWhenTheyChange) {
  const auto folding = memory_->MakeFolding(Fold::OfRank(2, {0, 2}));
  const OwnedVector a(*memory_, 5), b(*memory_, 5), sum(*memory_, 5), other(*memory_, 5);
  const float* inputs[] = {a.data(), b.data()};
  float* roots[] = {sum.data()};
  const int before = ops_.counts.uploads;
  ASSERT_TRUE(folding->Run(inputs, roots, 5).ok());
  EXPECT_EQ(ops_.counts.uploads - before, 2) << "the program and the addresses";
  ASSERT_TRUE(folding->Run(inputs, roots, 3).ok());
  EXPECT_EQ(ops_.counts.uploads - before, 2);
  a.span()[0] = 1;
  inputs[1] = other.data();
  ASSERT_TRUE(folding->Run(inputs, roots, 5).ok());
  roots[0] = b.data();
  ASSERT_TRUE(folding->Run(inputs, roots, 5).ok());
  EXPECT_EQ(ops_.counts.uploads - before, 4);
  EXPECT_EQ(b.span()[0], 1.0F);
}

TEST_F(DeviceMemoryTest, WorkGoesOverTheSecondQueueAndIsDoneOnReturn) {
  const OwnedVector a(*memory_, 5), b(*memory_, 5);
  EXPECT_EQ(a.span()[4], 0.0F);
  a.span()[4] = 4;
  const int before = ops_.counts.waits;
  ASSERT_TRUE(memory_->Copy(a.data(), b.data(), 5).ok());
  EXPECT_EQ(ops_.counts.waits - before, 1);
  EXPECT_EQ(b.span()[4], 4.0F);
  EXPECT_EQ(ops_.waits, 0) << "the engine's queue is the training thread's";
  ASSERT_TRUE(memory_->Settle().ok());
  EXPECT_EQ(ops_.waits, 1);
  std::vector<float> host(5);
  ASSERT_TRUE(memory_->ToHost(b.data(), host).ok());
  EXPECT_EQ(host[4], 4.0F);
}

TEST_F(DeviceMemoryTest, NothingIsDoneForNothing) {
  const OwnedVector empty(*memory_, 0);
  EXPECT_NE(empty.data(), nullptr);
  EXPECT_TRUE(memory_->Copy(nullptr, nullptr, 0).ok());
  EXPECT_TRUE(memory_->ToHost(nullptr, {}).ok());
  const auto folding = memory_->MakeFolding(Fold::OfRank(1, {0, 1}));
  const float* inputs[] = {nullptr};
  float* roots[] = {nullptr};
  EXPECT_TRUE(folding->Run(inputs, roots, 0).ok());
}

TEST_F(DeviceMemoryTest, TwoThreadsUseItAtOnce) {
  const auto work = [this](int slices) {
    for (int round = 0; round < 200; ++round) {
      const auto folding = memory_->MakeFolding(Fold::OfRank(slices, {0, slices}));
      const OwnedVector input(*memory_, 100), sum(*memory_, 100);
      std::fill_n(input.data(), 100, 1.0F);
      const std::vector<const float*> inputs(slices, input.data());
      float* roots[] = {sum.data()};
      ASSERT_TRUE(folding->Run(inputs, roots, 100).ok());
      ASSERT_EQ(sum.span()[99], static_cast<float>(slices));
    }
  };
  std::thread communication([&] { work(3); });
  work(4);
  communication.join();
}

TEST_F(DeviceMemoryTest, FullDeviceIsBadAlloc) {
  device_->total = 100;
  EXPECT_THROW(memory_->Allocate(1000), std::bad_alloc);
  const auto folding = memory_->MakeFolding(Fold::OfRank(2, {0, 2}));
  device_->total = 10;
  const float value = 1;
  float sum = 0;
  const float* inputs[] = {&value, &value};
  float* roots[] = {&sum};
  EXPECT_TRUE(absl::IsResourceExhausted(folding->Run(inputs, roots, 1)));
}

TEST_F(DeviceMemoryTest, BrokenDeviceIsAnError) {
  const OwnedVector a(*memory_, 5);
  const auto folding = memory_->MakeFolding(Fold::OfRank(1, {0, 1}));
  ops_.second->Break(absl::InternalError("an illegal address"));
  const float* inputs[] = {a.data()};
  float* roots[] = {a.data()};
  EXPECT_TRUE(absl::IsInternal(folding->Run(inputs, roots, 5)));
  EXPECT_TRUE(absl::IsInternal(memory_->Copy(a.data(), a.data(), 5)));
  EXPECT_THROW(memory_->Allocate(5), std::bad_alloc);
  EXPECT_TRUE(memory_->Settle().ok());
  ops_.Break(absl::InternalError("an illegal address"));
  EXPECT_TRUE(absl::IsInternal(memory_->Settle()));
}

TEST_F(DeviceMemoryTest, NoSecondQueueNoMemory) {
  ops_.refusal = absl::ResourceExhaustedError("no more streams");
  EXPECT_EQ(DeviceMemory::Create(ops_).status(), ops_.refusal);
}

}  // namespace
}  // namespace hebb::gpu
