// SPDX-License-Identifier: Apache-2.0
// Fetching without a network, from folders and file addresses: what comes, what is refused and why,
// the stamp and the lock. unit.worker.data.real fetches the real sets.
#include "common/datasets/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/datasets/download.h"
#include "common/datasets/folder_lock.h"
#include "common/datasets/sinks.h"
#include "common/datasets/stamp.h"
#include "common/datasets/verify.h"
#include "common/files.h"
#include "common/sha256.h"
#include "packed.h"

namespace hebb::datasets {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class FetchTest : public ::testing::Test {
 protected:
  FetchTest() : folder_(absl::StrCat(::testing::TempDir(), "hebb_fetch_", getpid())) {
    std::filesystem::create_directories(folder_ + "/data/mnist");
    std::filesystem::create_directories(folder_ + "/source/mnist");
    options_.data_dir = folder_ + "/data";
    options_.source = folder_ + "/source";
    options_.address = "file://" + folder_ + "/net";
  }
  ~FetchTest() override { std::filesystem::remove_all(folder_); }

  std::string Refused(absl::string_view name, absl::StatusCode code) {
    const absl::Status status = FetchDataset(name, options_);
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }
  void Put(const std::string& path, const std::string& content) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + path, content).ok());
  }

  const std::string folder_;
  FetchOptions options_;
};

TEST_F(FetchTest, GeneratedSetNeedsNothing) {
  EXPECT_TRUE(FetchDataset("glyphs", options_).ok());
  EXPECT_TRUE(VerifyDataset("glyphs", options_.data_dir).ok());
}

TEST_F(FetchTest, UnknownNameIsNotFoundWithASuggestion) {
  EXPECT_THAT(Refused("minst", absl::StatusCode::kNotFound), HasSubstr("did you mean 'mnist'?"));
  EXPECT_TRUE(absl::IsNotFound(VerifyDataset("minst", options_.data_dir)));
}

TEST_F(FetchTest, SaysWhatWasTriedAndWhatToDo) {
  const std::string message = Refused("mnist", absl::StatusCode::kUnavailable);
  EXPECT_THAT(message, AllOf(HasSubstr("data set mnist cannot be had"),
                             HasSubstr("HEBB_DATA_SOURCE: no " + folder_ + "/source/mnist/"),
                             HasSubstr("file://" + folder_ + "/net/mnist/train-images"),
                             HasSubstr("into " + folder_ + "/data/mnist"), HasSubstr("glyphs")));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  options_.source = "";
  EXPECT_THAT(
      Refused("cifar10", absl::StatusCode::kUnavailable),
      AllOf(HasSubstr("HEBB_DATA_SOURCE is not set"), HasSubstr("cifar10/cifar-10-binary.tar.gz")));
}

TEST_F(FetchTest, DamagedSourceIsNamedAndLeavesNoFile) {
  Put("source/mnist/train-images-idx3-ubyte.gz", "\x1f\x8b this is no gzip file");
  EXPECT_THAT(Refused("mnist", absl::StatusCode::kUnavailable),
              HasSubstr("train-images-idx3-ubyte.gz: not a whole gzip file"));
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/data/mnist")) {
    EXPECT_EQ(entry.path().filename(), ".lock");
  }
}

TEST_F(FetchTest, DamagedFileInTheDataFolderIsNamed) {
  Put("data/mnist/t10k-labels-idx1-ubyte", std::string(10008, '\0'));
  EXPECT_THAT(Refused("mnist", absl::StatusCode::kUnavailable),
              HasSubstr("data/mnist/t10k-labels-idx1-ubyte has SHA-256"));
  Put("data/mnist/t10k-labels-idx1-ubyte", "short");
  EXPECT_THAT(Refused("mnist", absl::StatusCode::kUnavailable),
              HasSubstr("has 5 bytes instead of 10008"));
  const absl::Status status = VerifyDataset("mnist", options_.data_dir);
  EXPECT_THAT(std::string(status.message()), HasSubstr("run: hebb data get mnist --data-dir"));
}

TEST_F(FetchTest, VerifyingTellsHowFarItIs) {
  const std::string content(3 << 20, 'x');
  Put("data/mnist/three", content);
  DataFile file;
  file.name = "three";
  file.bytes = static_cast<int64_t>(content.size());
  file.sha256 = Sha256Hex(content);
  std::vector<int64_t> seen;
  const absl::Status status = VerifyFile(file, folder_ + "/data/mnist",
                                         [&](absl::string_view name, int64_t bytes, int64_t total) {
                                           EXPECT_EQ(name, "three");
                                           EXPECT_EQ(total, 3 << 20);
                                           seen.push_back(bytes);
                                         });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, (std::vector<int64_t>{1 << 20, 2 << 20, 3 << 20}));
}

TEST_F(FetchTest, LockHasADeadline) {
  const auto held = FolderLock::Acquire(folder_ + "/data/mnist", absl::ZeroDuration());
  ASSERT_TRUE(held.ok()) << held.status();
  options_.lock_wait = absl::Milliseconds(50);
  EXPECT_THAT(Refused("mnist", absl::StatusCode::kDeadlineExceeded),
              HasSubstr("another process has held it"));
}

TEST_F(FetchTest, LockIsFreeAfterItsHolder) {
  ASSERT_TRUE(FolderLock::Acquire(folder_, absl::ZeroDuration()).ok());
  EXPECT_TRUE(FolderLock::Acquire(folder_, absl::ZeroDuration()).ok());
}

TEST_F(FetchTest, ListTellsWhatIsThere) {
  const std::vector<DatasetListing> sets = ListDatasets(options_.data_dir);
  ASSERT_EQ(sets.size(), 5u);
  EXPECT_EQ(sets[0].name, "mnist");
  EXPECT_FALSE(sets[0].present);
  EXPECT_EQ(sets[0].bytes, 54950048);
  EXPECT_EQ(sets[2].bytes, 184380000);
  EXPECT_EQ(sets[4].name, "glyphs");
  EXPECT_TRUE(sets[4].generated && sets[4].verified);
}

DataFile SmallFile(const std::string& name, const std::string& content) {
  DataFile file;
  file.name = name;
  file.bytes = static_cast<int64_t>(content.size());
  file.sha256 = Sha256Hex(content);
  file.packed = name + ".gz";
  return file;
}

// A set of two files, a and b, that small contents can meet.
DataSet SmallSet() {
  DataSet set;
  set.name = set.folder = "small";
  set.files = {SmallFile("a", "content of a"), SmallFile("b", "content of b")};
  return set;
}

TEST_F(FetchTest, TakesStoredAndPlainFilesFromTheSource) {
  std::filesystem::create_directories(folder_ + "/source/small");
  Put("source/small/a.gz", Gzip("content of a"));
  Put("source/small/b", "content of b");
  std::vector<std::string> shown;
  int64_t bytes = 0;
  int64_t total = 0;
  options_.progress = [&](absl::string_view what, int64_t so_far, int64_t in_all) {
    shown.emplace_back(what);
    bytes = so_far;
    total = in_all;
  };
  const absl::Status status = FetchDataset(SmallSet(), options_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(folder_ + "/data/small/a"), "content of a");
  EXPECT_EQ(*ReadFile(folder_ + "/data/small/b"), "content of b");
  EXPECT_TRUE(StampIsValid(SmallSet(), folder_ + "/data/small"));
  EXPECT_EQ(shown.size(), 2u);
  EXPECT_EQ(bytes, 12);  // unpacked
  EXPECT_EQ(total, 12);
}

TEST_F(FetchTest, VerifiedSetIsNotTouchedAgain) {
  std::filesystem::create_directories(folder_ + "/data/small");
  Put("data/small/a", "content of a");
  Put("data/small/b", "content of b");
  ASSERT_TRUE(FetchDataset(SmallSet(), options_).ok());
  options_.progress = [](absl::string_view, int64_t, int64_t) {
    ADD_FAILURE() << "read something";
  };
  EXPECT_TRUE(FetchDataset(SmallSet(), options_).ok());
}

TEST_F(FetchTest, SourceMayBeTheDataFolderItself) {
  std::filesystem::create_directories(folder_ + "/data/small");
  Put("data/small/a.gz", Gzip("content of a"));
  Put("data/small/b.gz", Gzip("content of b"));
  options_.source = options_.data_dir;
  const absl::Status status = FetchDataset(SmallSet(), options_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(FetchTest, AddressGivesWhatTheSourceLacks) {
  std::filesystem::create_directories(folder_ + "/source/small");
  std::filesystem::create_directories(folder_ + "/net/small");
  Put("source/small/a.gz", Gzip("something else"));
  Put("net/small/a.gz", Gzip("content of a"));
  Put("net/small/b.gz", Gzip("content of b"));
  const absl::Status status = FetchDataset(SmallSet(), options_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(folder_ + "/data/small/a"), "content of a");
}

TEST_F(FetchTest, StoredFileWithAnotherSumIsRefused) {
  std::filesystem::create_directories(folder_ + "/source/small");
  DataSet set = SmallSet();
  set.files[0].packed_sha256 = Sha256Hex("another stored file");
  Put("source/small/a.gz", Gzip("content of a"));
  Put("source/small/b.gz", Gzip("content of b"));
  const absl::Status status = FetchDataset(set, options_);
  EXPECT_THAT(std::string(status.message()), HasSubstr("source/small/a.gz: SHA-256 is"));
}

TEST_F(FetchTest, ArchiveGivesAllFiles) {
  std::filesystem::create_directories(folder_ + "/net/small");
  DataSet set = SmallSet();
  const std::string archive = Gzip(TarEntry("small/a", "content of a") +
                                   TarEntry("small/b", "content of b") + std::string(1024, '\0'));
  set.archive = "small.tar.gz";
  set.archive_sha256 = Sha256Hex(archive);
  Put("net/small/small.tar.gz", archive);
  const absl::Status status = FetchDataset(set, options_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(folder_ + "/data/small/b"), "content of b");
}

TEST_F(FetchTest, ProcessesThatShareAFolderFetchOnce) {
  std::filesystem::create_directories(folder_ + "/source/small");
  Put("source/small/a.gz", Gzip("content of a"));
  Put("source/small/b.gz", Gzip("content of b"));
  std::atomic<int> reads = 0;
  options_.progress = [&](absl::string_view, int64_t, int64_t) { ++reads; };
  std::vector<std::thread> fetchers;
  for (int i = 0; i < 4; ++i) {
    fetchers.emplace_back([&] { EXPECT_TRUE(FetchDataset(SmallSet(), options_).ok()); });
  }
  for (std::thread& fetcher : fetchers) fetcher.join();
  EXPECT_EQ(reads, 2);
}

TEST_F(FetchTest, StampHoldsUntilAFileChanges) {
  const DataSet set = SmallSet();
  EXPECT_FALSE(StampIsValid(set, folder_));
  EXPECT_FALSE(WriteStamp(set, folder_).ok());
  Put("a", "content of a");
  Put("b", "content of b");
  ASSERT_TRUE(VerifyFiles(set, folder_).ok());
  ASSERT_TRUE(WriteStamp(set, folder_).ok());
  EXPECT_TRUE(StampIsValid(set, folder_));
  std::filesystem::last_write_time(
      folder_ + "/b", std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_FALSE(StampIsValid(set, folder_));
  ASSERT_TRUE(WriteStamp(set, folder_).ok());
  std::filesystem::remove(folder_ + "/a");
  EXPECT_FALSE(StampIsValid(set, folder_));
}

TEST_F(FetchTest, DownloadSendsAFileAddress) {
  Put("net", "content");
  const std::string to = folder_ + "/copy";
  const absl::Status status =
      Download("file://" + folder_ + "/net", *MakeFileSink(to, 7, Sha256Hex("content")));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(*ReadFile(to), "content");
  EXPECT_TRUE(
      absl::IsUnavailable(Download("file://" + folder_ + "/nothing", *MakeFileSink(to, 7, ""))));
  EXPECT_TRUE(absl::IsUnavailable(Download("ftp://localhost/x", *MakeFileSink(to, 7, ""))));
  EXPECT_TRUE(
      absl::IsDataLoss(Download("file://" + folder_ + "/net", *MakeFileSink(to + "2", 3, ""))));
}

}  // namespace
}  // namespace hebb::datasets
