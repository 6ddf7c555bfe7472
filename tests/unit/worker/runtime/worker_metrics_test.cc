// SPDX-License-Identifier: Apache-2.0
// Proves the names and values of the worker's series, and that a job's own vanish with the next
// job.
#include "worker/runtime/worker_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/http_server.h"
#include "tests/testing/scraped.h"

namespace hebb::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(WorkerMetricsTest, CountsStepsImagesAndPhases) {
  WorkerMetrics metrics("1.2.3+abc", "/");
  metrics.SetAttached(true);
  metrics.BeginJob("job-a");
  train::StepReport report;
  report.step = 7;
  report.own_images = 250;
  report.train_loss = 0.25;
  report.backward_seconds = 0.5;
  report.allreduce_bytes = 40;
  report.own_ratio = 1.5;
  metrics.StepDone(report);
  metrics.StepDone(report);
  EXPECT_THAT(metrics::SerializeMetrics(metrics),
              AllOf(HasSubstr("hebb_worker_steps_total 2"),
                    HasSubstr("hebb_worker_images_total 500"), HasSubstr("hebb_worker_attached 1"),
                    HasSubstr("hebb_worker_step_duration_seconds_sum{phase=\"backward\"} 1"),
                    HasSubstr("hebb_worker_train_loss{job=\"job-a\"} 0.25"),
                    HasSubstr("hebb_worker_allreduce_bytes_total 80"),
                    HasSubstr("hebb_worker_straggler_ratio{job=\"job-a\"} 1.5"),
                    HasSubstr("hebb_build_info{"), HasSubstr("1.2.3+abc")));
}

TEST(WorkerMetricsTest, SeriesOfAJobEndWhenTheNextBegins) {
  WorkerMetrics metrics("test", "/");
  metrics.BeginJob("job-a");
  metrics.GenerationFormed(2);
  metrics.BeginJob("job-b");
  metrics.GenerationFormed(3);
  EXPECT_THAT(metrics::SerializeMetrics(metrics),
              AllOf(HasSubstr("hebb_worker_gang_size{job=\"job-b\"} 3"), Not(HasSubstr("job-a")),
                    Not(HasSubstr("validation_accuracy_ratio{"))));
}

TEST(WorkerMetricsTest, SeriesOfAJobEndFiveMinutesAfterIt) {
  absl::Time now = absl::UnixEpoch();
  WorkerMetrics metrics("test", "/", [&now] { return now; });
  metrics.BeginJob("job-a");
  metrics.GenerationFormed(2);
  now += absl::Hours(1);
  EXPECT_THAT(metrics::SerializeMetrics(metrics), HasSubstr("job-a")) << "it lives";
  metrics.EndJob();
  now += absl::Minutes(5) - absl::Seconds(1);
  EXPECT_THAT(metrics::SerializeMetrics(metrics), HasSubstr("job-a"));
  now += absl::Seconds(1);
  EXPECT_THAT(metrics::SerializeMetrics(metrics), Not(HasSubstr("job-a")));
  metrics.BeginJob("job-b");
  now += absl::Hours(1);
  EXPECT_THAT(metrics::SerializeMetrics(metrics),
              HasSubstr("hebb_worker_job_info{job=\"job-b\"} 1"));
}

TEST(WorkerMetricsTest, TheStragglerRatioFollowsTheLastSteps) {
  WorkerMetrics metrics("test", "/");
  metrics.BeginJob("job-a");
  train::StepReport report;
  metrics.StepDone(report);
  report.own_ratio = 2;
  metrics.StepDone(report);
  EXPECT_THAT(metrics::SerializeMetrics(metrics),
              HasSubstr("hebb_worker_straggler_ratio{job=\"job-a\"} 1.1"));
}

TEST(WorkerMetricsTest, CountersAreThereFromTheStart) {
  WorkerMetrics metrics("test", "/");
  EXPECT_THAT(metrics::SerializeMetrics(metrics),
              AllOf(HasSubstr("hebb_worker_steps_total 0"), HasSubstr("hebb_worker_attached 0"),
                    HasSubstr("hebb_worker_checkpoint_uploads_total{outcome=\"failed\"} 0")));
}

// With every series there can be.
std::unique_ptr<WorkerMetrics> Full() {
  auto metrics = std::make_unique<WorkerMetrics>("1.2.3", "/");
  metrics->BeginJob("job-a");
  metrics->GenerationFormed(2);
  metrics->StepDone({});
  train::EpochMetrics epoch;
  epoch.validation_accuracy = 0.5;
  metrics->EpochDone(epoch);
  return metrics;
}

TEST(WorkerMetricsTest, ServesWhatTheCatalogSays) {
  hebb::testing::ExpectCatalog(Full()->Collect(), metrics::ServedBy::kWorker);
}

TEST(WorkerMetricsTest, PromtoolHasNoComplaint) {
  if (!hebb::testing::HavePromtool()) {
    GTEST_SKIP() << "promtool is not installed (Debian: apt-get install prometheus)";
  }
  hebb::testing::ExpectLinted(Full()->Collect());
}

}  // namespace
}  // namespace hebb::runtime
