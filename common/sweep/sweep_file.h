// SPDX-License-Identifier: Apache-2.0
// A sweep file (docs/sweeps.md): a job file with a `sweep:` section that names keys of the job file
// and the values each is to take. Pure and thread-safe.
#ifndef HEBB_COMMON_SWEEP_SWEEP_FILE_H_
#define HEBB_COMMON_SWEEP_SWEEP_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/tree.h"

namespace hebb::sweep {

inline constexpr int64_t kMostRuns = 1000;

// One value of a grid key, as YAML on one line: what stands behind the = of a --set.
struct Value {
  std::string text;
  spec::Place place;
};

struct Axis {
  std::string key;  // "learning.rule"
  spec::Place place;
  std::vector<Value> values;  // at least one; of a grid's axis all different
  // Of random search: value i belongs to the sample i. All such axes have as many values.
  bool drawn = false;
};

// Successive halving: at each rung the best go on, the others are stopped for good.
struct Halving {
  std::string metric;           // "validation_accuracy"
  std::vector<int64_t> epochs;  // of the rungs, rising
  double keep = 0;              // the share that goes on, in (0, 1)
  spec::Place place;
};

struct SweepFile {
  std::string name;                   // sweep.name; "" when it is not given
  std::string job_yaml;               // the file with the section's lines empty: places stay true
  std::vector<std::string> job_sets;  // the --sets that are not the sweep's
  std::vector<Axis> axes;             // in the file's order, at least one
  std::optional<Halving> halving;
};

// Reads the section and the --sets that begin with "sweep."; the job itself is not looked at.
// INVALID_ARGUMENT: one line a problem, "file:line:column: cause; remedy" (or "--set ...: ...");
// also when the grid has more than kMostRuns points, or points times bytes go beyond 32 MiB.
absl::StatusOr<SweepFile> ReadSweepFile(absl::string_view yaml, absl::string_view file_name,
                                        const std::vector<std::string>& sets);

// Whether `yaml` is a map with the key `sweep`.
bool HasSweepSection(absl::string_view yaml);

// "file:line:column" or "--set ...", as all messages about a job file begin; a long --set is cut.
std::string PlaceText(const spec::Place& place, absl::string_view file_name,
                      const std::vector<std::string>& sets);

}  // namespace hebb::sweep

#endif  // HEBB_COMMON_SWEEP_SWEEP_FILE_H_
