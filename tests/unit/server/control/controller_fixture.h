// SPDX-License-Identifier: Apache-2.0
// A control loop over a store in memory, with links that only remember.
#ifndef HEBB_TESTS_UNIT_SERVER_CONTROL_CONTROLLER_FIXTURE_H_
#define HEBB_TESTS_UNIT_SERVER_CONTROL_CONTROLLER_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/control/controller.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/wait.h"

namespace hebb::control {

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
  int Count() const {
    absl::MutexLock lock(&mutex_);
    int count = 0;
    for (const ToWorker& message : sent_) count += std::holds_alternative<Message>(message);
    return count;
  }
  template <typename Message>
  bool Got() const {
    return Count<Message>() > 0;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<ToWorker> sent_ ABSL_GUARDED_BY(mutex_);
};

// Counts what the loop tells. Thread-safe.
class CountingLoopObserver final : public LoopObserver {
 public:
  void QueueWaited(absl::Duration) override { Add("queue waited", 1); }
  void Decided(absl::string_view decision) override { Add(absl::StrCat("decided ", decision), 1); }
  void StepsLost(int64_t steps) override { Add("steps lost", steps); }
  void AttemptEnded(absl::string_view outcome) override { Add(absl::StrCat("ended ", outcome), 1); }

  int64_t Of(const std::string& what) const {
    absl::MutexLock lock(&mutex_);
    const auto found = counts_.find(what);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  void Add(const std::string& what, int64_t count) {
    absl::MutexLock lock(&mutex_);
    counts_[what] += count;
  }
  mutable absl::Mutex mutex_;
  std::map<std::string, int64_t> counts_ ABSL_GUARDED_BY(mutex_);
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
    options.times = Times(absl::Hours(10));
    options.observer = &observer_;
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
  void StoreRunningJob(absl::Duration run_for = absl::Seconds(1), double max_runtime = 0) {
    job::Job job;
    job.id = "j-1";
    job.workers = 2;
    job.max_runtime = max_runtime;
    job.device = "cpu";
    job.state = job::State::kRunning;
    job.spec_json = R"({"dataset": {"name": "glyphs"}, "network": {"layers": [
        {"name": "out", "dense": {"units": 10, "activation": "none"}}]}})";
    job.members = {{0, "a", "host", "cpu"}, {1, "b", "host", "cpu"}};
    job::Attempt attempt;
    attempt.number = 1;
    attempt.generation = 1;
    attempt.started = absl::Now() - run_for;
    job.attempts = {attempt};
    ASSERT_TRUE(jobs_.Create(job).ok());
  }

  static Hello Free(const std::string& worker) {
    Hello hello;
    hello.worker.id = worker;
    hello.worker.host = "host";
    hello.worker.device = "cpu";
    hello.worker.kernel_family = "avx512";
    return hello;
  }
  static Hello Returning(const std::string& worker, int rank) {
    Hello hello = Free(worker);
    hello.held = HeldAttempt{{"j-1", 1, 1}, rank, 40, /*in_gang=*/true};
    return hello;
  }
  static MemberReport Unprepared(int attempt) {
    MemberReport report;
    report.generation = {"j-1", attempt, 0};
    report.cause = "no space left in its data folder";
    report.fatal = true;
    return report;
  }
  // The loop has taken a turn that began after this call, and looked at all jobs in it.
  void AwaitTurn(Controller& controller) {
    const std::string id = absl::StrCat("onlooker-", ++onlookers_);
    Hello hello = Free(id);
    hello.worker.device = "cuda";  // of no use to the job
    controller.Attach(hello, std::make_shared<RememberingLink>());
    ASSERT_TRUE(WaitUntil([&] {
      const FleetSnapshot fleet = controller.Fleet();
      return std::any_of(fleet.workers.begin(), fleet.workers.end(),
                         [&](const WorkerView& view) { return view.facts.id == id; });
    }));
  }
  job::Job Stored() { return *jobs_.Get("j-1"); }

  CountingLoopObserver observer_;
  int onlookers_ = 0;
  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  store::MemoryJobStore jobs_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<Checkpoints> checkpoints_;
  Rendezvous rendezvous_;
};

}  // namespace hebb::control

#endif  // HEBB_TESTS_UNIT_SERVER_CONTROL_CONTROLLER_FIXTURE_H_
