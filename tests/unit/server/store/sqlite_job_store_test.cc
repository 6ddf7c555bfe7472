// SPDX-License-Identifier: Apache-2.0
// What is special to the file: it survives SIGKILL, and a file that cannot be used is refused in
// one line with the remedy. What every store promises: tests/contract/job_store.
#include "server/store/sqlite_job_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using hebb::testing::FillRun;
using hebb::testing::SampleJob;
using hebb::testing::SampleTime;
using hebb::testing::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Not;

// Fails within its own time-out, not the test's.
constexpr absl::Duration kBusy = absl::Milliseconds(200);

// ---- SIGKILL ------------------------------------------------------------------------------------

// The child's life: a job, updates, epochs, events and checkpoints without end. Says "<round>\n"
// when all writes of a round were acknowledged.
[[noreturn]] void WriteUntilKilled(const std::string& path, const std::string& id, int pipe) {
  auto store = SqliteJobStore::Open(path);
  if (!store.ok() || !(*store)->Create(SampleJob(id, id)).ok()) _exit(1);
  for (int64_t round = 1;; ++round) {
    const auto updated = (*store)->Update(id, [round](job::Job& job) {
      FillRun(job);
      job.state = round % 2 == 0 ? job::State::kQueued : job::State::kStarting;
      job.step = round;
      return absl::OkStatus();
    });
    job::EpochRecord epoch{round, round, {}, {{"conv1", 0.5}, {"out", 0.25}}, 1.0};
    const bool ok = updated.ok() && (*store)->PutEpoch(id, epoch).ok() &&
                    (*store)->AppendEvent(id, {SampleTime(round), absl::StrCat(round)}).ok() &&
                    (*store)->PutCheckpoint(id, {absl::StrCat("s", round), 1, round, "d"}, 3).ok();
    const std::string line = absl::StrCat(round, "\n");
    if (!ok || write(pipe, line.data(), line.size()) != ssize_t(line.size())) _exit(2);
  }
}

// Kills the child after it acknowledged `rounds`; returns all that it acknowledged by then.
int64_t KillAfter(const std::string& path, const std::string& id, int rounds) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) WriteUntilKilled(path, id, ends[1]);
  close(ends[1]);
  std::string said;
  char buffer[256];
  ssize_t n = 1;
  bool killed = false;
  while (n > 0) {
    n = read(ends[0], buffer, sizeof(buffer));
    if (n > 0) said.append(buffer, n);
    if (!killed && std::count(said.begin(), said.end(), '\n') >= rounds) {
      killed = true;
      EXPECT_EQ(kill(child, SIGKILL), 0);
    }
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  return std::count(said.begin(), said.end(), '\n');
}

TEST(SqliteJobStoreTest, EveryAcknowledgedWriteSurvivesSigkill) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  std::mt19937 random(20240607);  // NOLINT: the same rounds every time
  std::vector<int64_t> acknowledged;
  for (int kill = 0; kill < 8; ++kill) {
    const int rounds = 1 + static_cast<int>(random() % 25);
    acknowledged.push_back(KillAfter(path, absl::StrCat("j-", kill), rounds));
  }
  auto store = SqliteJobStore::Open(path);
  ASSERT_TRUE(store.ok()) << store.status();
  for (size_t kill = 0; kill < acknowledged.size(); ++kill) {
    const std::string id = absl::StrCat("j-", kill);
    const int64_t rounds = acknowledged[kill];
    SCOPED_TRACE(absl::StrCat(id, " acknowledged ", rounds));
    // The round after the last acknowledged one may be there too, wholly or in part.
    EXPECT_GE((*store)->Get(id)->step, rounds);
    EXPECT_LE((*store)->Get(id)->step, rounds + 1);
    EXPECT_GE((*store)->Events(id)->size(), size_t(rounds));
    EXPECT_EQ((*store)->Checkpoints(id)->size(), size_t(std::min<int64_t>(rounds, 3)));
    EXPECT_GE((*store)->Checkpoints(id)->back().step, rounds);
    const auto epochs = (*store)->Epochs(id);
    ASSERT_GE(epochs->size(), size_t(rounds));
    // An epoch and its alignment come together or not at all.
    for (const job::EpochRecord& epoch : *epochs) EXPECT_EQ(epoch.alignment.size(), 2u);
  }
}

// ---- files that cannot be used ------------------------------------------------------------------

void ExpectRefused(const absl::Status& status, absl::StatusCode code, const std::string& path,
                   const std::string& remedy) {
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  EXPECT_THAT(std::string(status.message()), HasSubstr(remedy));
  EXPECT_THAT(std::string(status.message()), Not(HasSubstr("\n")));
}

TEST(SqliteJobStoreTest, AFileOfANewerHebbIsRefusedAndLeftAlone) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  ASSERT_TRUE(SqliteJobStore::Open(path).ok());
  {
    auto database = Database::Open(path, kBusy);
    ASSERT_TRUE((*database)->Execute("INSERT INTO migration VALUES (99, 0)").ok());
  }
  ExpectRefused(SqliteJobStore::Open(path).status(), absl::StatusCode::kFailedPrecondition, path,
                "newer Hebb (schema 99");
  auto database = Database::Open(path, kBusy);
  auto row = (*database)->Prepare("SELECT max(version) FROM migration");
  ASSERT_TRUE(*row->Step());
  EXPECT_EQ(row->TakeInt(), 99);
}

TEST(SqliteJobStoreTest, ADatabaseOfAnotherProgramIsRefused) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  {
    auto database = Database::Open(path, kBusy);
    ASSERT_TRUE((*database)->Execute("CREATE TABLE songs (name TEXT)").ok());
  }
  ExpectRefused(SqliteJobStore::Open(path).status(), absl::StatusCode::kFailedPrecondition, path,
                "another program");
}

TEST(SqliteJobStoreTest, AFileThatIsNoDatabaseIsDataLoss) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(8192, 'x')).ok());
  ExpectRefused(SqliteJobStore::Open(path).status(), absl::StatusCode::kDataLoss, path, "backup");
}

TEST(SqliteJobStoreTest, ADamagedDatabaseIsDataLoss) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  {
    auto store = SqliteJobStore::Open(path);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE((*store)->Create(SampleJob(absl::StrCat("j-", i), "n")).ok());
    }
  }
  auto content = ReadFile(path);
  ASSERT_TRUE(content.ok());
  for (size_t i = 4096; i < content->size(); ++i) (*content)[i] = '\xa5';  // the first page stays
  ASSERT_TRUE(WriteFileAtomically(path, *content).ok());
  ExpectRefused(SqliteJobStore::Open(path).status(), absl::StatusCode::kDataLoss, path, "backup");
}

TEST(SqliteJobStoreTest, OneDamagedPageIsRefusedAtTheStartAndTheFileLeftAlone) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  {
    auto store = SqliteJobStore::Open(path);
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE((*store)->Create(SampleJob(absl::StrCat("j-", i), "n")).ok());
    }
  }
  const auto content = ReadFile(path);
  ASSERT_TRUE(content.ok());
  int refused = 0;
  const size_t pages = content->size() / 4096;
  for (size_t page = 1; page < pages; ++page) {
    std::string damaged = *content;
    damaged.replace(page * 4096, 4096, std::string(4096, '\xa5'));
    ASSERT_TRUE(WriteFileAtomically(path, damaged).ok());
    const absl::Status status = SqliteJobStore::Open(path).status();
    if (status.ok()) continue;
    ++refused;
    ExpectRefused(status, absl::StatusCode::kDataLoss, path, "backup");
    EXPECT_EQ(*ReadFile(path), damaged);
  }
  EXPECT_GE(refused, static_cast<int>(pages) - 1) << "every page in use is looked at";
}

TEST(SqliteJobStoreTest, AFolderInItsPlaceIsRefused) {
  TemporaryFolder folder;
  ExpectRefused(SqliteJobStore::Open(folder.path()).status(), absl::StatusCode::kFailedPrecondition,
                folder.path(), "read and write");
}

TEST(SqliteJobStoreTest, AReadOnlyFileIsRefused) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  ASSERT_TRUE(SqliteJobStore::Open(path).ok());
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0444), 0);
  // In a child that is not root: nothing is read-only to root.
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(3);
    const absl::Status status = SqliteJobStore::Open(path, kBusy).status();
    ExpectRefused(status, absl::StatusCode::kFailedPrecondition, path, "read and write");
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(SqliteJobStoreTest, ALockedFileIsUnavailableWithinTheTimeout) {
  TemporaryFolder folder;
  const std::string path = folder / "state.db";
  auto store = SqliteJobStore::Open(path, kBusy);
  ASSERT_TRUE((*store)->Create(SampleJob("j-a", "n")).ok());
  auto other = Database::Open(path, kBusy);
  ASSERT_TRUE((*other)->Execute("BEGIN IMMEDIATE").ok());
  ExpectRefused((*store)->AppendEvent("j-a", {SampleTime(0), "x"}), absl::StatusCode::kUnavailable,
                path, "another process");
  ExpectRefused(SqliteJobStore::Open(path, kBusy).status(), absl::StatusCode::kUnavailable, path,
                "another process");
  EXPECT_TRUE((*store)->Get("j-a").ok()) << "a reader need not wait for a writer";
  ASSERT_TRUE((*other)->Execute("ROLLBACK").ok());
  EXPECT_TRUE((*store)->AppendEvent("j-a", {SampleTime(0), "x"}).ok());
}

TEST(SqliteJobStoreTest, AFullDiskIsResourceExhausted) {
  TemporaryFolder folder;
  auto database = Database::Open(folder / "state.db", kBusy);
  // SQLite treats a limit on its pages exactly as a full disk.
  ASSERT_TRUE((*database)->Execute("CREATE TABLE t (x TEXT); PRAGMA max_page_count = 3").ok());
  auto insert = (*database)->Prepare("INSERT INTO t VALUES (?)");
  ExpectRefused(insert->Bind(std::string(100'000, 'x')).Run(), absl::StatusCode::kResourceExhausted,
                "state.db", "free space");
}

// ---- times -------------------------------------------------------------------------------------

TEST(SqliteJobStoreTest, TellsHowLongEachOperationTook) {
  TemporaryFolder folder;
  std::map<std::string, int> calls;
  absl::Duration longest = absl::ZeroDuration();
  const auto timer = [&](absl::string_view operation, absl::Duration took) {
    ++calls[std::string(operation)];
    longest = std::max(longest, took);
  };
  auto store = SqliteJobStore::Open(folder / "state.db", kBusy, timer);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->Create(SampleJob("j-a", "n")).ok());
  EXPECT_EQ(calls, (std::map<std::string, int>{{"write", 1}}));
  EXPECT_FALSE((*store)->Get("j-b").ok());
  EXPECT_TRUE((*store)->Get("j-a").ok());
  EXPECT_EQ(calls, (std::map<std::string, int>{{"read", 2}, {"write", 1}}));
  EXPECT_GT(longest, absl::ZeroDuration());
  EXPECT_LT(longest, absl::Minutes(1));
}

// ---- numbers without a place in SQLite ----------------------------------------------------------

TEST(SqliteJobStoreTest, NotANumberComesBackAsUnknown) {
  TemporaryFolder folder;
  auto store = SqliteJobStore::Open(folder / "state.db");
  job::Job job = SampleJob("j-a", "n");
  job.images_per_second = std::nan("");
  job.metrics.train_loss = std::nan("");
  job.metrics.test_loss = HUGE_VAL;
  ASSERT_TRUE((*store)->Create(job).ok());
  ASSERT_TRUE((*store)->PutEpoch("j-a", {1, 1, {}, {{"a", std::nan("")}}, 1.0}).ok());
  const auto read = (*store)->Get("j-a");
  EXPECT_TRUE(std::isnan(read->images_per_second));
  EXPECT_EQ(read->metrics.train_loss, std::nullopt);
  EXPECT_EQ(read->metrics.test_loss, HUGE_VAL);
  EXPECT_TRUE(std::isnan((*store)->Epochs("j-a")->at(0).alignment[0].second));
}

}  // namespace
}  // namespace hebb::store
