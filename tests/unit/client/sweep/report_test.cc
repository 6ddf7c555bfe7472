// SPDX-License-Identifier: Apache-2.0
// What is proven: the page is well-formed whatever the sweep holds, loads nothing, has every run,
// and its numbers are those of the epochs.
#include "client/sweep/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/testing/xml.h"
#include "tests/unit/client/sweep/sample_sweep.h"

namespace hebb::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Malformed(const std::string& page) {
  return hebb::testing::XmlProblem(page.substr(page.find('\n')));  // after the doctype
}

TEST(ReportTest, IsWellFormedAndLoadsNothing) {
  SweepRecord record = SampleRecord();
  record.sweep.set_name("a <b> & \"c\" ]]> </script>");
  const std::string html = ReportHtml(record, "1.2.3");
  EXPECT_EQ(Malformed(html), "");
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, Not(HasSubstr("@import")));
  static const std::regex kReference("(src|href)\\s*=");
  EXPECT_FALSE(std::regex_search(html, kReference));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
  EXPECT_THAT(html, HasSubstr("hebb 1.2.3"));
}

TEST(ReportTest, HoldsEveryRunItsPlaceInTheGridAndTheCommands) {
  const SweepRecord record = SampleRecord();
  const std::string html = ReportHtml(record, "0");
  for (const v1::SweepRun& run : record.sweep.runs()) {
    EXPECT_THAT(html, HasSubstr(absl::StrCat("<th scope=\"row\">", run.job(), "</th>")));
  }
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\">learning.rule</th>"));
  EXPECT_THAT(html, HasSubstr("name: sample  # a &amp; b &lt; c"));
  EXPECT_EQ(SweepCommand(record.sweep),
            "hebb sweep '<rules>.yaml' --set learning.epochs=2 --set 'sweep.grid.seed=[1, 2]'");
  EXPECT_EQ(RunCommand(record.sweep, record.sweep.runs(3)),
            "hebb sweep '<rules>.yaml' --set learning.epochs=2 --set "
            "'sweep.grid.learning.rule=[urfb]' --set 'sweep.grid.seed=[2]'");
}

TEST(ReportTest, ARunOfRandomSearchIsMadeWithoutIt) {
  SweepRecord record = SampleRecord();
  record.sweep.clear_sets();
  record.sweep.add_sets("sweep.random.samples=2");
  record.sweep.add_sets("sweep.random.parameters.learning.rule={choice: [bp, urfb]}");
  EXPECT_EQ(RunCommand(record.sweep, record.sweep.runs(3)),
            "hebb sweep '<rules>.yaml' --set sweep.random=null --set "
            "'sweep.grid.learning.rule=[urfb]' --set 'sweep.grid.seed=[2]'");
}

TEST(ReportTest, TheTableHasMeanIntervalAndNumber) {
  const std::string html = ReportHtml(SampleRecord(), "0");
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">rule=bp</th><td>2</td><td>2</td>"));
  EXPECT_THAT(html, HasSubstr("<td>62.50 ± 158.83 %</td>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">rule=urfb</th><td>1</td><td>2</td>"));
}

TEST(ReportTest, ChartsAreTitledForThoseWhoDoNotSeeThem) {
  const std::string html = ReportHtml(SampleRecord(), "0");
  for (const char* chart : {"Train loss", "Validation accuracy", "Alignment of conv1"}) {
    EXPECT_THAT(html, HasSubstr(absl::StrCat("<title>", chart, "</title>")));
  }
  EXPECT_THAT(html, HasSubstr("<desc>"));
}

TEST(ReportTest, CurvesAreMeansOverSeedsWithBands) {
  const SweepRecord record = SampleRecord();
  const plot::Chart chart = MetricChart(record, GroupsOf(record.sweep), Metrics()[2]);
  ASSERT_EQ(chart.series.size(), 2u);
  EXPECT_EQ(chart.series[0].name, "rule=bp");
  ASSERT_EQ(chart.series[0].points.size(), 2u);
  EXPECT_EQ(chart.series[0].points[1].x, 2);
  EXPECT_DOUBLE_EQ(chart.series[0].points[1].y, 0.625);
  ASSERT_TRUE(chart.series[0].points[1].band.has_value());
  EXPECT_NEAR(chart.series[0].points[1].band->high - 0.625, 12.706205 * 0.125, 1e-5);
}

TEST(ReportTest, OnlyRulesWithFeedbackWeightsAreInTheAlignment) {
  const SweepRecord record = SampleRecord();
  EXPECT_EQ(AlignedLayers(record), std::vector<std::string>{"conv1"});
  const plot::Chart chart = AlignmentChart(record, GroupsOf(record.sweep), "conv1");
  ASSERT_EQ(chart.series.size(), 2u) << "a group keeps its colour from chart to chart";
  EXPECT_EQ(chart.series[0].name, "rule=bp (none)");
  EXPECT_TRUE(chart.series[0].points.empty());
  EXPECT_EQ(chart.series[1].name, "rule=urfb");
  EXPECT_DOUBLE_EQ(chart.series[1].points[0].y, 0.25);
  EXPECT_TRUE(AlignmentChart(record, GroupsOf(record.sweep), "out").series.empty());
}

TEST(ReportTest, FailuresAreListedWithTheirReasons) {
  SweepRecord record = SampleRecord();
  EXPECT_THAT(ReportHtml(record, "0"), Not(HasSubstr("<h3>Failed</h3>")));
  record.sweep.mutable_runs(3)->set_state(v1::FAILED);
  record.sweep.mutable_runs(3)->set_reason("the loss is NaN & gone");
  EXPECT_THAT(ReportHtml(record, "0"), HasSubstr("<li>j-urfb2: the loss is NaN &amp; gone</li>"));
}

TEST(ReportTest, ASweepThatHasNotBegunHasAReport) {
  SweepRecord record = SampleRecord();
  for (v1::Job& job : record.jobs) job.Clear();
  for (v1::SweepRun& run : *record.sweep.mutable_runs()) {
    run.set_state(v1::QUEUED);
    run.clear_metrics();
  }
  const std::string html = ReportHtml(record, "0");
  EXPECT_EQ(Malformed(html), "");
  EXPECT_THAT(html, HasSubstr("No epoch has ended yet"));
}

TEST(ReportTest, CsvHasARowForEachEpochWithTheTestAtTheEnd) {
  SweepRecord record = SampleRecord();
  record.sweep.mutable_runs(0)->mutable_point(0)->set_value("{\"a\":1,\"b\":2}");
  const std::vector<std::string> lines = absl::StrSplit(ReportCsv(record), "\r\n");
  ASSERT_EQ(lines.size(), 1 + 4 * 2 + 1u);
  EXPECT_EQ(lines[0],
            "job,state,learning.rule,seed,epoch,step,seconds,train_loss,train_accuracy,"
            "validation_accuracy,test_accuracy,test_loss,alignment.conv1");
  EXPECT_EQ(lines[1], "j-bp1,SUCCEEDED,\"{\"\"a\"\":1,\"\"b\"\":2}\",1,1,100,1.5,1.75,,0.25,,,");
  EXPECT_EQ(lines[8], "j-urfb2,RUNNING,urfb,2,2,200,1.5,1.125,,0.875,0.75,,0.5");
  EXPECT_EQ(lines.back(), "");
}

}  // namespace
}  // namespace hebb::client
