// SPDX-License-Identifier: Apache-2.0
// Proves the names and values of the worker's series, and that a job's own vanish with the next
// job.
#include "worker/runtime/worker_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/metrics/http_server.h"

namespace hebb::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(WorkerMetricsTest, CountsStepsImagesAndPhases) {
  WorkerMetrics metrics("1.2.3+abc");
  metrics.SetAttached(true);
  metrics.BeginJob("job-a");
  train::StepReport report;
  report.step = 7;
  report.own_images = 250;
  report.train_loss = 0.25;
  report.compute_seconds = 0.5;
  metrics.StepDone(report);
  metrics.StepDone(report);
  EXPECT_THAT(metrics::SerializeMetrics(metrics.registry()),
              AllOf(HasSubstr("hebb_worker_steps_total 2"),
                    HasSubstr("hebb_worker_images_total 500"), HasSubstr("hebb_worker_attached 1"),
                    HasSubstr("hebb_worker_step_duration_seconds_sum{phase=\"compute\"} 1"),
                    HasSubstr("hebb_worker_train_loss{job=\"job-a\"} 0.25"),
                    HasSubstr("hebb_build_info{"), HasSubstr("1.2.3+abc")));
}

TEST(WorkerMetricsTest, SeriesOfAJobEndWhenTheNextBegins) {
  WorkerMetrics metrics("test");
  metrics.BeginJob("job-a");
  metrics.GenerationFormed(2);
  metrics.BeginJob("job-b");
  metrics.GenerationFormed(3);
  EXPECT_THAT(metrics::SerializeMetrics(metrics.registry()),
              AllOf(HasSubstr("hebb_worker_gang_size{job=\"job-b\"} 3"), Not(HasSubstr("job-a")),
                    Not(HasSubstr("validation_accuracy_ratio{"))));
}

TEST(WorkerMetricsTest, CountersAreThereFromTheStart) {
  WorkerMetrics metrics("test");
  EXPECT_THAT(metrics::SerializeMetrics(metrics.registry()),
              AllOf(HasSubstr("hebb_worker_steps_total 0"), HasSubstr("hebb_worker_attached 0"),
                    HasSubstr("hebb_worker_checkpoint_uploads_total{outcome=\"failed\"} 0")));
}

}  // namespace
}  // namespace hebb::runtime
