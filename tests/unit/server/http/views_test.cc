// SPDX-License-Identifier: Apache-2.0
// The service discovery.
#include "server/http/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/testing/sample_jobs.h"

namespace hebb::http {
namespace {

Fleet TwoWorkers() {
  Fleet fleet;
  fleet.workers = {{"w-1", "node1", "cpu", "idle", "", "node1:9100", hebb::testing::SampleTime(0)},
                   {"w-2", "node2", "cuda", "busy", "j-a", "", hebb::testing::SampleTime(0)}};
  return fleet;
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
