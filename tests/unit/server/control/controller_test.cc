// SPDX-License-Identifier: Apache-2.0
// Proves what the control loop does before and between its turns, with links that only remember.
// The whole of a gang's life is tested over real streams in tests/unit/server/rpc.
#include "server/control/controller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/testing/jump_clock.h"
#include "tests/unit/server/control/controller_fixture.h"

namespace hebb::control {
namespace {

TEST_F(ControllerTest, AWorkerBackBeforeTheFirstTurnKeepsItsGang) {
  StoreRunningJob();
  Controller controller(ControllerOptions(), jobs_, *blobs_, *checkpoints_, rendezvous_);
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

TEST_F(ControllerTest, ASilentWorkerIsNoticedWhileTheClockJumps) {
  ControllerOptions options;
  options.times = Times(absl::Milliseconds(200));
  Controller controller(options, jobs_, *blobs_, *checkpoints_, rendezvous_);
  controller.Start();
  for (const int hours : {1, -1}) {
    const std::string id = absl::StrCat("jumped-", hours);
    const testing_support::JumpedClock jumped(absl::Hours(hours));
    controller.Attach(Free(id), std::make_shared<RememberingLink>());
    EXPECT_TRUE(WaitUntil([&] {
      const FleetSnapshot fleet = controller.Fleet();
      return std::any_of(fleet.workers.begin(), fleet.workers.end(), [&](const WorkerView& view) {
        return view.facts.id == id && view.state == "silent";
      });
    })) << hours;
  }
  controller.Stop();
}

TEST_F(ControllerTest, RunTimeBeforeARestartCountsForItsLimit) {
  StoreRunningJob(absl::Seconds(900), 1000);
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

TEST_F(ControllerTest, WhatUsersHaveUsedIsKeptAndCountsLessWithTime) {
  ASSERT_TRUE(jobs_.PutUsage({absl::Now() - absl::Hours(24), {{"ada", 100}, {"bob", 1e-3}}}).ok());
  Controller controller(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
  controller.Start();
  controller.Stop();
  const auto usage = jobs_.ReadUsage();
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_NEAR(usage->worker_seconds.at("ada"), 50, 0.1);
  EXPECT_GT(usage->charged, absl::Now() - absl::Minutes(1));
}

TEST_F(ControllerTest, WorkersThatAUserHoldsAreChargedAndKept) {
  StoreRunningJob();
  ASSERT_TRUE(jobs_
                  .Update("j-1",
                          [](job::Job& job) {
                            job.user = "ada";
                            return absl::OkStatus();
                          })
                  .ok());
  Controller controller(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
  controller.Attach(Returning("a", 0), std::make_shared<RememberingLink>());
  controller.Attach(Returning("b", 1), std::make_shared<RememberingLink>());
  controller.Start();
  ASSERT_TRUE(WaitUntil([&] { return controller.Fleet().workers.size() == 2; }));
  Pass(absl::Seconds(40));
  EXPECT_TRUE(WaitUntil([&] { return !jobs_.ReadUsage()->worker_seconds.empty(); }))
      << "written while it runs, not only at its end";
  controller.Stop();
  EXPECT_NEAR(jobs_.ReadUsage()->worker_seconds.at("ada"), 80, 4);
}

TEST_F(ControllerTest, StepsThatANewAttemptDoesAgainAreTold) {
  StoreRunningJob();
  ASSERT_TRUE(jobs_
                  .Update("j-1",
                          [](job::Job& job) {  // lost at step 40, without a checkpoint
                            job.state = job::State::kQueued;
                            job.workers = job.min_workers = 1;
                            job.step = 40;
                            job.attempts[0].outcome = "lost";
                            job.attempts[0].ended = absl::Now();
                            return absl::OkStatus();
                          })
                  .ok());
  Controller controller(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
  controller.Attach(Free("a"), std::make_shared<RememberingLink>());
  controller.Start();
  ASSERT_TRUE(WaitUntil([&] { return observer_.Of("decided started") == 1; }));
  EXPECT_TRUE(WaitUntil([&] { return observer_.Of("steps lost") == 40; }));
  EXPECT_EQ(observer_.Of("queue waited"), 0) << "it had started before";
  controller.Stop();
}

class PreemptionTest : public ControllerTest {
 protected:
  void SetUp() override {
    ControllerTest::SetUp();
    StoreRunningJob();
    controller_ =
        std::make_unique<Controller>(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
    session_a_ = controller_->Attach(Returning("a", 0), a_);
    session_b_ = controller_->Attach(Returning("b", 1), b_);
    controller_->Start();
    AwaitTurn(*controller_);
  }
  void TearDown() override { controller_->Stop(); }

  void Submit(int64_t priority, const std::string& resources = "{}") {
    job::Job job = Stored();
    job.id = "j-2";
    job.user = "ann";
    job.state = job::State::kQueued;
    job.priority = priority;
    job.workers = job.min_workers = 1;
    job.members.clear();
    job.attempts.clear();
    job.spec_json = absl::StrCat(R"({"dataset": {"name": "glyphs"}, "resources": )", resources,
                                 R"(, "network": {"layers": [
        {"name": "out", "dense": {"units": 10, "activation": "none"}}]}})");
    ASSERT_TRUE(jobs_.Create(job).ok());
    controller_->Wake();
    AwaitTurn(*controller_);
  }
  void Stopped(Session session) {
    AttemptResult result;
    result.generation = {"j-1", 1, 1};
    result.outcome = Outcome::kStopped;
    result.step = 50;
    controller_->Receive(session, result);
  }
  scheduler::Wait WaitOf(const std::string& job) {
    const auto waits = controller_->Fleet().waits;
    const auto found = waits->find(job);
    return found == waits->end() ? scheduler::Wait{} : found->second;
  }

  std::shared_ptr<RememberingLink> a_ = std::make_shared<RememberingLink>();
  std::shared_ptr<RememberingLink> b_ = std::make_shared<RememberingLink>();
  Session session_a_ = 0, session_b_ = 0;
  std::unique_ptr<Controller> controller_;
};

TEST_F(PreemptionTest, AJobOfHigherPriorityGetsTheWorkersAndTheOtherWaitsAgain) {
  Pass(absl::Seconds(11));
  Submit(5);
  ASSERT_TRUE(WaitUntil([&] { return a_->Got<control::Stop>(); }));
  EXPECT_EQ(WaitOf("j-2").reason, scheduler::WaitReason::kPreempting);
  Stopped(session_a_);
  Stopped(session_b_);
  ASSERT_TRUE(WaitUntil([&] { return jobs_.Get("j-2")->state == job::State::kStarting; }));
  const job::Job stopped = Stored();
  EXPECT_EQ(stopped.attempts[0].outcome, "preempted");
  EXPECT_TRUE(WaitUntil([&] { return a_->Count<Assign>() + b_->Count<Assign>() >= 2; }));
  EXPECT_EQ(a_->Count<Assign>() + b_->Count<Assign>(), 2) << "the rest of the gang goes on";
  EXPECT_EQ(a_->Count<control::Stop>(), 1);
  EXPECT_TRUE(WaitUntil([&] { return observer_.Of("queue waited") == 1; })) << "that of j-2";
  EXPECT_EQ(observer_.Of("decided preempting"), 1) << "told once, however often it is looked at";
  EXPECT_EQ(observer_.Of("decided preempted"), 1);
  EXPECT_GE(observer_.Of("decided started"), 1);
  EXPECT_EQ(observer_.Of("ended preempted"), 1);
}

TEST_F(PreemptionTest, ACancelThatComesDuringAPauseKeepsItsReason) {
  const auto change = [&](job::State state, const char* reason) {
    return jobs_
        .Update("j-1",
                [&](job::Job& job) {
                  job.state = state;
                  job.reason = reason;
                  return absl::OkStatus();
                })
        .ok();
  };
  ASSERT_TRUE(change(job::State::kPausing, "waits"));
  controller_->Wake();
  ASSERT_TRUE(WaitUntil([&] { return a_->Got<control::Stop>(); }));
  ASSERT_TRUE(change(job::State::kCancelling, "stopped early"));
  Stopped(session_a_);
  Stopped(session_b_);
  ASSERT_TRUE(WaitUntil([&] { return Stored().state == job::State::kCancelled; }));
  EXPECT_EQ(Stored().reason, "stopped early");
}

TEST_F(PreemptionTest, EqualsAndAYoungAttemptAreLeftAlone) {
  Submit(0);
  Pass(absl::Seconds(11));
  AwaitTurn(*controller_);
  EXPECT_FALSE(a_->Got<control::Stop>());
  EXPECT_EQ(WaitOf("j-2").reason, scheduler::WaitReason::kTooFewWorkers);
  EXPECT_EQ(WaitOf("j-2").position, 1);
  ASSERT_EQ(WaitOf("j-2").holders.size(), 1u);
  EXPECT_EQ(WaitOf("j-2").holders[0].job, "j-1");
}

TEST_F(PreemptionTest, AProtectedAttemptIsPreemptedOnceItsTimeHasCome) {
  Submit(5);
  EXPECT_FALSE(a_->Got<control::Stop>());
  Pass(absl::Seconds(11));  // nothing else happens
  EXPECT_TRUE(WaitUntil([&] { return a_->Got<control::Stop>(); }));
}

TEST_F(PreemptionTest, TheStartIsToldFromTheGangsPace) {
  Progress progress;
  progress.generation = {"j-1", 1, 1};
  progress.total_steps = 200;
  progress.step = 100;
  controller_->Receive(session_a_, progress);
  AwaitTurn(*controller_);
  Submit(0);
  EXPECT_EQ(WaitOf("j-2").estimated_start, absl::InfiniteFuture()) << "no pace was seen yet";
  Pass(absl::Seconds(10));
  progress.step = 150;
  controller_->Receive(session_a_, progress);
  AwaitTurn(*controller_);
  const absl::Time start = WaitOf("j-2").estimated_start;
  absl::MutexLock lock(&mutex_);
  EXPECT_EQ(start, now_ + absl::Seconds(10));  // 50 steps took 10 s, 50 are left
}

// What happens around a joiner that cannot prepare for the running job j-1.
class UnfitJoinerTest : public ControllerTest {
 protected:
  void SetUp() override {
    ControllerTest::SetUp();
    StoreRunningJob();
    controller_ =
        std::make_unique<Controller>(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
    session_a_ = controller_->Attach(Returning("a", 0), a_);
    session_b_ = controller_->Attach(Returning("b", 1), b_);
    controller_->Start();
    AwaitTurn(*controller_);
    controller_->Receive(session_b_, Farewell{"bye"});
    MemberReport left;
    left.generation = {"j-1", 1, 1};
    left.step = 41;
    left.cause = "told";
    ASSERT_TRUE(WaitUntil([&] { return a_->Got<LeaveGang>(); }));
    controller_->Receive(session_a_, left);
    session_c_ = controller_->Attach(Free("c"), c_);
    ASSERT_TRUE(WaitUntil([&] { return c_->Got<Assign>(); }));
    controller_->Receive(session_c_, Unprepared(1));
    ASSERT_TRUE(WaitUntil([&] { return c_->Got<Release>(); }));
    AwaitTurn(*controller_);
  }
  void TearDown() override { controller_->Stop(); }

  std::shared_ptr<RememberingLink> a_ = std::make_shared<RememberingLink>();
  std::shared_ptr<RememberingLink> b_ = std::make_shared<RememberingLink>();
  std::shared_ptr<RememberingLink> c_ = std::make_shared<RememberingLink>();
  Session session_a_ = 0, session_b_ = 0, session_c_ = 0;
  std::unique_ptr<Controller> controller_;
};

TEST_F(UnfitJoinerTest, IsLeftOutWithItsCauseAndTheGangRunsOn) {
  EXPECT_EQ(Stored().state, job::State::kRunning);
  EXPECT_EQ(a_->Count<LeaveGang>(), 1);  // when b was lost
  const auto events = jobs_.Events("j-1");
  EXPECT_TRUE(std::any_of(events->begin(), events->end(), [](const job::Event& event) {
    return absl::StrContains(event.text,
                             "worker c (host host, no rank yet) left out: it could not "
                             "prepare: no space left in its data folder");
  }));
  EXPECT_EQ(controller_->Fleet().recoveries.at("worker_lost"), 1) << "b alone was lost";
}

TEST_F(UnfitJoinerTest, IsAskedAgainOnlyAfterAWhile) {
  Pass(absl::Seconds(59));
  AwaitTurn(*controller_);
  EXPECT_EQ(c_->Count<Assign>(), 1);
  Pass(absl::Seconds(2));
  EXPECT_TRUE(WaitUntil([&] { return c_->Count<Assign>() == 2; }));
}

TEST_F(UnfitJoinerTest, IsNotAskedForTheNextAttemptEither) {
  controller_->Receive(session_a_, Farewell{"bye"});
  ASSERT_TRUE(WaitUntil(
      [&] { return absl::StrContains(controller_->ReasonOf(Stored()), "c could not prepare"); }));
  EXPECT_EQ(controller_->WaitOf("j-1")->reason, scheduler::WaitReason::kUnfitWorkers);
  EXPECT_EQ(Stored().state, job::State::kQueued);
  EXPECT_EQ(c_->Count<Assign>(), 1);
  const auto d = std::make_shared<RememberingLink>();
  controller_->Attach(Free("d"), d);  // does, alone
  ASSERT_TRUE(WaitUntil([&] { return d->Got<Assign>(); }));
  AwaitTurn(*controller_);
  EXPECT_EQ(c_->Count<Assign>(), 1);
  Pass(absl::Seconds(61));
  EXPECT_TRUE(WaitUntil([&] { return c_->Count<Assign>() == 2; }));
}

}  // namespace
}  // namespace hebb::control
