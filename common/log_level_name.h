// SPDX-License-Identifier: Apache-2.0
// The words of log levels, in files, in the API and on command lines.
#ifndef HEBB_COMMON_LOG_LEVEL_NAME_H_
#define HEBB_COMMON_LOG_LEVEL_NAME_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "common/log.h"

namespace hebb {

constexpr absl::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "";
}

constexpr std::optional<LogLevel> LogLevelFromName(absl::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (LogLevelName(level) == name) return level;
  }
  return std::nullopt;
}

}  // namespace hebb

#endif  // HEBB_COMMON_LOG_LEVEL_NAME_H_
