// SPDX-License-Identifier: Apache-2.0
// Holds what a program serves against the catalog of metrics, and shows it to Prometheus' linter.
#ifndef HEBB_TESTS_TESTING_SCRAPED_H_
#define HEBB_TESTS_TESTING_SCRAPED_H_

#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/metrics/catalog.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::testing {

inline std::set<std::string> LabelsOf(const prometheus::ClientMetric& metric) {
  std::set<std::string> names;
  for (const auto& label : metric.label) names.insert(label.name);
  return names;
}

// All that the catalog names for `program` is in `families`, with those labels, and nothing else.
inline void ExpectCatalog(const std::vector<prometheus::MetricFamily>& families,
                          metrics::ServedBy program) {
  std::set<std::string> missing;
  for (const metrics::MetricInfo& metric : metrics::Catalog()) {
    if (metric.served_by == program || metric.served_by == metrics::ServedBy::kBoth) {
      missing.insert(metric.name);
    }
  }
  for (const prometheus::MetricFamily& family : families) {
    SCOPED_TRACE(family.name);
    missing.erase(family.name);
    const metrics::MetricInfo& metric = metrics::MetricOf(family.name);
    EXPECT_TRUE(metric.served_by == program || metric.served_by == metrics::ServedBy::kBoth);
    EXPECT_EQ(family.help, metric.help);
    const std::set<std::string> labels = absl::StrSplit(metric.labels, ", ", absl::SkipEmpty());
    EXPECT_FALSE(family.metric.empty());
    for (const prometheus::ClientMetric& series : family.metric) {
      EXPECT_EQ(LabelsOf(series), labels);
    }
  }
  EXPECT_EQ(missing, std::set<std::string>()) << "in the catalog, but not served";
}

inline bool HavePromtool() { return std::system("command -v promtool > /dev/null 2>&1") == 0; }

// REQUIRES: HavePromtool().
inline void ExpectLinted(const std::vector<prometheus::MetricFamily>& families) {
  TemporaryFolder folder;
  const std::string text = prometheus::TextSerializer().Serialize(families);
  ASSERT_TRUE(WriteFileAtomically(folder / "metrics", text).ok());
  const std::string command = absl::StrCat("promtool check metrics < ", folder / "metrics", " > ",
                                           folder / "said", " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(*ReadFile(folder / "said"), "");
}

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_SCRAPED_H_
