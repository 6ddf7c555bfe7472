// SPDX-License-Identifier: Apache-2.0
// What NCCL is asked for, and when: nothing behind work that it has not taken yet, copies only when
// all before them is done, all in order; errors stick, and Abort ends everything. NCCL is a fake.
#include "worker/cuda/nccl_collective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/cuda/fake_nccl.h"

namespace hebb::cuda {
namespace {

using gpu::IsInProgress;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NcclCollectiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Fake() = FakeNccl();
    collective_ = NcclCollective::Create(0).value();
  }

  void Form() {
    ASSERT_TRUE(collective_->Init(MakeNcclId().value(), 1, 4).ok());
    ASSERT_TRUE(collective_->Poll().ok());
    Fake().calls.clear();
  }

  std::unique_ptr<NcclCollective> collective_;
  float data_[4] = {};
};

TEST_F(NcclCollectiveTest, FormsWithoutBlocking) {
  EXPECT_EQ(collective_->Poll().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(collective_->Init("no id", 1, 4).code(), absl::StatusCode::kInvalidArgument);
  Fake().looks_in_progress = 2;
  ASSERT_TRUE(collective_->Init(MakeNcclId().value(), 1, 4).ok());
  EXPECT_TRUE(IsInProgress(collective_->Poll()));
  EXPECT_TRUE(IsInProgress(collective_->Poll()));
  EXPECT_TRUE(collective_->Poll().ok());
  EXPECT_THAT(Fake().calls, ElementsAre("init 1 of 4"));
}

TEST_F(NcclCollectiveTest, GroupsGoTogetherAndAreWaitedFor) {
  Form();
  ASSERT_TRUE(collective_->Begin().ok());
  ASSERT_TRUE(collective_->Send(data_, 16, 2).ok());
  ASSERT_TRUE(collective_->Receive(data_, 8, 0).ok());
  EXPECT_THAT(Fake().calls, IsEmpty());
  Fake().looks_running = 2;
  ASSERT_TRUE(collective_->End().ok());
  EXPECT_THAT(Fake().calls, ElementsAre("(", "send 16 to 2", "receive 8 from 0", ")", "mark"));
  EXPECT_TRUE(IsInProgress(collective_->Poll()));
  EXPECT_TRUE(collective_->Poll().ok());
  EXPECT_TRUE(collective_->Poll().ok());
}

// NCCL has said "in progress": what follows must not get into the stream before its work.
TEST_F(NcclCollectiveTest, NothingIsQueuedBehindWorkThatIsNotInTheStream) {
  Form();
  ASSERT_TRUE(collective_->Begin().ok());
  Fake().looks_in_progress = 0;
  ASSERT_TRUE(collective_->AllReduce(data_, 4).ok());
  Fake().looks_in_progress = 3;  // from the sum on
  ASSERT_TRUE(collective_->End().ok());
  ASSERT_TRUE(collective_->Broadcast(data_, 16, 3).ok());
  EXPECT_THAT(Fake().calls, IsEmpty());
  EXPECT_TRUE(IsInProgress(collective_->Poll()));
  EXPECT_TRUE(collective_->Poll().ok());
  EXPECT_THAT(Fake().calls,
              ElementsAre("(", "sum 4 floats", ")", "mark", "(", "broadcast 16 of 3", ")", "mark"));
}

TEST_F(NcclCollectiveTest, CopiesWaitForAllBefore) {
  Form();
  Fake().looks_running = 2;
  ASSERT_TRUE(collective_->AllReduce(data_, 4).ok());
  ASSERT_TRUE(collective_->CopyOut(data_, data_, 16).ok());
  EXPECT_THAT(Fake().calls, ElementsAre("(", "sum 4 floats", ")", "mark"));
  EXPECT_TRUE(collective_->Poll().ok());
  EXPECT_THAT(Fake().calls, ElementsAre("(", "sum 4 floats", ")", "mark", "out 16", "mark"));
  ASSERT_TRUE(collective_->CopyIn(data_, data_, 8).ok());
  EXPECT_THAT(Fake().calls.back(), "mark");
  EXPECT_TRUE(collective_->Poll().ok());
}

TEST_F(NcclCollectiveTest, ErrorsOfPeersStick) {
  Form();
  ASSERT_TRUE(collective_->AllReduce(data_, 4).ok());
  Fake().state = ncclRemoteError;
  const absl::Status status = collective_->Poll();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(IsInProgress(status));
  EXPECT_THAT(status.message(), HasSubstr("NCCL's text and more"));
  Fake().state = ncclSuccess;
  EXPECT_EQ(collective_->Poll(), status);
  EXPECT_EQ(collective_->AllReduce(data_, 4), status);
}

TEST_F(NcclCollectiveTest, AbortEndsWhatIsUnderWay) {
  Form();
  Fake().looks_in_progress = 100;
  ASSERT_TRUE(collective_->AllReduce(data_, 4).ok());
  collective_->Abort();
  EXPECT_THAT(Fake().calls, ElementsAre("abort", "wait"));
  EXPECT_EQ(collective_->Poll().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(collective_->AllReduce(data_, 4).code(), absl::StatusCode::kAborted);
  collective_->FreeDevice(data_);
  collective_->Abort();
  collective_.reset();
  EXPECT_THAT(Fake().calls, ElementsAre("abort", "wait", "cudaFree", "wait"));
}

TEST_F(NcclCollectiveTest, EndsInOrderWhereAllIsDone) {
  Form();
  collective_.reset();
  EXPECT_THAT(Fake().calls, ElementsAre("finalize", "destroy", "wait"));
}

TEST_F(NcclCollectiveTest, DoesNotWaitForEverForPeersAtTheEnd) {
  Form();
  Fake().finishes = false;
  collective_.reset();
  EXPECT_THAT(Fake().calls, ElementsAre("finalize", "abort", "wait"));
}

TEST_F(NcclCollectiveTest, LargeMemoryIsOfNccl) {
  constexpr int64_t kLarge = int64_t{1} << 20;
  void* large = collective_->AllocateDevice(kLarge).value();
  collective_->FreeDevice(large);
  void* small = collective_->AllocateDevice(64).value();
  collective_->FreeDevice(small);
  EXPECT_THAT(Fake().calls,
              ElementsAre("ncclMemAlloc 1048576", "ncclMemFree", "cudaMalloc 64", "cudaFree"));
  EXPECT_TRUE(collective_->IsDeviceMemory(large));
  EXPECT_FALSE(collective_->IsDeviceMemory(nullptr));
}

// A thread that has used no device yet would make device 0 ready by its question, and hold memory
// there.
TEST_F(NcclCollectiveTest, AsksAboutPointersOnItsOwnDevice) {
  const auto elsewhere = NcclCollective::Create(3).value();
  Fake().device = 0;
  EXPECT_TRUE(elsewhere->IsDeviceMemory(data_));
  EXPECT_EQ(Fake().asked_on, 3);
}

}  // namespace
}  // namespace hebb::cuda
