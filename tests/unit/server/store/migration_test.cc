// SPDX-License-Identifier: Apache-2.0
// State files of every older schema (schemas/), brought to this one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "server/store/sqlite_job_store.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleSweep;
using hebb::testing::TemporaryFolder;

constexpr absl::Duration kBusy = absl::Milliseconds(200);

absl::Time At(int64_t nanoseconds) {
  return absl::FromUnixNanos(1'700'000'000'000'000'000 + nanoseconds);
}

// Runs for each schema; the files hold the same jobs, as far as a schema had a place for them.
class MigrationTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    const auto dump = ReadFile(absl::StrCat(HEBB_SCHEMAS_DIR, "/schema_", GetParam(), ".sql"));
    ASSERT_TRUE(dump.ok()) << dump.status();
    auto database = Database::Open(path_, kBusy);
    ASSERT_TRUE(database.ok()) << database.status();
    const absl::Status loaded = (*database)->Execute(*dump);
    ASSERT_TRUE(loaded.ok()) << loaded;
  }

  std::unique_ptr<SqliteJobStore> Open() {
    auto store = SqliteJobStore::Open(path_, kBusy);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  std::string Text(const std::string& sql) {
    auto database = Database::Open(path_, kBusy);
    auto row = (*database)->Prepare(sql);
    EXPECT_TRUE(row.ok()) << row.status();
    return *row->Step() ? row->TakeText() : "";
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "state.db";
};

TEST_P(MigrationTest, KeepsJobsWithTheirTextsAndKnowsWhatListsShow) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  const auto job = store->Get("first");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->id, "j-aaaa1111");
  EXPECT_EQ(job->request_id, "r-1");
  EXPECT_EQ(job->state, job::State::kSucceeded);
  EXPECT_THAT(job->spec_json, ::testing::StartsWith(R"({"name":"first","dataset")"));
  EXPECT_EQ(job->yaml, "name: first\n# a comment with 'quotes'\n");
  EXPECT_EQ(job->created, At(0));
  EXPECT_EQ(job->ended, At(5));
  EXPECT_EQ(job->step, 10);
  EXPECT_EQ(job->images_per_second, 123.5);
  EXPECT_EQ(job->metrics.train_loss, 0.25);
  EXPECT_EQ(job->metrics.test_loss, std::nullopt);
  EXPECT_EQ(job->epochs, 3);
  EXPECT_EQ(job->dataset, "mnist");
  EXPECT_EQ(job->rule, "urfb");
  EXPECT_EQ(job->init_sha256, "feed");
  EXPECT_EQ(job->user, GetParam() >= 4 ? "ada" : "");
  EXPECT_EQ(job->archived, GetParam() >= 4 ? At(100) : absl::InfiniteFuture());
  const auto odd = store->Get("third");
  EXPECT_EQ(odd->spec_json, "not JSON") << "what cannot be read is kept all the same";
  EXPECT_EQ(odd->dataset, "");
}

TEST_P(MigrationTest, KeepsWhatBelongsToAJob) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  const auto job = store->Get("second");
  EXPECT_EQ(job->max_runtime, GetParam() >= 7 ? 3600 : 0) << "from the job's spec, if it is there";
  ASSERT_EQ(job->attempts.size(), 1u);
  EXPECT_EQ(job->attempts[0].generation, 3);
  ASSERT_EQ(job->members.size(), 1u);
  EXPECT_EQ(job->members[0].host, "node1");
  const auto epochs = store->Epochs("j-bbbb2222");
  ASSERT_EQ(epochs->size(), 1u);
  EXPECT_EQ(epochs->at(0).alignment[0].second, 0.75);
  EXPECT_EQ(epochs->at(0).layers.size(), GetParam() >= 3 ? 1u : 0u);
  EXPECT_EQ(store->Events("j-bbbb2222")->at(0).text, "attempt 1: starts");
  EXPECT_EQ(store->Events("j-bbbb2222")->at(0).actor, GetParam() >= 4 ? "scheduler" : "");
  EXPECT_EQ(store->Checkpoints("j-bbbb2222")->at(0).sha256, "beef");
  if (GetParam() >= 7) {
    EXPECT_EQ(store->Get("j-dddd4444")->failure->error, "the loss is NaN");
  }
  if (GetParam() >= 8) {
    EXPECT_EQ(store->ReadProvenance("j-bbbb2222")->software.at(0).processor, "a processor");
    EXPECT_EQ(store->ReadUsage()->worker_seconds.count("ada"), 1u);
  }
  if (GetParam() < 2) return;
  EXPECT_EQ(store->GetSweep("grid")->sets, std::vector<std::string>{"seed=1"});
  EXPECT_EQ(store->SweepJobs("s-aaaa1111")->at(0).point.at(0).second, "1");
}

TEST_P(MigrationTest, CountsAndListsAreThoseOfTheJobs) {
  const auto store = Open();
  ASSERT_NE(store, nullptr);
  job::StateCounts counts = {{job::State::kQueued, 1}, {job::State::kRunning, 1}};
  if (GetParam() < 4) counts[job::State::kSucceeded] = 1;  // later it is archived
  if (GetParam() >= 2) counts[job::State::kFailed] = 1;
  const auto listing = store->List({}, {});
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_EQ(listing->counts, counts);
  int64_t jobs = 0;
  for (const auto& [state, count] : counts) jobs += count;
  EXPECT_EQ(static_cast<int64_t>(listing->jobs.size()), jobs);
  EXPECT_EQ(store->List({.archived = true}, {})->jobs.size(), GetParam() < 4 ? 0u : 1u);
}

TEST_P(MigrationTest, TakesWhatCameLaterAndIsSoundAndTheSameAsANewFile) {
  {
    const auto store = Open();
    ASSERT_NE(store, nullptr);
    EXPECT_TRUE(store->Create(SampleJob("j-new", "n")).ok());
    const auto [sweep, jobs] = SampleSweep("s-new", {"j-new2"});
    EXPECT_TRUE(store->CreateSweep(sweep, jobs).ok());
    EXPECT_TRUE(store->PutEpoch("j-bbbb2222", {1, 10, {}, {}, 1, {{"out", 45.0}}}).ok());
    EXPECT_TRUE(store->AppendEvent("j-bbbb2222", {At(9), "x", "ada", "pause"}).ok());
  }
  EXPECT_EQ(Text("SELECT count(*) FROM job WHERE max_runtime > 0"), GetParam() >= 7 ? "1" : "0");
  EXPECT_EQ(Text("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(Text("PRAGMA foreign_key_check"), "");
  TemporaryFolder other;
  ASSERT_TRUE(SqliteJobStore::Open(other / "state.db").ok());
  const std::string names =
      "SELECT group_concat(type || ' ' || name, ' ') FROM (SELECT * FROM sqlite_schema "
      "WHERE name NOT LIKE 'sqlite_%' ORDER BY name)";
  auto database = Database::Open(other / "state.db", kBusy);
  auto row = (*database)->Prepare(names);
  ASSERT_TRUE(*row->Step());
  EXPECT_EQ(Text(names), row->TakeText());
}

INSTANTIATE_TEST_SUITE_P(Schemas, MigrationTest, ::testing::Values(1, 2, 3, 4, 5, 6, 7, 8, 9));

}  // namespace
}  // namespace hebb::store
