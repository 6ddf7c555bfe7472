// SPDX-License-Identifier: Apache-2.0
// Prometheus' own linter has no complaint about the coordinator's metrics. Skipped, visibly, where
// promtool is not installed; a binary of its own, so that the skip hides nothing else.
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "server/http/coordinator_metrics.h"
#include "tests/testing/sample_jobs.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::http {
namespace {

TEST(PromtoolTest, HasNoComplaint) {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed (Debian: apt-get install prometheus)";
  }
  Sample sample;
  JobSample& job = sample.jobs.emplace_back();
  job.job = hebb::testing::SampleJob("j-a", "first");
  hebb::testing::FillRun(job.job);
  job.job.metrics.test_accuracy = 0.5;
  job.alignment = {{"conv1", 0.5}};
  job.layers = {{"conv1", 30.0, 0.1, 0.2, 0.01, 0.02}};
  job.last_checkpoint = hebb::testing::SampleTime(0);
  const std::string text = prometheus::TextSerializer().Serialize(MakeFamilies(sample));
  hebb::testing::TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder / "metrics", text).ok());
  const std::string command = absl::StrCat("promtool check metrics < ", folder / "metrics", " > ",
                                           folder / "said", " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(*ReadFile(folder / "said"), "");
}

}  // namespace
}  // namespace hebb::http
