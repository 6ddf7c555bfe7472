// SPDX-License-Identifier: Apache-2.0
// What a job is trained on, as its record names it.
#ifndef HEBB_WORKER_RUNTIME_DATA_DIGESTS_H_
#define HEBB_WORKER_RUNTIME_DATA_DIGESTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::runtime {

// The SHA-256 of each of the files that `dataset` was opened from; none of a generated set. Those
// of a known set were checked when they were fetched. Files of `dataset.path` are read, once in
// this process for as long as their size and time stay. Thread-safe.
absl::StatusOr<std::vector<v1::DataDigest>> DigestsOf(const spec::Dataset& dataset,
                                                      const std::vector<std::string>& files);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_DATA_DIGESTS_H_
