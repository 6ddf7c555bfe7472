// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of its lists: filters, pages, counts, and that they are light.
#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::Brief;
using hebb::testing::FillRun;
using hebb::testing::SampleJob;
using hebb::testing::SampleSweep;
using hebb::testing::SampleTime;
using hebb::testing::Text;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using JobIds = std::vector<std::string>;

class ListContractTest : public JobStoreContractTest {
 protected:
  void CreateOf(const std::string& id, const std::string& user, int64_t seconds) {
    job::Job job = SampleJob(id, "name of " + id, seconds);
    job.user = user;
    Create(job);
  }
  void Archive(const std::string& id) {
    const auto archived = store().Update(id, [](job::Job& job) {
      job.archived = SampleTime(500);
      return absl::OkStatus();
    });
    ASSERT_TRUE(archived.ok()) << archived.status();
  }
  JobIds Listed(const JobStore::Filter& filter) {
    const auto listing = Look().List(filter, {});
    EXPECT_TRUE(listing.ok()) << listing.status();
    EXPECT_EQ(listing->next, "");
    return IdsOf(listing->jobs);
  }
  static JobIds IdsOf(const std::vector<job::Job>& jobs) {
    JobIds ids;
    for (const job::Job& job : jobs) ids.push_back(job.id);
    return ids;
  }
  // All pages of `size`, one after the other.
  JobIds Turned(const JobStore::Filter& filter, int64_t size) {
    JobIds ids;
    JobStore::Page page{size, ""};
    do {
      const auto listing = Look().List(filter, page);
      EXPECT_TRUE(listing.ok()) << listing.status();
      if (!listing.ok()) return ids;
      EXPECT_LE(listing->jobs.size(), size_t(size));
      for (const std::string& id : IdsOf(listing->jobs)) ids.push_back(id);
      page.token = listing->next;
    } while (!page.token.empty());
    return ids;
  }
};

TEST_P(ListContractTest, GivesEveryFieldButTheTexts) {
  job::Job job = SampleJob("j-a", "first");
  FillRun(job);
  Create(job);
  EXPECT_EQ(Text(Look().List({}, {})->jobs.at(0)), Text(Brief(job)));
  EXPECT_EQ(Text(Look().List(true)->at(0)), Text(Brief(job)));
  EXPECT_EQ(Text(Look().ReadOverview(SampleTime(0))->recent.at(0)), Text(Brief(job)));
  EXPECT_EQ(Text(*Look().Get("j-a")), Text(job));
}

TEST_P(ListContractTest, AChangeOfAJobThatAListGaveDoesNotLoseItsTexts) {
  Create(SampleJob("j-a", "first"));
  ASSERT_TRUE(Move("j-a", job::State::kStarting).ok());
  EXPECT_EQ(Look().Get("j-a")->yaml, SampleJob("j-a", "first").yaml);
  const auto changed = store().Update("j-a", [](job::Job& job) {
    job.spec_json = "{}";
    job.yaml = "name: other";
    return absl::OkStatus();
  });
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(Look().Get("j-a")->spec_json, "{}");
  EXPECT_EQ(Look().Get("j-a")->yaml, "name: other");
}

TEST_P(ListContractTest, FiltersByStateUserNameAndSweepTogether) {
  CreateOf("j-a", "ada", 10);
  CreateOf("j-b", "bob", 20);
  CreateOf("j-c", "ada", 30);
  const auto [sweep, jobs] = SampleSweep("s-a", {"j-d"});
  ASSERT_TRUE(store().CreateSweep(sweep, jobs).ok());  // at 0 s
  ASSERT_TRUE(Move("j-a", job::State::kStarting).ok());
  ASSERT_TRUE(Move("j-b", job::State::kCancelled).ok());
  EXPECT_THAT(Listed({}), ElementsAre("j-c", "j-b", "j-a", "j-d"));
  using job::State;
  EXPECT_THAT(Listed({.states = {State::kStarting}}), ElementsAre("j-a"));
  EXPECT_THAT(Listed({.states = {State::kQueued, State::kCancelled}}),
              ElementsAre("j-c", "j-b", "j-d"));
  EXPECT_THAT(Listed({.user = "ada"}), ElementsAre("j-c", "j-a"));
  EXPECT_THAT(Listed({.states = {State::kQueued, State::kFailed}, .user = "ada"}),
              ElementsAre("j-c"));
  EXPECT_THAT(Listed({.name = "of j-b"}), ElementsAre("j-b"));
  EXPECT_THAT(Listed({.name = "OF J-B"}), IsEmpty());
  EXPECT_THAT(Listed({.name = "%"}), IsEmpty());
  EXPECT_THAT(Listed({.sweep = "s-a"}), ElementsAre("j-d"));
  EXPECT_THAT(Listed({.user = "' OR TRUE --"}), IsEmpty());
  EXPECT_THAT(Listed({.states = {State::kQueued}, .user = "ada", .name = "j-c", .sweep = "s-a"}),
              IsEmpty());
}

TEST_P(ListContractTest, ArchivedJobsAreApartAndNotCounted) {
  for (const char* id : {"j-a", "j-b", "j-c"}) CreateOf(id, "ada", 0);
  ASSERT_TRUE(Move("j-a", job::State::kCancelled).ok());
  ASSERT_TRUE(Move("j-b", job::State::kCancelled).ok());
  Archive("j-a");
  EXPECT_THAT(Listed({}), ElementsAre("j-c", "j-b"));
  EXPECT_THAT(Listed({.archived = true}), ElementsAre("j-a"));
  EXPECT_THAT(Listed({.user = "bob", .archived = true}), IsEmpty());
  const job::StateCounts counts = {{job::State::kQueued, 1}, {job::State::kCancelled, 1}};
  EXPECT_EQ(Look().List({.user = "nobody"}, {})->counts, counts) << "whatever the filter";
  EXPECT_EQ(Look().ReadOverview(absl::InfinitePast())->count, counts);
  const auto back = store().Update("j-a", [](job::Job& job) {
    job.archived = absl::InfiniteFuture();
    return absl::OkStatus();
  });
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(Look().List({}, {})->counts.at(job::State::kCancelled), 2);
}

TEST_P(ListContractTest, PagesShowEachJobOnceInTheListsOrder) {
  JobIds newest_first;
  for (int i = 0; i < 7; ++i) {
    // Two of each time, so that pages end between jobs of one time, too.
    CreateOf(absl::StrCat("j-", i), i % 2 == 0 ? "ada" : "bob", i / 2);
    newest_first.insert(newest_first.begin(), absl::StrCat("j-", i));
  }
  for (const int64_t size : {1, 2, 3, 7, 100}) {
    SCOPED_TRACE(size);
    EXPECT_EQ(Turned({}, size), newest_first);
    EXPECT_EQ(Turned({.states = {job::State::kQueued, job::State::kFailed}}, size), newest_first);
    EXPECT_THAT(Turned({.user = "bob"}, size), ElementsAre("j-5", "j-3", "j-1"));
    EXPECT_THAT(Turned({.name = "nothing"}, size), IsEmpty());
  }
}

TEST_P(ListContractTest, AJobThatComesWhilePagesAreTurnedDisturbsNone) {
  for (int i = 0; i < 4; ++i) CreateOf(absl::StrCat("j-", i), "ada", i);
  const auto first = Look().List({}, {2, ""});
  ASSERT_THAT(first->jobs, SizeIs(2));
  CreateOf("j-new", "ada", 100);
  const auto second = Look().List({}, {2, first->next});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(IdsOf(second->jobs), ElementsAre("j-1", "j-0"));
}

TEST_P(ListContractTest, ATokenThatIsNotOfThisListIsRefused) {
  for (int i = 0; i < 4; ++i) CreateOf(absl::StrCat("j-", i), "ada", i);
  const std::string token = Look().List({.user = "ada"}, {2, ""})->next;
  ASSERT_NE(token, "");
  EXPECT_TRUE(Look().List({.user = "ada"}, {1, token}).ok()) << "another size is no other list";
  for (const std::string& bad : {std::string("x"), token + "A", token.substr(1),
                                 token.substr(0, token.size() - 1), std::string("MS4yLjM")}) {
    const absl::Status status = Look().List({.user = "ada"}, {2, bad}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad << ": " << status;
  }
  for (const JobStore::Filter& other :
       {JobStore::Filter{}, JobStore::Filter{.user = "bob"},
        JobStore::Filter{.states = {job::State::kQueued}, .user = "ada"},
        JobStore::Filter{.user = "ada", .archived = true}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Look().List(other, {2, token}).status()));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Look().List({}, {0, ""}).status()));
}

TEST_P(ListContractTest, TheStartWeightsOfJobsThatHaveNotEndedAreKnown) {
  Create(SampleJob("j-a", "first"));
  job::Job plain = SampleJob("j-b", "second");
  plain.init_sha256.clear();
  Create(plain);
  EXPECT_TRUE(*Look().IsInit("init-j-a"));
  EXPECT_FALSE(*Look().IsInit("init-j-b"));
  EXPECT_FALSE(*Look().IsInit(""));
  ASSERT_TRUE(Move("j-a", job::State::kCancelled).ok());
  EXPECT_FALSE(*Look().IsInit("init-j-a"));
}

INSTANTIATE_TEST_SUITE_P(Stores, ListContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
