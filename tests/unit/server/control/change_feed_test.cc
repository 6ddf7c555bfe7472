// SPDX-License-Identifier: Apache-2.0
// Proves who is called at a change, and that nothing is kept of jobs that nobody asks about.
#include "server/control/change_feed.h"

#include <gtest/gtest.h>

#include <optional>

#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::control {
namespace {

TEST(ChangeFeedTest, CallsWhoSubscribedToThatJobOrToAny) {
  ChangeFeed feed;
  int one = 0, other = 0, any = 0;
  const ChangeFeed::Subscription a(feed, "j-1", [&] { ++one; });
  const ChangeFeed::Subscription b(feed, "j-2", [&] { ++other; });
  const ChangeFeed::Subscription c(feed, ChangeFeed::kAnyJob, [&] { ++any; });
  feed.Bump("j-1");
  feed.Bump("j-1");
  feed.Bump("j-3");
  EXPECT_EQ(one, 2);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(any, 3);
}

TEST(ChangeFeedTest, AVersionDiffersAfterEachChangeAndNeverComesAgain) {
  ChangeFeed feed;
  std::optional<ChangeFeed::Subscription> held;
  held.emplace(feed, "j-1", [] {});
  const uint64_t first = feed.Version("j-1");
  EXPECT_EQ(feed.Version("j-1"), first);
  feed.Bump("j-1");
  const uint64_t second = feed.Version("j-1");
  EXPECT_GT(second, first);
  held.reset();
  EXPECT_EQ(feed.Version("j-1"), 0u) << "nothing is kept once nobody is subscribed";
  feed.Bump("j-1");
  held.emplace(feed, "j-1", [] {});
  EXPECT_GT(feed.Version("j-1"), second);
}

TEST(ChangeFeedTest, NobodyIsCalledAfterTheEndOfASubscription) {
  ChangeFeed feed;
  int calls = 0;
  {
    const ChangeFeed::Subscription held(feed, "j-1", [&] { ++calls; });
  }
  feed.Bump("j-1");
  feed.Shutdown();
  EXPECT_EQ(calls, 0);
}

TEST(ChangeFeedTest, ShutdownCallsAll) {
  ChangeFeed feed;
  int calls = 0;
  const ChangeFeed::Subscription a(feed, "j-1", [&] { ++calls; });
  const ChangeFeed::Subscription b(feed, ChangeFeed::kAnyJob, [&] { ++calls; });
  EXPECT_FALSE(feed.is_shut_down());
  feed.Shutdown();
  EXPECT_TRUE(feed.is_shut_down());
  EXPECT_EQ(calls, 2);
}

TEST(WatchedJobStoreTest, TellsOfWritesThatWereDoneAndOfNoOthers) {
  ChangeFeed feed;
  store::MemoryJobStore inner;
  WatchedJobStore jobs(inner, feed);
  int one = 0, any = 0;
  const ChangeFeed::Subscription a(feed, "j-1", [&] { ++one; });
  const ChangeFeed::Subscription b(feed, ChangeFeed::kAnyJob, [&] { ++any; });
  ASSERT_TRUE(jobs.Create(testing::SampleJob("j-1", "n")).ok());
  ASSERT_TRUE(jobs.AppendEvent("j-1", {}).ok());
  EXPECT_FALSE(jobs.Update("j-1", [](job::Job&) { return absl::AbortedError("no"); }).ok());
  EXPECT_EQ(one, 2);
  const auto [sweep, of_sweep] = testing::SampleSweep("s-1", {"j-2", "j-3"});
  ASSERT_TRUE(jobs.CreateSweep(sweep, of_sweep).ok());
  EXPECT_EQ(any, 3) << "a sweep's jobs show in lists";
}

}  // namespace
}  // namespace hebb::control
