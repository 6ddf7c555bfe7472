// SPDX-License-Identifier: Apache-2.0
// The series a scrape gives: what is there when nothing is, and a job's own from its life to five
// minutes after. Prometheus' own linter: promtool_test.cc.
#include "server/http/coordinator_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeFleet : public FleetView {
 public:
  Fleet Snapshot() const override { return fleet; }
  Fleet fleet;
};

class CoordinatorMetricsTest : public ::testing::Test {
 protected:
  std::string Scrape() const { return prometheus::TextSerializer().Serialize(metrics_.Collect()); }

  void AddJob(const std::string& id) {
    job::Job job = hebb::testing::SampleJob(id, absl::StrCat("name \"", id, "\"\n"));
    hebb::testing::FillRun(job);
    job.state = job::State::kRunning;
    ASSERT_TRUE(store_.Create(job).ok());
    ASSERT_TRUE(store_.PutEpoch(id, {1, 10, {}, {{"conv1", 0.125}}, 1}).ok());
    ASSERT_TRUE(store_
                    .PutEpoch(id, {2,
                                   20,
                                   {},
                                   {{"conv1", 0.5}, {"out", -0.25}},
                                   1,
                                   {{"conv1", 87.5, 0.25, 0.5, 0.001, 0.0}, {"out", 0.0}}})
                    .ok());
    ASSERT_TRUE(store_.PutCheckpoint(id, {"sha", 1, 10, "d", absl::FromUnixSeconds(1234)}, 3).ok());
  }
  void End(const std::string& id, absl::Duration ago) {
    const auto ended = store_.Update(id, [&](job::Job& job) {
      job.state = job::State::kSucceeded;
      job.ended = absl::Now() - ago;
      return absl::OkStatus();
    });
    ASSERT_TRUE(ended.ok()) << ended.status();
  }

  store::MemoryJobStore store_;
  FakeFleet fleet_;
  CoordinatorMetrics metrics_{store_, fleet_, "1.2.3"};
};

TEST_F(CoordinatorMetricsTest, AnEmptyCoordinatorHasItsFleetSeriesAtZero) {
  const std::string text = Scrape();
  for (const char* line : {"hebb_build_info{program=\"hebb-coordinator\",version=\"1.2.3\"} 1\n",
                           "hebb_jobs{state=\"QUEUED\"} 0\n", "hebb_jobs{state=\"FAILED\"} 0\n",
                           "hebb_workers{state=\"idle\"} 0\n", "hebb_workers{state=\"silent\"} 0\n",
                           "hebb_recoveries_total{reason=\"worker_lost\"} 0\n",
                           "# TYPE hebb_recoveries_total counter\n", "# TYPE hebb_jobs gauge\n",
                           "hebb_store_up 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("hebb_job_")));
}

TEST_F(CoordinatorMetricsTest, ALivingJobHasItsSeries) {
  AddJob("j-a");
  const std::string text = Scrape();
  const std::string labels = R"({job="j-a",name="name \"j-a\"\n"})";
  for (const std::string& line :
       {std::string("hebb_jobs{state=\"RUNNING\"} 1\n"),
        absl::StrCat("hebb_job_step", labels, " 12345678901\n"),
        absl::StrCat("hebb_job_epoch", labels, " 7\n"),
        absl::StrCat("hebb_job_total_steps", labels, " 20000000000\n"),
        std::string(
            "hebb_job_state{job=\"j-a\",name=\"name \\\"j-a\\\"\\n\",state=\"RUNNING\"} 1\n"),
        absl::StrCat("hebb_job_train_loss", labels, " 0.1"),
        absl::StrCat("hebb_job_validation_accuracy", labels, " 0.333"),
        absl::StrCat("hebb_job_images_per_second", labels, " 12345.678"),
        absl::StrCat("hebb_checkpoint_last_success_timestamp_seconds", labels, " 1234\n"),
        absl::StrCat("hebb_checkpoint_size_bytes", labels, " 1\n"),
        std::string("hebb_layer_alignment_cosine{job=\"j-a\",layer=\"conv1\"} 0.5\n"),
        std::string("hebb_layer_alignment_cosine{job=\"j-a\",layer=\"out\"} -0.25\n"),
        std::string("hebb_layer_error_angle_degrees{job=\"j-a\",layer=\"conv1\"} 87.5\n"),
        std::string("hebb_layer_saturated_ratio{job=\"j-a\",layer=\"conv1\"} 0.25\n"),
        std::string("hebb_layer_sparsity_ratio{job=\"j-a\",layer=\"conv1\"} 0.5\n"),
        std::string(
            "hebb_layer_update_norm{job=\"j-a\",layer=\"conv1\",matrix=\"forward\"} 0.001\n"),
        std::string(
            "hebb_layer_update_norm{job=\"j-a\",layer=\"conv1\",matrix=\"feedback\"} 0\n")}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("hebb_job_test_accuracy"))) << "unknown is no series, not zero";
  EXPECT_THAT(text, Not(HasSubstr("hebb_layer_saturated_ratio{job=\"j-a\",layer=\"out\"")));
}

TEST_F(CoordinatorMetricsTest, AJobsSeriesEndFiveMinutesAfterIt) {
  AddJob("j-just");
  AddJob("j-long");
  End("j-just", absl::Minutes(4));
  End("j-long", absl::Minutes(6));
  const std::string text = Scrape();
  EXPECT_THAT(text, AllOf(HasSubstr("hebb_job_step{job=\"j-just\""), Not(HasSubstr("j-long"))));
  EXPECT_THAT(text, HasSubstr("hebb_jobs{state=\"SUCCEEDED\"} 2\n"));
}

TEST_F(CoordinatorMetricsTest, TheOldestOfTheQueueIsTold) {
  EXPECT_THAT(Scrape(), Not(HasSubstr("hebb_queue_oldest"))) << "nothing waits";
  for (const int64_t second : {1700000200, 1700000100, 1700000300}) {
    job::Job job = hebb::testing::SampleJob(absl::StrCat("j-", second), "waits");
    job.created = absl::FromUnixSeconds(second);
    ASSERT_TRUE(store_.Create(job).ok());
  }
  EXPECT_THAT(Scrape(), HasSubstr("hebb_queue_oldest_timestamp_seconds 1700000100\n"));
}

TEST_F(CoordinatorMetricsTest, TheFleetIsCounted) {
  fleet_.fleet.workers = {{"w1", "h", "cpu", "idle", "", "", absl::Now()},
                          {"w2", "h", "cpu", "busy", "j-a", "", absl::Now()},
                          {"w3", "h", "cpu", "busy", "j-a", "", absl::Now()}};
  fleet_.fleet.workers[0].last_heartbeat = absl::FromUnixSeconds(99);
  fleet_.fleet.recoveries = {{"attempt_lost", 3}};
  fleet_.fleet.waiting = {{"no_workers", 2}, {"quota", 0}};
  EXPECT_THAT(Scrape(), AllOf(HasSubstr("hebb_workers{state=\"busy\"} 2\n"),
                              HasSubstr("hebb_workers{state=\"idle\"} 1\n"),
                              HasSubstr("hebb_recoveries_total{reason=\"attempt_lost\"} 3\n"),
                              HasSubstr("hebb_recoveries_total{reason=\"worker_lost\"} 0\n"),
                              HasSubstr("hebb_worker_heartbeat_timestamp_seconds{worker=\"w1\","
                                        "host=\"h\",device=\"cpu\"} 99\n"),
                              HasSubstr("hebb_jobs_waiting{reason=\"no_workers\"} 2\n"),
                              HasSubstr("hebb_jobs_waiting{reason=\"quota\"} 0\n")));
}

}  // namespace
}  // namespace hebb::http
