// SPDX-License-Identifier: Apache-2.0
// Proves that a checkpoint comes back bit by bit and that a damaged one, one that contradicts
// itself and one of another job are refused by name.
#include "worker/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::checkpoint {
namespace {

using ::testing::HasSubstr;

Checkpoint Example() {
  Checkpoint checkpoint;
  checkpoint.tensors = {{"out.feedback", {2, 1}, {3, 4}}, {"out.weight", {2, 1}, {0.1F, -0.0F}}};
  checkpoint.progress = {.step = 17,
                         .epoch = 3,
                         .step_in_epoch = 2,
                         .epoch_loss = 1.0 / 3,
                         .epoch_correct = 5,
                         .epoch_samples = 9};
  checkpoint.job_id = "job \"7\"";
  checkpoint.rule = "urfb";
  checkpoint.spec_digest = std::string(64, 'a');
  return checkpoint;
}

// Example's file with one metadata entry changed and the checksum made to fit again.
std::string WithEntry(const std::string& key, const std::string& value) {
  weights::TensorFile file = *weights::Parse(Encode(Example()), "example");
  file.metadata[key] = value;
  return weights::Serialize(file);
}

TEST(CheckpointTest, EverythingComesBackBitByBit) {
  const absl::StatusOr<Checkpoint> read = Decode(Encode(Example()), "x");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->progress, Example().progress);
  EXPECT_EQ(read->job_id, "job \"7\"");
  EXPECT_EQ(read->rule, "urfb");
  EXPECT_EQ(read->spec_digest, Example().spec_digest);
  EXPECT_EQ(read->weights_digest, weights::WeightsDigest(Example().tensors));
  EXPECT_FALSE(read->hebb_version.empty());
  EXPECT_EQ(Encode(*read), Encode(Example()));
}

TEST(CheckpointTest, DamageIsDataLossThatNamesTheFile) {
  std::string bytes = Encode(Example());
  bytes[bytes.size() - 3] ^= 1;
  const absl::Status status = Decode(bytes, "step-17").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("step-17"));
}

TEST(CheckpointTest, NumbersThatCannotBeAreDataLoss) {
  const std::pair<const char*, const char*> kCases[] = {
      {"step", "-1"},
      {"step", "1e3"},
      {"step", ""},
      {"epoch", "18"},
      {"step_in_epoch", "18"},
      {"epoch_loss", "nan"},
      {"epoch_correct", "10"},
      {"epoch_samples", "x"},
      {"weights_digest", "00"},
      {"step", "99999999999999999999999999999"},
  };
  for (const auto& [key, value] : kCases) {
    const absl::Status status = Decode(WithEntry(key, value), "step-17").status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << key << "=" << value << ": " << status;
  }
}

TEST(CheckpointTest, MissingEntryIsDataLoss) {
  weights::TensorFile file = *weights::Parse(Encode(Example()), "example");
  file.metadata.erase("epoch_loss");
  const absl::Status status = Decode(weights::Serialize(file), "x").status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("lacks epoch_loss"));
}

TEST(CheckpointTest, PlainWeightsAreNotACheckpoint) {
  weights::TensorFile file;
  file.tensors = Example().tensors;
  EXPECT_TRUE(absl::IsInvalidArgument(Decode(weights::Serialize(file), "w").status()));
}

TEST(CheckpointTest, AnotherJobsCheckpointIsRefused) {
  const Checkpoint checkpoint = *Decode(Encode(Example()), "x");
  EXPECT_TRUE(CheckSpecDigest(checkpoint, std::string(64, 'a'), "x").ok());
  const absl::Status status = CheckSpecDigest(checkpoint, std::string(64, 'b'), "x");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("another job"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("spec digest aaaaaaaaaaaa"));
}

}  // namespace
}  // namespace hebb::checkpoint
