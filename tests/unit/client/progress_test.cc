// SPDX-License-Identifier: Apache-2.0
// What a person sees: the bar's figures, one line an epoch without a terminal, no control
// characters there, and each change told once.
#include "client/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/plot/text.h"

namespace hebb::client {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::Job RunningJob() {
  v1::Job job;
  job.set_id("7");
  job.set_state(v1::RUNNING);
  job.set_step(250);
  job.set_total_steps(1000);
  job.set_epoch(1);
  job.set_images_per_second(5000);
  job.mutable_metrics()->set_train_loss(0.25);
  job.mutable_metrics()->set_validation_accuracy(0.875);
  job.mutable_spec()->mutable_learning()->set_batch_size(100);
  job.mutable_spec()->mutable_learning()->set_epochs(4);
  v1::EpochRecord* epoch = job.add_epochs();
  epoch->set_epoch(1);
  epoch->set_step(250);
  epoch->set_seconds(5);
  epoch->mutable_metrics()->set_train_loss(0.3);
  for (const double cosine : {0.25, 0.75}) {
    v1::LayerAlignment* layer = epoch->add_alignment();
    layer->set_layer(cosine < 0.5 ? "conv1" : "out");
    layer->set_cosine(cosine);
  }
  return job;
}

TEST(ProgressTest, TheBarShowsSpeedTimeToGoAndLearning) {
  const std::string line = ProgressLine(RunningJob(), {0.9, 0.5, 0.25}, 200);
  EXPECT_THAT(line, HasSubstr("[#######-----------------------]"));  // a quarter of 30
  EXPECT_THAT(line, HasSubstr("step 250/1000  epoch 1/4"));
  EXPECT_THAT(line, HasSubstr("50.0 steps/s  5,000 images/s  ETA 0:15"));
  EXPECT_THAT(line, HasSubstr("loss 0.2500  █▄▁  validation 87.5 %  W-R 0.50"));
}

TEST(ProgressTest, TheBarNeverIsWiderThanTheTerminal) {
  for (int width = 0; width < 160; ++width) {
    EXPECT_LE(plot::TextLength(ProgressLine(RunningJob(), {0.9, 0.5}, width)), width);
  }
}

TEST(ProgressTest, ANarrowTerminalKeepsBarStepTimeAndLoss) {
  EXPECT_EQ(ProgressLine(RunningJob(), {0.9, 0.5}, 60),
            "[####------------]  step 250/1000  ETA 0:15  loss 0.2500  █▁");
}

TEST(ProgressTest, TheBarFollowsTheWindowsWidthAndDrawsTheLosses) {
  std::ostringstream out;
  int width = 130;
  ProgressDisplay display(out, [&width] { return width; });
  v1::Job job = RunningJob();
  job.mutable_epochs(0)->set_step(200);
  display.Show(job);
  EXPECT_THAT(out.str(), HasSubstr("loss 0.2500  █▁"));  // the epoch's and the latest
  width = 40;
  out.str("");
  job.set_step(500);
  display.Show(job);
  EXPECT_EQ(out.str(), "\r[######------]  step 500/1000  ETA 0:10\x1b[K");
}

TEST(ProgressTest, TheEpochLineNamesEachLayersAlignment) {
  EXPECT_EQ(EpochLine(RunningJob().epochs(0), 4),
            "epoch 1/4  step 250  loss 0.3000  W-R conv1 0.25 out 0.75  5.0 s");
}

TEST(ProgressTest, WithoutATerminalThereAreOnlyLines) {
  std::ostringstream out;
  ProgressDisplay display(out, [] { return 0; });
  display.Show(RunningJob());
  display.Show(RunningJob());  // no news
  EXPECT_EQ(out.str(),
            "epoch 1/4  step 250  loss 0.3000  W-R conv1 0.25 out 0.75  5.0 s\njob 7 RUNNING\n");
}

TEST(ProgressTest, TheReasonOfAWaitingJobIsShownWhenItChanges) {
  std::ostringstream out;
  ProgressDisplay display(out, [] { return 0; });
  v1::Job job;
  job.set_id("7");
  job.set_state(v1::QUEUED);
  job.set_reason("waits for 2 cpu workers");
  display.Show(job);
  job.set_reason("waits for 1 cpu worker");
  display.Show(job);
  EXPECT_EQ(out.str(),
            "job 7 QUEUED: waits for 2 cpu workers\njob 7 QUEUED: waits for 1 cpu worker\n");
}

TEST(ProgressTest, TheEndTellsAccuracyOrCause) {
  v1::Job job = RunningJob();
  job.set_state(v1::SUCCEEDED);
  job.mutable_metrics()->set_test_accuracy(0.8712);
  EXPECT_EQ(OutcomeLine(job), "SUCCEEDED: test accuracy 87.1 %");
  v1::Job failed;
  failed.set_state(v1::FAILED);
  failed.set_reason("the loss is not finite");
  EXPECT_EQ(OutcomeLine(failed), "FAILED: the loss is not finite");
}

TEST(ProgressTest, AnUnreachableJobSaysSo) {
  v1::Job job = RunningJob();
  job.set_unreachable(true);
  EXPECT_EQ(StateText(job), "RUNNING (unreachable)");
}

TEST(ProgressTest, OnATerminalTheBarIsClearedBeforeALine) {
  std::ostringstream out;
  ProgressDisplay display(out, [] { return 120; });
  display.Show(RunningJob());
  display.Note("a remark");
  EXPECT_THAT(out.str(), HasSubstr("\r\x1b[Ka remark\n"));
}

}  // namespace
}  // namespace hebb::client
