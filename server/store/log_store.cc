// SPDX-License-Identifier: Apache-2.0
#include "server/store/log_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "server/store/log_files.h"

namespace hebb::store {
namespace {

// What is read of a file at once. Longer than the longest line (16 KiB, of which each byte may be
// four characters).
constexpr int64_t kReadMax = 128 << 10;

// The job's name becomes a folder's.
absl::Status CheckName(absl::string_view job) {
  const auto fits = [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; };
  if (!job.empty() && std::all_of(job.begin(), job.end(), fits)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", absl::CEscape(job), "' is no job id"));
}

void SortByArrival(std::vector<LogFileLine>& lines) {
  std::sort(lines.begin(), lines.end(),
            [](const LogFileLine& a, const LogFileLine& b) { return a.arrival < b.arrival; });
}

// A line that a crash cut off is ended first, so that it spoils no other.
bool EndsInsideALine(int fd, int64_t size) {
  char last = '\n';
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

// The first of whole `lines` that have at most `bytes`, but at least one.
absl::string_view LinesWithin(absl::string_view lines, int64_t bytes) {
  if (static_cast<int64_t>(lines.size()) <= bytes) return lines;
  size_t end = lines.rfind('\n', static_cast<size_t>(std::max<int64_t>(bytes, 1)) - 1);
  if (end == absl::string_view::npos) end = lines.find('\n');
  return lines.substr(0, end + 1);
}

// The last line, or nothing in a file without one.
absl::StatusOr<std::optional<LogFileLine>> LastLine(const std::string& folder,
                                                    const LogFile& file) {
  const int64_t begin = std::max<int64_t>(file.size - kReadMax, 0);
  HEBB_ASSIGN_OR_RETURN(std::vector<LogFileLine> lines,
                        ReadLogLines(folder, file, begin, file.size, /*inside=*/true));
  if (lines.empty()) return std::nullopt;
  return std::move(lines.back());
}

// The last `count` lines of a file that are of `level` or above.
absl::StatusOr<std::vector<LogFileLine>> LastLines(const std::string& folder, const LogFile& file,
                                                   LogLevel level, int64_t count) {
  for (int64_t window = kReadMax;; window *= 4) {
    const int64_t begin = std::max<int64_t>(file.size - window, 0);
    HEBB_ASSIGN_OR_RETURN(std::vector<LogFileLine> lines,
                          ReadLogLines(folder, file, begin, file.size, /*inside=*/true));
    std::erase_if(lines, [level](const LogFileLine& line) { return line.entry.level < level; });
    const auto found = static_cast<int64_t>(lines.size());
    if (found < count && begin > 0) continue;
    if (found > count) lines.erase(lines.begin(), lines.end() - count);
    return lines;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(const std::string& folder,
                                                         int64_t segment_max) {
  HEBB_RETURN_IF_ERROR(MakeFolder(folder));
  return std::unique_ptr<LogStore>(new LogStore(folder, segment_max));
}

std::string LogStore::FolderOf(absl::string_view job) const {
  return absl::StrCat(folder_, "/", job);
}

// ---- writing -----------------------------------------------------------------------------------

absl::StatusOr<LogStore::Writing> LogStore::Resume(const std::string& folder) const {
  HEBB_RETURN_IF_ERROR(MakeFolder(folder));
  HEBB_ASSIGN_OR_RETURN(const std::vector<LogFile> files, ListLogFiles(folder));
  Writing writing;
  for (const LogFile& file : files) {
    int& segment = writing.segments[{file.attempt, file.rank}];
    segment = std::max(segment, file.segment);
    HEBB_ASSIGN_OR_RETURN(const std::optional<LogFileLine> last, LastLine(folder, file));
    if (last) writing.next_arrival = std::max(writing.next_arrival, last->arrival + 1);
  }
  return writing;
}

absl::Status LogStore::AppendToRank(const std::string& folder, std::pair<int, int> rank,
                                    Writing& writing, absl::string_view text) {
  while (!text.empty()) {
    HEBB_ASSIGN_OR_RETURN(const size_t appended,
                          AppendToSegment(folder, rank, writing.segments[rank], text));
    text.remove_prefix(appended);
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> LogStore::AppendToSegment(const std::string& folder,
                                                 std::pair<int, int> rank, int& segment,
                                                 absl::string_view lines) const {
  const auto path = [&](int number) {
    return absl::StrCat(folder, "/", LogFileName(rank.first, rank.second, number));
  };
  int fd = open(path(segment).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  int64_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
  if (fd >= 0 && size >= segment_max_) {
    close(fd);
    ++segment;
    if (segment >= 2) unlink(path(segment - 2).c_str());
    fd = open(path(segment).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    size = 0;
  }
  const absl::string_view piece = LinesWithin(lines, segment_max_ - size);
  std::string out = fd >= 0 && EndsInsideALine(fd, size) ? "\n" : "";
  absl::StrAppend(&out, piece);
  const bool written = fd >= 0 && write(fd, out.data(), out.size()) == ssize_t(out.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written) return piece.size();
  return absl::ResourceExhaustedError(
      absl::StrCat(path(segment), ": cannot append to the log: ", std::strerror(error)));
}

absl::Status LogStore::Append(absl::string_view job, const std::vector<LogEntry>& entries) {
  HEBB_RETURN_IF_ERROR(CheckName(job));
  const std::string folder = FolderOf(job);
  absl::MutexLock lock(&mutex_);
  auto writing = writing_.find(job);
  if (writing == writing_.end()) {
    HEBB_ASSIGN_OR_RETURN(Writing resumed, Resume(folder));
    writing = writing_.emplace(std::string(job), std::move(resumed)).first;
  }
  std::map<std::pair<int, int>, std::string> texts;  // one write a file
  for (const LogEntry& entry : entries) {
    absl::StrAppend(&texts[{entry.attempt, entry.rank}],
                    FormatLogLine(writing->second.next_arrival++, entry));
  }
  for (const auto& [rank, text] : texts) {
    HEBB_RETURN_IF_ERROR(AppendToRank(folder, rank, writing->second, text));
  }
  return absl::OkStatus();
}

absl::Status LogStore::Remove(absl::string_view job) {
  HEBB_RETURN_IF_ERROR(CheckName(job));
  absl::MutexLock lock(&mutex_);
  writing_.erase(std::string(job));
  std::error_code error;
  std::filesystem::remove_all(FolderOf(job), error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(FolderOf(job), ": cannot remove: ", error.message()));
}

// ---- reading -----------------------------------------------------------------------------------

absl::StatusOr<std::vector<LogFile>> LogStore::FilesOf(absl::string_view job,
                                                       const LogQuery& query) const {
  HEBB_RETURN_IF_ERROR(CheckName(job));
  std::vector<LogFile> files;
  {
    // No line of these sizes is missing one that arrived before it.
    absl::MutexLock lock(&mutex_);
    HEBB_ASSIGN_OR_RETURN(files, ListLogFiles(FolderOf(job)));
  }
  std::erase_if(files, [&query](const LogFile& file) {
    return (query.attempt != 0 && file.attempt != query.attempt) ||
           (query.rank && file.rank != *query.rank);
  });
  return files;
}

absl::StatusOr<LogStore::Batch> LogStore::Read(absl::string_view job, const LogQuery& query,
                                               LogCursor& cursor) const {
  HEBB_ASSIGN_OR_RETURN(const std::vector<LogFile> files, FilesOf(job, query));
  const std::string folder = FolderOf(job);
  // Later lines than the last one read of a file that has more must wait for that file.
  int64_t limit = std::numeric_limits<int64_t>::max();
  std::vector<std::pair<std::string, std::vector<LogFileLine>>> by_file;
  Batch batch;
  for (const LogFile& file : files) {
    const int64_t begin = cursor.places[file.name];
    const int64_t end = std::min(file.size, begin + kReadMax);
    if (begin >= end) continue;
    HEBB_ASSIGN_OR_RETURN(std::vector<LogFileLine> lines, ReadLogLines(folder, file, begin, end));
    if (end < file.size) {
      batch.at_end = false;
      if (lines.empty()) {  // nothing but damage: passed over
        cursor.places[file.name] = end;
        continue;
      }
      limit = std::min(limit, lines.back().arrival);
    }
    by_file.emplace_back(file.name, std::move(lines));
  }
  std::vector<LogFileLine> lines;
  for (auto& [name, of_file] : by_file) {
    for (LogFileLine& line : of_file) {
      if (line.arrival > limit) break;
      cursor.places[name] = line.end;
      if (line.entry.level >= query.level) lines.push_back(std::move(line));
    }
  }
  SortByArrival(lines);
  for (LogFileLine& line : lines) batch.entries.push_back(std::move(line.entry));
  return batch;
}

absl::StatusOr<std::vector<LogEntry>> LogStore::Tail(absl::string_view job, const LogQuery& query,
                                                     int64_t count, LogCursor& cursor) const {
  HEBB_ASSIGN_OR_RETURN(const std::vector<LogFile> files, FilesOf(job, query));
  const std::string folder = FolderOf(job);
  std::vector<LogFileLine> lines;
  for (const LogFile& file : files) {
    HEBB_ASSIGN_OR_RETURN(std::vector<LogFileLine> last,
                          LastLines(folder, file, query.level, count));
    std::move(last.begin(), last.end(), std::back_inserter(lines));
    SortByArrival(lines);
    const auto surplus = static_cast<int64_t>(lines.size()) - count;
    if (surplus > 0) lines.erase(lines.begin(), lines.begin() + surplus);
    // A line that is being written is read from its beginning later.
    HEBB_ASSIGN_OR_RETURN(const std::optional<LogFileLine> end, LastLine(folder, file));
    if (end) cursor.places[file.name] = end->end;
  }
  std::vector<LogEntry> entries;
  for (LogFileLine& line : lines) entries.push_back(std::move(line.entry));
  return entries;
}

}  // namespace hebb::store
