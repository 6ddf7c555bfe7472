// SPDX-License-Identifier: Apache-2.0
// The logs of jobs, below the state folder. How they lie there: log_files.h.
#ifndef HEBB_SERVER_STORE_LOG_STORE_H_
#define HEBB_SERVER_STORE_LOG_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/log.h"

namespace hebb::store {

struct LogFile;

struct LogEntry {
  absl::Time time;
  int attempt = 0;
  int rank = 0;  // -1: the worker had none yet
  std::string text;
  LogLevel level = LogLevel::kInfo;
};

// Which entries: all that is given must hold.
struct LogQuery {
  int attempt = 0;  // 0: of all attempts
  std::optional<int> rank = std::nullopt;
  LogLevel level = LogLevel::kDebug;  // and above
};

// How far a reader has come in one job's log, with one query.
struct LogCursor {
  std::map<std::string, int64_t> places;  // by file
};

// Append-only logs of jobs, a file for each job, attempt and rank. Thread-safe. They outlive the
// process, however it ends; after a loss of power the last lines may be missing. Of each rank of an
// attempt the newest 8 to 16 MiB are kept. The memory of a call does not grow with the log.
class LogStore {
 public:
  static constexpr int64_t kSegmentMax = 8 << 20;

  // `segment_max`: bytes of a file after which the next is begun.
  static absl::StatusOr<std::unique_ptr<LogStore>> Open(const std::string& folder,
                                                        int64_t segment_max = kSegmentMax);

  // INVALID_ARGUMENT: not a job id; RESOURCE_EXHAUSTED: the disk is full.
  absl::Status Append(absl::string_view job, const std::vector<LogEntry>& entries);

  struct Batch {
    std::vector<LogEntry> entries;  // in order of arrival
    bool at_end = true;             // false: there may be more right now
  };
  // The next entries after `cursor`, which moves past them; none for a job without a log.
  absl::StatusOr<Batch> Read(absl::string_view job, const LogQuery& query, LogCursor& cursor) const;
  // The last `count` that fit, in order of arrival; `cursor` is moved to the end.
  absl::StatusOr<std::vector<LogEntry>> Tail(absl::string_view job, const LogQuery& query,
                                             int64_t count, LogCursor& cursor) const;
  // Removes the job's log. OK when there is none.
  absl::Status Remove(absl::string_view job);

 private:
  struct Writing {
    int64_t next_arrival = 0;
    std::map<std::pair<int, int>, int> segments;  // the last, by attempt and rank
  };

  LogStore(std::string folder, int64_t segment_max)
      : folder_(std::move(folder)), segment_max_(segment_max) {}
  std::string FolderOf(absl::string_view job) const;
  absl::StatusOr<Writing> Resume(const std::string& folder) const;
  absl::Status AppendToRank(const std::string& folder, std::pair<int, int> rank, Writing& writing,
                            absl::string_view text);
  // As many of the lines as the segment, or the next, has room for: how many bytes.
  absl::StatusOr<size_t> AppendToSegment(const std::string& folder, std::pair<int, int> rank,
                                         int& segment, absl::string_view lines) const;
  // The files that the query is about, as they are at one moment.
  absl::StatusOr<std::vector<LogFile>> FilesOf(absl::string_view job, const LogQuery& query) const;

  const std::string folder_;
  const int64_t segment_max_;
  mutable absl::Mutex mutex_;
  // By job; filled from the files at a job's first line.
  std::map<std::string, Writing, std::less<>> writing_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_LOG_STORE_H_
