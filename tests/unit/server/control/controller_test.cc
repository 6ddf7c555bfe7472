// SPDX-License-Identifier: Apache-2.0
// Proves what the control loop does before and between its turns, with links that only remember.
// The whole of a gang's life is tested over real streams in tests/unit/server/rpc.
#include "server/control/controller.h"

#include <gtest/gtest.h>

#include <memory>
#include <variant>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/wait.h"

namespace hebb::control {
namespace {

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

  // A job as the store has it when a coordinator died amid generation 1 of two workers.
  void StoreRunningJob() {
    job::Job job;
    job.id = "j-1";
    job.workers = 2;
    job.state = job::State::kRunning;
    job.spec_json = R"({"dataset": {"name": "glyphs"},
      "network": {"layers": [{"name": "out", "dense": {"units": 10, "activation": "none"}}]}})";
    job.members = {{0, "a", "host", "cpu"}, {1, "b", "host", "cpu"}};
    job::Attempt attempt;
    attempt.number = 1;
    attempt.generation = 1;
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
  ASSERT_TRUE(testing_support::WaitUntil([&] { return controller.Fleet().workers.size() == 2; }));
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

}  // namespace
}  // namespace hebb::control
