// SPDX-License-Identifier: Apache-2.0
// Where a job file may make a worker read.
#ifndef HEBB_WORKER_RUNTIME_DATA_PATH_H_
#define HEBB_WORKER_RUNTIME_DATA_PATH_H_

#include <string>

#include "absl/status/status.h"

namespace hebb::runtime {

// Whether the folder `path` (a job's dataset.path) lies below `data_dir`, and each of its files as
// well, all symbolic links followed. PERMISSION_DENIED; NOT_FOUND: no such folder below it.
absl::Status CheckDataPath(const std::string& path, const std::string& data_dir);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_DATA_PATH_H_
