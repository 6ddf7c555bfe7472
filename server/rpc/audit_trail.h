// SPDX-License-Identifier: Apache-2.0
// Who changed what, and who was refused: a file with a line of JSON (v1.AuditEvent) for each call.
#ifndef HEBB_SERVER_RPC_AUDIT_TRAIL_H_
#define HEBB_SERVER_RPC_AUDIT_TRAIL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::rpc {

// Thread-safe. Bounded: the file is set aside as PATH.1 ... PATH.4 whenever it has 16 MiB, the
// newest 10,000 events are kept in memory for `Recent`, and of refused calls at most 20 a second
// are written (the next line says how many were not), so that nobody can fill the disk by being
// refused.
class AuditTrail {
 public:
  // Reads the newest events of an earlier run. FAILED_PRECONDITION: the file cannot be written.
  static absl::StatusOr<std::unique_ptr<AuditTrail>> Open(const std::string& path);
  ~AuditTrail();
  AuditTrail(const AuditTrail&) = delete;
  AuditTrail& operator=(const AuditTrail&) = delete;

  // A full disk loses the line and says so in the log, but does not hold up the call.
  void Add(v1::AuditEvent event);
  void AddRefused(v1::AuditEvent event, absl::Time now);

  // Newest first. `page_token`: of the page before. INVALID_ARGUMENT for one that is none.
  absl::Status Recent(const v1::ListAuditEventsRequest& request,
                      v1::ListAuditEventsResponse& response) const;

 private:
  AuditTrail(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  void Load(const std::string& text) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Keep(v1::AuditEvent event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const v1::AuditEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Rotate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  mutable absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<v1::AuditEvent> recent_ ABSL_GUARDED_BY(mutex_);  // oldest first
  int64_t first_ ABSL_GUARDED_BY(mutex_) = 0;                  // number of recent_.front()
  absl::Time second_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int refused_in_second_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t unwritten_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_AUDIT_TRAIL_H_
