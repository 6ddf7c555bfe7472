// SPDX-License-Identifier: Apache-2.0
// What is proven: in whose name a checkpoint is sent, when it is given up, and that a disk which
// takes nothing loses none. How: the test plays the coordinator's answers, upload by upload.
#include "worker/runtime/checkpoint_uploader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/temporary_folder.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::string AllOf(rpc::ChunkReader& chunks) {
  std::string bytes;
  v1::Chunk chunk;
  for (auto more = chunks.Next(chunk); more.ok() && *more; more = chunks.Next(chunk)) {
    bytes += chunk.data();
  }
  return bytes;
}

class CheckpointUploaderTest : public ::testing::Test {
 protected:
  // `answer` is given the number of the try, from 1, and may move to another generation.
  void Start(std::function<absl::Status(int)> answer) {
    CheckpointUploader::Options options;
    options.folder = folder_ / "spool";
    options.generation = [this] {
      v1::GenerationId id;
      id.set_job("job-a");
      id.set_attempt(1);
      id.set_generation(generation_);
      return id;
    };
    options.upload = [this, answer](const v1::CheckpointId& id, rpc::ChunkReader& chunks,
                                    Cancellation&) {
      const auto sent = checkpoint::Decode(AllOf(chunks), "upload");
      EXPECT_TRUE(sent.ok()) << sent.status();
      if (sent.ok()) {
        EXPECT_EQ(sent->progress.step, id.step());
        EXPECT_EQ(sent->weights_digest, id.weights_digest());
      }
      sent_as_.push_back(id.generation());
      return answer(static_cast<int>(sent_as_.size()));
    };
    options.uploaded = [this](int64_t step, const absl::Status& status) {
      outcomes_.emplace_back(step, status.code());
    };
    auto created = CheckpointUploader::Create(std::move(options));
    ASSERT_TRUE(created.ok()) << created.status();
    uploader_ = *std::move(created);
  }
  // How it went. Whatever the uploader's thread wrote can be read from here on.
  absl::Status Send(int64_t step) {
    const absl::Status kept = Add(step);
    EXPECT_TRUE(kept.ok()) << kept;
    return AwaitSent();
  }
  absl::Status Add(int64_t step) {
    checkpoint::Checkpoint unit;
    unit.tensors = {{"out.weight", {1}, {1.0F}}};
    unit.progress.step = step;
    unit.job_id = "job-a";
    return uploader_->Add({unit, weights::SourcesOf(unit.tensors)});
  }
  absl::Status AwaitSent() {
    Cancellation never;
    return uploader_->AwaitSent(never);
  }
  // From now on the disk takes nothing: a file stands where the spool's folder was.
  void BreakTheDisk() {
    std::filesystem::remove_all(folder_ / "spool");
    std::ofstream(folder_ / "spool") << "no folder";
  }

  hebb::testing::TemporaryFolder folder_;
  int generation_ = 1;  // of the uploader's thread once it sends
  std::vector<int> sent_as_;
  std::vector<std::pair<int64_t, absl::StatusCode>> outcomes_;
  std::unique_ptr<CheckpointUploader> uploader_;
};

TEST_F(CheckpointUploaderTest, AbortedByAChangeOfGenerationIsSentUnderTheNewOne) {
  Start([this](int count) -> absl::Status {
    if (count == 2) return absl::OkStatus();
    generation_ = 2;  // while it was on its way
    return absl::AbortedError("generation 1 is over");
  });
  EXPECT_TRUE(Send(10).ok());
  EXPECT_THAT(sent_as_, ElementsAre(1, 2));
  EXPECT_THAT(outcomes_, ElementsAre(std::pair(int64_t{10}, absl::StatusCode::kOk)));
}

TEST_F(CheckpointUploaderTest, AbortedBeforeTheWordOfTheNextGenerationIsNotLost) {
  bool over = false;
  Start([this, &over](int) -> absl::Status {
    if (generation_ == 2) return absl::OkStatus();
    if (std::exchange(over, true)) generation_ = 2;
    return absl::AbortedError("generation 1 is over");
  });
  EXPECT_TRUE(Send(10).ok());
  EXPECT_THAT(sent_as_, ElementsAre(1, 1, 2));
}

TEST_F(CheckpointUploaderTest, AbortedWithoutANewGenerationIsGivenUp) {
  Start([](int) { return absl::AbortedError("the job has ended"); });
  EXPECT_TRUE(absl::IsAborted(Send(10)));
  EXPECT_THAT(sent_as_, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(outcomes_, ElementsAre(std::pair(int64_t{10}, absl::StatusCode::kAborted)));
}

TEST_F(CheckpointUploaderTest, UnwantedIsGivenUpAtOnce) {
  Start([](int) { return absl::InvalidArgumentError("no such tensor"); });
  EXPECT_TRUE(absl::IsInvalidArgument(Send(10)));
  EXPECT_THAT(sent_as_, ElementsAre(1));
}

TEST_F(CheckpointUploaderTest, WhatTheDiskDoesNotTakeIsSentFromMemory) {
  Start([](int) { return absl::OkStatus(); });
  EXPECT_TRUE(Send(10).ok());
  BreakTheDisk();
  EXPECT_FALSE(Add(20).ok());
  EXPECT_TRUE(AwaitSent().ok());
  EXPECT_THAT(outcomes_, Contains(std::pair(int64_t{20}, absl::StatusCode::kOk)));
}

}  // namespace
}  // namespace hebb::runtime
