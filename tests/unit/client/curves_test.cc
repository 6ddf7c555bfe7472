// SPDX-License-Identifier: Apache-2.0
// Which charts are drawn of which jobs, with which lines.
#include "client/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace hebb::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::Job JobOf(const std::string& id, int epochs, bool validated, bool aligned) {
  v1::Job job;
  job.set_id(id);
  job.set_name("job" + id);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    v1::EpochRecord* record = job.add_epochs();
    record->set_epoch(epoch);
    record->mutable_metrics()->set_train_loss(1.0 / epoch);
    record->mutable_metrics()->set_train_accuracy(0.5);
    if (validated) record->mutable_metrics()->set_validation_accuracy(0.4);
    if (!aligned) continue;
    for (const char* name : {"conv1", "out"}) {
      v1::LayerAlignment* layer = record->add_alignment();
      layer->set_layer(name);
      layer->set_cosine(0.1 * epoch);
    }
  }
  return job;
}

std::vector<std::string> Titles(const std::vector<plot::Chart>& charts) {
  std::vector<std::string> titles;
  for (const plot::Chart& chart : charts) titles.push_back(chart.title);
  return titles;
}

std::vector<std::string> Names(const plot::Chart& chart) {
  std::vector<std::string> names;
  for (const plot::Series& series : chart.series) names.push_back(series.name);
  return names;
}

TEST(CurvesTest, OfOneJobTheLayersAreLinesOfOneChart) {
  const auto charts = JobCharts({JobOf("7", 3, true, true)});
  EXPECT_THAT(Titles(charts),
              ElementsAre("Training loss of job7 (7)", "Accuracy", "Alignment of the feedback"));
  EXPECT_THAT(Names(charts[1]), ElementsAre("training", "validation"));
  EXPECT_THAT(Names(charts[2]), ElementsAre("conv1", "out"));
  ASSERT_EQ(charts[0].series[0].points.size(), 3u);
  EXPECT_EQ(charts[0].series[0].points[1].x, 2);
  EXPECT_EQ(charts[0].series[0].points[1].y, 0.5);
}

TEST(CurvesTest, OfSeveralJobsEachHasTheSameLineInAllCharts) {
  const auto charts = JobCharts({JobOf("7", 3, true, true), JobOf("8", 2, false, false)});
  EXPECT_THAT(Titles(charts),
              ElementsAre("Training loss", "Training accuracy", "Validation accuracy",
                          "Alignment of conv1", "Alignment of out"));
  for (const plot::Chart& chart : charts) {
    EXPECT_THAT(Names(chart), ElementsAre("job7 (7)", "job8 (8)")) << chart.title;
  }
  EXPECT_THAT(charts[2].series[1].points, IsEmpty());
}

TEST(CurvesTest, WhatNoJobHasIsLeftOut) {
  EXPECT_THAT(Titles(JobCharts({JobOf("7", 1, false, false)})),
              ElementsAre("Training loss of job7 (7)", "Accuracy"));
  EXPECT_THAT(JobCharts({JobOf("7", 0, true, true)}), IsEmpty());
  EXPECT_THAT(JobCharts({JobOf("7", 0, true, true), JobOf("8", 0, true, true)}), IsEmpty());
}

}  // namespace
}  // namespace hebb::client
