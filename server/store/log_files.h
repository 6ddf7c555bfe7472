// SPDX-License-Identifier: Apache-2.0
// One job's log files, below STATE_DIR/logs/<job>/: <attempt>-<rank>.log, then, when that is full,
// <attempt>-<rank>.1.log, .2.log ... of which the last two are kept. A line an entry:
//   <arrival> <nanoseconds since 1970><first letter of the level> <text, C-escaped>\n
// <arrival> counts a job's entries over all its files, so that they can be put in order again.
// Lines without a letter, of earlier builds, are of level info.
#ifndef HEBB_SERVER_STORE_LOG_FILES_H_
#define HEBB_SERVER_STORE_LOG_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/log_store.h"

namespace hebb::store {

struct LogFile {
  std::string name;  // in the job's folder
  int attempt = 0;
  int rank = 0;
  int segment = 0;
  int64_t size = 0;
};

std::string LogFileName(int attempt, int rank, int segment);
std::optional<LogFile> ParseLogFileName(absl::string_view name);  // size 0

// In no order. None for a folder that is not there.
absl::StatusOr<std::vector<LogFile>> ListLogFiles(const std::string& folder);

struct LogFileLine {
  int64_t arrival = 0;
  LogEntry entry;
  int64_t end = 0;  // where the next line begins
};
std::string FormatLogLine(int64_t arrival, const LogEntry& entry);

// The whole lines between two places of a file; what a crash cut off is left out. `begin` is where
// a line begins, or, with `inside`, anywhere: then the first line is the next that begins. No lines
// of a file that is gone.
absl::StatusOr<std::vector<LogFileLine>> ReadLogLines(const std::string& folder,
                                                      const LogFile& file, int64_t begin,
                                                      int64_t end, bool inside = false);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_LOG_FILES_H_
