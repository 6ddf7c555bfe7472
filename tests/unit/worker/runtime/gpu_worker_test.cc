// SPDX-License-Identifier: Apache-2.0
// Proves what a worker with a GPU does beside what gang_test.cc proves: it says when a job's memory
// is free again and not before, and it ends when the GPU fails. The GPU is a counter.
#include <memory>

#include "tests/unit/worker/runtime/fake_gpu.h"
#include "tests/unit/worker/runtime/worker_under_test.h"

namespace hebb::runtime {
namespace {

using ::testing::HasSubstr;

class GpuWorkerTest : public WorkerUnderTest {
 protected:
  GpuWorkerTest() {
    device =
        std::move(*GpuDevice::Open(FakeParts(&plugin), plugin, (*plugin.Devices())[0], nullptr));
    gpu = device.get();
    memory_back_within = absl::Milliseconds(200);
    script.HoldInTrainer([this] { return fake().Take(20 * kGiB); });
    coordinator.Probe([this] { return static_cast<int>(fake().memory->UsedNow() / kGiB); });
  }
  ~GpuWorkerTest() override {
    session.reset();
    runner.reset();
  }
  FakeGpu& fake() { return plugin.gpus[0]; }
  FakeCoordinator::Received AwaitFreed() { return coordinator.Await(From::kFreed); }
  std::string Scraped() {
    std::string text;
    for (const auto& family : metrics.Collect()) {
      for (const auto& metric : family.metric) {
        absl::StrAppend(&text, family.name);
        for (const auto& label : metric.label) absl::StrAppend(&text, " ", label.value);
        absl::StrAppend(&text, " ", metric.gauge.value / static_cast<double>(kGiB), "\n");
      }
    }
    return text;
  }

  FakePlugin plugin{1};
  std::unique_ptr<GpuDevice> device;
};

TEST_F(GpuWorkerTest, SaysThatTheMemoryIsFreeOnceItIs) {
  StartTraining();
  EXPECT_EQ(fake().memory->UsedNow(), 20 * kGiB);
  coordinator.Send(StopMessage(1, false));
  script.Permit(Script::kTotalSteps);
  coordinator.Await(From::kResult);
  EXPECT_EQ(coordinator.Count(From::kFreed), 0) << "the result is not released yet";
  coordinator.Send(ReleaseMessage());
  const auto freed = AwaitFreed();
  EXPECT_EQ(freed.probe, 0) << "said before it was";
  EXPECT_EQ(freed.message.freed().job(), "job-a");
  EXPECT_EQ(freed.message.freed().attempt(), 1);
  EXPECT_EQ(freed.message.freed().missing_bytes(), 0);
}

TEST_F(GpuWorkerTest, ReleasedInTheMidstOfPreparingOrTrainingItSaysSoToo) {
  StartPrepared();
  coordinator.Send(ReleaseMessage());
  EXPECT_EQ(AwaitFreed().probe, 0);
  coordinator.Send(AssignMessage(2));
  coordinator.Await(From::kReport);
  v1::ToWorker form = FormMessage(1);
  form.mutable_form_gang()->mutable_generation()->set_attempt(2);
  coordinator.Send(form);
  ASSERT_TRUE(script.AwaitStepping());
  coordinator.Send(ReleaseMessage(2));
  const auto freed = AwaitFreed();
  EXPECT_EQ(freed.probe, 0);
  EXPECT_EQ(freed.message.freed().attempt(), 2);
}

TEST_F(GpuWorkerTest, MemoryThatComesLateIsWaitedFor) {
  memory_back_within = absl::Seconds(20);
  StartPrepared();
  std::shared_ptr<void> late = fake().Take(3 * kGiB);
  coordinator.Send(ReleaseMessage());
  ASSERT_TRUE(script.AwaitNoTrainer());
  EXPECT_EQ(coordinator.Count(From::kFreed), 0);
  late.reset();
  EXPECT_EQ(AwaitFreed().message.freed().missing_bytes(), 0);
}

TEST_F(GpuWorkerTest, MemoryThatStaysAwayIsToldAndCounted) {
  StartPrepared();
  const std::shared_ptr<void> leak = fake().Take(3 * kGiB);
  coordinator.Send(ReleaseMessage());
  EXPECT_EQ(AwaitFreed().message.freed().missing_bytes(), 3 * kGiB);
  EXPECT_THAT(Scraped(), HasSubstr("hebb_worker_device_memory_missing_bytes 3\n"));
  EXPECT_THAT(Scraped(), HasSubstr("hebb_worker_device_memory_bytes total 80\n"));
  EXPECT_THAT(Scraped(), HasSubstr("hebb_worker_device_memory_bytes free 77\n"));
}

TEST_F(GpuWorkerTest, WhatLibrariesKeepIsNotMissing) {
  StartPrepared();
  const std::shared_ptr<void> kept = fake().Take(kGiB / 4);
  coordinator.Send(ReleaseMessage());
  EXPECT_EQ(AwaitFreed().message.freed().missing_bytes(), 0);
}

TEST_F(GpuWorkerTest, AReleaseOfWhatItDoesNotHoldIsAnsweredAtOnce) {
  StartWorker();
  coordinator.Send(ReleaseMessage(7));
  EXPECT_EQ(AwaitFreed().message.freed().attempt(), 7);
}

TEST_F(GpuWorkerTest, TheAnswerIsToldAgainOnANewStream) {
  StartPrepared();
  coordinator.Send(ReleaseMessage());
  AwaitFreed();
  coordinator.GoAway();
  coordinator.ComeBack();
  EXPECT_EQ(coordinator.AwaitOnStream(From::kFreed, 2).message.freed().attempt(), 1);
}

TEST_F(GpuWorkerTest, HeartbeatsTellWhatIsFree) {
  StartPrepared();
  script.Permit(2);
  coordinator.Send(FormMessage(1));
  coordinator.Await(From::kEpoch);
  while (coordinator.Await(From::kHeartbeat).message.heartbeat().device_memory_free() !=
             60 * kGiB &&
         !HasFailure()) {
  }
}

TEST_F(GpuWorkerTest, AnErrorOfTheJobIsTheJobs) {
  script.FailStep(1, absl::InternalError("a bug"));
  StartTraining();
  script.Permit(1);
  EXPECT_TRUE(coordinator.Await(From::kReport).message.report().fatal());
  EXPECT_FALSE(device_lost.HasBeenNotified());
}

// Not the job's fault: no fatal report, and the farewell, which ends the process, says why.
TEST_F(GpuWorkerTest, ADeviceThatFailsAllEndsTheWorkerAndNotTheJob) {
  script.FailStep(1, absl::InternalError("cudaGraphLaunch: an illegal memory access"));
  StartTraining();
  fake().broken = true;
  script.Permit(1);
  ASSERT_TRUE(device_lost.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_EQ(device_lost_reason, "its GPU fails: cudaGraphLaunch: an illegal memory access");
  EXPECT_TRUE(runner->Drop(SteadyNow() + absl::Seconds(20)));
  session->Leave(device_lost_reason, absl::Seconds(20));
  EXPECT_THAT(coordinator.Await(From::kFarewell).message.farewell().reason(),
              HasSubstr("illegal memory access"));
  EXPECT_EQ(coordinator.Count(From::kReport), 1) << "of generation 0 only";
}

TEST_F(GpuWorkerTest, SoDoesOneThatFailsWhileAJobIsPrepared) {
  StartWorker();
  script.FailDataWith(absl::InternalError("cudaMalloc: uncorrectable ECC error"));
  fake().broken = true;
  coordinator.Send(AssignMessage());
  ASSERT_TRUE(device_lost.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_TRUE(runner->Drop(SteadyNow() + absl::Seconds(20)));
  EXPECT_EQ(coordinator.Count(From::kReport), 0);
}

}  // namespace
}  // namespace hebb::runtime
