// SPDX-License-Identifier: Apache-2.0
// STATE_DIR/logs/<job>/<attempt>-<rank>.log, a line an entry:
//   <arrival> <nanoseconds since 1970> <text, C-escaped>\n
// <arrival> counts a job's entries over all its files, so that they can be put in order again.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "server/store/blob_store.h"

namespace hebb::store {
namespace {

struct Line {
  int64_t arrival = 0;
  LogEntry entry;
};

// The job's name becomes a folder's.
absl::Status CheckName(absl::string_view job) {
  const auto fits = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; };
  if (!job.empty() && std::all_of(job.begin(), job.end(), fits)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", absl::CEscape(job), "' is no job id"));
}

std::string FileName(int attempt, int rank) { return absl::StrCat(attempt, "-", rank, ".log"); }

// False for a file that is not a log.
bool ParseFileName(absl::string_view name, LogEntry& entry) {
  if (!absl::ConsumeSuffix(&name, ".log")) return false;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(name, absl::MaxSplits('-', 1));
  return absl::SimpleAtoi(parts.first, &entry.attempt) &&
         absl::SimpleAtoi(parts.second, &entry.rank);
}

// nullopt for what a crash left of a line.
std::optional<Line> ParseLine(absl::string_view text, const LogEntry& file) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  Line line{0, file};
  int64_t nanoseconds = 0;
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &line.arrival) ||
      !absl::SimpleAtoi(parts[1], &nanoseconds) || !absl::CUnescape(parts[2], &line.entry.text)) {
    return std::nullopt;
  }
  line.entry.time = absl::FromUnixNanos(nanoseconds);
  return line;
}

absl::Status ReadLines(const std::string& path, const LogEntry& file, std::vector<Line>& lines) {
  HEBB_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const size_t end = content.rfind('\n');
  if (end == std::string::npos) return absl::OkStatus();
  // Only whole lines: one that is just being written comes with the next reading.
  for (absl::string_view text : absl::StrSplit(content.substr(0, end), '\n')) {
    if (std::optional<Line> line = ParseLine(text, file)) lines.push_back(*std::move(line));
  }
  return absl::OkStatus();
}

// In order of arrival. No folder: no lines.
absl::StatusOr<std::vector<Line>> ReadJob(const std::string& folder, int attempt) {
  std::vector<Line> lines;
  std::error_code error;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator it(folder, error); !error && it != end;
       it.increment(error)) {
    LogEntry file;
    if (!ParseFileName(it->path().filename().string(), file)) continue;
    if (attempt != 0 && file.attempt != attempt) continue;
    HEBB_RETURN_IF_ERROR(ReadLines(it->path().string(), file, lines));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::InternalError(absl::StrCat(folder, ": ", error.message()));
  }
  std::sort(lines.begin(), lines.end(),
            [](const Line& a, const Line& b) { return a.arrival < b.arrival; });
  return lines;
}

// A line that a crash cut off is ended first, so that it spoils no other.
bool EndsInsideALine(int fd) {
  char last = '\n';
  const off_t size = lseek(fd, 0, SEEK_END);
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

absl::Status AppendText(const std::string& path, absl::string_view text) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  std::string out = fd >= 0 && EndsInsideALine(fd) ? "\n" : "";
  absl::StrAppend(&out, text);
  const bool written = fd >= 0 && write(fd, out.data(), out.size()) == ssize_t(out.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(path, ": cannot append to the log: ", std::strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(const std::string& folder) {
  HEBB_RETURN_IF_ERROR(MakeFolder(folder));
  return std::unique_ptr<LogStore>(new LogStore(folder));
}

absl::Status LogStore::Append(absl::string_view job, const std::vector<LogEntry>& entries) {
  HEBB_RETURN_IF_ERROR(CheckName(job));
  const std::string folder = absl::StrCat(folder_, "/", job);
  absl::MutexLock lock(&mutex_);
  auto next = next_arrival_.find(std::string(job));
  if (next == next_arrival_.end()) {
    HEBB_RETURN_IF_ERROR(MakeFolder(folder));
    HEBB_ASSIGN_OR_RETURN(const std::vector<Line> lines, ReadJob(folder, 0));
    const int64_t first = lines.empty() ? 0 : lines.back().arrival + 1;
    next = next_arrival_.emplace(std::string(job), first).first;
  }
  std::map<std::string, std::string> texts;  // one write a file
  for (const LogEntry& entry : entries) {
    absl::StrAppend(&texts[FileName(entry.attempt, entry.rank)], next->second++, " ",
                    absl::ToUnixNanos(entry.time), " ", absl::Utf8SafeCEscape(entry.text), "\n");
  }
  for (const auto& [name, text] : texts) {
    HEBB_RETURN_IF_ERROR(AppendText(absl::StrCat(folder, "/", name), text));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LogEntry>> LogStore::Read(absl::string_view job, int attempt,
                                                     int64_t skip) const {
  HEBB_RETURN_IF_ERROR(CheckName(job));
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(std::vector<Line> lines, ReadJob(absl::StrCat(folder_, "/", job), attempt));
  std::vector<LogEntry> entries;
  const auto count = static_cast<int64_t>(lines.size());
  for (int64_t i = std::max<int64_t>(skip, 0); i < count; ++i) {
    entries.push_back(std::move(lines[i].entry));
  }
  return entries;
}

}  // namespace hebb::store
