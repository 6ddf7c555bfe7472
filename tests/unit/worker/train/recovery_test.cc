// SPDX-License-Identifier: Apache-2.0
// Proves that a gang that shrinks, grows, or loses a rank at any point goes on with the same bits:
// whatever happens on the way, the end is that of an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "tests/unit/worker/train/gang_harness.h"
#include "tests/unit/worker/train/toy_engine.h"
#include "worker/comm/local_communicator.h"
#include "worker/train/gang_trainer.h"

namespace hebb::train {
namespace {

using ::testing::HasSubstr;

class RecoveryTest : public ::testing::Test {
 protected:
  TrainerMaker Maker() const {
    return
        [this] { return MakeGangTrainer({.job = job_, .job_id = "j1"}, dataset_, ToyEngines()); };
  }

  // Until all members have left after step `boundary`.
  static void LeaveAfter(const std::vector<Member*>& ranks, int64_t boundary) {
    Requests requests;
    if (boundary <= ranks[0]->trainer->step() + 1) requests.leave = true;
    ranks[0]->observer.on_step = [&](const StepReport& report) {
      if (report.step >= boundary - 1) requests.leave = true;
    };
    for (const absl::StatusOr<RunEnd>& end : RunGeneration(ranks, requests)) {
      ASSERT_TRUE(end.ok()) << end.status();
      ASSERT_EQ(*end, RunEnd::kLeft);
    }
    ranks[0]->observer.on_step = nullptr;
    for (const Member* member : ranks) ASSERT_EQ(member->trainer->step(), boundary);
  }

  const spec::Job job_ = ToyJob(10, 3, 8);
  const ToyDataset dataset_{23, 7, 9};
};

TEST_F(RecoveryTest, ShrinkingAndGrowingAtEveryStepKeepsTheBits) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  for (int64_t first = 1; first < 8; ++first) {
    SCOPED_TRACE(first);
    const Members members = MakeMembers(Maker(), 4);
    Member* const a = members[0].get();
    Member* const b = members[1].get();
    Member* const c = members[2].get();
    Member* const d = members[3].get();
    LeaveAfter({a, b, c}, first);
    LeaveAfter({b, a}, first + 1);                // c is gone, another rank 0
    Finished resumed = FinishWith({d, c, b, a});  // c is behind, d is new
    ExpectSame(resumed, whole);
  }
}

TEST_F(RecoveryTest, RankThatDiesAnywhereCostsNoBits) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  std::mt19937 random(7);
  int broken = 0;  // rounds in which the abort came before the end
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    const Members members = MakeMembers(Maker(), 3);
    Member* const victim = members[random() % 3].get();
    const int64_t at = 1 + random() % 9;
    const absl::Duration delay = absl::Microseconds(random() % 300);
    std::thread killer;
    victim->observer.on_step = [&](const StepReport& report) {
      if (report.step != at) return;
      if (round % 4 < 2) return victim->Abort();  // between two steps
      killer = std::thread([victim, until = absl::Now() + delay] {
        while (absl::Now() < until) continue;  // finer than a sleep
        victim->Abort();
      });
    };
    Requests requests;
    const auto ends = RunGeneration(Pointers(members), requests);
    if (killer.joinable()) killer.join();
    victim->observer.on_step = nullptr;
    std::vector<Member*> survivors;
    for (size_t rank = 0; rank < members.size(); ++rank) {
      EXPECT_GE(members[rank]->trainer->step(), at - 1);
      if (members[rank].get() != victim) survivors.push_back(members[rank].get());
      if (ends[rank].ok()) continue;
      broken += rank == 0 ? 1 : 0;
      EXPECT_TRUE(absl::IsUnavailable(ends[rank].status()) || absl::IsAborted(ends[rank].status()))
          << ends[rank].status();
    }
    const std::unique_ptr<Member> fresh = MakeMember(Maker());
    if (round % 2 == 0) survivors.push_back(fresh.get());
    ExpectSame(FinishWith(survivors), whole);
  }
  EXPECT_GE(broken, 20);
}

TEST_F(RecoveryTest, EpochThatOnlySomeHaveReportedIsReportedByAll) {
  // One member has reported the epoch and goes on; the other has the same step from a checkpoint.
  spec::Job job = job_;
  job.checkpoint.every_steps = 3;
  const TrainerMaker maker = [&] {
    return MakeGangTrainer({.job = job, .job_id = "j1"}, dataset_, ToyEngines());
  };
  const Finished whole = TrainToTheEnd(maker, 1);
  const Members members = MakeMembers(maker, 2);
  members[0]->observer.on_epoch = [&](const EpochMetrics&) { members[0]->Abort(); };
  Requests requests;
  EXPECT_FALSE(RunGeneration({members[0].get()}, requests)[0].ok());
  ASSERT_EQ(members[0]->trainer->step(), 3);
  members[0]->observer.on_epoch = nullptr;
  ASSERT_TRUE(members[1]->trainer->LoadCheckpoint(members[0]->observer.saves.at(3), "c").ok());
  ExpectSame(FinishWith(Pointers(members)), whole);
  EXPECT_EQ(members[1]->observer.epochs.count(1), 1U);
}

TEST_F(RecoveryTest, ReplicasThatDifferAreFoundOut) {
  const Members members = MakeMembers(Maker(), 3);
  LeaveAfter({members[0].get(), members[1].get()}, 2);
  // Other weights for one of them, at the same step.
  const Members others = MakeMembers(
      [&] {
        spec::Job job = job_;
        job.seed = 4;
        return MakeGangTrainer({.job = job, .job_id = "j1"}, dataset_, ToyEngines());
      },
      1);
  LeaveAfter({others[0].get()}, 2);
  Requests requests;
  const auto ends = RunGeneration({members[0].get(), others[0].get(), members[2].get()}, requests);
  EXPECT_TRUE(absl::IsFailedPrecondition(ends[1].status())) << ends[1].status();
  EXPECT_THAT(std::string(ends[1].status().message()), HasSubstr("replicas differ at step 2"));
}

TEST_F(RecoveryTest, RanksAtDifferentStepsWithoutASyncAreFoundOut) {
  const Members members = MakeMembers(Maker(), 2);
  LeaveAfter({members[0].get()}, 2);
  std::vector<std::unique_ptr<comm::Communicator>> gang = comm::MakeLocalGang(2);
  std::vector<std::thread> threads;
  std::vector<absl::Status> statuses(2);
  Requests requests;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      statuses[rank] =
          members[rank]->trainer->Run(*gang[rank], requests, members[rank]->observer).status();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_TRUE(absl::IsInternal(status)) << status;
}

}  // namespace
}  // namespace hebb::train
