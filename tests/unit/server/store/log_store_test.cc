// SPDX-License-Identifier: Apache-2.0
// Logs come back in the order of their arrival over all ranks and attempts, whatever is in the
// text, after a restart, and after a crash that cut a line off; a rank that says much costs no more
// than its share of the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/str_cat.h"
#include "server/store/log_store.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using ::testing::ElementsAre;

absl::Time At(int64_t seconds) { return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(7); }

class LogStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open(int64_t segment_max = LogStore::kSegmentMax) {
    auto opened = LogStore::Open(folder_.path(), segment_max);
    ASSERT_TRUE(opened.ok()) << opened.status();
    logs_ = *std::move(opened);
  }
  void Append(const std::vector<LogEntry>& entries) {
    const absl::Status status = logs_->Append("j-a", entries);
    ASSERT_TRUE(status.ok()) << status;
  }
  static std::string Text(const LogEntry& entry) {
    return absl::StrCat(entry.attempt, "/", entry.rank, " ", entry.text);
  }
  // All that there is after `cursor`, in as many batches as it takes.
  std::vector<LogEntry> Entries(const LogQuery& query, LogCursor& cursor) {
    std::vector<LogEntry> entries;
    while (true) {
      auto batch = logs_->Read("j-a", query, cursor);
      EXPECT_TRUE(batch.ok()) << batch.status();
      if (!batch.ok()) return entries;
      std::move(batch->entries.begin(), batch->entries.end(), std::back_inserter(entries));
      if (batch->at_end) return entries;
    }
  }
  std::vector<std::string> Texts(const LogQuery& query, LogCursor& cursor) {
    std::vector<std::string> texts;
    for (const LogEntry& entry : Entries(query, cursor)) texts.push_back(Text(entry));
    return texts;
  }
  std::vector<std::string> Texts(const LogQuery& query = {}) {
    LogCursor cursor;
    return Texts(query, cursor);
  }
  std::vector<std::string> Tail(int64_t count, const LogQuery& query, LogCursor& cursor) {
    const auto entries = logs_->Tail("j-a", query, count, cursor);
    EXPECT_TRUE(entries.ok()) << entries.status();
    std::vector<std::string> texts;
    for (const LogEntry& entry : *entries) texts.push_back(Text(entry));
    return texts;
  }
  std::vector<std::string> Tail(int64_t count, const LogQuery& query = {}) {
    LogCursor cursor;
    return Tail(count, query, cursor);
  }

  int64_t BytesOf(const std::string& job) {
    int64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_ / job)) {
      bytes += static_cast<int64_t>(file.file_size());
    }
    return bytes;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<LogStore> logs_;
};

TEST_F(LogStoreTest, KeepsTheOrderOfArrivalOverRanksAndAttempts) {
  Append({{At(9), 1, 0, "a"}, {At(1), 1, 1, "b"}, {At(5), 1, 0, "c"}});
  Append({{At(2), 2, 0, "d"}});
  Append({{At(3), 1, 1, "late"}});
  EXPECT_THAT(Texts(), ElementsAre("1/0 a", "1/1 b", "1/0 c", "2/0 d", "1/1 late"));
  EXPECT_THAT(Texts({.attempt = 1}), ElementsAre("1/0 a", "1/1 b", "1/0 c", "1/1 late"));
  EXPECT_THAT(Texts({.attempt = 2}), ElementsAre("2/0 d"));
  EXPECT_THAT(Texts({.rank = 1}), ElementsAre("1/1 b", "1/1 late"));
  EXPECT_THAT(Texts({.attempt = 1, .rank = 0}), ElementsAre("1/0 a", "1/0 c"));
  EXPECT_THAT(Texts({.attempt = 3}), ElementsAre());
}

TEST_F(LogStoreTest, ACursorGivesEachLineOnce) {
  LogCursor cursor;
  Append({{At(1), 1, 0, "a"}, {At(1), 1, 1, "b"}});
  EXPECT_THAT(Texts({}, cursor), ElementsAre("1/0 a", "1/1 b"));
  EXPECT_THAT(Texts({}, cursor), ElementsAre());
  Append({{At(1), 1, 1, "c"}, {At(1), 2, 0, "d"}});
  EXPECT_THAT(Texts({}, cursor), ElementsAre("1/1 c", "2/0 d"));
}

TEST_F(LogStoreTest, LevelsComeBackAndLinesWithoutAreInfo) {
  Append({{At(1), 1, 0, "d", LogLevel::kDebug},
          {At(1), 1, 0, "i"},
          {At(1), 1, 0, "w", LogLevel::kWarning},
          {At(1), 1, 0, "e", LogLevel::kError}});
  std::ofstream(folder_ / "j-a/1-0.log", std::ios::app) << "9 1700000000000000000 w old\n";
  EXPECT_THAT(Texts({.level = LogLevel::kWarning}), ElementsAre("1/0 w", "1/0 e"));
  EXPECT_THAT(Texts({.level = LogLevel::kInfo}),
              ElementsAre("1/0 i", "1/0 w", "1/0 e", "1/0 w old"));
  LogCursor cursor;
  EXPECT_EQ(Entries({}, cursor).at(0).level, LogLevel::kDebug);
}

TEST_F(LogStoreTest, TailIsTheLastThatFitAndItsCursorGoesOnFromThere) {
  for (int i = 0; i < 20; ++i) {
    Append({{At(i), 1, i % 3, absl::StrCat(i), i % 5 == 0 ? LogLevel::kError : LogLevel::kInfo}});
  }
  EXPECT_THAT(Tail(3), ElementsAre("1/2 17", "1/0 18", "1/1 19"));
  EXPECT_THAT(Tail(2, {.rank = 0}), ElementsAre("1/0 15", "1/0 18"));
  EXPECT_THAT(Tail(2, {.level = LogLevel::kError}), ElementsAre("1/1 10", "1/0 15"));
  EXPECT_EQ(Tail(99).size(), 20u);
  LogCursor cursor;
  Tail(1, {}, cursor);
  EXPECT_THAT(Texts({}, cursor), ElementsAre());
  Append({{At(1), 1, 2, "next"}});
  EXPECT_THAT(Texts({}, cursor), ElementsAre("1/2 next"));
}

TEST_F(LogStoreTest, LongLogsComeInBatchesAndInOrder) {
  constexpr int kLines = 4000;
  const std::string filling(200, 'x');  // so that each file is read in several pieces
  std::vector<LogEntry> entries;
  for (int i = 0; i < kLines; ++i) {
    entries.push_back({At(i), 1, i % 7 == 0 ? 1 : 0, absl::StrCat(i, " ", filling)});
  }
  Append(entries);
  LogCursor first;
  EXPECT_LT(logs_->Read("j-a", {}, first)->entries.size(), size_t{kLines});
  LogCursor cursor;
  const std::vector<LogEntry> read = Entries({}, cursor);
  ASSERT_EQ(read.size(), size_t{kLines});
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(read[i].text, entries[i].text);
  EXPECT_EQ(Tail(2000).size(), 2000u);
  EXPECT_EQ(Tail(2000).front(), Text(entries[2000]));
}

TEST_F(LogStoreTest, OldLinesGoWhenARankHasSaidMuch) {
  Open(/*segment_max=*/1000);
  LogCursor follower;
  int followed = 0;
  for (int i = 0; i < 300; ++i) {
    Append({{At(i), 1, 0, absl::StrCat("line ", i)}});
    followed += static_cast<int>(Texts({}, follower).size());
  }
  Append({{At(1), 1, 1, "another rank"}});
  EXPECT_EQ(followed, 300) << "who follows misses nothing";
  const std::vector<std::string> kept = Texts({.rank = 0});
  EXPECT_LT(kept.size(), 100u);
  EXPECT_GT(kept.size(), 20u);
  EXPECT_EQ(kept.back(), "1/0 line 299");
  EXPECT_LT(BytesOf("j-a"), 2300);
  Open(/*segment_max=*/1000);
  Append({{At(1), 1, 0, "after a restart"}});
  EXPECT_EQ(Texts().back(), "1/0 after a restart");
}

TEST_F(LogStoreTest, OneAppendOfMuchMoreThanIsKeptStaysWithinTheBound) {
  Open(/*segment_max=*/1000);
  std::vector<LogEntry> flood;
  for (int i = 0; i < 3000; ++i) flood.push_back({At(i), 1, 0, absl::StrCat("line ", i)});
  Append(flood);
  EXPECT_LE(BytesOf("j-a"), 2000);
  const std::vector<std::string> kept = Texts();
  EXPECT_GT(kept.size(), 20u);
  EXPECT_EQ(kept.back(), "1/0 line 2999");
  Append({{At(1), 1, 0, std::string(5000, 'x')}, {At(1), 1, 0, "behind a line of five segments"}});
  EXPECT_EQ(Texts().back(), "1/0 behind a line of five segments");
}

TEST_F(LogStoreTest, RemovedLogsAreGoneAndMayBeginAgain) {
  Append({{At(1), 1, 0, "a"}});
  EXPECT_TRUE(logs_->Remove("j-a").ok());
  EXPECT_TRUE(logs_->Remove("j-a").ok());
  EXPECT_THAT(Texts(), ElementsAre());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "j-a"));
  Append({{At(1), 1, 0, "b"}});
  EXPECT_THAT(Texts(), ElementsAre("1/0 b"));
}

TEST_F(LogStoreTest, TimesAndAnyTextComeBack) {
  const std::string text =
      "two\nlines \\n \"quoted\"\t\r µ — 漢 \x01\xff" + std::string(1, '\0') + "end ";
  Append({{At(1), 1, 0, text}, {At(2), 1, 0, ""}, {At(3), 1, 0, " leading"}});
  LogCursor cursor;
  const std::vector<LogEntry> entries = Entries({}, cursor);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].text, text);
  EXPECT_EQ(entries[0].time, At(1));
  EXPECT_EQ(entries[1].text, "");
  EXPECT_EQ(entries[2].text, " leading");
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
    LogCursor cursor;
    EXPECT_TRUE(absl::IsInvalidArgument(logs_->Read(job, {}, cursor).status())) << job;
    EXPECT_TRUE(absl::IsInvalidArgument(logs_->Remove(job))) << job;
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
