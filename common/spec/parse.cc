// SPDX-License-Identifier: Apache-2.0
#include "common/spec/parse.h"

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/spec/check.h"
#include "common/spec/json_tree.h"
#include "common/spec/overrides.h"
#include "common/spec/reader.h"
#include "common/spec/recent_files.h"
#include "common/status_macros.h"

namespace hebb::spec {
namespace {

std::string Format(const Problem& problem, absl::string_view file,
                   const std::vector<std::string>& sets) {
  const Place& place = problem.place;
  // A message is one line, whatever the file holds.
  const std::string text = absl::StrJoin(absl::StrSplit(problem.text, '\n'), " ");
  if (place.set >= 0) return absl::StrCat("--set ", sets[place.set], ": ", text);
  return absl::StrCat(PlaceText(place, file), ": ", text);
}

absl::Status Refusal(std::vector<Problem> problems, absl::string_view file,
                     const std::vector<std::string>& sets) {
  const auto key = [](const Problem& p) {
    return std::make_tuple(p.place.set, p.place.line, p.place.column);
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const Problem& a, const Problem& b) { return key(a) < key(b); });
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(Format(problem, file, sets));
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

std::string NameOfFile(absl::string_view file) {
  const std::string stem = std::filesystem::path(std::string(file)).stem().string();
  return stem.empty() ? "job" : stem;
}

}  // namespace

void FillDerivedDefaults(Job& job) {
  std::string before = "input";
  for (Layer& layer : job.network.layers) {
    if (layer.inputs.empty()) layer.inputs = {before};
    before = layer.name;
    const auto fill_stride = [](auto* pool) {
      if (pool != nullptr && pool->stride == 0) pool->stride = pool->size;
    };
    fill_stride(std::get_if<MaxPool>(&layer.op));
    fill_stride(std::get_if<AvgPool>(&layer.op));
  }
}

absl::StatusOr<Job> ParseJob(absl::string_view yaml, absl::string_view file_name,
                             const std::vector<std::string>& sets) {
  std::vector<Problem> problems;
  static auto* const files = new RecentFiles();  // of the whole process
  Tree root = files->Parse(yaml, problems);
  if (problems.empty() && root.kind != Tree::Kind::kMap) {
    const char* cause =
        root.kind == Tree::Kind::kNull ? "the job file is empty" : "the job file is not a map";
    problems.push_back({root.place, "",
                        absl::StrCat(cause,
                                     "; write keys and values, as in "
                                     "examples/quickstart.yaml")});
  }
  if (!problems.empty()) return Refusal(std::move(problems), file_name, sets);
  ApplySets(sets, UnionKeys(), root, problems);
  Job job = ReadJob(root, problems);
  CheckJob(job, root, problems);
  if (!problems.empty()) return Refusal(std::move(problems), file_name, sets);
  if (job.name.empty()) job.name = NameOfFile(file_name);
  FillDerivedDefaults(job);
  return job;
}

absl::StatusOr<Job> JobFromJson(absl::string_view json) {
  HEBB_ASSIGN_OR_RETURN(const Tree root, TreeFromJson(json));
  std::vector<Problem> problems;
  if (root.kind != Tree::Kind::kMap) problems.push_back({{}, "", "not a JSON object"});
  Job job = ReadJob(root, problems);
  if (!problems.empty()) return Refusal(std::move(problems), "job as JSON", {});
  return job;
}

}  // namespace hebb::spec
