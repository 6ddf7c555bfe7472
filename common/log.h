// SPDX-License-Identifier: Apache-2.0
// Structured logs on stderr: time, level, program, message, then key=value pairs such as job,
// attempt and rank. spdlog stays behind this header.
#ifndef HEBB_COMMON_LOG_H_
#define HEBB_COMMON_LOG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogFields = std::vector<std::pair<absl::string_view, std::string>>;

// Names the program in every line and sets the lowest level shown. Call once, in main.
void InitLog(absl::string_view program, LogLevel level = LogLevel::kInfo);

// Thread-safe.
void Log(LogLevel level, absl::string_view message, const LogFields& fields = {});

inline void LogInfo(absl::string_view m, const LogFields& f = {}) { Log(LogLevel::kInfo, m, f); }
inline void LogWarning(absl::string_view m, const LogFields& f = {}) {
  Log(LogLevel::kWarning, m, f);
}
inline void LogError(absl::string_view m, const LogFields& f = {}) { Log(LogLevel::kError, m, f); }

}  // namespace hebb

#endif  // HEBB_COMMON_LOG_H_
