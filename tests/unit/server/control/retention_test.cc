// SPDX-License-Identifier: Apache-2.0
// Proves which jobs go to the archive and whose files go, that nothing is touched that is needed,
// and that a job in the way holds up nobody.
#include "server/control/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/sha256.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/wait.h"

namespace hebb::control {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleTime;

constexpr absl::Duration kDay = absl::Hours(24);

class FailingStore : public store::MemoryJobStore {
 public:
  absl::StatusOr<std::vector<job::FileRef>> DropCheckpoints(absl::string_view id) override {
    if (id == fails) return absl::UnavailableError("the disk is gone");
    return store::MemoryJobStore::DropCheckpoints(id);
  }
  std::string fails;
};

class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    blobs_ = *store::BlobStore::Open(folder_ / "blobs");
    logs_ = *store::LogStore::Open(folder_ / "logs");
    checkpoints_ = std::make_unique<Checkpoints>(jobs_, *blobs_);
  }
  // Ended at day 0.
  void CreateEnded(const std::string& id, job::State state = job::State::kSucceeded) {
    job::Job job = SampleJob(id, id);
    job.state = state;
    job.ended = SampleTime(0);
    job.init_sha256.clear();
    ASSERT_TRUE(jobs_.Create(job).ok());
    ASSERT_TRUE(logs_->Append(id, {{SampleTime(0), 1, 0, "a line"}}).ok());
    PutCheckpoint(id, "checkpoint of " + id);
  }
  void PutCheckpoint(const std::string& id, const std::string& content) {
    auto file = blobs_->Write();
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append(0, content).ok());
    ASSERT_TRUE((*file)->Commit(Sha256Hex(content)).ok());
    job::FileRef ref;
    ref.sha256 = Sha256Hex(content);
    ref.step = 10;
    ASSERT_TRUE(checkpoints_->Put(id, ref, 3).ok());
  }
  bool HasFile(const std::string& content) { return blobs_->VerifiedPath(Sha256Hex(content)).ok(); }
  bool HasLog(const std::string& id) {
    store::LogCursor cursor;
    return !logs_->Read(id, {}, cursor)->entries.empty();
  }
  absl::Status Sweep(int day) { return retention_->Sweep(SampleTime(1) + day * kDay); }
  void Keep(absl::Duration archive_after, absl::Duration remove_files_after) {
    retention_ = std::make_unique<Retention>(
        RetentionOptions{archive_after, remove_files_after, absl::Milliseconds(1)}, jobs_,
        *checkpoints_, *logs_);
  }
  bool Archived(const std::string& id) { return jobs_.Get(id)->archived != absl::InfiniteFuture(); }

  hebb::testing::TemporaryFolder folder_;
  FailingStore jobs_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<store::LogStore> logs_;
  std::unique_ptr<Checkpoints> checkpoints_;
  std::unique_ptr<Retention> retention_;
};

TEST_F(RetentionTest, AJobIsArchivedThenLosesItsFilesAndKeepsItsRecord) {
  CreateEnded("j-a");
  Keep(2 * kDay, 3 * kDay);
  ASSERT_TRUE(Sweep(1).ok());
  EXPECT_FALSE(Archived("j-a"));
  ASSERT_TRUE(Sweep(2).ok());
  EXPECT_TRUE(Archived("j-a"));
  ASSERT_TRUE(Sweep(4).ok());
  EXPECT_TRUE(HasFile("checkpoint of j-a"));
  EXPECT_TRUE(HasLog("j-a"));
  ASSERT_TRUE(Sweep(6).ok());
  EXPECT_FALSE(HasFile("checkpoint of j-a"));
  EXPECT_FALSE(HasLog("j-a"));
  EXPECT_EQ(jobs_.Get("j-a")->state, job::State::kSucceeded);
  EXPECT_NE(jobs_.Get("j-a")->files_removed, absl::InfiniteFuture());
  const auto events = *jobs_.Events("j-a");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind.word(), "archive");
  EXPECT_EQ(events[1].kind.word(), "files_removed");
  EXPECT_EQ(events[1].text, "removed its log and 1 checkpoints: it was archived 72h ago");
  EXPECT_THAT(std::string(checkpoints_->NewestIntact("j-a").status().message()),
              ::testing::HasSubstr("its files were removed"));
}

TEST_F(RetentionTest, ByDefaultNothingIsArchivedByItself) {
  CreateEnded("j-a");
  Keep(RetentionOptions().archive_after, RetentionOptions().remove_files_after);
  ASSERT_TRUE(Sweep(100'000).ok());
  EXPECT_FALSE(Archived("j-a"));
}

TEST_F(RetentionTest, LivingJobsAndSharedFilesStay) {
  CreateEnded("j-a");
  CreateEnded("j-b");
  ASSERT_TRUE(jobs_.Create(SampleJob("j-lives", "lives")).ok());
  PutCheckpoint("j-lives", "shared");
  PutCheckpoint("j-a", "shared");
  job::Job starts = SampleJob("j-starts", "starts from j-b's");
  starts.request_id.clear();
  starts.init_sha256 = Sha256Hex("checkpoint of j-b");
  ASSERT_TRUE(jobs_.Create(starts).ok());
  Keep(absl::ZeroDuration(), absl::ZeroDuration());
  ASSERT_TRUE(Sweep(1).ok());
  ASSERT_TRUE(Sweep(2).ok());
  EXPECT_FALSE(Archived("j-lives"));
  EXPECT_TRUE(HasFile("shared"));
  EXPECT_TRUE(HasFile("checkpoint of j-b")) << "a queued job starts from it";
  EXPECT_FALSE(HasLog("j-a"));
}

TEST_F(RetentionTest, AFileThatCannotBeRemovedHoldsUpNobody) {
  for (int i = 0; i < 30; ++i) CreateEnded(absl::StrCat("j-", 10 + i));
  Keep(absl::ZeroDuration(), absl::ZeroDuration());
  ASSERT_TRUE(Sweep(1).ok());  // archives
  jobs_.fails = "j-10";
  const absl::Status status = Sweep(2);
  EXPECT_EQ(status, absl::UnavailableError("job j-10: the disk is gone"));
  EXPECT_TRUE(HasLog("j-10"));
  for (int i = 1; i < 30; ++i) EXPECT_FALSE(HasLog(absl::StrCat("j-", 10 + i)));
  jobs_.fails.clear();
  ASSERT_TRUE(Sweep(3).ok());
  EXPECT_FALSE(HasLog("j-10"));
}

TEST_F(RetentionTest, WhatACrashInterruptedIsDoneAgain) {
  CreateEnded("j-a");
  Keep(absl::ZeroDuration(), absl::ZeroDuration());
  ASSERT_TRUE(Sweep(1).ok());
  ASSERT_TRUE(checkpoints_->Drop("j-a").ok());  // and then the process died
  ASSERT_TRUE(Sweep(2).ok());
  EXPECT_FALSE(HasLog("j-a"));
  EXPECT_NE(jobs_.Get("j-a")->files_removed, absl::InfiniteFuture());
}

TEST_F(RetentionTest, ItsThreadLooksByItself) {
  CreateEnded("j-a");
  Keep(absl::Hours(1), absl::Hours(1));
  retention_->Start();
  EXPECT_TRUE(testing_support::WaitUntil([&] { return Archived("j-a"); }));
  retention_->Stop();
  EXPECT_TRUE(HasLog("j-a"));
}

}  // namespace
}  // namespace hebb::control
