// SPDX-License-Identifier: Apache-2.0
// Keeps the logs of programs that write for years from filling the disk.
#ifndef HEBB_CLIENT_LOCAL_LOG_BOUND_H_
#define HEBB_CLIENT_LOCAL_LOG_BOUND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace hebb::client {

// Of a log, this much is kept at least, and about twice as much at most.
inline constexpr int64_t kLogBytes = 8 << 20;

// Once the log at `path` has more than `bytes`, puts the last `bytes` of it into PATH.1, in place
// of what was there, and makes it empty. Copied and truncated, not renamed: a program that has it
// open for appending goes on with it. What that writes between the two (microseconds) is lost. No
// log is no error. INTERNAL: PATH.1 cannot be written; the log is as it was. One thread at a time
// for a log.
absl::Status BoundLog(const std::string& path, int64_t bytes = kLogBytes);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_LOG_BOUND_H_
