// SPDX-License-Identifier: Apache-2.0
// A blob is there whole and checked, or not at all: pieces out of place, a wrong digest, a dropped
// writer, a crash in the middle, damage on disk, names that would leave the folder.
#include "server/store/blob_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/sha256.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class BlobStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    auto opened = BlobStore::Open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    blobs_ = *std::move(opened);
  }
  std::string Put(const std::string& content) {
    auto writer = blobs_->Write();
    EXPECT_TRUE((*writer)->Append(0, content).ok());
    const std::string sha256 = Sha256Hex(content);
    EXPECT_TRUE((*writer)->Commit(sha256).ok());
    return sha256;
  }
  size_t Files() {
    size_t count = 0;
    for (const auto& item : std::filesystem::recursive_directory_iterator(folder_.path())) {
      count += item.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<BlobStore> blobs_;
};

TEST_F(BlobStoreTest, GivesBackWhatWasWrittenInPieces) {
  auto writer = blobs_->Write();
  ASSERT_TRUE((*writer)->Append(0, "Hello, ").ok());
  ASSERT_TRUE((*writer)->Append(7, "").ok());
  ASSERT_TRUE((*writer)->Append(7, "blob").ok());
  const std::string sha256 = Sha256Hex("Hello, blob");
  ASSERT_TRUE((*writer)->Commit(sha256).ok());
  const auto path = blobs_->VerifiedPath(sha256);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*ReadFile(*path), "Hello, blob");
  EXPECT_EQ(*path, folder_ / absl::StrCat(sha256.substr(0, 2), "/", sha256));
}

TEST_F(BlobStoreTest, AnEmptyFileIsAFile) { EXPECT_TRUE(blobs_->VerifiedPath(Put("")).ok()); }

TEST_F(BlobStoreTest, APieceOutOfPlaceIsRefusedAndCanBeSentAgain) {
  auto writer = blobs_->Write();
  ASSERT_TRUE((*writer)->Append(0, "abc").ok());
  EXPECT_TRUE(absl::IsInvalidArgument((*writer)->Append(0, "abc")));
  EXPECT_TRUE(absl::IsInvalidArgument((*writer)->Append(4, "e")));
  ASSERT_TRUE((*writer)->Append(3, "d").ok());
  EXPECT_TRUE((*writer)->Commit(Sha256Hex("abcd")).ok());
}

TEST_F(BlobStoreTest, AWrongDigestIsDataLossAndLeavesNothing) {
  {
    auto writer = blobs_->Write();
    ASSERT_TRUE((*writer)->Append(0, "abc").ok());
    const absl::Status status = (*writer)->Commit(Sha256Hex("abd"));
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_FALSE((*writer)->Commit(Sha256Hex("abc")).ok()) << "committed once";
  }
  EXPECT_EQ(Files(), 0u);
}

TEST_F(BlobStoreTest, ADroppedWriterLeavesNothing) {
  {
    auto writer = blobs_->Write();
    ASSERT_TRUE((*writer)->Append(0, "abc").ok());
    EXPECT_EQ(Files(), 1u);
  }
  EXPECT_EQ(Files(), 0u);
}

TEST_F(BlobStoreTest, WhatACrashLeftIsRemovedAtOpenAndTheRestStays) {
  const std::string sha256 = Put("kept");
  auto lost = blobs_->Write();
  ASSERT_TRUE((*lost)->Append(0, "half").ok());
  EXPECT_EQ(Files(), 2u);
  Open();
  EXPECT_EQ(Files(), 1u);
  EXPECT_TRUE(blobs_->VerifiedPath(sha256).ok());
}

TEST_F(BlobStoreTest, DamageOnDiskIsFoundAndNamed) {
  const std::string sha256 = Put("some content");
  const std::string path = *blobs_->VerifiedPath(sha256);
  for (const char* damaged : {"some c0ntent", "some conten", ""}) {
    std::ofstream(path, std::ios::trunc) << damaged;
    const absl::Status status = blobs_->VerifiedPath(sha256).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  }
  Put("some content");  // the same file again mends it
  EXPECT_TRUE(blobs_->VerifiedPath(sha256).ok());
}

TEST_F(BlobStoreTest, RemovedIsNotFoundAndMayBeRemovedAgain) {
  const std::string sha256 = Put("x");
  EXPECT_TRUE(blobs_->Remove(sha256).ok());
  EXPECT_TRUE(absl::IsNotFound(blobs_->VerifiedPath(sha256).status()));
  EXPECT_TRUE(blobs_->Remove(sha256).ok());
}

TEST_F(BlobStoreTest, StoredBeforeNamesWholeFilesByTheirAge) {
  const std::string old = Put("old");
  const std::string young = Put("young");
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(48);
  std::filesystem::last_write_time(*blobs_->VerifiedPath(old), long_ago);
  auto incoming = blobs_->Write();
  ASSERT_TRUE((*incoming)->Append(0, "half").ok());
  std::ofstream(folder_ / "notes.txt") << "not a blob";
  std::ofstream(folder_ / Sha256Hex("out of place")) << "out of place";
  EXPECT_THAT(*blobs_->StoredBefore(absl::Now() - absl::Hours(24)), ElementsAre(old));
  EXPECT_THAT(*blobs_->StoredBefore(absl::Now() + absl::Hours(1)),
              UnorderedElementsAre(old, young));
  Put("old");  // stored once more, it is young
  EXPECT_THAT(*blobs_->StoredBefore(absl::Now() - absl::Hours(24)), IsEmpty());
}

TEST_F(BlobStoreTest, NamesThatAreNoDigestsAreRefused) {
  const std::string good = Sha256Hex("");
  for (const std::string& name :
       {std::string(), std::string("../../etc/passwd"), absl::StrCat(good, "0"), good.substr(1),
        absl::StrCat("A", good.substr(1)), absl::StrCat(std::string(62, '0'), "/."),
        std::string(64, '.')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(blobs_->VerifiedPath(name).status())) << name;
    EXPECT_TRUE(absl::IsInvalidArgument(blobs_->Remove(name))) << name;
    EXPECT_TRUE(absl::IsInvalidArgument((*blobs_->Write())->Commit(name))) << name;
  }
}

TEST_F(BlobStoreTest, WritersOfTheSameContentDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 5; ++round) EXPECT_TRUE(blobs_->VerifiedPath(Put("same")).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Files(), 1u);
}

}  // namespace
}  // namespace hebb::store
