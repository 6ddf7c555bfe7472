// SPDX-License-Identifier: Apache-2.0
#include "client/sweep/rehearsal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sweep/labels.h"

namespace hebb::client {
namespace {

sweep::Labels LabelsOf(const v1::ValidateSweepResponse& sweep) {
  std::vector<sweep::Point> points;
  for (const v1::ValidatedRun& run : sweep.runs()) {
    sweep::Point& point = points.emplace_back();
    for (const v1::GridValue& entry : run.point()) point.emplace_back(entry.key(), entry.value());
  }
  return sweep::Labels(points);
}

}  // namespace

Table RehearsedRuns(const v1::ValidateSweepResponse& sweep) {
  const sweep::Labels labels = LabelsOf(sweep);
  std::vector<std::string> head = {"RUN"};
  for (const v1::GridValue& entry : sweep.runs(0).point()) head.push_back(labels.Key(entry.key()));
  head.push_back("PARAMETERS");
  Table table(std::move(head));
  int number = 0;
  for (const v1::ValidatedRun& run : sweep.runs()) {
    std::vector<std::string> row = {absl::StrCat(++number)};
    for (const v1::GridValue& entry : run.point()) {
      row.push_back(labels.Value(entry.key(), entry.value()));
    }
    row.push_back(Grouped(run.job().parameters()));
    table.Add(std::move(row));
  }
  return table;
}

std::string RehearsedLaunches(const v1::ValidateSweepResponse& sweep) {
  std::vector<std::pair<std::string, std::vector<int>>> requests;  // with the runs' numbers
  int number = 0;
  for (const v1::ValidatedRun& run : sweep.runs()) {
    ++number;
    const std::string& text = run.job().launch_request();
    if (text.empty()) continue;
    const auto same = [&](const auto& request) { return request.first == text; };
    auto found = std::find_if(requests.begin(), requests.end(), same);
    if (found == requests.end()) found = requests.insert(requests.end(), {text, {}});
    found->second.push_back(number);
  }
  std::string all;
  for (const auto& [text, runs] : requests) {
    const bool every = static_cast<int>(runs.size()) == sweep.runs_size();
    absl::StrAppend(&all, "\n# handed to the cluster for each worker that a run lacks",
                    every ? "" : absl::StrCat(" (runs ", absl::StrJoin(runs, ", "), ")"), ":\n",
                    text);
  }
  return all;
}

}  // namespace hebb::client
