// SPDX-License-Identifier: Apache-2.0
// A network in a few words for each layer: what `hebb validate` and the page show. Pure.
#ifndef HEBB_COMMON_SPEC_SUMMARY_H_
#define HEBB_COMMON_SPEC_SUMMARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::spec {

struct LayerSummary {
  std::string name;
  std::string kind;                 // the job file's word, "max_pool"
  std::vector<std::string> inputs;  // names of layers; "" is the image
  Shape input;                      // of the first input
  Shape output;
  int64_t parameters = 0;  // of W, not of its feedback; of a sparse layer as if it were full
  bool has_weights = false;
};

// In the order of the job's layers. INVALID_ARGUMENT, NOT_FOUND as ResolveNetwork, FactsOfDataset.
absl::StatusOr<std::vector<LayerSummary>> Summarize(const Job& job);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SUMMARY_H_
