// SPDX-License-Identifier: Apache-2.0
// The exit codes of `hebb`, one documented code for each outcome a script can act on
// (docs/client.md). Values are part of the interface: never renumber.
#ifndef HEBB_CLIENT_EXIT_CODE_H_
#define HEBB_CLIENT_EXIT_CODE_H_

#include "absl/status/status.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

enum class ExitCode {
  kOk = 0,           // done; the job SUCCEEDED
  kInternal = 1,     // a bug, a full disk, damaged data
  kFound = 1,        // an audit found what it looked for; the doctor found what fails
  kUsage = 2,        // a wrong command line
  kFailed = 3,       // the job FAILED
  kCancelled = 4,    // the job was CANCELLED
  kRefused = 5,      // a bad job file, or a request the state does not allow
  kNotFound = 6,     // no such job, file or data set
  kUnreachable = 7,  // no coordinator answers
  kTimedOut = 8,     // `wait --timeout` ran out, the job goes on
  kDetached = 9,     // Ctrl-C while following, the job goes on
};

// The paragraph that `hebb --help` ends with.
extern const char kExitCodeHelp[];

// The code of an error. REQUIRES: !status.ok().
ExitCode ExitCodeOf(const absl::Status& status);

// The code of a job in a terminal state; kInternal for any other state.
ExitCode ExitCodeOf(v1::JobState state);

bool IsTerminal(v1::JobState state);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_EXIT_CODE_H_
