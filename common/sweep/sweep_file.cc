// SPDX-License-Identifier: Apache-2.0
#include "common/sweep/sweep_file.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/spec/json_tree.h"
#include "common/spec/overrides.h"
#include "common/spec/suggest.h"
#include "common/spec/yaml_tree.h"
#include "common/sweep/search.h"

namespace hebb::sweep {
namespace {

using spec::Place;
using spec::Problem;
using spec::Tree;

// Every run keeps the file's text and is checked by itself.
constexpr size_t kMostBytes = size_t{32} << 20;
constexpr absl::string_view kSection = "sweep";
constexpr absl::string_view kGrid = "sweep.grid.";
constexpr absl::string_view kParameters = "sweep.random.parameters.";

bool IsAtOrBelow(absl::string_view path, absl::string_view top) {
  return path == top || (absl::StartsWith(path, top) && path[top.size()] == '.');
}

// A grid's and random search's keys are paths of the job file: one segment with dots in it.
std::vector<std::string> SegmentsOf(absl::string_view path) {
  for (const absl::string_view map : {kGrid, kParameters}) {
    absl::string_view key = path;
    if (!absl::ConsumePrefix(&key, map)) continue;
    std::vector<std::string> segments = absl::StrSplit(map.substr(0, map.size() - 1), '.');
    segments.emplace_back(key);
    return segments;
  }
  return absl::StrSplit(path, '.');
}

// A --set may list a thousand values, a message should not.
std::string Shortened(const std::string& set) {
  constexpr size_t kLongest = 100;
  if (set.size() <= kLongest) return set;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(set[end]) & 0xc0) == 0x80) --end;  // within UTF-8
  return absl::StrCat(set.substr(0, end), "...");
}

class Reader {
 public:
  Reader(absl::string_view yaml, absl::string_view file_name, const std::vector<std::string>& sets)
      : yaml_(yaml), file_name_(file_name), sets_(sets) {}

  absl::StatusOr<SweepFile> Read() {
    const Tree root = spec::ParseYaml(yaml_, -1, problems_);
    if (!problems_.empty()) return Refusal();
    Tree with_sets = root;
    ApplySets(with_sets);
    if (problems_.empty()) ReadSection(with_sets);
    if (problems_.empty()) Check();
    if (problems_.empty()) CheckSize();
    if (problems_.empty()) TakeSectionOut(root);
    if (!problems_.empty()) return Refusal();
    return std::move(file_);
  }

 private:
  void ReadSection(const Tree& root) {
    const Tree* section = root.Find(kSection);
    if (section == nullptr) return;
    place_ = section->key_place;
    if (section->kind != Tree::Kind::kMap) {
      return Report(section->place, "sweep is no map; write sweep: {grid: {seed: [1, 2, 3]}}");
    }
    const std::vector<std::string> keys = {"name", "grid", "random", "halving"};
    for (const Tree& child : section->children) {
      if (std::find(keys.begin(), keys.end(), child.key) == keys.end()) {
        Report(child.key_place, absl::StrCat("unknown key '", child.key, "' in sweep; ",
                                             spec::Suggest(child.key, keys)));
      } else if (child.kind == Tree::Kind::kNull) {
        continue;  // as if it were not there: how a --set takes a part away
      } else if (child.key == "name") {
        ReadName(child);
      } else if (child.key == "grid") {
        ReadGrid(child);
      } else if (child.key == "random") {
        for (Axis& axis : ReadRandom(child, problems_)) file_.axes.push_back(std::move(axis));
      } else {
        file_.halving = ReadHalving(child, problems_);
      }
    }
  }

  void ReadName(const Tree& name) {
    constexpr size_t kLongest = 150;
    if (name.kind != Tree::Kind::kScalar || name.text.empty() || name.text.size() > kLongest) {
      return Report(name.place,
                    absl::StrCat("sweep.name is no text of 1 to ", kLongest, " bytes; shorten it"));
    }
    file_.name = name.text;
  }

  void ReadGrid(const Tree& grid) {
    if (grid.kind != Tree::Kind::kMap || grid.children.empty()) {
      return Report(grid.place, "sweep.grid is no map of keys; write grid: {seed: [1, 2, 3]}");
    }
    for (const Tree& child : grid.children) ReadAxis(child.key, child.key_place, child);
  }

  void ReadAxis(const std::string& key, Place place, const Tree& list) {
    if (list.kind != Tree::Kind::kList || list.children.empty()) {
      return Report(list.place, absl::StrCat(kGrid, key, " is no list of values; write ", key,
                                             ": [1, 2, 3], with one value or more"));
    }
    Axis axis{key, place, {}};
    std::set<std::string> seen;
    for (const Tree& item : list.children) {
      std::string text = OneLine(item);
      if (!seen.insert(text).second) {
        Report(item.place, absl::StrCat(kGrid, key, " has ", text, " twice; keep one of them"));
      }
      axis.values.push_back({std::move(text), item.place});
    }
    file_.axes.push_back(std::move(axis));
  }

  void ApplySets(Tree& root) {
    for (size_t i = 0; i < sets_.size(); ++i) {
      const size_t equals = sets_[i].find('=');
      const absl::string_view path = absl::string_view(sets_[i]).substr(0, equals);
      if (!IsAtOrBelow(path, kSection)) {
        file_.job_sets.push_back(sets_[i]);
        continue;
      }
      const auto set = static_cast<int>(i);
      const std::vector<std::string> segments = SegmentsOf(path);
      const bool whole = path == kSection || equals == std::string::npos ||
                         std::count(segments.begin(), segments.end(), "") > 0;
      if (whole) {
        Report({0, 0, set},
               "names no part of the section sweep and its value; write it as in "
               "sweep.grid.seed=[1, 2, 3] or sweep.random.samples=20");
        continue;
      }
      spec::ApplySet(segments, absl::string_view(sets_[i]).substr(equals + 1), set, {}, root,
                     problems_);
    }
  }

  void Check() {
    if (file_.axes.empty()) {
      Report(place_,
             "there is no grid; add sweep: {grid: {seed: [1, 2, 3]}} to the "
             "file, or hand over one job with hebb submit");
    }
    for (const Axis& axis : file_.axes) {
      CheckKey(axis);
      CheckSets(axis);
      for (const Axis& other : file_.axes) {
        if (&axis == &other || !IsAtOrBelow(axis.key, other.key)) continue;
        Report(axis.place, absl::StrCat("sweep keys ", other.key, " and ", axis.key,
                                        " set the same thing; keep one of them"));
      }
    }
  }

  void CheckKey(const Axis& axis) {
    const std::vector<std::string> segments = absl::StrSplit(axis.key, '.');
    const auto bad = [](const std::string& s) { return s.empty() || absl::StrContains(s, '='); };
    if (std::any_of(segments.begin(), segments.end(), bad)) {
      Report(axis.place, absl::StrCat("'", axis.key, "' is no key of the job file; write it as in ",
                                      "learning.batch_size"));
    }
    for (const char* fixed : {"name", "kind", "init", "sweep"}) {
      if (segments[0] != fixed) continue;
      Report(axis.place, absl::StrCat(axis.key, " cannot be a grid key: ", fixed,
                                      " is the same for all runs of a sweep; remove it"));
    }
  }

  // A --set that the grid would undo in every run is a mistake.
  void CheckSets(const Axis& axis) {
    for (size_t i = 0; i < sets_.size(); ++i) {
      const absl::string_view path = absl::string_view(sets_[i]).substr(0, sets_[i].find('='));
      if (!IsAtOrBelow(path, axis.key)) continue;
      Report({0, 0, static_cast<int>(i)},
             axis.drawn ? absl::StrCat(axis.key, " is a parameter of sweep.random; use --set ",
                                       kParameters, axis.key, "={...}")
                        : absl::StrCat(axis.key, " is a key of the grid; use --set ", kGrid,
                                       axis.key, "=[...]"));
    }
  }

  void CheckSize() {
    int64_t runs = 1;
    std::vector<std::string> sizes;
    bool drawn = false;
    for (const Axis& axis : file_.axes) {
      if (axis.drawn && std::exchange(drawn, true)) continue;
      const auto values = static_cast<int64_t>(axis.values.size());
      runs = std::min(runs, kMostRuns + 1) * values;
      sizes.push_back(absl::StrCat(values, " of ", axis.drawn ? "sweep.random" : axis.key));
    }
    const Place place = file_.axes.front().place;
    if (runs > kMostRuns) {
      Report(place, absl::StrCat("the grid has more than ", kMostRuns, " runs (",
                                 absl::StrJoin(sizes, " times "),
                                 "); leave some values out or make several sweeps"));
    } else if (static_cast<size_t>(runs) * yaml_.size() > kMostBytes) {
      Report(place, absl::StrCat(runs, " runs of a file of ", yaml_.size(), " bytes are more than ",
                                 kMostBytes >> 20, " MiB; shorten the file or the grid"));
    }
  }

  // Empties the section's lines, so that what the job's parser says has the file's line numbers.
  void TakeSectionOut(const Tree& root) {
    file_.job_yaml = std::string(yaml_);
    const auto& keys = root.children;
    const auto section = std::find_if(keys.begin(), keys.end(),
                                      [](const Tree& child) { return child.key == kSection; });
    if (section == keys.end()) return;
    std::vector<std::string> lines = absl::StrSplit(yaml_, '\n');
    const auto first = static_cast<size_t>(section->key_place.line) - 1;
    const auto next = section + 1;
    const size_t end =
        next == keys.end() ? lines.size() : static_cast<size_t>(next->key_place.line) - 1;
    for (size_t i = first; i < std::min(end, lines.size()); ++i) lines[i].clear();
    file_.job_yaml = absl::StrJoin(lines, "\n");
    // The proof that this took out the section and nothing else.
    Tree rest = root;
    rest.children.erase(rest.children.begin() + (section - keys.begin()));
    if (rest.children.empty()) rest.kind = Tree::Kind::kNull;
    std::vector<Problem> ignored;
    if (spec::TreeToJson(spec::ParseYaml(file_.job_yaml, -1, ignored)) == spec::TreeToJson(rest)) {
      return;
    }
    Report(section->key_place,
           "the sweep section shares lines or anchors with the rest of the file; write it on lines "
           "of its own, as in docs/sweeps.md");
  }

  void Report(Place place, std::string text) { problems_.push_back({place, "", std::move(text)}); }

  absl::Status Refusal() const {
    std::vector<std::string> lines;
    for (const Problem& problem : problems_) {
      std::string text = absl::StrJoin(absl::StrSplit(problem.text, '\n'), " ");
      lines.push_back(absl::StrCat(PlaceText(problem.place, file_name_, sets_), ": ", text));
    }
    return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
  }

  const absl::string_view yaml_;
  const absl::string_view file_name_;
  const std::vector<std::string>& sets_;
  std::vector<Problem> problems_;
  SweepFile file_;
  Place place_{1, 1, -1};  // of the section
};

}  // namespace

std::string PlaceText(const Place& place, absl::string_view file_name,
                      const std::vector<std::string>& sets) {
  if (place.set >= 0) return absl::StrCat("--set ", Shortened(sets[place.set]));
  return spec::PlaceText(place, file_name);
}

absl::StatusOr<SweepFile> ReadSweepFile(absl::string_view yaml, absl::string_view file_name,
                                        const std::vector<std::string>& sets) {
  return Reader(yaml, file_name, sets).Read();
}

bool HasSweepSection(absl::string_view yaml) {
  std::vector<Problem> ignored;
  return spec::ParseYaml(yaml, -1, ignored).Find(kSection) != nullptr;
}

}  // namespace hebb::sweep
