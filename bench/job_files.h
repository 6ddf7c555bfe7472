// SPDX-License-Identifier: Apache-2.0
// The networks that are measured, by short names: job files of examples/ and what is set in them.
#ifndef HEBB_BENCH_JOB_FILES_H_
#define HEBB_BENCH_JOB_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"

namespace hebb::bench {

struct NamedJob {
  std::string name;
  std::string file;               // path of the job file
  std::vector<std::string> sets;  // key.path=value
};

// simple A B simple_untied C_untied mlp resnet20, all by URFB; of the folder $HEBB_EXAMPLES where
// that is set, else of the source tree.
std::vector<NamedJob> NamedJobs();

// By one of those names, else the job file at that path. `sets` come last. NOT_FOUND,
// INVALID_ARGUMENT.
absl::StatusOr<spec::Job> LoadJob(absl::string_view name_or_path,
                                  const std::vector<std::string>& sets = {});

}  // namespace hebb::bench

#endif  // HEBB_BENCH_JOB_FILES_H_
