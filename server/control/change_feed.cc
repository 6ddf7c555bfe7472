// SPDX-License-Identifier: Apache-2.0
#include "server/control/change_feed.h"

namespace hebb::control {

ChangeFeed::Subscription::Subscription(ChangeFeed& feed, absl::string_view job,
                                       std::function<void()> changed)
    : feed_(feed), job_(job), changed_(std::move(changed)) {
  absl::MutexLock lock(&feed_.mutex_);
  Topic& topic = feed_.topics_[job_];
  if (topic.subscriptions.empty()) topic.version = ++feed_.changes_;
  topic.subscriptions.insert(this);
}

ChangeFeed::Subscription::~Subscription() {
  absl::MutexLock lock(&feed_.mutex_);
  const auto topic = feed_.topics_.find(job_);
  topic->second.subscriptions.erase(this);
  if (topic->second.subscriptions.empty()) feed_.topics_.erase(topic);
}

uint64_t ChangeFeed::Version(absl::string_view job) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = topics_.find(job);
  return found == topics_.end() ? 0 : found->second.version;
}

void ChangeFeed::Bump(absl::string_view job) {
  absl::MutexLock lock(&mutex_);
  BumpLocked(job);
  BumpLocked(kAnyJob);
}

void ChangeFeed::BumpLocked(absl::string_view topic) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return;
  found->second.version = ++changes_;
  for (const Subscription* subscription : found->second.subscriptions) subscription->changed_();
}

void ChangeFeed::Shutdown() {
  absl::MutexLock lock(&mutex_);
  shut_down_ = true;
  for (const auto& [job, topic] : topics_) {
    for (const Subscription* subscription : topic.subscriptions) subscription->changed_();
  }
}

bool ChangeFeed::is_shut_down() const {
  absl::ReaderMutexLock lock(&mutex_);
  return shut_down_;
}

absl::StatusOr<job::Job> WatchedJobStore::Create(const job::Job& job, int64_t queued_max) {
  auto stored = inner_.Create(job, queued_max);
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

absl::StatusOr<job::Sweep> WatchedJobStore::CreateSweep(const job::Sweep& sweep,
                                                        const std::vector<job::Job>& jobs,
                                                        int64_t queued_max) {
  auto stored = inner_.CreateSweep(sweep, jobs, queued_max);
  if (stored.ok()) feed_.Bump(ChangeFeed::kSweeps);
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
