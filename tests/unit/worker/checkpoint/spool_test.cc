// SPDX-License-Identifier: Apache-2.0
// Proves, on a real folder, that the spool keeps the newest files, delivers the oldest first, sets
// damaged ones aside and survives being opened again.
#include "worker/checkpoint/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::checkpoint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(::testing::TempDir(), "/spool-", getpid(), "-",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Of one weight, which tells it from others of its step.
  static absl::Status Put(const Spool& spool, int64_t step, float weight) {
    const Checkpoint checkpoint = Of(step, weight);
    return spool.Put(Writer(checkpoint, weights::SourcesOf(checkpoint.tensors)));
  }
  static absl::Status Put(const Spool& spool, int64_t step) { return Put(spool, step, 1); }
  static std::string Bytes(int64_t step, float weight = 1) { return Encode(Of(step, weight)); }
  static Checkpoint Of(int64_t step, float weight) {
    Checkpoint checkpoint;
    checkpoint.tensors = {{"out.weight", {1}, {weight}}};
    checkpoint.progress.step = step;
    return checkpoint;
  }

  static std::vector<int64_t> Steps(const Spool& spool) {
    std::vector<int64_t> steps;
    const std::vector<Spool::Item> items = *spool.List();
    for (const Spool::Item& item : items) steps.push_back(item.step);
    return steps;
  }

  std::string folder_;
};

TEST_F(SpoolTest, KeepsTheNewestAndListsOldestFirst) {
  const Spool spool = *Spool::Open(folder_, 3);
  for (const int64_t step : std::vector<int64_t>{900, 1000, 10, 1'000'000'000'000'000}) {
    ASSERT_TRUE(Put(spool, step).ok());
  }
  EXPECT_THAT(Steps(spool), ElementsAre(900, 1000, 1'000'000'000'000'000));
}

TEST_F(SpoolTest, DeliversOldestFirstUntilEmpty) {
  const Spool spool = *Spool::Open(folder_, 3);
  ASSERT_TRUE(Put(spool, 2).ok());
  ASSERT_TRUE(Put(spool, 1).ok());
  std::vector<absl::Status> refused;
  for (const int64_t step : {1, 2}) {
    const std::optional<Spool::Delivery> delivery = *spool.Oldest(refused);
    ASSERT_TRUE(delivery.has_value());
    EXPECT_EQ(delivery->item.step, step);
    EXPECT_EQ(*ReadFile(delivery->item.path), Bytes(step));
    EXPECT_EQ(delivery->weights_digest, Decode(Bytes(step), "x")->weights_digest);
    EXPECT_TRUE(spool.Remove(delivery->item).ok());
    EXPECT_TRUE(spool.Remove(delivery->item).ok());  // twice does no harm
  }
  EXPECT_FALSE(spool.Oldest(refused)->has_value());
  EXPECT_TRUE(refused.empty());
}

TEST_F(SpoolTest, DamagedFileIsRefusedByNameAndTheNextIsDelivered) {
  const Spool spool = *Spool::Open(folder_, 3);
  for (const int64_t step : {1, 2}) ASSERT_TRUE(Put(spool, step).ok());
  const std::string path = spool.List()->front().path;
  std::filesystem::resize_file(path, 20);
  std::vector<absl::Status> refused;
  const std::optional<Spool::Delivery> delivery = *spool.Oldest(refused);
  ASSERT_TRUE(delivery.has_value());
  EXPECT_EQ(delivery->item.step, 2);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_TRUE(absl::IsDataLoss(refused[0]));
  EXPECT_THAT(std::string(refused[0].message()), HasSubstr(path));
  EXPECT_TRUE(std::filesystem::exists(path + ".damaged"));
  EXPECT_THAT(Steps(spool), ElementsAre(2));
}

TEST_F(SpoolTest, OpenedAgainItHasItsFilesAndNoRubbish) {
  ASSERT_TRUE(Put(*Spool::Open(folder_, 3), 5).ok());
  std::ofstream(folder_ + "/step-000000000006.safetensors.123.tmp") << "half";
  std::ofstream(folder_ + "/notes.txt") << "somebody's";
  const Spool spool = *Spool::Open(folder_, 3);
  EXPECT_THAT(Steps(spool), ElementsAre(5));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/step-000000000006.safetensors.123.tmp"));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/notes.txt"));
}

TEST_F(SpoolTest, SameStepIsReplaced) {
  const Spool spool = *Spool::Open(folder_, 3);
  ASSERT_TRUE(Put(spool, 5, 4).ok());
  ASSERT_TRUE(Put(spool, 5, 6).ok());
  EXPECT_THAT(Steps(spool), ElementsAre(5));
  EXPECT_EQ(*ReadFile(spool.List()->front().path), Bytes(5, 6));
}

TEST_F(SpoolTest, FolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder_) << "a file";
  EXPECT_FALSE(Spool::Open(folder_, 3).ok());
}

}  // namespace
}  // namespace hebb::checkpoint
