// SPDX-License-Identifier: Apache-2.0
// The page and the service discovery: what is shown, and that nothing from outside becomes markup.
#include "server/http/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/testing/sample_jobs.h"

namespace hebb::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Fleet TwoWorkers() {
  Fleet fleet;
  fleet.workers = {{"w-1", "node1", "cpu", "idle", "", "node1:9100", hebb::testing::SampleTime(0)},
                   {"w-2", "node2", "cuda", "busy", "j-a", "", hebb::testing::SampleTime(0)}};
  return fleet;
}

store::JobStore::Overview OneJob() {
  store::JobStore::Overview overview;
  job::Job job = hebb::testing::SampleJob("j-a", "first");
  hebb::testing::FillRun(job);
  job.state = job::State::kRunning;
  overview.count = {{job::State::kRunning, 1}, {job::State::kFailed, 4}};
  overview.recent = {job};
  return overview;
}

TEST(ViewsTest, ThePageOfAnEmptyCoordinatorSaysSo) {
  const std::string page = StatusPage({}, {}, "1.2.3");
  EXPECT_THAT(page, HasSubstr("No job has been submitted yet."));
  EXPECT_THAT(page, HasSubstr("No worker is attached."));
  EXPECT_THAT(page, HasSubstr("hebb-coordinator 1.2.3"));
}

TEST(ViewsTest, ThePageShowsJobsAndWorkers) {
  const std::string page = StatusPage(OneJob(), TwoWorkers(), "1");
  for (const char* text :
       {"1 RUNNING, 4 FAILED. Those of the last 7 days:", "<td>first</td>", "<td>RUNNING</td>",
        "<td>12345678901 of 20000000000</td>", "<td>33.33 %</td>", "<td>node2</td>",
        "<td>2023-11-14 22:13:20 UTC</td>"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
}

TEST(ViewsTest, AJobOutOfReachIsMarked) {
  Fleet fleet;
  fleet.unreachable_jobs = {"j-a"};
  EXPECT_THAT(StatusPage(OneJob(), fleet, "1"), HasSubstr("<td>RUNNING (unreachable)</td>"));
}

TEST(ViewsTest, NothingFromOutsideBecomesMarkup) {
  store::JobStore::Overview overview = OneJob();
  Fleet fleet = TwoWorkers();
  const std::string bad = "<script>alert('\"&')</script>";
  overview.recent[0].name = overview.recent[0].reason = overview.recent[0].id = bad;
  fleet.workers[0].id = fleet.workers[0].host = fleet.workers[0].state = bad;
  const std::string page = StatusPage(overview, fleet, bad);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;"));
}

TEST(ViewsTest, ServiceDiscoveryNamesEveryWorkerThatServesMetrics) {
  const auto groups = nlohmann::json::parse(ServiceDiscovery(TwoWorkers()));
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0]["targets"], nlohmann::json::array({"node1:9100"}));
  EXPECT_EQ(groups[0]["labels"]["__meta_hebb_worker"], "w-1");
  EXPECT_EQ(ServiceDiscovery({}), "[]");
}

TEST(ViewsTest, ServiceDiscoveryStandsBytesThatAreNoText) {
  Fleet fleet = TwoWorkers();
  fleet.workers[0].host = "\xff\xfe";
  EXPECT_EQ(nlohmann::json::parse(ServiceDiscovery(fleet)).size(), 1u);
}

}  // namespace
}  // namespace hebb::http
