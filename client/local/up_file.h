// SPDX-License-Identifier: Apache-2.0
// STATE_DIR/up.json: what a running `hebb up` has started, for `hebb down` and for scripts. Fields:
// docs/operations.md.
#ifndef HEBB_CLIENT_LOCAL_UP_FILE_H_
#define HEBB_CLIENT_LOCAL_UP_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/local/process.h"

namespace hebb::client {

struct NamedProcess {
  std::string name;  // worker-0, ...; "mpirun" for a world
  ProcessId id;      // pid 0: not running at this moment
};

struct UpFile {
  std::string address;  // the coordinator's, HOST:PORT
  std::string http;
  std::string comm;  // gloo | mpi
  ProcessId supervisor;
  ProcessId coordinator;
  std::vector<NamedProcess> workers;
};

std::string UpFilePath(const std::string& state_dir);
absl::Status WriteUpFile(const std::string& state_dir, const UpFile& file);
// NOT_FOUND: nothing was started there; DATA_LOSS: not such a file.
absl::StatusOr<UpFile> ReadUpFile(const std::string& state_dir);
void RemoveUpFile(const std::string& state_dir);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_UP_FILE_H_
