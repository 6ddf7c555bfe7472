// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/testing/temporary_folder.h"

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kGibi = int64_t{1} << 30;

FolderFacts Good() {
  FolderFacts facts;
  facts.path = facts.probed = "/s";
  facts.free_bytes = 100 * kGibi;
  facts.total_bytes = 200 * kGibi;
  facts.fsync_time = absl::Milliseconds(3);
  return facts;
}

Verdict StateVerdict(const FolderFacts& facts) {
  return JudgeFolder(FolderUse::kState, "/s", facts).verdict;
}

TEST(DiskTest, FolderIsWrittenToAndLeftAsItWas) {
  const hebb::testing::TemporaryFolder folder;
  const auto facts = ProbeFolder(folder.path());
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->error, "");
  EXPECT_EQ(facts->probed, folder.path());
  EXPECT_GT(facts->free_bytes, 0);
  EXPECT_GT(facts->total_bytes, facts->free_bytes);
  EXPECT_GT(facts->fsync_time, absl::ZeroDuration());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(DiskTest, FolderIsTheSameHoweverItIsWritten) {
  const hebb::testing::TemporaryFolder folder;
  for (const std::string& path : {folder.path() + "/", folder.path() + "/./x/.."}) {
    EXPECT_EQ(ProbeFolder(path)->path, folder.path()) << path;
    EXPECT_THAT(JudgeFolder(FolderUse::kData, path, ProbeFolder(path)).found,
                ::testing::Not(HasSubstr("to be made")));
  }
}

TEST(DiskTest, FolderThatIsNotThereIsJudgedByWhereItWouldBeMade) {
  const hebb::testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/not/yet";
  const auto facts = ProbeFolder(path);
  EXPECT_EQ(facts->probed, folder.path());
  EXPECT_EQ(facts->error, "");
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/not"));
  EXPECT_THAT(JudgeFolder(FolderUse::kData, path, facts).found, HasSubstr("to be made below"));
}

TEST(DiskTest, FolderThatCannotBeWrittenFails) {
  const hebb::testing::TemporaryFolder folder;
  std::ofstream(folder.path() + "/file") << "x";
  const std::string path = folder.path() + "/file/state";
  const Finding finding = JudgeFolder(FolderUse::kState, path, ProbeFolder(path));
  EXPECT_EQ(finding.verdict, Verdict::kFailed);
  EXPECT_THAT(finding.found, HasSubstr("is no folder"));
  EXPECT_THAT(finding.remedy, HasSubstr("--state-dir"));
  EXPECT_EQ(JudgeFolder(FolderUse::kData, "/proc", ProbeFolder("/proc")).verdict, Verdict::kFailed);
}

TEST(DiskTest, EachFaultOfAStateFolderHasItsVerdict) {
  EXPECT_EQ(StateVerdict(Good()), Verdict::kOk);
  FolderFacts bad = Good();
  bad.error = "No space left on device";
  EXPECT_EQ(StateVerdict(bad), Verdict::kFailed);
  bad = Good();
  bad.free_bytes = 50 << 20;
  EXPECT_EQ(StateVerdict(bad), Verdict::kFailed);
  bad.free_bytes = kGibi;
  EXPECT_EQ(StateVerdict(bad), Verdict::kWarning);
  for (const char* file_system : {"tmpfs", "nfs", "smb", "9p"}) {
    bad = Good();
    bad.file_system = file_system;
    EXPECT_EQ(StateVerdict(bad), Verdict::kWarning) << file_system;
    EXPECT_EQ(JudgeFolder(FolderUse::kData, "/s", bad).verdict, Verdict::kOk)
        << "data are fetched again";
  }
  bad = Good();
  bad.fsync_time = absl::Milliseconds(200);
  EXPECT_EQ(StateVerdict(bad), Verdict::kWarning);
  EXPECT_EQ(JudgeFolder(FolderUse::kState, "/s", std::nullopt).verdict, Verdict::kFailed);
}

TEST(DiskTest, MemoryFileSystemIsKnown) {
  if (!std::filesystem::exists("/dev/shm")) GTEST_SKIP() << "no /dev/shm here";
  const auto facts = ProbeFolder("/dev/shm");
  EXPECT_EQ(facts->file_system, "tmpfs");
}

TEST(DiskTest, CoordinatorsDiskIsJudgedByWhatUploadsLeaveFree) {
  EXPECT_EQ(JudgeRoom("/s", 10 * kGibi, 20 * kGibi, kGibi).verdict, Verdict::kOk);
  EXPECT_EQ(JudgeRoom("/s", kGibi / 2, 20 * kGibi, kGibi).verdict, Verdict::kWarning);
  EXPECT_EQ(JudgeRoom("/s", 1 << 20, 20 * kGibi, kGibi).verdict, Verdict::kFailed);
  EXPECT_EQ(JudgeRoom("/s", 0, 0, kGibi).verdict, Verdict::kWarning) << "unknown, not full";
}

TEST(DiskTest, SmallSharedMemoryIsAWarning) {
  EXPECT_EQ(JudgeSharedMemory(64 << 20, 64 << 20).verdict, Verdict::kWarning);
  EXPECT_EQ(JudgeSharedMemory(kGibi, kGibi).verdict, Verdict::kOk);
}

}  // namespace
}  // namespace hebb::client::doctor
