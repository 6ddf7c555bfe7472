// SPDX-License-Identifier: Apache-2.0
#include "server/control/change_feed.h"

namespace hebb::control {

uint64_t ChangeFeed::VersionLocked(absl::string_view job) const {
  const auto found = versions_.find(job);
  return found == versions_.end() ? 0 : found->second;
}

uint64_t ChangeFeed::Version(absl::string_view job) const {
  absl::ReaderMutexLock lock(&mutex_);
  return VersionLocked(job);
}

void ChangeFeed::Bump(absl::string_view job) {
  absl::MutexLock lock(&mutex_);
  ++versions_[std::string(job)];
}

void ChangeFeed::Wait(absl::string_view job, uint64_t seen, absl::Time deadline) const {
  const auto changed = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return shut_down_ || VersionLocked(job) != seen;
  };
  absl::ReaderMutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(&changed), deadline);
}

void ChangeFeed::Pause(absl::Time deadline) const {
  absl::ReaderMutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(&shut_down_), deadline);
}

void ChangeFeed::Shutdown() {
  absl::MutexLock lock(&mutex_);
  shut_down_ = true;
}

bool ChangeFeed::is_shut_down() const {
  absl::ReaderMutexLock lock(&mutex_);
  return shut_down_;
}

absl::StatusOr<job::Job> WatchedJobStore::Create(const job::Job& job) {
  auto stored = inner_.Create(job);
  if (stored.ok()) feed_.Bump(stored->id);
  return stored;
}

absl::StatusOr<job::Job> WatchedJobStore::Update(absl::string_view id, const Change& change) {
  auto stored = inner_.Update(id, change);
  if (stored.ok()) feed_.Bump(id);
  return stored;
}

absl::StatusOr<std::vector<job::Job>> WatchedJobStore::UpdateAll(
    const std::vector<std::string>& ids, const Change& change) {
  auto stored = inner_.UpdateAll(ids, change);
  if (stored.ok()) {
    for (const std::string& id : ids) feed_.Bump(id);
  }
  return stored;
}

absl::Status WatchedJobStore::PutEpoch(absl::string_view id, const job::EpochRecord& record) {
  const absl::Status status = inner_.PutEpoch(id, record);
  if (status.ok()) feed_.Bump(id);
  return status;
}

absl::Status WatchedJobStore::AppendEvent(absl::string_view id, const job::Event& event) {
  const absl::Status status = inner_.AppendEvent(id, event);
  if (status.ok()) feed_.Bump(id);
  return status;
}

absl::StatusOr<std::vector<job::FileRef>> WatchedJobStore::PutCheckpoint(absl::string_view id,
                                                                         const job::FileRef& file,
                                                                         int64_t keep) {
  auto removed = inner_.PutCheckpoint(id, file, keep);
  if (removed.ok()) feed_.Bump(id);
  return removed;
}

}  // namespace hebb::control
