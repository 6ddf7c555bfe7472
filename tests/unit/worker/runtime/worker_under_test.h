// SPDX-License-Identifier: Apache-2.0
// A worker without its process: session, runner and training thread, between a fake coordinator and
// fake numerics.
#ifndef HEBB_TESTS_UNIT_WORKER_RUNTIME_WORKER_UNDER_TEST_H_
#define HEBB_TESTS_UNIT_WORKER_RUNTIME_WORKER_UNDER_TEST_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/unit/worker/runtime/fake_coordinator.h"
#include "tests/unit/worker/runtime/fake_numerics.h"
#include "worker/runtime/coordinator_channel.h"
#include "worker/runtime/job_runner.h"
#include "worker/runtime/outbox.h"
#include "worker/runtime/session.h"
#include "worker/runtime/worker_metrics.h"

namespace hebb::runtime {

class WorkerUnderTest : public ::testing::Test {
 protected:
  using From = v1::FromWorker;

  WorkerUnderTest() {
    coordinator.Probe([this] { return script.live_communicators(); });
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string name = absl::StrCat(test->test_suite_name(), "-", test->name());
    for (char& c : name) c = c == '/' ? '-' : c;
    folder = absl::StrCat(::testing::TempDir(), "hebb-", name);
    std::filesystem::remove_all(folder);
    identity.set_id("worker-a");
    identity.set_host("here");
  }

  ~WorkerUnderTest() override {
    session.reset();
    runner.reset();
    std::filesystem::remove_all(folder);
  }

  void StartWorker() {
    runner = std::make_unique<JobRunner>(AttemptContext{numerics, channel, metrics, 1, folder,
                                                        [this] { restart_wanted.Notify(); }, gpu,
                                                        [this](const std::string& reason) {
                                                          if (device_lost.HasBeenNotified()) return;
                                                          device_lost_reason = reason;
                                                          device_lost.Notify();
                                                        },
                                                        memory_back_within},
                                         outbox);
    session = std::make_unique<Session>(channel, identity, outbox, *runner);
    session->Start([this](absl::Status status) {
      refusal = std::move(status);
      refused.Notify();
    });
  }

  // A worker that has said that it is ready.
  void StartPrepared() {
    StartWorker();
    coordinator.Send(AssignMessage());
    coordinator.Await(From::kReport);
  }

  // A worker whose first step waits for its permit, in generation 1.
  void StartTraining(int rank = 0, int size = 1) {
    StartPrepared();
    coordinator.Send(FormMessage(1, rank, size));
    ASSERT_TRUE(script.AwaitStepping());
  }

  FakeCoordinator coordinator;
  Script script;
  Numerics numerics = script.numerics();
  std::string folder;
  v1::Worker identity;
  CoordinatorChannel channel{coordinator.address()};
  std::atomic<int64_t> minutes_ahead{0};  // of the metrics' clock
  WorkerMetrics metrics{"test", "/",
                        [this] { return absl::Now() + absl::Minutes(minutes_ahead.load()); }};
  Outbox outbox;
  absl::Notification restart_wanted;
  GpuDevice* gpu = nullptr;
  absl::Duration memory_back_within;
  absl::Notification device_lost;
  std::string device_lost_reason;  // once it is
  absl::Notification refused;
  absl::Status refusal;
  std::unique_ptr<JobRunner> runner;
  std::unique_ptr<Session> session;
};

}  // namespace hebb::runtime

#endif  // HEBB_TESTS_UNIT_WORKER_RUNTIME_WORKER_UNDER_TEST_H_
