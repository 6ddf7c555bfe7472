// SPDX-License-Identifier: Apache-2.0
#include "common/sweep/grid.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"

namespace hebb::sweep {
namespace {

// What a status can carry over the wire, and a person wants to read.
constexpr size_t kMostLines = 20;
constexpr size_t kLongestName = 200;

std::string SetOf(const Axis& axis, size_t value) {
  return absl::StrCat(axis.key, "=", axis.values[value].text);
}

// The refusals of all runs, each said once.
class Refusals {
 public:
  Refusals(const SweepFile& file, absl::string_view file_name, const std::vector<std::string>& sets,
           size_t runs)
      : file_(file), file_name_(file_name), sets_(sets), runs_(runs) {}

  // `choice`: the run's indices into the axes' values.
  void Add(const std::vector<size_t>& choice, const std::string& label, absl::string_view message) {
    for (const absl::string_view line : absl::StrSplit(message, '\n')) {
      const auto [axis, text] = Attribute(choice, line);
      const auto same = [axis = axis, text = text](const Finding& f) {
        return f.axis == axis && f.text == text;
      };
      auto found = std::find_if(findings_.begin(), findings_.end(), same);
      if (found == findings_.end()) {
        found = findings_.insert(findings_.end(), {axis, std::string(text), label, 0, {}});
      }
      ++found->runs;
      if (axis >= 0) found->values.insert(choice[axis]);
    }
  }

  bool empty() const { return findings_.empty(); }

  absl::Status ToStatus() const {
    std::vector<std::string> lines;
    for (const Finding& finding : findings_) Append(finding, lines);
    if (lines.size() > kMostLines) {
      const size_t more = lines.size() - kMostLines;
      lines.resize(kMostLines);
      lines.push_back(absl::StrCat(file_name_, ": and ", more, " more; correct these first"));
    }
    return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
  }

 private:
  struct Finding {
    int axis = -1;  // the grid key whose value is at fault; -1: the rest of the file
    std::string text;
    std::string first;  // the first run that has it
    size_t runs = 0;
    std::set<size_t> values;  // of the axis
  };

  // ParseJob places what a grid value causes at the --set by which the run got it.
  std::pair<int, absl::string_view> Attribute(const std::vector<size_t>& choice,
                                              absl::string_view line) const {
    for (size_t i = 0; i < choice.size(); ++i) {
      absl::string_view rest = line;
      if (absl::ConsumePrefix(&rest,
                              absl::StrCat("--set ", SetOf(file_.axes[i], choice[i]), ": "))) {
        return {static_cast<int>(i), rest};
      }
    }
    return {-1, line};
  }

  void Append(const Finding& finding, std::vector<std::string>& lines) const {
    std::string where;
    if (finding.axis < 0) {
      if (finding.runs < runs_) where = In(finding);
      lines.push_back(absl::StrCat(finding.text, where));
      return;
    }
    const Axis& axis = file_.axes[finding.axis];
    const size_t with_values = runs_ / axis.values.size() * finding.values.size();
    if (finding.runs < with_values) where = In(finding);
    const auto line = [&](const spec::Place& place) {
      return absl::StrCat(PlaceText(place, file_name_, sets_), ": grid key ", axis.key, ": ",
                          finding.text, where);
    };
    if (finding.values.size() == axis.values.size()) {  // the key itself, whatever its value
      lines.push_back(line(axis.values.size() == 1 ? axis.values[0].place : axis.place));
      return;
    }
    for (const size_t value : finding.values) lines.push_back(line(axis.values[value].place));
  }

  static std::string In(const Finding& finding) {
    const std::string more =
        finding.runs > 1 ? absl::StrCat(" and ", finding.runs - 1, " more") : "";
    return absl::StrCat(" (in the run ", finding.first, more, ")");
  }

  const SweepFile& file_;
  const absl::string_view file_name_;
  const std::vector<std::string>& sets_;
  const size_t runs_;
  std::vector<Finding> findings_;
};

Point PointOf(const std::vector<Axis>& axes, const std::vector<size_t>& choice) {
  Point point;
  for (size_t i = 0; i < axes.size(); ++i) {
    point.emplace_back(axes[i].key, axes[i].values[choice[i]].text);
  }
  return point;
}

void Name(Sweep& sweep, const Labels& labels) {
  if (sweep.name.empty()) sweep.name = sweep.runs.front().job.name;
  for (size_t i = 0; i < sweep.runs.size(); ++i) {
    Run& run = sweep.runs[i];
    run.job.name = absl::StrCat(sweep.name, "/", labels.Of(run.point));
    if (run.job.name.size() > kLongestName) run.job.name = absl::StrCat(sweep.name, "/", i + 1);
  }
}

absl::Status CheckHalving(const Halving& halving, const spec::Job& job,
                          absl::string_view file_name) {
  const auto refuse = [&](const std::string& text) {
    return absl::InvalidArgumentError(
        absl::StrCat(PlaceText(halving.place, file_name, {}), ": ", text));
  };
  if (halving.epochs.back() >= job.learning.epochs) {
    return refuse(absl::StrCat("sweep.halving.epochs has a rung at epoch ", halving.epochs.back(),
                               ", but a run has ", job.learning.epochs,
                               " epochs; leave it out or raise learning.epochs"));
  }
  if (halving.metric == "validation_accuracy" && job.dataset.validation == 0) {
    return refuse(
        "sweep.halving looks at validation_accuracy, but dataset.validation is 0; set it, or "
        "sweep.halving.metric: train_loss");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::vector<size_t>> Combinations(const std::vector<Axis>& axes) {
  std::vector<size_t> order(axes.size());  // slowest first
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_partition(order.begin(), order.end(),
                        [&](size_t axis) { return axes[axis].key == "seed"; });
  std::vector<std::vector<size_t>> all = {std::vector<size_t>(axes.size(), 0)};
  bool drawn = false;
  for (const size_t axis : order) {
    if (axes[axis].drawn && std::exchange(drawn, true)) continue;  // went with the first of them
    std::vector<std::vector<size_t>> longer;
    for (const std::vector<size_t>& choice : all) {
      for (size_t value = 0; value < axes[axis].values.size(); ++value) {
        longer.push_back(choice);
        for (size_t other = 0; other < axes.size(); ++other) {
          const bool together = axes[axis].drawn && axes[other].drawn;
          if (other == axis || together) longer.back()[other] = value;
        }
      }
    }
    all = std::move(longer);
  }
  return all;
}

absl::StatusOr<Sweep> ParseSweep(absl::string_view yaml, absl::string_view file_name,
                                 const std::vector<std::string>& sets) {
  HEBB_ASSIGN_OR_RETURN(const SweepFile file, ReadSweepFile(yaml, file_name, sets));
  const std::vector<std::vector<size_t>> choices = Combinations(file.axes);
  std::vector<Point> points;
  for (const std::vector<size_t>& choice : choices) points.push_back(PointOf(file.axes, choice));
  const Labels labels(points);
  Sweep sweep;
  sweep.name = file.name;
  Refusals refusals(file, file_name, sets, choices.size());
  for (size_t i = 0; i < choices.size(); ++i) {
    std::vector<std::string> run_sets = file.job_sets;
    for (size_t axis = 0; axis < file.axes.size(); ++axis) {
      run_sets.push_back(SetOf(file.axes[axis], choices[i][axis]));
    }
    absl::StatusOr<spec::Job> job = spec::ParseJob(file.job_yaml, file_name, run_sets);
    if (job.ok() && file.halving)
      HEBB_RETURN_IF_ERROR(CheckHalving(*file.halving, *job, file_name));
    if (job.ok()) {
      sweep.runs.push_back({std::move(points[i]), *std::move(job)});
    } else {
      refusals.Add(choices[i], labels.Of(points[i]), job.status().message());
    }
  }
  if (!refusals.empty()) return refusals.ToStatus();
  Name(sweep, labels);
  return sweep;
}

}  // namespace hebb::sweep
