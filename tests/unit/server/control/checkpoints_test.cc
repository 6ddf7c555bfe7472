// SPDX-License-Identifier: Apache-2.0
// What is proven: which stored files are orphans, to be removed at a start of the coordinator.
#include "server/control/checkpoints.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/sha256.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::control {
namespace {

class CheckpointsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::BlobStore::Open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    blobs_ = *std::move(opened);
    checkpoints_ = std::make_unique<Checkpoints>(jobs_, *blobs_);
  }
  std::string Store(const std::string& content) {
    auto writer = blobs_->Write();
    EXPECT_TRUE(writer.ok() && (*writer)->Append(0, content).ok());
    const std::string sha256 = Sha256Hex(content);
    EXPECT_TRUE((*writer)->Commit(sha256).ok());
    return sha256;
  }
  bool IsStored(const std::string& sha256) { return blobs_->VerifiedPath(sha256).ok(); }
  void Create(const std::string& id, job::State state, const std::string& init) {
    job::Job job = testing::SampleJob(id, id);
    job.state = state;
    job.init_sha256 = init;
    ASSERT_TRUE(jobs_.Create(job).ok());
  }

  testing::TemporaryFolder folder_;
  store::MemoryJobStore jobs_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<Checkpoints> checkpoints_;
};

TEST_F(CheckpointsTest, OrphansAreRemovedAndWhatIsNeededStays) {
  const std::string orphan = Store("stored, but the coordinator died before it was recorded");
  const std::string needed = Store("weights that a queued job starts from");
  const std::string used_up = Store("weights that an ended job started from");
  const std::string checkpoint = Store("checkpoint of an ended job");
  Create("j-queued", job::State::kQueued, needed);
  Create("j-ended", job::State::kSucceeded, used_up);
  ASSERT_TRUE(checkpoints_->Put("j-ended", {checkpoint, 1, 10, "digest"}, 3).ok());
  const auto removed = checkpoints_->RemoveOrphans(absl::Now() + absl::Hours(1));
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_EQ(*removed, 2);
  EXPECT_FALSE(IsStored(orphan));
  EXPECT_FALSE(IsStored(used_up));
  EXPECT_TRUE(IsStored(needed));
  EXPECT_TRUE(IsStored(checkpoint));
}

TEST_F(CheckpointsTest, YoungUploadWaitsForItsSubmit) {
  const std::string upload = Store("weights of a job that is still to be submitted");
  EXPECT_EQ(*checkpoints_->RemoveOrphans(absl::Now() - absl::Hours(24)), 0);
  EXPECT_TRUE(IsStored(upload));
}

}  // namespace
}  // namespace hebb::control
