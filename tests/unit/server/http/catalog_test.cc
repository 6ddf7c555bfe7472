// SPDX-License-Identifier: Apache-2.0
// The coordinator serves what the catalog says, no more and no less, and Prometheus' own linter has
// no complaint. The linter is skipped, visibly, where promtool is not installed.
#include <gtest/gtest.h>

#include <iterator>

#include "server/http/coordinator_metrics.h"
#include "server/http/service_metrics.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/scraped.h"

namespace hebb::http {
namespace {

class OneWorker : public FleetView {
 public:
  Fleet Snapshot() const override {
    Fleet fleet;
    fleet.workers = {{"w1", "h", "cpu", "busy", "j-a", "", hebb::testing::SampleTime(0)}};
    fleet.waiting = {{"no_workers", 1}};
    return fleet;
  }
};

// A scrape with every series there can be.
std::vector<prometheus::MetricFamily> FullScrape() {
  store::MemoryJobStore store;
  for (const char* id : {"j-a", "j-b"}) {
    job::Job job = hebb::testing::SampleJob(id, "first");
    hebb::testing::FillRun(job);
    job.metrics.test_accuracy = 0.5;
    if (id == std::string("j-a")) job.state = job::State::kRunning;
    EXPECT_TRUE(store.Create(job).ok());
  }
  EXPECT_TRUE(
      store.PutEpoch("j-a", {1, 10, {}, {{"conv1", 0.5}}, 1, {{"conv1", 30.0, 0.1, 0.2, 0.01, 0}}})
          .ok());
  EXPECT_TRUE(
      store.PutCheckpoint("j-a", {"sha", 1, 10, "d", hebb::testing::SampleTime(0)}, 3).ok());
  const OneWorker fleet;
  std::vector<prometheus::MetricFamily> families =
      CoordinatorMetrics(store, fleet, "1.2.3").Collect();
  ServiceMetrics service("/", {"started"}, {"lost"});
  service.RpcEnded("/hebb.v1.Jobs/Submit", absl::StatusCode::kOk, absl::Milliseconds(5));
  std::vector<prometheus::MetricFamily> counted = service.Collect();
  std::move(counted.begin(), counted.end(), std::back_inserter(families));
  return families;
}

TEST(CoordinatorCatalogTest, ServesWhatTheCatalogSays) {
  hebb::testing::ExpectCatalog(FullScrape(), metrics::ServedBy::kCoordinator);
}

TEST(CoordinatorCatalogTest, PromtoolHasNoComplaint) {
  if (!hebb::testing::HavePromtool()) {
    GTEST_SKIP() << "promtool is not installed (Debian: apt-get install prometheus)";
  }
  hebb::testing::ExpectLinted(FullScrape());
}

}  // namespace
}  // namespace hebb::http
