// SPDX-License-Identifier: Apache-2.0
#include "server/store/log_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/log_level_name.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

// Takes the letter of the level off the end of the time.
LogLevel TakeLevel(absl::string_view& time) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (absl::ConsumeSuffix(&time, LogLevelName(level).substr(0, 1))) return level;
  }
  return LogLevel::kInfo;
}

// nullopt for what a crash left of a line.
std::optional<LogFileLine> ParseLine(absl::string_view text, const LogFile& file) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  LogFileLine line;
  int64_t nanoseconds = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &line.arrival)) return std::nullopt;
  line.entry.level = TakeLevel(parts[1]);
  if (!absl::SimpleAtoi(parts[1], &nanoseconds) || !absl::CUnescape(parts[2], &line.entry.text)) {
    return std::nullopt;
  }
  line.entry.time = absl::FromUnixNanos(nanoseconds);
  line.entry.attempt = file.attempt;
  line.entry.rank = file.rank;
  return line;
}

// Fewer bytes where the file ends before; none where it is gone.
absl::StatusOr<std::string> ReadPart(const std::string& path, int64_t begin, int64_t end) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::string();
  if (fd < 0) return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
  const absl::Cleanup close_file = [fd] { close(fd); };
  std::string bytes(static_cast<size_t>(end - begin), '\0');
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + have, bytes.size() - have, begin + static_cast<int64_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::InternalError(absl::StrCat(path, ": ", std::strerror(errno)));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

std::string LogFileName(int attempt, int rank, int segment) {
  const std::string part = segment == 0 ? "" : absl::StrCat(".", segment);
  return absl::StrCat(attempt, "-", rank, part, ".log");
}

std::optional<LogFile> ParseLogFileName(absl::string_view name) {
  LogFile file;
  file.name = std::string(name);
  if (!absl::ConsumeSuffix(&name, ".log")) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '.');
  if (parts.size() > 2) return std::nullopt;
  if (parts.size() == 2 && !absl::SimpleAtoi(parts[1], &file.segment)) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> numbers =
      absl::StrSplit(parts[0], absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(numbers.first, &file.attempt) ||
      !absl::SimpleAtoi(numbers.second, &file.rank)) {
    return std::nullopt;
  }
  return file;
}

absl::StatusOr<std::vector<LogFile>> ListLogFiles(const std::string& folder) {
  std::vector<LogFile> files;
  std::error_code error;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator it(folder, error); !error && it != end;
       it.increment(error)) {
    std::optional<LogFile> file = ParseLogFileName(it->path().filename().string());
    std::error_code gone;
    const auto size = it->file_size(gone);
    if (!file || gone) continue;
    file->size = static_cast<int64_t>(size);
    files.push_back(*std::move(file));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::InternalError(absl::StrCat(folder, ": ", error.message()));
  }
  return files;
}

std::string FormatLogLine(int64_t arrival, const LogEntry& entry) {
  return absl::StrCat(arrival, " ", absl::ToUnixNanos(entry.time),
                      LogLevelName(entry.level).substr(0, 1), " ",
                      absl::Utf8SafeCEscape(entry.text), "\n");
}

absl::StatusOr<std::vector<LogFileLine>> ReadLogLines(const std::string& folder,
                                                      const LogFile& file, int64_t begin,
                                                      int64_t end, bool inside) {
  std::vector<LogFileLine> lines;
  // From one byte before, to see whether a line begins there.
  const int64_t from = inside && begin > 0 ? begin - 1 : begin;
  HEBB_ASSIGN_OR_RETURN(const std::string bytes,
                        ReadPart(absl::StrCat(folder, "/", file.name), from, end));
  size_t place = 0;
  if (from < begin) {
    place = bytes.find('\n');
    if (place == std::string::npos) return lines;
    ++place;
  }
  while (true) {
    const size_t stop = bytes.find('\n', place);
    if (stop == std::string::npos) return lines;
    const absl::string_view text(bytes.data() + place, stop - place);
    place = stop + 1;
    if (std::optional<LogFileLine> line = ParseLine(text, file)) {
      line->end = from + static_cast<int64_t>(place);
      lines.push_back(*std::move(line));
    }
  }
}

}  // namespace hebb::store
