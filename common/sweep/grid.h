// SPDX-License-Identifier: Apache-2.0
// From a sweep file to its runs: every combination of the grid's values, each a checked job. Pure
// and thread-safe.
#ifndef HEBB_COMMON_SWEEP_GRID_H_
#define HEBB_COMMON_SWEEP_GRID_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"
#include "common/sweep/labels.h"
#include "common/sweep/sweep_file.h"

namespace hebb::sweep {

struct Run {
  Point point;    // in the file's order
  spec::Job job;  // its name is the sweep's, a slash and the point's label
};

struct Sweep {
  std::string name;  // sweep.name, else the job's name
  std::vector<Run> runs;
};

// All combinations, as indices into the axes' values: the last axis changes fastest, but `seed`
// slowest of all, so that a sweep that is stopped early has whole seeds. Drawn axes change
// together.
std::vector<std::vector<size_t>> Combinations(const std::vector<Axis>& axes);

// Reads the file and checks every run as ParseJob does. INVALID_ARGUMENT: as ReadSweepFile and
// ParseJob; what a grid value causes has that value's place and names its key, and what only some
// runs have names the first of them. At most 20 lines.
absl::StatusOr<Sweep> ParseSweep(absl::string_view yaml, absl::string_view file_name,
                                 const std::vector<std::string>& sets);

}  // namespace hebb::sweep

#endif  // HEBB_COMMON_SWEEP_GRID_H_
