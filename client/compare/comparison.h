// SPDX-License-Identifier: Apache-2.0
// Two jobs side by side: what differs, and both curves. Pure.
#ifndef HEBB_CLIENT_COMPARE_COMPARISON_H_
#define HEBB_CLIENT_COMPARE_COMPARISON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// A job with its chain of weight digests, in order of steps.
struct ComparedJob {
  v1::Job job;
  std::vector<v1::StepDigest> digests;
};

struct Difference {
  std::string what;  // "learning.rule", "test_accuracy"
  std::string a;     // "" where that job has none
  std::string b;
};

struct Comparison {
  std::vector<Difference> spec;     // keys of the job file, in the file's order
  std::vector<Difference> results;  // state, steps, metrics, weights digest
  std::vector<Difference> sources;  // data, programs, machines
  int64_t steps_compared = 0;       // on record in both
  int64_t last_same_step = 0;       // before the first that differs
  std::optional<int64_t> first_different_step;
};

Comparison Compare(const ComparedJob& a, const ComparedJob& b);

// One line on the records.
std::string DigestVerdict(const Comparison& comparison);

nlohmann::ordered_json ToJson(const ComparedJob& a, const ComparedJob& b,
                              const Comparison& comparison);

// One file without script or references to anything outside: the differences and a chart of each
// metric that one of them has.
std::string ComparisonHtml(const ComparedJob& a, const ComparedJob& b,
                           const Comparison& comparison);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_COMPARE_COMPARISON_H_
