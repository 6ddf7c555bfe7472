// SPDX-License-Identifier: Apache-2.0
#include "client/exit_code.h"

namespace hebb::client {

const char kExitCodeHelp[] =
    "Exit codes: 0 done, or the job SUCCEEDED; 1 internal error, an audit found weight "
    "transport, or doctor what fails; 2 usage; 3 the job FAILED; 4 the job was CANCELLED; "
    "5 refused (bad job file, or not possible in this state); 6 not found; "
    "7 coordinator unreachable; 8 timed out (wait --timeout); 9 detached (Ctrl-C while following).";

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kResourceExhausted:
      return ExitCode::kRefused;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kUnavailable:
      return ExitCode::kUnreachable;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kTimedOut;
    case absl::StatusCode::kCancelled:
      return ExitCode::kDetached;
    default:
      return ExitCode::kInternal;
  }
}

ExitCode ExitCodeOf(v1::JobState state) {
  switch (state) {
    case v1::SUCCEEDED:
      return ExitCode::kOk;
    case v1::FAILED:
      return ExitCode::kFailed;
    case v1::CANCELLED:
      return ExitCode::kCancelled;
    default:
      return ExitCode::kInternal;
  }
}

bool IsTerminal(v1::JobState state) {
  return state == v1::SUCCEEDED || state == v1::FAILED || state == v1::CANCELLED;
}

}  // namespace hebb::client
