// SPDX-License-Identifier: Apache-2.0
// Job files for the tests of this folder.
#ifndef HEBB_TESTS_UNIT_COMMON_SPEC_JOBS_H_
#define HEBB_TESTS_UNIT_COMMON_SPEC_JOBS_H_

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace hebb::spec {

// A small valid job; line numbers are used by the tests.
inline constexpr char kSmallJob[] = R"(name: small
seed: 7
dataset: {name: mnist, validation: 5000}
network:
  layers:
    - {name: conv1, conv: {filters: 8, kernel: 5}}
    - {name: pool1, max_pool: {size: 2}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  optimizer:
    sgd:
      learning_rate: 0.05
  batch_size: 100
resources: {workers: 2}
)";

// Every job file of examples/, sorted; a sweep is no job.
inline std::vector<std::string> ExampleFiles() {
  const char* source = std::getenv("HEBB_SOURCE_DIR");
  std::vector<std::string> files;
  if (source == nullptr) return files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source) + "/examples")) {
    const bool is_sweep = entry.path().filename().string().starts_with("sweep-");
    if (entry.path().extension() == ".yaml" && !is_sweep) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace hebb::spec

#endif  // HEBB_TESTS_UNIT_COMMON_SPEC_JOBS_H_
