// SPDX-License-Identifier: Apache-2.0
// The stores that the contract suite runs on. For the SQLite store each test is run twice: as it
// is, and with the file closed and opened again before every look at it, so that nothing counts
// that is not in the file.
#ifndef HEBB_TESTS_CONTRACT_JOB_STORE_JOB_STORE_CONTRACT_H_
#define HEBB_TESTS_CONTRACT_JOB_STORE_JOB_STORE_CONTRACT_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/store/memory_job_store.h"
#include "server/store/sqlite_job_store.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {

enum class Kind { kMemory, kSqlite, kSqliteReopened };

inline std::string KindName(const ::testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::kMemory:
      return "Memory";
    case Kind::kSqlite:
      return "Sqlite";
    case Kind::kSqliteReopened:
      return "SqliteReopened";
  }
  return "";
}

class JobStoreContractTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    if (GetParam() == Kind::kMemory) {
      store_ = std::make_unique<MemoryJobStore>();
      return;
    }
    store_.reset();
    auto opened = SqliteJobStore::Open(folder_ / "state.db");
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  JobStore& store() { return *store_; }
  // The store as a later start of the coordinator would see it.
  JobStore& Look() {
    if (GetParam() == Kind::kSqliteReopened) Open();
    return *store_;
  }

  void Create(const job::Job& job) {
    const auto created = store().Create(job);
    ASSERT_TRUE(created.ok()) << created.status();
  }

  absl::Status Move(absl::string_view id, job::State state) {
    return store()
        .Update(id,
                [state](job::Job& job) {
                  job.state = state;
                  return absl::OkStatus();
                })
        .status();
  }

  std::vector<std::string> Ids(bool ended) {
    std::vector<std::string> ids;
    const auto jobs = Look().List(ended);
    EXPECT_TRUE(jobs.ok()) << jobs.status();
    for (const job::Job& job : *jobs) ids.push_back(job.id);
    return ids;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<JobStore> store_;
};

}  // namespace hebb::store

#endif  // HEBB_TESTS_CONTRACT_JOB_STORE_JOB_STORE_CONTRACT_H_
