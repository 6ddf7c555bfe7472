// SPDX-License-Identifier: Apache-2.0
#include "bench/job_files.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"

namespace hebb::bench {

std::vector<NamedJob> NamedJobs() {
  const char* elsewhere = std::getenv("HEBB_EXAMPLES");
  const std::string folder = elsewhere == nullptr ? HEBB_EXAMPLES_DIR : elsewhere;
  const auto example = [&](absl::string_view name) {
    return absl::StrCat(folder, "/cifar10-", name, ".yaml");
  };
  return {
      {"simple", example("simple-urfb"), {}},
      {"A", example("net-a-urfb"), {}},
      {"B", example("net-b-urfb"), {}},
      {"simple_untied", example("simple-untied-urfb"), {}},
      {"C_untied", example("net-c-untied-urfb"), {}},
      {"mlp", example("mlp-akrout-kp"), {}},  // Kolen-Pollack with decay 1 is URFB
      {"resnet20", example("resnet20"), {"learning.rule=urfb"}},
  };
}

absl::StatusOr<spec::Job> LoadJob(absl::string_view name_or_path,
                                  const std::vector<std::string>& sets) {
  NamedJob job{"", std::string(name_or_path), {}};
  for (NamedJob& named : NamedJobs()) {
    if (named.name == name_or_path) job = std::move(named);
  }
  job.sets.insert(job.sets.end(), sets.begin(), sets.end());
  HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(job.file));
  return spec::ParseJob(yaml, job.file, job.sets);
}

}  // namespace hebb::bench
