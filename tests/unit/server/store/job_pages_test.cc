// SPDX-License-Identifier: Apache-2.0
// That what is read often goes through an index and stops at its page: SQLite says how it would run
// each query.
#include "server/store/job_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/store/job_rows.h"
#include "server/store/schema.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class QueryPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::Open(folder_ / "state.db", absl::Milliseconds(200));
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    ASSERT_TRUE(Migrate(*database_, folder_ / "state.db", absl::Now()).ok());
  }

  // A line for each step.
  std::string Plan(const std::string& sql) {
    auto row = database_->Prepare(absl::StrCat("EXPLAIN QUERY PLAN ", sql));
    EXPECT_TRUE(row.ok()) << row.status();
    std::vector<std::string> lines;
    while (row.ok() && *row->Step()) {
      for (int i = 0; i < 3; ++i) row->TakeInt();
      lines.push_back(row->TakeText());
    }
    return absl::StrJoin(lines, "\n");
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(QueryPlanTest, APageOfEveryFilterComesInOrderFromAnIndex) {
  using job::State;
  const std::vector<std::pair<JobStore::Filter, std::string>> filters = {
      {{}, "job_by_age"},
      {{.name = "n"}, "job_by_age"},
      {{.archived = true}, "job_archived"},
      {{.name = "n", .archived = true}, "job_archived"},
      {{.user = "u"}, "job_by_user"},
      {{.sweep = "s"}, "job_by_sweep"},
      {{.states = {State::kQueued}}, "job_by_state"},
      {{.states = {State::kQueued}, .user = "u"}, "job_by_"},
  };
  for (const auto& [filter, index] : filters) {
    for (const bool first : {true, false}) {
      const std::string plan = Plan(PageQuery(filter, first));
      EXPECT_THAT(plan, HasSubstr(absl::StrCat("INDEX ", index)));
      EXPECT_THAT(plan, HasSubstr(first ? "job USING" : "SEARCH job"));
      EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
    }
  }
}

TEST_F(QueryPlanTest, SeveralStatesAreARunThroughTheIndexEach) {
  const std::string plan =
      Plan(PageQuery({.states = {job::State::kQueued, job::State::kRunning}}, /*first=*/true));
  EXPECT_THAT(plan, ContainsRegex("job_by_state(.|\n)*job_by_state"));
  EXPECT_THAT(plan, Not(HasSubstr("SCAN job")));
}

TEST_F(QueryPlanTest, NothingThatIsReadOftenScansATable) {
  const std::string jobs = "SELECT id, reason FROM job WHERE ";
  for (const std::string& sql :
       {jobs + "id = ?", jobs + "request_id = ?", jobs + "sequence = ?",
        jobs + std::string(kLiving), jobs + RecentCondition(),
        jobs + "init_sha256 = ? AND init_sha256 <> ''",
        "SELECT outcome FROM attempt WHERE job IN (SELECT id FROM job WHERE " +
            std::string(kLiving) + ")",
        std::string("SELECT sha256 FROM checkpoint WHERE job = ? ORDER BY sequence"),
        std::string("SELECT 1 FROM checkpoint WHERE sha256 = ?"),
        std::string("SELECT text FROM event WHERE job = ? ORDER BY sequence"),
        std::string("SELECT loss FROM (SELECT train_loss AS loss FROM epoch WHERE job = ?)")}) {
    EXPECT_THAT(Plan(sql), Not(ContainsRegex("SCAN (job|attempt|checkpoint|event|epoch)"))) << sql;
  }
}

}  // namespace
}  // namespace hebb::store
