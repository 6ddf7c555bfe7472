// SPDX-License-Identifier: Apache-2.0
// Proves the trainer's promises that do not need a failure: the same bits for any gang size, what
// it reports, requests taken by all ranks in one step, saves that fail, a loss that is not finite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/train/count_allocations.h"
#include "tests/unit/worker/train/gang_harness.h"
#include "tests/unit/worker/train/toy_engine.h"
#include "worker/train/gang_trainer.h"

namespace hebb::train {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerMaker Maker(const spec::Job& job, int threads = 1) const {
    return [this, job, threads] {
      return MakeGangTrainer({.job = job, .job_id = "j1", .threads = threads}, dataset_,
                             ToyEngines(&faults_));
    };
  }

  mutable ToyFaults faults_;
  const ToyDataset dataset_{23, 7, 600};
};

TEST_F(TrainerTest, SameBitsForEveryGangSizeAndThreadCount) {
  for (const spec::Propagate propagate :
       {spec::Propagate::kBeforeUpdate, spec::Propagate::kAfterUpdate}) {
    spec::Job job = ToyJob(10, 3, 8);
    job.learning.propagate = propagate;
    const Finished alone = TrainToTheEnd(Maker(job), 1);
    EXPECT_NE(alone.digest, MakeMember(Maker(job))->trainer->WeightsDigest());
    ASSERT_EQ(alone.epochs.size(), 3U);
    for (int size = 2; size <= 8; ++size) {
      SCOPED_TRACE(size);
      ExpectSame(TrainToTheEnd(Maker(job, size % 3 + 1), size), alone);
    }
  }
}

TEST_F(TrainerTest, OneEpochAfterAnotherIsReported) {
  const Members members = MakeMembers(Maker(ToyJob(10, 2, 2)), 2);
  std::vector<int64_t> steps;
  members[0]->observer.on_step = [&](const StepReport& report) { steps.push_back(report.step); };
  const Finished run = FinishWith(Pointers(members));
  EXPECT_EQ(steps, (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
  ASSERT_EQ(run.epochs.size(), 2U);
  EXPECT_EQ(run.epochs.at(2).step, 6);
  EXPECT_GT(run.epochs.at(2).train_loss, 0);
  EXPECT_LT(run.epochs.at(2).train_loss, run.epochs.at(1).train_loss);
  EXPECT_EQ(run.epochs.at(2).alignment[1].first, "out");
  EXPECT_EQ(members[0]->observer.last_step.epoch, 2);
  EXPECT_EQ(members[0]->observer.last_step.train_loss, run.epochs.at(2).train_loss);
  EXPECT_GT(members[0]->observer.last_step.images_per_second, 0);
  EXPECT_EQ(run.metrics.validation_accuracy, run.epochs.at(2).validation_accuracy);
  EXPECT_EQ(run.saves.size(), 1U);  // the end is a checkpoint
  EXPECT_EQ(members[0]->observer.digests.at(6), run.digest);
}

TEST_F(TrainerTest, NoSplitNoAccuracy) {
  const ToyDataset bare(23, 0, 0);
  const Finished run = TrainToTheEnd(
      [&] {
        return MakeGangTrainer({.job = ToyJob(10, 1, 2), .job_id = "j1"}, bare, ToyEngines());
      },
      2);
  EXPECT_FALSE(run.metrics.test_accuracy.has_value());
  EXPECT_FALSE(run.metrics.validation_accuracy.has_value());
  EXPECT_FALSE(run.epochs.at(1).validation_accuracy.has_value());
}

TEST_F(TrainerTest, RequestsAreTakenByAllRanksAtTheSameStep) {
  const Members members = MakeMembers(Maker(ToyJob(10, 4, 4)), 3);
  Requests requests;
  members[0]->observer.on_step = [&](const StepReport& report) {
    if (report.step == 4) requests.leave = true;
  };
  for (const absl::StatusOr<RunEnd>& end : RunGeneration(Pointers(members), requests)) {
    ASSERT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(*end, RunEnd::kLeft);
  }
  for (const std::unique_ptr<Member>& member : members) EXPECT_EQ(member->trainer->step(), 5);
  EXPECT_TRUE(members[0]->observer.saves.empty());

  requests.leave = false;
  requests.stop = true;
  for (const absl::StatusOr<RunEnd>& end : RunGeneration(Pointers(members), requests)) {
    EXPECT_EQ(*end, RunEnd::kStopped);
  }
  for (const std::unique_ptr<Member>& member : members) EXPECT_EQ(member->trainer->step(), 6);
}

TEST_F(TrainerTest, LibrarySumKeepsTheRanksEqual) {
  const Finished alone = TrainToTheEnd(Maker(ToyJob(10, 2, 0), 2), 1);
  const Finished three = TrainToTheEnd(Maker(ToyJob(10, 2, 0), 2), 3);  // checks the digests
  EXPECT_NEAR(three.epochs.at(2).train_loss, alone.epochs.at(2).train_loss, 1e-4);
}

TEST_F(TrainerTest, PeriodicSaveThatFailsDoesNotStopTraining) {
  spec::Job job = ToyJob(10, 2, 2);
  job.checkpoint.every_steps = 1;
  const Members members = MakeMembers(Maker(job), 2);
  RecordingObserver& observer = members[0]->observer;
  observer.save_status = absl::ResourceExhaustedError("disk full");
  observer.on_step = [&](const StepReport& report) {
    if (report.step == 3) observer.save_status = absl::OkStatus();
  };
  const Finished run = FinishWith(Pointers(members));
  EXPECT_EQ(run.saves.begin()->first, 3);
  EXPECT_EQ(run.saves.size(), 4U);
}

TEST_F(TrainerTest, LastSaveThatFailsFailsEveryRank) {
  const Members members = MakeMembers(Maker(ToyJob(10, 1, 2)), 2);
  members[0]->observer.save_status = absl::ResourceExhaustedError("disk full");
  Requests requests;
  const auto ends = RunGeneration(Pointers(members), requests);
  EXPECT_TRUE(absl::IsResourceExhausted(ends[0].status())) << ends[0].status();
  EXPECT_TRUE(absl::IsFailedPrecondition(ends[1].status())) << ends[1].status();
  EXPECT_THAT(std::string(ends[1].status().message()), HasSubstr("could not save"));
}

TEST_F(TrainerTest, LossThatIsNotFiniteStopsAllRanksInTheSameStep) {
  for (const bool after_first_layer : {false, true}) {
    for (const int64_t slices : {4, 0}) {
      faults_.not_finite_sample = -1;
      faults_.after_first_layer = after_first_layer;
      const Members members = MakeMembers(Maker(ToyJob(10, 2, slices)), 3);
      members[2]->observer.on_epoch = [&](const EpochMetrics&) {
        faults_.not_finite_sample = 11;  // met by one rank, somewhere in the second epoch
      };
      Requests requests;
      const auto ends = RunGeneration(Pointers(members), requests);
      const int64_t step = members[0]->trainer->step();
      int with_place = 0;
      for (size_t rank = 0; rank < 3; ++rank) {
        ASSERT_TRUE(absl::IsFailedPrecondition(ends[rank].status())) << ends[rank].status();
        const std::string message(ends[rank].status().message());
        EXPECT_THAT(message, StartsWith(absl::StrCat("step ", step + 1, ": ")));
        EXPECT_THAT(message, HasSubstr("not finite"));
        EXPECT_TRUE(IsLossNotFinite(ends[rank].status()));
        with_place += message.find("layer out") != std::string::npos ? 1 : 0;
        EXPECT_EQ(members[rank]->trainer->step(), step);
        EXPECT_EQ(members[rank]->trainer->WeightsDigest(), members[0]->trainer->WeightsDigest());
      }
      EXPECT_GE(step, 3);
      EXPECT_EQ(with_place, 1);
    }
  }
}

TEST_F(TrainerTest, PhasesMakeUpTheStepAndTellWhoIsWaitedFor) {
  for (const int64_t slices : {4, 0}) {
    SCOPED_TRACE(slices);
    ToyFaults slow;
    slow.forward_takes_ms = 50;
    const TrainerMaker slow_maker = [&] {
      return MakeGangTrainer({.job = ToyJob(10, 1, slices), .job_id = "j1", .threads = 1}, dataset_,
                             ToyEngines(&slow));
    };
    Members members = MakeMembers(Maker(ToyJob(10, 1, slices)), 1);
    members.push_back(MakeMember(slow_maker));
    StepReport total[2];
    double step_seconds[2] = {};
    for (int rank : {0, 1}) {
      members[rank]->observer.on_step = [&, rank](const StepReport& report) {
        total[rank].forward_seconds += report.forward_seconds;
        total[rank].wait_seconds += report.wait_seconds;
        total[rank].allreduce_bytes += report.allreduce_bytes;
        total[rank].own_ratio = report.own_ratio;
        step_seconds[rank] += report.total_seconds();
      };
    }
    FinishWith(Pointers(members));
    EXPECT_GE(total[1].forward_seconds, 3 * 0.05);
    EXPECT_GT(total[0].wait_seconds, 3 * 0.025) << "the fast one waits";
    EXPECT_LT(total[1].wait_seconds, total[0].wait_seconds);
    EXPECT_LT(total[0].own_ratio, 1);
    EXPECT_GT(total[1].own_ratio, 1);
    EXPECT_NEAR(total[0].own_ratio + total[1].own_ratio, 2, 1e-4) << "their mean is 1";
    EXPECT_GT(total[0].allreduce_bytes, 0);
    for (int rank : {0, 1}) {
      const double took = 23 / members[rank]->observer.last_step.images_per_second;
      EXPECT_NEAR(step_seconds[rank], took, 0.1 * took);
    }
  }
}

TEST_F(TrainerTest, MoreWorkersThanSlicesAreRefused) {
  const Members members = MakeMembers(Maker(ToyJob(10, 1, 2)), 3);
  Requests requests;
  for (const auto& end : RunGeneration(Pointers(members), requests)) {
    EXPECT_TRUE(absl::IsInvalidArgument(end.status())) << end.status();
  }
}

TEST_F(TrainerTest, NothingLeftToTrainOnIsRefused) {
  const ToyDataset held_out(0, 7, 9);
  const auto trainer =
      MakeGangTrainer({.job = ToyJob(10, 1, 2), .job_id = "j1"}, held_out, ToyEngines());
  EXPECT_TRUE(absl::IsInvalidArgument(trainer.status())) << trainer.status();
}

TEST_F(TrainerTest, StepsAllocateNothingAfterTheFirst) {
  const Members members = MakeMembers(Maker(ToyJob(2, 1, 4)), 1);
  std::vector<int64_t> counts;
  counts.reserve(100);
  members[0]->observer.on_step = [&](const StepReport&) {
    counts.push_back(AllocationsOfThisThread());
  };
  FinishWith(Pointers(members));
  ASSERT_EQ(counts.size(), 12U);
  EXPECT_EQ(counts.back() - counts[0], 0);
}

}  // namespace
}  // namespace hebb::train
