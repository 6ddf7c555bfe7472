// SPDX-License-Identifier: Apache-2.0
// Proves `train N` == `train k, drop everything, resume, train N-k`, bit by bit in weights and
// metrics, at every k of a run with short last batches; and what a resume refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/train/gang_harness.h"
#include "tests/unit/worker/train/toy_engine.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/train/gang_trainer.h"

namespace hebb::train {
namespace {

using ::testing::HasSubstr;

class ResumeTest : public ::testing::Test {
 protected:
  TrainerMaker Maker(const spec::Job& job) const {
    return [this, job] {
      return MakeGangTrainer({.job = job, .job_id = "j1"}, dataset_, ToyEngines());
    };
  }

  // From `bytes`, with a gang of `size` fresh trainers.
  Finished ResumeFrom(const spec::Job& job, const std::string& bytes, int size) const {
    const Members members = MakeMembers(Maker(job), size);
    for (const std::unique_ptr<Member>& member : members) {
      EXPECT_TRUE(member->trainer->LoadCheckpoint(bytes, "checkpoint").ok());
    }
    return FinishWith(Pointers(members));
  }

  static spec::Job Job(int64_t slices) {
    spec::Job job = ToyJob(10, 3, slices);  // 3 steps an epoch, the last of 3 records
    job.checkpoint.every_steps = 1;
    return job;
  }

  const ToyDataset dataset_{23, 7, 9};
};

TEST_F(ResumeTest, EveryStepGivesTheSameRun) {
  const spec::Job job = Job(4);
  const Finished whole = TrainToTheEnd(Maker(job), 2);
  ASSERT_EQ(whole.saves.size(), 9U);
  ASSERT_EQ(whole.epochs.size(), 3U);
  for (const auto& [step, bytes] : whole.saves) {
    SCOPED_TRACE(step);
    const Finished resumed = ResumeFrom(job, bytes, 1 + static_cast<int>(step % 3));
    ExpectSame(resumed, whole);
    // The epoch that a checkpoint completes is reported again, none is left out.
    EXPECT_EQ(resumed.epochs.begin()->first, (step + 2) / 3);
    EXPECT_EQ(resumed.epochs.size(), 3U - (step - 1) / 3);
    EXPECT_EQ(resumed.saves.rbegin()->second, whole.saves.rbegin()->second);
  }
}

TEST_F(ResumeTest, ResumeAtTheLastStepStillFinishes) {
  const spec::Job job = Job(4);
  const Finished whole = TrainToTheEnd(Maker(job), 1);
  const Finished resumed = ResumeFrom(job, whole.saves.at(9), 2);
  EXPECT_TRUE(resumed.metrics.test_accuracy.has_value());
  EXPECT_TRUE(resumed.metrics.validation_accuracy.has_value());
  ExpectSame(resumed, whole);
}

TEST_F(ResumeTest, StopWithCheckpointGoesOnWhereItStopped) {
  const spec::Job job = ToyJob(10, 3, 4);
  const Finished whole = TrainToTheEnd(Maker(job), 2);
  for (int64_t stop_after = 1; stop_after < 9; ++stop_after) {
    SCOPED_TRACE(stop_after);
    const Members members = MakeMembers(Maker(job), 2);
    Requests requests;
    members[0]->observer.on_step = [&](const StepReport& report) {
      if (report.step == stop_after - 1) requests.stop_checkpoint = true;
    };
    if (stop_after == 1) requests.stop_checkpoint = true;
    for (const absl::StatusOr<RunEnd>& end : RunGeneration(Pointers(members), requests)) {
      ASSERT_TRUE(end.ok()) << end.status();
      EXPECT_EQ(*end, RunEnd::kStopped);
    }
    ASSERT_EQ(members[0]->observer.saves.size(), 1U);
    EXPECT_TRUE(members[1]->observer.saves.empty());
    EXPECT_EQ(members[0]->observer.digests.at(stop_after), members[1]->trainer->WeightsDigest());
    ExpectSame(ResumeFrom(job, members[0]->observer.saves.at(stop_after), 2), whole);
  }
}

TEST_F(ResumeTest, RefusesOtherJobsDataAndDamage) {
  const Finished whole = TrainToTheEnd(Maker(Job(4)), 1);
  const std::string& bytes = whole.saves.at(5);

  spec::Job other = Job(4);
  other.learning.optimizer.learning_rate = 0.02;
  const std::unique_ptr<Member> member = MakeMember(Maker(other));
  const std::string before = member->trainer->WeightsDigest();
  const absl::Status of_another = member->trainer->LoadCheckpoint(bytes, "c5");
  EXPECT_TRUE(absl::IsInvalidArgument(of_another));
  EXPECT_THAT(std::string(of_another.message()), HasSubstr("c5: checkpoint of another job"));

  const absl::Status damaged = member->trainer->LoadCheckpoint(bytes.substr(1), "c5");
  EXPECT_TRUE(absl::IsDataLoss(damaged));

  const ToyDataset fewer(22, 7, 9);
  const auto trainer = MakeGangTrainer({.job = Job(4), .job_id = "j1"}, fewer, ToyEngines());
  const absl::Status other_data = (*trainer)->LoadCheckpoint(whole.saves.at(6), "c6");
  EXPECT_TRUE(absl::IsInvalidArgument(other_data)) << other_data;
  EXPECT_THAT(std::string(other_data.message()), HasSubstr("another run"));

  EXPECT_EQ(member->trainer->WeightsDigest(), before);
  EXPECT_EQ(member->trainer->step(), 0);
}

TEST_F(ResumeTest, InitialWeightsBeginAtStepZero) {
  const Finished source = TrainToTheEnd(Maker(Job(4)), 1);
  const std::unique_ptr<Member> member = MakeMember(Maker(Job(4)));
  ASSERT_TRUE(member->trainer->LoadInitialWeights(source.saves.at(9), "init").ok());
  EXPECT_EQ(member->trainer->step(), 0);
  EXPECT_EQ(member->trainer->WeightsDigest(), source.digest);
  EXPECT_NE(FinishWith({member.get()}).digest, source.digest);
}

using Digests = std::vector<std::pair<int64_t, std::string>>;

TEST_F(ResumeTest, EveryRankTellsItsDigestEveryFewStepsAndAtTheEnd) {
  spec::Job job = Job(4);
  job.digests.every_steps = 2;
  const Members members = MakeMembers(Maker(job), 3);
  const Finished finished = FinishWith(Pointers(members));
  Digests expected;
  for (const int64_t step : {2, 4, 6, 8, 9}) {
    const auto saved = checkpoint::Decode(finished.saves.at(step), "saved");
    ASSERT_TRUE(saved.ok());
    expected.emplace_back(step, saved->weights_digest);
  }
  for (const std::unique_ptr<Member>& member : members) {
    EXPECT_EQ(member->observer.reported_digests, expected);
  }
  job.digests.every_steps = 0;
  const Members silent = MakeMembers(Maker(job), 1);
  FinishWith(Pointers(silent));
  EXPECT_TRUE(silent[0]->observer.reported_digests.empty());
}

TEST_F(ResumeTest, AVerificationRepeatsAStretchAndNothingElse) {
  spec::Job job = Job(4);
  job.digests.every_steps = 2;
  const Members members = MakeMembers(Maker(job), 3);
  const Finished trained = FinishWith(Pointers(members));
  const Digests& recorded = members[0]->observer.reported_digests;
  job.kind = spec::Kind::kVerify;
  job.verification = {"j0", 3, 8};
  for (const int size : {1, 2}) {
    const Members again = MakeMembers(Maker(job), size);
    for (const std::unique_ptr<Member>& member : again) {
      ASSERT_TRUE(member->trainer->LoadCheckpoint(trained.saves.at(3), "c3").ok());
      EXPECT_EQ(member->trainer->total_steps(), 8);
    }
    const Finished verified = FinishWith(Pointers(again));
    EXPECT_EQ(again[0]->observer.reported_digests,
              Digests(recorded.begin() + 1, recorded.end() - 1));
    EXPECT_FALSE(verified.metrics.test_accuracy.has_value());
  }
}

TEST_F(ResumeTest, EvaluationTakesWeightsAndLeavesThemAlone) {
  const Finished trained = TrainToTheEnd(Maker(Job(4)), 1);
  spec::Job job = Job(4);
  job.kind = spec::Kind::kEvaluate;
  for (const int size : {1, 3}) {
    const Members members = MakeMembers(Maker(job), size);
    for (const std::unique_ptr<Member>& member : members) {
      ASSERT_TRUE(member->trainer->LoadCheckpoint(trained.saves.at(9), "c9").ok());
      EXPECT_EQ(member->trainer->total_steps(), 0);
    }
    const Finished evaluated = FinishWith(Pointers(members));
    EXPECT_EQ(evaluated.digest, trained.digest);
    EXPECT_EQ(evaluated.metrics.test_accuracy, trained.metrics.test_accuracy);
    EXPECT_EQ(evaluated.metrics.test_loss, trained.metrics.test_loss);
    EXPECT_EQ(evaluated.metrics.validation_accuracy, trained.metrics.validation_accuracy);
    EXPECT_TRUE(evaluated.saves.empty());
    EXPECT_TRUE(evaluated.epochs.empty());
  }
}

}  // namespace
}  // namespace hebb::train
