// SPDX-License-Identifier: Apache-2.0
// A divergence is said, never a number: in the table, in JSON, in the notes and in the picture.
#include "client/commands/theory_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/xml.h"

namespace hebb::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

theory::Experiment Diverging() {
  theory::Experiment experiment;
  experiment.matrices.layers = {10, 8, 8, 5};
  experiment.matrices.seeds = 3;
  experiment.feedback = {2};
  experiment.rules = {theory::Rule::kBp, theory::Rule::kUrfb};
  experiment.course.dt = .5;
  return experiment;
}

TEST(TheoryOutputTest, SaysThatStartsDiverged) {
  const theory::Experiment experiment = Diverging();
  const theory::Report report = *theory::RunExperiment(experiment);
  const std::string table = TheoryTable(experiment, report).ToString();
  EXPECT_THAT(table, HasSubstr("urfb  diverged"));
  EXPECT_THAT(table, Not(HasSubstr("inf")));
  EXPECT_THAT(DivergenceNotes(experiment, report),
              ElementsAre(HasSubstr("urfb, R std 2: 3 of 3 starts diverged, the first at t = ")));
  const nlohmann::ordered_json json = TheoryJson(experiment, report);
  EXPECT_EQ(json["results"][1]["rule"], "urfb");
  EXPECT_EQ(json["results"][1]["diverged"], 3);
  EXPECT_TRUE(json["results"][1]["time"]["median"].is_null());
  EXPECT_TRUE(json["results"][1]["final_rate"].is_null());
  EXPECT_TRUE(json["results"][0]["final_rate"]["median"].is_number());
  const std::string svg = plot::ToSvg(TheoryChart(experiment, report));
  EXPECT_EQ(testing::XmlProblem(svg), "");
  EXPECT_THAT(svg, HasSubstr("Linear network 10-8-8-5"));
}

TEST(TheoryOutputTest, SaysThatTheTimeWasTooShort) {
  theory::Experiment experiment;
  experiment.scalars = theory::Scalars();
  experiment.feedback = {.5, 1};
  experiment.course.time = 1;
  const theory::Report report = *theory::RunExperiment(experiment);
  EXPECT_THAT(TheoryTable(experiment, report).ToString(), HasSubstr("frfb  > 1 "));
  EXPECT_THAT(DivergenceNotes(experiment, report), ElementsAre());
  EXPECT_EQ(TheoryJson(experiment, report)["scalar"]["target"], 1);
  const plot::Chart chart = TheoryChart(experiment, report);
  ASSERT_EQ(chart.series.size(), 5u) << "BP once";
  EXPECT_EQ(chart.series[0].name, "bp");
  EXPECT_EQ(chart.series[3].name, "frfb, r0 1");
}

}  // namespace
}  // namespace hebb::client
