// SPDX-License-Identifier: Apache-2.0
// The picture is well-formed and shows what it was given, whatever the numbers and texts are.
#include "client/plot/chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/testing/xml.h"

namespace hebb::plot {
namespace {

using ::hebb::testing::XmlProblem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The d attribute of the first line of that colour.
std::string LineOf(const std::string& svg, int series) {
  const size_t line = svg.find(absl::StrCat("class=\"c", series, " line\""));
  if (line == std::string::npos) return "";
  const size_t start = svg.find(" d=\"", line) + 4;
  return svg.substr(start, svg.find('"', start) - start);
}

Chart Example() {
  Chart chart;
  chart.title = "Error";
  chart.x_label = "time";
  chart.y_label = "relative error";
  chart.series = {{"bp", {{0, 1}, {1, .5}, {2, .25}}}, {"urfb", {{0, 1}, {1, .25}, {2, .01}}}};
  return chart;
}

TEST(XmlProblemTest, TellsWhatIsNotWellFormed) {
  EXPECT_EQ(XmlProblem("<a b=\"c &amp; d\">x &#39;<e f=\"1\"/></a>\n"), "");
  for (const char* bad : {"", "x", "<a>", "<a></b>", "<a/><b/>", "<a b=c/>", "<a>&</a>",
                          "<a b=\"1\" b=\"2\"/>", "<a b=\"&x;\"/>", "<a>1 < 2</a>", "<a/>x"}) {
    EXPECT_NE(XmlProblem(bad), "") << bad;
  }
}

TEST(ToSvgTest, DrawsAxesLinesAndLegend) {
  const std::string svg = ToSvg(Example());
  EXPECT_EQ(XmlProblem(svg), "");
  for (const char* part : {"<title>Error</title>", ">time<", ">relative error<", ">bp<", ">urfb<",
                           "prefers-color-scheme:dark", "role=\"img\""}) {
    EXPECT_THAT(svg, HasSubstr(part));
  }
  EXPECT_THAT(svg, HasSubstr("<desc>Line chart of relative error against time. bp: 0.25 at 2. "
                             "urfb: 0.01 at 2.</desc>"));
  EXPECT_EQ(Count(LineOf(svg, 0), "L"), 2);
  EXPECT_EQ(Count(svg, " line\""), 4) << "two lines and their samples in the legend";
  EXPECT_EQ(Count(svg, "<circle"), 6) << "few points are marked";
}

TEST(ToSvgTest, StandsBesideOthersOnAPage) {
  const std::string svg = ToSvg(Example());
  for (const char* part : {"<script", "href", "url(", " id=\"", "<image", "@import"}) {
    EXPECT_THAT(svg, Not(HasSubstr(part)));
  }
  const auto style = [](const std::string& s) {
    return s.substr(s.find("<style>"), s.find("</style>") - s.find("<style>"));
  };
  Chart other = Example();
  other.y_scale = Scale::kLog;
  other.width = 500;
  EXPECT_EQ(style(svg), style(ToSvg(other))) << "one chart's rules must not restyle another";
}

TEST(ToSvgTest, LogScaleSpacesDecadesEvenlyAndSkipsWhatIsNotPositive) {
  Chart chart = Example();
  chart.y_scale = Scale::kLog;
  chart.series = {{"a", {{0, 1}, {1, .1}, {2, .01}, {3, .001}, {4, 0}, {5, -1}, {6, .001}}}};
  const std::string svg = ToSvg(chart);
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_THAT(svg, HasSubstr(">0.01<"));
  EXPECT_THAT(svg, HasSubstr("on a logarithmic scale"));
  std::vector<double> x, y;
  double a = 0, b = 0;
  const std::string line = LineOf(svg, 0);
  for (size_t at = 0; at != std::string::npos; at = line.find_first_of("ML", at + 1)) {
    ASSERT_EQ(std::sscanf(line.c_str() + at + 1, "%lf %lf", &a, &b), 2) << line;
    x.push_back(a);
    y.push_back(b);
  }
  ASSERT_EQ(y.size(), 5u) << line;
  EXPECT_NEAR(y[1] - y[0], y[2] - y[1], .2);
  EXPECT_NEAR(y[2] - y[1], y[3] - y[2], .2);
  EXPECT_EQ(Count(line, "M"), 2) << "a gap where the value is not positive";
}

TEST(ToSvgTest, LeavesGapsForWhatIsNotFinite) {
  Chart chart = Example();
  chart.series = {
      {"a", {{0, 1}, {1, kNan}, {2, 1}, {3, 2}, {kInfinity, 2}, {5, -kInfinity}, {6, 0}}}};
  const std::string svg = ToSvg(chart);
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_EQ(Count(LineOf(svg, 0), "M"), 3);
  EXPECT_EQ(Count(LineOf(svg, 0), "L"), 1);
  EXPECT_EQ(Count(svg, "<circle"), 4) << "a point alone is seen as a mark";
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(ToSvgTest, DrawsBandsOfTheirOwnRuns) {
  Chart chart = Example();
  chart.series = {{"a",
                   {{0, 1, Band{.5, 1.5}},
                    {1, 2, Band{1, 3}},
                    {2, 2},
                    {3, 2, Band{kNan, 3}},
                    {4, 2, Band{1, 9}}}}};
  const std::string svg = ToSvg(chart);
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_EQ(Count(svg, " band\""), 1);
  EXPECT_EQ(Count(LineOf(svg, 0), "L"), 4) << "the line has no gap where the band has";
  EXPECT_THAT(svg, HasSubstr(">10<")) << "the axis holds the bands too";
  chart.y_scale = Scale::kLog;
  chart.series[0].points[0].band = Band{-1, 2};
  EXPECT_EQ(XmlProblem(ToSvg(chart)), "");
  EXPECT_EQ(Count(ToSvg(chart), " band\""), 1) << "reaches to the bottom";
}

TEST(ToSvgTest, EscapesAndShortensTexts) {
  Chart chart = Example();
  const std::string nasty = "</title><script>&\"'\x01\xff";
  chart.title = chart.x_label = chart.y_label = chart.description = nasty;
  chart.series[0].name = nasty;
  chart.series[1].name = std::string(5000, 'x');
  const std::string svg = ToSvg(chart);
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("&lt;/title&gt;&lt;script&gt;&amp;&quot;&#39;\uFFFD\uFFFD"));
  EXPECT_THAT(svg, Not(HasSubstr(std::string(200, 'x'))));
}

TEST(ToSvgTest, ShowsThatThereIsNoData) {
  for (const Scale scale : {Scale::kLinear, Scale::kLog}) {
    Chart chart;
    chart.y_scale = scale;
    EXPECT_EQ(XmlProblem(ToSvg(chart)), "");
    EXPECT_THAT(ToSvg(chart), HasSubstr(">no data<"));
    chart.series = {{"none", {}}, {"bad", {{kNan, 1}}}};
    EXPECT_EQ(XmlProblem(ToSvg(chart)), "");
    EXPECT_THAT(ToSvg(chart), HasSubstr(">none (no data)<"));
    EXPECT_THAT(ToSvg(chart), HasSubstr(">bad (no data)<"));
    chart.series.push_back({"one", {{5, 5}}});
    EXPECT_EQ(XmlProblem(ToSvg(chart)), "");
    EXPECT_THAT(ToSvg(chart), Not(HasSubstr(">no data<")));
  }
}

TEST(ToSvgTest, TellsManySeriesApart) {
  Chart chart = Example();
  chart.series.clear();
  for (int i = 0; i < 36; ++i) chart.series.push_back({absl::StrCat("s", i), {{0, 1.0 * i}}});
  const std::string svg = ToSvg(chart);
  EXPECT_EQ(XmlProblem(svg), "");
  std::set<std::string> looks;
  for (size_t at = svg.find(" line\""); at != std::string::npos; at = svg.find(" line\"", at + 1)) {
    looks.insert(svg.substr(at - 2, svg.find(" d=", at) - at + 2));
  }
  EXPECT_EQ(looks.size(), 36u);
}

TEST(ToSvgTest, TheSameChartIsTheSameText) { EXPECT_EQ(ToSvg(Example()), ToSvg(Example())); }

TEST(FigureTest, StacksChartsInOneWellFormedPicture) {
  Chart first = Example();
  first.title = "First <&";
  Chart second = Example();
  second.title = "Second";
  second.height = 300;
  const std::string svg = ToSvg("Both", {first, second});
  EXPECT_EQ(XmlProblem(svg), "");
  EXPECT_EQ(Count(svg, "<svg "), 1);
  EXPECT_EQ(Count(svg, "<style>"), 1);
  EXPECT_THAT(svg, HasSubstr("<title>Both</title>"));
  EXPECT_THAT(svg, HasSubstr("<g transform=\"translate(0 0)\"><title>First &lt;&amp;</title>"));
  const std::string alone = ToSvg(first);  // its height is where the second begins
  const size_t height = alone.find("height=\"") + 8;
  const std::string below = alone.substr(height, alone.find('"', height) - height);
  EXPECT_THAT(svg, HasSubstr(absl::StrCat("<g transform=\"translate(0 ", below, ")\">")));
  EXPECT_EQ(LineOf(svg, 0), LineOf(alone, 0));
}

}  // namespace
}  // namespace hebb::plot
