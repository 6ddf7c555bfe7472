// SPDX-License-Identifier: Apache-2.0
// The names by which workers are asked for: "hebb-<cluster>-<device>-<number>", at most 40 bytes of
// [a-z0-9-]. A worker's id is its name, a dot and what is its process's own.
#ifndef HEBB_SERVER_LAUNCHER_WORKER_NAME_H_
#define HEBB_SERVER_LAUNCHER_WORKER_NAME_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hebb::launcher {

// `cluster`: the coordinator's id, [a-z0-9-], at most 16 bytes. `device`: cpu | cuda.
std::string WorkerName(absl::string_view cluster, absl::string_view device, int64_t number);

// Whether a worker of that name, or with that id, is one that `cluster` asked for.
bool IsOfCluster(absl::string_view name, absl::string_view cluster);

// The name in a worker's id; "" if `cluster` did not ask for it.
std::string NameOfWorker(absl::string_view worker, absl::string_view cluster);

// REQUIRES IsOfCluster.
std::string DeviceOfName(absl::string_view name, absl::string_view cluster);

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_WORKER_NAME_H_
