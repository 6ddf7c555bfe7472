// SPDX-License-Identifier: Apache-2.0
// Proves what the control loop does before and between its turns, with links that only remember.
// The whole of a gang's life is tested over real streams in tests/unit/server/rpc.
#include "server/control/controller.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/wait.h"

namespace hebb::control {
namespace {

using testing_support::WaitUntil;

class RememberingLink final : public WorkerLink {
 public:
  bool Send(const ToWorker& message) override {
    absl::MutexLock lock(&mutex_);
    sent_.push_back(message);
    return true;
  }
  void Close() override {}

  template <typename Message>
  bool Got() const {
    absl::MutexLock lock(&mutex_);
    for (const ToWorker& message : sent_) {
      if (std::holds_alternative<Message>(message)) return true;
    }
    return false;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<ToWorker> sent_ ABSL_GUARDED_BY(mutex_);
};

class ControllerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto blobs = store::BlobStore::Open(testing::TempDir() + "/controller_test_blobs");
    ASSERT_TRUE(blobs.ok()) << blobs.status();
    blobs_ = *std::move(blobs);
    checkpoints_ = std::make_unique<Checkpoints>(jobs_, *blobs_);
  }

  // A loop whose time the test moves; nobody is silent in it for long.
  ControllerOptions WithTestClock() {
    ControllerOptions options;
    options.times.detect_within = absl::Hours(10);
    options.clock = [this] {
      absl::MutexLock lock(&mutex_);
      return now_;
    };
    return options;
  }
  void Pass(absl::Duration time) {
    absl::MutexLock lock(&mutex_);
    now_ += time;
  }

  // A job as the store has it when a coordinator died amid generation 1 of two workers.
  void StoreRunningJob(const std::string& resources = "{}",
                       absl::Duration run_for = absl::Seconds(1)) {
    job::Job job;
    job.id = "j-1";
    job.workers = 2;
    job.state = job::State::kRunning;
    job.spec_json = absl::StrCat(R"({"dataset": {"name": "glyphs"}, "resources": )", resources,
                                 R"(, "network": {"layers": [
        {"name": "out", "dense": {"units": 10, "activation": "none"}}]}})");
    job.members = {{0, "a", "host", "cpu"}, {1, "b", "host", "cpu"}};
    job::Attempt attempt;
    attempt.number = 1;
    attempt.generation = 1;
    attempt.started = absl::Now() - run_for;
    job.attempts = {attempt};
    ASSERT_TRUE(jobs_.Create(job).ok());
  }

  static Hello Returning(const std::string& worker, int rank) {
    Hello hello;
    hello.worker.id = worker;
    hello.worker.host = "host";
    hello.worker.device = "cpu";
    hello.held = HeldAttempt{{"j-1", 1, 1}, rank, 40, /*in_gang=*/true};
    return hello;
  }

  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  store::MemoryJobStore jobs_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<Checkpoints> checkpoints_;
  Rendezvous rendezvous_;
};

TEST_F(ControllerTest, AWorkerBackBeforeTheFirstTurnKeepsItsGang) {
  StoreRunningJob();
  Controller controller({}, jobs_, *blobs_, *checkpoints_, rendezvous_);
  const auto a = std::make_shared<RememberingLink>();
  const auto b = std::make_shared<RememberingLink>();
  controller.Attach(Returning("a", 0), a);
  controller.Attach(Returning("b", 1), b);
  controller.Start();
  ASSERT_TRUE(WaitUntil([&] { return controller.Fleet().workers.size() == 2; }));
  for (const WorkerView& worker : controller.Fleet().workers) {
    EXPECT_EQ(worker.job, "j-1");
    EXPECT_EQ(worker.state, "busy");
  }
  EXPECT_TRUE(controller.Fleet().unreachable_jobs.empty());
  controller.Stop();
  EXPECT_TRUE(a->Got<Welcome>());
  EXPECT_FALSE(a->Got<Release>());
  EXPECT_FALSE(b->Got<Release>());
}

TEST_F(ControllerTest, RunTimeBeforeARestartCountsForItsLimit) {
  StoreRunningJob(R"({"workers": 2, "max_runtime": 1000})", absl::Seconds(900));
  Controller controller(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
  const auto a = std::make_shared<RememberingLink>();
  const auto b = std::make_shared<RememberingLink>();
  controller.Attach(Returning("a", 0), a);
  controller.Attach(Returning("b", 1), b);
  controller.Start();
  ASSERT_TRUE(WaitUntil([&] { return controller.Fleet().workers.size() == 2; }));
  EXPECT_FALSE(a->Got<control::Stop>());
  Pass(absl::Seconds(200));
  EXPECT_TRUE(WaitUntil([&] { return a->Got<control::Stop>(); }));
  controller.Stop();
}

}  // namespace
}  // namespace hebb::control
