// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/compare/comparison.h"
#include "client/plot/chart.h"

namespace hebb::client {
namespace {

constexpr char kStyle[] =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse}td,th{text-align:left;"
    "padding:.2rem .8rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}"
    "svg{max-width:100%;height:auto}";

struct Curve {
  const char* title;
  bool (v1::Metrics::*has)() const;
  double (v1::Metrics::*value)() const;
};
constexpr Curve kCurves[] = {
    {"train loss", &v1::Metrics::has_train_loss, &v1::Metrics::train_loss},
    {"train accuracy", &v1::Metrics::has_train_accuracy, &v1::Metrics::train_accuracy},
    {"validation accuracy", &v1::Metrics::has_validation_accuracy,
     &v1::Metrics::validation_accuracy}};

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

plot::Series SeriesOf(const v1::Job& job, const Curve& curve) {
  plot::Series series{absl::StrCat(job.name(), " (", job.id(), ")"), {}};
  for (const v1::EpochRecord& record : job.epochs()) {
    if (!(record.metrics().*curve.has)()) continue;
    series.points.push_back(
        {static_cast<double>(record.epoch()), (record.metrics().*curve.value)()});
  }
  return series;
}

std::string Table(const std::string& caption, const std::vector<Difference>& differences,
                  const v1::Job& a, const v1::Job& b) {
  std::string table = absl::StrCat("<h2>", caption, "</h2>\n");
  if (differences.empty()) return absl::StrCat(table, "<p>No difference.</p>\n");
  absl::StrAppend(&table, "<table><thead><tr><th></th><th>", Escaped(a.id()), "</th><th>",
                  Escaped(b.id()), "</th></tr></thead>\n<tbody>\n");
  for (const Difference& one : differences) {
    absl::StrAppend(&table, "<tr><td>", Escaped(one.what), "</td><td>", Escaped(one.a), "</td><td>",
                    Escaped(one.b), "</td></tr>\n");
  }
  return absl::StrCat(table, "</tbody></table>\n");
}

}  // namespace

std::string ComparisonHtml(const ComparedJob& a, const ComparedJob& b,
                           const Comparison& comparison) {
  const std::string title = absl::StrCat(a.job.name(), " and ", b.job.name());
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>",
      Escaped(title), "</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1>",
      Escaped(title), "</h1>\n<p>", Escaped(DigestVerdict(comparison)), "</p>\n",
      Table("Job file", comparison.spec, a.job, b.job),
      Table("Results", comparison.results, a.job, b.job),
      Table("Sources", comparison.sources, a.job, b.job));
  for (const Curve& curve : kCurves) {
    plot::Chart chart;
    chart.title = curve.title;
    chart.x_label = "epoch";
    chart.y_label = curve.title;
    chart.series = {SeriesOf(a.job, curve), SeriesOf(b.job, curve)};
    if (chart.series[0].points.empty() && chart.series[1].points.empty()) continue;
    absl::StrAppend(&page, "<figure>", plot::ToSvg(chart), "</figure>\n");
  }
  return absl::StrCat(page, "</body>\n</html>\n");
}

}  // namespace hebb::client
