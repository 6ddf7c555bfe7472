// SPDX-License-Identifier: Apache-2.0
#include "server/store/write_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/store/read_pool.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using ::testing::ElementsAre;

class WriteQueueTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = Database::Open(folder_ / "state.db", absl::Milliseconds(200));
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->Execute("CREATE TABLE t (x INTEGER UNIQUE)").ok());
    queue_ = std::make_unique<WriteQueue>(*std::move(database));
  }

  static absl::Status Insert(Database& database, int64_t x) {
    auto row = database.Prepare("INSERT INTO t VALUES (?)");
    return row.ok() ? row->Bind(x).Run() : row.status();
  }

  // Everything that is in the file, as another connection sees it.
  std::vector<int64_t> Written() {
    auto database = Database::Open(folder_ / "state.db", absl::Milliseconds(200));
    auto row = (*database)->Prepare("SELECT x FROM t ORDER BY x");
    std::vector<int64_t> all;
    while (*row->Step()) all.push_back(row->TakeInt());
    return all;
  }

  // Runs all of `changes` in one batch: the writer is held until they wait. Their statuses.
  std::vector<absl::Status> RunTogether(
      const std::vector<std::function<absl::Status(Database&)>>& changes) {
    absl::Notification held, free;
    std::thread first([&] {
      EXPECT_TRUE(queue_
                      ->Run([&](Database&) {
                        held.Notify();
                        free.WaitForNotification();
                        return absl::OkStatus();
                      })
                      .ok());
    });
    held.WaitForNotification();
    std::vector<absl::Status> results(changes.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < changes.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = queue_->Run(changes[i]); });
      EXPECT_TRUE(queue_->AwaitWaiting(i + 1, absl::Seconds(30)));
    }
    free.Notify();
    first.join();
    for (std::thread& thread : threads) thread.join();
    return results;
  }

  hebb::testing::TemporaryFolder folder_;
  std::unique_ptr<WriteQueue> queue_;
};

TEST_F(WriteQueueTest, ARefusedChangeIsUndoneAloneAndItsNeighboursAreWritten) {
  const auto results = RunTogether({
      [](Database& database) { return Insert(database, 1); },
      [](Database& database) {
        EXPECT_TRUE(Insert(database, 2).ok());
        return absl::AlreadyExistsError("no");
      },
      [](Database& database) { return Insert(database, 3); },
      [](Database& database) { return Insert(database, 1); },  // breaks a constraint
      [](Database& database) { return Insert(database, 4); },
  });
  EXPECT_TRUE(results[0].ok()) << results[0];
  EXPECT_TRUE(absl::IsAlreadyExists(results[1]));
  EXPECT_TRUE(absl::IsInternal(results[3])) << results[3];
  EXPECT_TRUE(results[4].ok()) << results[4];
  EXPECT_THAT(Written(), ElementsAre(1, 3, 4));
}

TEST_F(WriteQueueTest, ChangesThatWaitTogetherShareATransaction) {
  std::atomic<int64_t> seen = -1;
  const auto results = RunTogether({
      [](Database& database) { return Insert(database, 1); },
      [&](Database&) {
        seen = static_cast<int64_t>(Written().size());  // nothing is committed yet
        return absl::OkStatus();
      },
  });
  EXPECT_TRUE(results[1].ok());
  EXPECT_EQ(seen, 0);
  EXPECT_THAT(Written(), ElementsAre(1));
}

TEST_F(WriteQueueTest, WhenTheTransactionFailsNoneOfItsChangesIsAcknowledged) {
  const auto results = RunTogether({
      [](Database& database) { return Insert(database, 1); },
      [](Database&) { return absl::NotFoundError("own"); },
      [](Database& database) { return database.Execute("ROLLBACK"); },  // as a full disk does
      [](Database& database) { return Insert(database, 2); },
  });
  for (const absl::Status& result : results) EXPECT_TRUE(absl::IsInternal(result)) << result;
  EXPECT_TRUE(Written().empty());
  EXPECT_TRUE(queue_->Run([](Database& database) { return Insert(database, 5); }).ok());
  EXPECT_THAT(Written(), ElementsAre(5));
}

TEST_F(WriteQueueTest, ManyThreadsAreAllWrittenOnceThoughTheQueueIsSmallerThanTheirWork) {
  constexpr int kThreads = 8, kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kEach; ++i) {
        const int64_t x = t * kEach + i;
        EXPECT_TRUE(queue_->Run([x](Database& database) { return Insert(database, x); }).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<int64_t> all = Written();
  ASSERT_EQ(all.size(), size_t{kThreads * kEach});
  EXPECT_EQ(all.back(), kThreads * kEach - 1);
}

TEST_F(WriteQueueTest, AReaderSeesWhatWasAcknowledgedAndOneStateAtATime) {
  auto pool = ReadPool::Open(folder_ / "state.db", absl::Milliseconds(200), 2);
  ASSERT_TRUE(pool.ok()) << pool.status();
  const auto count = [](Database& database) {
    auto row = database.Prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(*row->Step());
    return row->TakeInt();
  };
  ASSERT_TRUE(queue_->Run([](Database& database) { return Insert(database, 1); }).ok());
  auto old = (*pool)->Take();
  EXPECT_EQ(count(**old), 1);
  ASSERT_TRUE(queue_->Run([](Database& database) { return Insert(database, 2); }).ok());
  EXPECT_EQ(count(**old), 1) << "one state as long as it is held";
  auto fresh = (*pool)->Take();
  EXPECT_EQ(count(**fresh), 2);
  EXPECT_FALSE(Insert(**fresh, 3).ok()) << "readers cannot write";
}

}  // namespace
}  // namespace hebb::store
