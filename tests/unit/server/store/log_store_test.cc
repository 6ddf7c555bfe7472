// SPDX-License-Identifier: Apache-2.0
// Logs come back in the order of their arrival over all ranks and attempts, whatever is in the
// text, after a restart, and after a crash that cut a line off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/store/blob_store.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using ::testing::ElementsAre;

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(7); }

class LogStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    auto opened = LogStore::Open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status();
    logs_ = *std::move(opened);
  }
  void Append(const std::vector<LogEntry>& entries) {
    const absl::Status status = logs_->Append("j-a", entries);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<std::string> Texts(int attempt = 0, int64_t skip = 0) {
    const auto entries = logs_->Read("j-a", attempt, skip);
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> texts;
    for (const LogEntry& entry : *entries) {
      texts.push_back(absl::StrCat(entry.attempt, "/", entry.rank, " ", entry.text));
    }
    return texts;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<LogStore> logs_;
};

TEST_F(LogStoreTest, KeepsTheOrderOfArrivalOverRanksAndAttempts) {
  Append({{At(9), 1, 0, "a"}, {At(1), 1, 1, "b"}, {At(5), 1, 0, "c"}});
  Append({{At(2), 2, 0, "d"}});
  Append({{At(3), 1, 1, "late"}});
  EXPECT_THAT(Texts(), ElementsAre("1/0 a", "1/1 b", "1/0 c", "2/0 d", "1/1 late"));
  EXPECT_THAT(Texts(1), ElementsAre("1/0 a", "1/1 b", "1/0 c", "1/1 late"));
  EXPECT_THAT(Texts(2), ElementsAre("2/0 d"));
  EXPECT_THAT(Texts(0, 3), ElementsAre("2/0 d", "1/1 late"));
  EXPECT_THAT(Texts(1, 3), ElementsAre("1/1 late"));
  EXPECT_THAT(Texts(0, 99), ElementsAre());
}

TEST_F(LogStoreTest, TimesAndAnyTextComeBack) {
  const std::string text =
      "two\nlines \\n \"quoted\"\t\r µ — 漢 \x01\xff" + std::string(1, '\0') + "end ";
  Append({{At(1), 1, 0, text}, {At(2), 1, 0, ""}, {At(3), 1, 0, " leading"}});
  const auto entries = logs_->Read("j-a", 0, 0);
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].text, text);
  EXPECT_EQ((*entries)[0].time, At(1));
  EXPECT_EQ((*entries)[1].text, "");
  EXPECT_EQ((*entries)[2].text, " leading");
}

TEST_F(LogStoreTest, GoesOnCountingAfterARestart) {
  Append({{At(1), 1, 0, "a"}, {At(1), 1, 1, "b"}});
  Open();
  Append({{At(1), 1, 0, "c"}});
  Open();
  EXPECT_THAT(Texts(), ElementsAre("1/0 a", "1/1 b", "1/0 c"));
}

TEST_F(LogStoreTest, ALineCutOffByACrashSpoilsNoOther) {
  Append({{At(1), 1, 0, "whole"}});
  std::ofstream(folder_ / "j-a/1-0.log", std::ios::app) << "1 12";
  EXPECT_THAT(Texts(), ElementsAre("1/0 whole"));
  Open();
  Append({{At(1), 1, 0, "next"}});
  EXPECT_THAT(Texts(), ElementsAre("1/0 whole", "1/0 next"));
}

TEST_F(LogStoreTest, AJobWithoutLogHasNoEntries) { EXPECT_THAT(Texts(), ElementsAre()); }

TEST_F(LogStoreTest, NamesThatWouldLeaveTheFolderAreRefused) {
  for (const char* job : {"", ".", "..", "../x", "a/b", "a\nb"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(logs_->Append(job, {}))) << job;
    EXPECT_TRUE(absl::IsInvalidArgument(logs_->Read(job, 0, 0).status())) << job;
  }
}

TEST_F(LogStoreTest, AppendsFromThreadsAreAllKept) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 4; ++rank) {
    threads.emplace_back([this, rank] {
      for (int i = 0; i < 50; ++i) Append({{At(i), 1, rank, absl::StrCat(i)}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Texts().size(), 200u);
}

}  // namespace
}  // namespace hebb::store
