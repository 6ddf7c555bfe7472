// SPDX-License-Identifier: Apache-2.0
#include "client/sweep/report.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "client/format.h"
#include "client/plot/text.h"
#include "client/progress.h"
#include "client/sweep/follow_sweep.h"
#include "common/sweep/sweep_file.h"

namespace hebb::client {
namespace {

using plot::EscapeXml;

// More lines than these nobody can tell apart.
constexpr size_t kMostCurves = 12;

constexpr char kStyle[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#57606a;--line:#d0d7de;"
    "--code:#f3f5f7}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9da7b1;"
    "--line:#3a424b;--code:#161b22}}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:1.5rem}"
    "h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--soft);padding:.3rem 0}"
    "th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top}td,tbody th{white-space:nowrap}"
    "figure{margin:1rem 0}figcaption,footer{color:var(--soft);font-size:.9rem}"
    "svg{max-width:100%;height:auto}"
    ".wide{overflow-x:auto}"
    "pre{background:var(--code);padding:.8rem;overflow-x:auto}code{font-size:.9rem}"
    "dt{font-weight:600;float:left;clear:left;width:8rem}dd{margin-left:8rem}";

std::string Element(absl::string_view name, absl::string_view text) {
  return absl::StrCat("<", name, ">", EscapeXml(text), "</", name, ">");
}

std::string Row(const std::vector<std::string>& cells, bool head) {
  std::string row = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    if (head) {
      absl::StrAppend(&row, "<th scope=\"col\">", EscapeXml(cells[i]), "</th>");
    } else if (i == 0) {
      absl::StrAppend(&row, "<th scope=\"row\">", EscapeXml(cells[i]), "</th>");
    } else {
      absl::StrAppend(&row, Element("td", cells[i]));
    }
  }
  return absl::StrCat(row, "</tr>\n");
}

std::string HtmlTable(absl::string_view caption, const std::vector<std::string>& head,
                      const std::vector<std::vector<std::string>>& rows) {
  std::string table =
      absl::StrCat("<div class=\"wide\" tabindex=\"0\"><table>", Element("caption", caption),
                   "\n<thead>", Row(head, true), "</thead>\n<tbody>\n");
  for (const auto& row : rows) absl::StrAppend(&table, Row(row, false));
  return absl::StrCat(table, "</tbody></table></div>\n");
}

std::string Figure(const plot::Chart& chart, absl::string_view caption) {
  return absl::StrCat("<figure>", plot::ToSvg(chart), Element("figcaption", caption),
                      "</figure>\n");
}

std::string Time(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", FromProto(time), absl::UTCTimeZone());
}

// Word characters need no quotes in a shell.
std::string Quoted(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_-+./=:,@%", static_cast<char>(c));
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

std::string FileName(const v1::Sweep& sweep) {
  const std::string name = std::filesystem::path(sweep.file_name()).filename().string();
  return name.empty() ? "sweep.yaml" : name;
}

std::string Command(const v1::Sweep& sweep, bool with_grid) {
  std::string command = absl::StrCat("hebb sweep ", Quoted(FileName(sweep)));
  for (const std::string& set : sweep.sets()) {
    const bool of_grid =
        absl::StartsWith(set, "sweep.grid") || absl::StartsWith(set, "sweep.random");
    if (!with_grid && of_grid) continue;
    absl::StrAppend(&command, " --set ", Quoted(set));
  }
  return command;
}

class Page {
 public:
  Page(const SweepRecord& record, const std::string& version)
      : sweep_(record.sweep), record_(record), version_(version), groups_(GroupsOf(sweep_)) {}

  std::string ToString() {
    absl::StrAppend(&out_,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n",
                    Element("title", absl::StrCat("Sweep ", sweep_.name())), "\n<style>", kStyle,
                    "</style>\n</head>\n<body>\n<main>\n");
    AddHead();
    AddResults();
    AddCurves();
    AddAlignment();
    AddRuns();
    AddCommands();
    absl::StrAppend(&out_, "<footer>", Element("p", absl::StrCat("Written by hebb ", version_)),
                    "</footer>\n</main>\n</body>\n</html>\n");
    return std::move(out_);
  }

 private:
  void AddHead() {
    absl::StrAppend(&out_, Element("h1", absl::StrCat("Sweep ", sweep_.name())), "\n<dl>\n");
    AddTerm("id", sweep_.id());
    AddTerm("submitted", sweep_.has_created() ? Time(sweep_.created()) : "");
    AddTerm("state",
            absl::StrCat(v1::JobState_Name(sweep_.state()), " (", CountsText(sweep_), ")"));
    if (!record_.jobs.empty()) AddTerm("data set", record_.jobs[0].spec().dataset().name());
    absl::StrAppend(&out_, "</dl>\n");
  }

  void AddTerm(absl::string_view term, absl::string_view text) {
    absl::StrAppend(&out_, Element("dt", term), Element("dd", text), "\n");
  }

  void AddResults() {
    std::vector<std::string> head = {"setting", "n", "runs"};
    std::vector<Metric> shown;
    for (const Metric& metric : Metrics()) {
      const auto has = [&](const Group& group) { return MeanOf(group, metric).n > 0; };
      if (std::none_of(groups_.begin(), groups_.end(), has)) continue;
      shown.push_back(metric);
      head.push_back(metric.title);
    }
    std::vector<std::vector<std::string>> rows;
    for (const Group& group : groups_) {
      const auto ended = [&](int run) { return sweep_.runs(run).state() == v1::SUCCEEDED; };
      const auto n = std::count_if(group.runs.begin(), group.runs.end(), ended);
      std::vector<std::string> row = {group.label, absl::StrCat(n),
                                      absl::StrCat(group.runs.size())};
      for (const Metric& metric : shown) {
        row.push_back(EstimateText(metric, MeanOf(group, metric)));
      }
      rows.push_back(std::move(row));
    }
    absl::StrAppend(&out_, "<section><h2>Results</h2>\n",
                    HtmlTable("Mean ± 95 % interval (Student's t) at the end of training, over the "
                              "n of the runs that SUCCEEDED; they differ by their seed only.",
                              head, rows),
                    "</section>\n");
  }

  // All groups, or the best where they are too many for a chart.
  std::vector<Group> Shown(const Metric& metric) const {
    if (groups_.size() <= kMostCurves) return groups_;
    std::vector<Group> sorted = groups_;
    const auto rank = [&](const Group& group) {
      const Estimate estimate = MeanOf(group, metric);
      if (estimate.n == 0) return std::numeric_limits<double>::infinity();
      return metric.is_accuracy ? -estimate.mean : estimate.mean;
    };
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](const Group& a, const Group& b) { return rank(a) < rank(b); });
    sorted.resize(kMostCurves);
    return sorted;
  }

  std::string Caption(absl::string_view what) const {
    return absl::StrCat(
        what,
        " Lines are means over the runs that have reached the epoch, bands their 95 % "
        "intervals.",
        groups_.size() > kMostCurves ? absl::StrCat(" Shown are the best ", kMostCurves, " of ",
                                                    groups_.size(), " settings.")
                                     : "");
  }

  void AddCurves() {
    absl::StrAppend(&out_, "<section><h2>Learning curves</h2>\n");
    const Metric& loss = Metrics()[0];
    const Metric* accuracy = &Metrics()[2];
    if (MetricChart(record_, groups_, *accuracy).series.empty()) accuracy = &Metrics()[1];
    bool any = false;
    for (const Metric* metric : {&loss, accuracy}) {
      const plot::Chart chart = MetricChart(record_, Shown(*metric), *metric);
      if (chart.series.empty()) continue;
      any = true;
      absl::StrAppend(&out_, Figure(chart, Caption(absl::StrCat("The ", metric->title,
                                                                " at the end of each epoch."))));
    }
    if (!any) absl::StrAppend(&out_, "<p>No epoch has ended yet.</p>\n");
    absl::StrAppend(&out_, "</section>\n");
  }

  void AddAlignment() {
    absl::StrAppend(&out_, "<section><h2>Alignment of forward and feedback weights</h2>\n");
    const std::vector<std::string> layers = AlignedLayers(record_);
    for (const std::string& layer : layers) {
      const plot::Chart chart = AlignmentChart(record_, Shown(Metrics()[2]), layer);
      if (chart.series.empty()) continue;
      absl::StrAppend(
          &out_,
          Figure(chart, Caption(absl::StrCat("The cosine between W and R of layer ", layer, "."))));
    }
    if (layers.empty()) {
      absl::StrAppend(&out_,
                      "<p>No layer has feedback weights of its own, or no epoch has ended "
                      "yet.</p>\n");
    }
    absl::StrAppend(&out_, "</section>\n");
  }

  void AddRuns() {
    const sweep::Labels labels = LabelsOf(sweep_);
    std::vector<std::string> head = {"job"};
    if (sweep_.runs_size() > 0) {
      for (const v1::GridValue& entry : sweep_.runs(0).point()) head.push_back(entry.key());
    }
    head.insert(head.end(), {"state", "epochs"});
    for (const Metric& metric : Metrics()) head.push_back(metric.title);
    head.push_back("weights digest");
    std::vector<std::vector<std::string>> rows;
    for (int i = 0; i < sweep_.runs_size(); ++i) {
      const v1::SweepRun& run = sweep_.runs(i);
      std::vector<std::string> row = {run.job()};
      for (const v1::GridValue& entry : run.point()) {
        row.push_back(labels.Value(entry.key(), entry.value()));
      }
      row.insert(row.end(), {v1::JobState_Name(run.state()), absl::StrCat(run.epoch())});
      for (const Metric& metric : Metrics()) {
        row.push_back(ValueText(metric, ValueOf(run.metrics(), metric)));
      }
      row.push_back(record_.jobs[static_cast<size_t>(i)].weights_digest().substr(0, 12));
      rows.push_back(std::move(row));
    }
    absl::StrAppend(&out_, "<section><h2>Runs</h2>\n",
                    HtmlTable("Every run with its job. Equal digests are equal weights, bit by "
                              "bit; `hebb describe JOB` shows them whole.",
                              head, rows));
    AddFailures();
    absl::StrAppend(&out_, "</section>\n");
  }

  void AddFailures() {
    std::string list;
    for (const v1::SweepRun& run : sweep_.runs()) {
      if (run.state() != v1::FAILED) continue;
      absl::StrAppend(&list, Element("li", absl::StrCat(run.job(), ": ", run.reason())), "\n");
    }
    if (!list.empty()) absl::StrAppend(&out_, "<h3>Failed</h3>\n<ul>\n", list, "</ul>\n");
  }

  void AddCommands() {
    absl::StrAppend(&out_, "<section><h2>To run it again</h2>\n<p>The file ",
                    Element("code", FileName(sweep_)), ":</p>\n<pre>",
                    Element("code", sweep_.yaml()), "</pre>\n");
    for (const v1::Job& job : record_.jobs) {
      if (job.spec().init().sha256().empty()) continue;
      absl::StrAppend(&out_, "<p>The start weights come from ",
                      Element("code", job.spec().init().from()), ", SHA-256 ",
                      Element("code", job.spec().init().sha256()), ".</p>\n");
      break;  // no grid key
    }
    absl::StrAppend(&out_, "<p>The whole sweep and this report:</p>\n<pre>",
                    Element("code", absl::StrCat(SweepCommand(sweep_),
                                                 " --follow\nhebb sweep "
                                                 "report ",
                                                 Quoted(sweep_.name()), " -o report.html")),
                    "</pre>\n<p>Single runs, in the order of the table:</p>\n<pre>");
    std::string lines;
    for (const v1::SweepRun& run : sweep_.runs()) {
      absl::StrAppend(&lines, RunCommand(sweep_, run), "\n");
    }
    absl::StrAppend(&out_, Element("code", lines), "</pre>\n</section>\n");
  }

  const v1::Sweep& sweep_;
  const SweepRecord& record_;
  const std::string version_;
  const std::vector<Group> groups_;
  std::string out_;
};

// A point's values replace the grid's; samples would draw others beside them.
bool HasSamples(const v1::Sweep& sweep) {
  const std::vector<std::string> sets(sweep.sets().begin(), sweep.sets().end());
  const auto file = sweep::ReadSweepFile(sweep.yaml(), sweep.file_name(), sets);
  const auto drawn = [](const sweep::Axis& axis) { return axis.drawn; };
  return file.ok() && std::any_of(file->axes.begin(), file->axes.end(), drawn);
}

}  // namespace

std::string SweepCommand(const v1::Sweep& sweep) { return Command(sweep, /*with_grid=*/true); }

std::string RunCommand(const v1::Sweep& sweep, const v1::SweepRun& run) {
  std::string command = Command(sweep, /*with_grid=*/false);  // which is replaced by the point
  if (HasSamples(sweep)) absl::StrAppend(&command, " --set sweep.random=null");
  for (const v1::GridValue& entry : run.point()) {
    const std::string set = absl::StrCat("sweep.grid.", entry.key(), "=[", entry.value(), "]");
    absl::StrAppend(&command, " --set ", Quoted(set));
  }
  return command;
}

std::string ReportHtml(const SweepRecord& record, const std::string& version) {
  return Page(record, version).ToString();
}

}  // namespace hebb::client
