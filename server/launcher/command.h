// SPDX-License-Identifier: Apache-2.0
// Runs a program of the cluster to its end.
#ifndef HEBB_SERVER_LAUNCHER_COMMAND_H_
#define HEBB_SERVER_LAUNCHER_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::launcher {

struct CommandResult {
  int exit_code = 0;  // 128 + the signal's number if a signal ended it
  std::string out;
  std::string err;
};

// `argv[0]` is looked up in PATH; no shell is involved. `input` is its standard input, at most
// 64 KiB. Thread-safe. NOT_FOUND: there is no such program. DEADLINE_EXCEEDED: it was killed, as it
// had not ended `within`; what it had done by then is unknown.
absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                         absl::string_view input, absl::Duration within);

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_COMMAND_H_
