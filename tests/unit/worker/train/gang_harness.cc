// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/train/gang_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "worker/comm/connectable.h"

namespace hebb::train {
namespace {

absl::StatusOr<RunEnd> SyncAndRun(Member& member, comm::Communicator& communicator, int source,
                                  const std::vector<int>& wanted, Requests& requests) {
  auto* const unconnected = dynamic_cast<comm::ConnectableCommunicator*>(&communicator);
  if (unconnected != nullptr) {
    const absl::Status connected = unconnected->Connect(absl::Now() + absl::Seconds(30));
    if (!connected.ok()) return connected;
  }
  const absl::Status synced =
      member.trainer->SyncState(communicator, source, wanted, absl::Now() + absl::Seconds(30));
  if (!synced.ok()) return synced;
  return member.trainer->Run(communicator, requests, member.observer);
}

}  // namespace

void RecordingObserver::StepDone(const StepReport& report) {
  last_step = report;
  if (on_step) on_step(report);
}

void RecordingObserver::EpochDone(const EpochMetrics& metrics) {
  epochs[metrics.epoch] = metrics;
  if (on_epoch) on_epoch(metrics);
}

void RecordingObserver::DigestDone(int64_t step, const std::string& weights_digest) {
  reported_digests.emplace_back(step, weights_digest);
}

absl::Status RecordingObserver::SaveCheckpoint(const checkpoint::Writer& checkpoint) {
  if (!save_status.ok()) return save_status;
  saves[checkpoint.step()] = checkpoint.Bytes();
  digests[checkpoint.step()] = checkpoint.weights_digest();
  return absl::OkStatus();
}

void Member::Abort() {
  absl::MutexLock lock(&mutex_);
  if (communicator_ != nullptr) communicator_->Abort("killed by the test");
}

void Member::SetCommunicator(comm::Communicator* communicator) {
  absl::MutexLock lock(&mutex_);
  communicator_ = communicator;
}

std::unique_ptr<Member> MakeMember(const TrainerMaker& make) {
  auto member = std::make_unique<Member>();
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = make();
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  member->trainer = *std::move(trainer);
  return member;
}

Members MakeMembers(const TrainerMaker& make, int count) {
  Members members;
  for (int i = 0; i < count; ++i) members.push_back(MakeMember(make));
  return members;
}

std::vector<absl::StatusOr<RunEnd>> RunGeneration(const std::vector<Member*>& ranks,
                                                  Requests& requests) {
  int64_t highest = 0;
  for (const Member* member : ranks) highest = std::max(highest, member->trainer->step());
  int source = -1;
  std::vector<int> wanted;
  for (int rank = 0; rank < static_cast<int>(ranks.size()); ++rank) {
    const bool behind = ranks[rank]->trainer->step() < highest;
    if (behind) wanted.push_back(rank);
    if (!behind && source < 0) source = rank;
  }

  std::vector<std::unique_ptr<comm::Communicator>> gang =
      MakeGangUnderTest(static_cast<int>(ranks.size()));
  for (size_t rank = 0; rank < ranks.size(); ++rank) ranks[rank]->SetCommunicator(gang[rank].get());
  std::vector<absl::StatusOr<RunEnd>> ends(ranks.size(), absl::UnknownError("not run"));
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    threads.emplace_back([&, rank] {
      ends[rank] = SyncAndRun(*ranks[rank], *gang[rank], source, wanted, requests);
      ranks[rank]->SetCommunicator(nullptr);
      gang[rank].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ends;
}

Finished FinishWith(const std::vector<Member*>& ranks) {
  Requests requests;
  const std::vector<absl::StatusOr<RunEnd>> ends = RunGeneration(ranks, requests);
  Finished finished;
  finished.digest = ranks[0]->trainer->WeightsDigest();
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    EXPECT_TRUE(ends[rank].ok()) << "rank " << rank << ": " << ends[rank].status();
    EXPECT_EQ(ends[rank].value_or(RunEnd::kStopped), RunEnd::kFinished);
    EXPECT_EQ(ranks[rank]->trainer->WeightsDigest(), finished.digest) << "rank " << rank;
    EXPECT_EQ(ranks[rank]->trainer->step(), ranks[rank]->trainer->total_steps());
  }
  finished.metrics = ranks[0]->trainer->final_metrics();
  finished.epochs = ranks[0]->observer.epochs;
  finished.saves = ranks[0]->observer.saves;
  return finished;
}

Finished TrainToTheEnd(const TrainerMaker& make, int size) {
  const Members members = MakeMembers(make, size);
  return FinishWith(Pointers(members));
}

void ExpectSame(const Finished& actual, const Finished& expected) {
  EXPECT_EQ(actual.digest, expected.digest);
  EXPECT_EQ(actual.metrics.test_accuracy, expected.metrics.test_accuracy);
  EXPECT_EQ(actual.metrics.test_loss, expected.metrics.test_loss);
  EXPECT_EQ(actual.metrics.validation_accuracy, expected.metrics.validation_accuracy);
  ASSERT_FALSE(actual.epochs.empty());
  for (const auto& [epoch, metrics] : actual.epochs) {
    const EpochMetrics& other = expected.epochs.at(epoch);
    EXPECT_EQ(metrics.step, other.step);
    EXPECT_EQ(metrics.train_loss, other.train_loss) << "epoch " << epoch;
    EXPECT_EQ(metrics.train_accuracy, other.train_accuracy) << "epoch " << epoch;
    EXPECT_EQ(metrics.validation_accuracy, other.validation_accuracy) << "epoch " << epoch;
    EXPECT_EQ(metrics.alignment, other.alignment) << "epoch " << epoch;
  }
}

std::vector<Member*> Pointers(const Members& members) {
  std::vector<Member*> pointers;
  for (const std::unique_ptr<Member>& member : members) pointers.push_back(member.get());
  return pointers;
}

}  // namespace hebb::train
