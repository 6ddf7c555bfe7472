// SPDX-License-Identifier: Apache-2.0
// The catalog keeps to Prometheus' conventions, docs/metrics.md is made of it, and what the process
// says of itself is true.
#include "common/metrics/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/metrics/process_metrics.h"

namespace hebb::metrics {
namespace {

TEST(CatalogTest, NamesAreUniqueAndByTheBook) {
  std::set<std::string> names;
  for (const MetricInfo& metric : Catalog()) {
    SCOPED_TRACE(metric.name);
    const std::string name = metric.name;
    EXPECT_TRUE(names.insert(name).second) << "twice";
    EXPECT_TRUE(absl::StartsWith(name, "hebb_") || absl::StartsWith(name, "process_"));
    EXPECT_EQ(absl::EndsWith(name, "_total"), metric.kind == MetricKind::kCounter);
    const std::string unit = metric.unit;
    if (unit == "seconds" || unit == "bytes" || unit == "degrees") {
      const std::string suffix = metric.kind == MetricKind::kCounter ? "_total" : "";
      EXPECT_TRUE(absl::EndsWith(name, absl::StrCat("_", unit, suffix)));
    }
    EXPECT_NE(std::string(metric.help), "");
    EXPECT_TRUE(absl::EndsWith(metric.help, ".")) << "a sentence";
  }
}

// On a failure, `HEBB_PRINT_METRICS=1 test_unit_common_metrics_catalog` prints the new tables.
TEST(CatalogTest, TheDocumentHasTheGeneratedTables) {
  const std::string tables = MetricsReference();
  if (std::getenv("HEBB_PRINT_METRICS") != nullptr) std::printf("%s", tables.c_str());
  const absl::StatusOr<std::string> page =
      ReadFile(std::string(std::getenv("HEBB_SOURCE_DIR")) + "/docs/metrics.md");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(*page, ::testing::HasSubstr(tables));
}

TEST(ProcessMetricsTest, TellsWhatTheProcessTakes) {
  std::map<std::string, double> value;
  for (const prometheus::MetricFamily& family : ProcessMetrics("/").Collect()) {
    ASSERT_EQ(family.metric.size(), 1u);
    const prometheus::ClientMetric& metric = family.metric[0];
    value[family.name] =
        family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  EXPECT_EQ(value.size(), 7u);
  EXPECT_GT(value["process_resident_memory_bytes"], 1e5);
  EXPECT_LT(value["process_resident_memory_bytes"], 1e11);
  const double now = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  EXPECT_NEAR(value["process_start_time_seconds"], now, 300) << "this test is young";
  EXPECT_GE(value["process_cpu_seconds_total"], 0);
  EXPECT_LT(value["process_cpu_seconds_total"], 300);
  EXPECT_GE(value["process_open_fds"], 3);
  EXPECT_GE(value["process_max_fds"], value["process_open_fds"]);
  EXPECT_GT(value["hebb_disk_size_bytes"], value["hebb_disk_free_bytes"]);
}

TEST(ProcessMetricsTest, AFolderThatIsGoneHasNoDisk) {
  for (const prometheus::MetricFamily& family : ProcessMetrics("/no/such/folder").Collect()) {
    EXPECT_FALSE(absl::StartsWith(family.name, "hebb_disk_")) << family.name;
  }
}

}  // namespace
}  // namespace hebb::metrics
