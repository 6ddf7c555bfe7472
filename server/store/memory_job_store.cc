// SPDX-License-Identifier: Apache-2.0
#include "server/store/memory_job_store.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/store/digest_rules.h"
#include "server/store/job_rules.h"
#include "server/store/page_token.h"

namespace hebb::store {

absl::StatusOr<MemoryJobStore::Record*> MemoryJobStore::Find(absl::string_view id) {
  const auto it = records_.find(std::string(id));
  if (it == records_.end()) return NoSuchJob(id);
  return &it->second;
}

absl::Status MemoryJobStore::CheckRoom(const std::string& user, size_t added,
                                       int64_t queued_max) const {
  const auto waits = [&](const auto& item) {
    return item.second.job.user == user && item.second.job.state == job::State::kQueued;
  };
  const auto queued = std::count_if(records_.begin(), records_.end(), waits);
  return CheckQueueRoom(user, queued, static_cast<int64_t>(added), queued_max);
}

absl::StatusOr<job::Job> MemoryJobStore::Create(const job::Job& job, int64_t queued_max) {
  HEBB_RETURN_IF_ERROR(CheckNewJob(job));
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, record] : records_) {
    if (!job.request_id.empty() && record.job.request_id == job.request_id) return record.job;
  }
  HEBB_RETURN_IF_ERROR(CheckRoom(job.user, 1, queued_max));
  Record record;
  record.sequence = static_cast<int64_t>(records_.size());
  record.job = job;
  const auto [it, inserted] = records_.emplace(job.id, std::move(record));
  if (!inserted) return absl::AlreadyExistsError(absl::StrCat("there is a job ", job.id));
  return it->second.job;
}

absl::StatusOr<job::Job> MemoryJobStore::Get(absl::string_view key) {
  absl::MutexLock lock(&mutex_);
  std::vector<KeyMatch> matches;
  for (const auto& [id, record] : records_) {
    if (absl::StartsWith(id, key) || record.job.name == key) {
      matches.push_back({id, record.job.name});
    }
  }
  HEBB_ASSIGN_OR_RETURN(const std::string id, PickJob(key, matches));
  return records_.find(id)->second.job;
}

namespace {

bool Fits(const job::Job& job, const JobStore::Filter& filter) {
  const auto& states = filter.states;
  return (states.empty() || std::find(states.begin(), states.end(), job.state) != states.end()) &&
         (filter.user.empty() || job.user == filter.user) &&
         (filter.sweep.empty() || job.sweep == filter.sweep) &&
         absl::StrContains(job.name, filter.name) &&
         filter.archived == (job.archived != absl::InfiniteFuture());
}

}  // namespace

template <typename Wanted>
std::vector<const MemoryJobStore::Record*> MemoryJobStore::RecordsNewestFirst(
    const Wanted& wanted) const {
  std::vector<const Record*> found;
  for (const auto& [id, record] : records_) {
    if (wanted(record.job)) found.push_back(&record);
  }
  std::sort(found.begin(), found.end(), [](const Record* a, const Record* b) {
    return std::tie(a->job.created, a->sequence) > std::tie(b->job.created, b->sequence);
  });
  return found;
}

job::Job MemoryJobStore::Brief(const Record& record) {
  job::Job job = record.job;
  job.spec_json.clear();
  job.yaml.clear();
  job.failure.reset();
  return job;
}

template <typename Wanted>
std::vector<job::Job> MemoryJobStore::NewestFirst(const Wanted& wanted) const {
  std::vector<job::Job> jobs;
  for (const Record* record : RecordsNewestFirst(wanted)) jobs.push_back(Brief(*record));
  return jobs;
}

job::StateCounts MemoryJobStore::Counts() const {
  job::StateCounts counts;
  for (const auto& [id, record] : records_) {
    if (record.job.archived == absl::InfiniteFuture()) ++counts[record.job.state];
  }
  return counts;
}

absl::StatusOr<JobStore::Listing> MemoryJobStore::List(const Filter& filter, const Page& page) {
  HEBB_RETURN_IF_ERROR(CheckPage(page));
  absl::MutexLock lock(&mutex_);
  std::vector<const Record*> found =
      RecordsNewestFirst([&](const job::Job& job) { return Fits(job, filter); });
  const auto end_of = [](const Record& record) {
    return PageEnd{absl::ToUnixNanos(record.job.created), record.sequence};
  };
  if (!page.token.empty()) {
    HEBB_ASSIGN_OR_RETURN(const PageEnd last, ReadPageToken(page.token, filter));
    const auto shown = [&](const Record* record) {
      const PageEnd end = end_of(*record);
      return std::tie(end.created_ns, end.sequence) >= std::tie(last.created_ns, last.sequence);
    };
    found.erase(found.begin(), std::find_if_not(found.begin(), found.end(), shown));
  }
  Listing listing;
  if (static_cast<int64_t>(found.size()) > page.size) {
    found.resize(static_cast<size_t>(page.size));
    listing.next = PageToken(end_of(*found.back()), filter);
  }
  for (const Record* record : found) listing.jobs.push_back(Brief(*record));
  listing.counts = Counts();
  return listing;
}

absl::StatusOr<std::vector<job::Job>> MemoryJobStore::List(bool ended) {
  absl::MutexLock lock(&mutex_);
  return NewestFirst([ended](const job::Job& job) { return ended || !job::IsTerminal(job.state); });
}

absl::StatusOr<JobStore::Overview> MemoryJobStore::ReadOverview(absl::Time ended_after) {
  absl::MutexLock lock(&mutex_);
  Overview overview;
  overview.count = Counts();
  overview.recent = NewestFirst([ended_after](const job::Job& job) {
    const bool ended_lately = job.ended > ended_after && job.ended != absl::InfiniteFuture();
    return job.archived == absl::InfiniteFuture() && (!job::IsTerminal(job.state) || ended_lately);
  });
  return overview;
}

void MemoryJobStore::Keep(Record& record, job::Job& job) {
  record.events.insert(record.events.end(), job.news.begin(), job.news.end());
  job.news.clear();
  record.job = job;
}

absl::StatusOr<job::Job> MemoryJobStore::Update(absl::string_view id, const Change& change) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  job::Job after = record->job;
  HEBB_RETURN_IF_ERROR(change(after));
  HEBB_RETURN_IF_ERROR(CheckChange(record->job, after));
  Keep(*record, after);
  return after;
}

absl::StatusOr<std::vector<job::Job>> MemoryJobStore::UpdateAll(const std::vector<std::string>& ids,
                                                                const Change& change) {
  absl::MutexLock lock(&mutex_);
  std::map<std::string, job::Job> changed;
  std::vector<job::Job> written;
  for (const std::string& id : ids) {
    HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
    const auto before = changed.emplace(id, record->job).first;
    job::Job after = before->second;
    HEBB_RETURN_IF_ERROR(change(after));
    HEBB_RETURN_IF_ERROR(CheckChange(before->second, after));
    before->second = after;
    after.news.clear();
    written.push_back(std::move(after));
  }
  for (auto& [id, job] : changed) Keep(records_.find(id)->second, job);
  return written;
}

absl::Status MemoryJobStore::PutEpoch(absl::string_view id, const job::EpochRecord& epoch) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  record->epochs[epoch.epoch] = epoch;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<job::EpochRecord>> MemoryJobStore::Epochs(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  std::vector<job::EpochRecord> epochs;
  for (const auto& [number, epoch] : record->epochs) epochs.push_back(epoch);
  return epochs;
}

absl::Status MemoryJobStore::PutDigests(absl::string_view id,
                                        const std::vector<job::StepDigest>& digests, bool exact) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  std::map<int64_t, job::StepDigest> chain = record->digests;
  for (const job::StepDigest& told : digests) {
    const auto found = chain.find(told.step);
    const std::optional<job::StepDigest> kept =
        found == chain.end() ? std::nullopt : std::optional<job::StepDigest>(found->second);
    const int64_t last = chain.empty() ? -1 : chain.rbegin()->first;
    HEBB_ASSIGN_OR_RETURN(const DigestAction action, JudgeDigest(kept, last, told, exact));
    if (action == DigestAction::kSkip) continue;
    if (action == DigestAction::kReplaceFrom) chain.erase(found, chain.end());
    const std::string before = chain.empty() ? std::string() : chain.rbegin()->second.chain;
    job::StepDigest link = told;
    link.chain = ChainLink(before, told.step, told.weights_digest);
    chain.emplace(told.step, std::move(link));
  }
  record->digests = std::move(chain);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<job::StepDigest>> MemoryJobStore::Digests(absl::string_view id,
                                                                     int64_t after_step,
                                                                     int64_t limit) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  std::vector<job::StepDigest> digests;
  for (auto link = record->digests.upper_bound(after_step);
       link != record->digests.end() && static_cast<int64_t>(digests.size()) < limit; ++link) {
    digests.push_back(link->second);
  }
  return digests;
}

absl::Status MemoryJobStore::AppendEvent(absl::string_view id, const job::Event& event) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  record->events.push_back(event);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<job::Event>> MemoryJobStore::Events(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  return record->events;
}

bool MemoryJobStore::IsReferenced(absl::string_view sha256) const {
  for (const auto& [id, record] : records_) {
    for (const job::FileRef& file : record.checkpoints) {
      if (file.sha256 == sha256) return true;
    }
  }
  return false;
}

absl::StatusOr<std::vector<job::FileRef>> MemoryJobStore::PutCheckpoint(absl::string_view id,
                                                                        const job::FileRef& file,
                                                                        int64_t keep) {
  HEBB_RETURN_IF_ERROR(CheckKeep(keep));
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  std::vector<job::FileRef>& kept = record->checkpoints;
  CheckpointPlan plan = PlanCheckpoint(kept, file, keep);
  for (const job::FileRef& old : plan.remove) {
    kept.erase(std::find_if(kept.begin(), kept.end(),
                            [&](const job::FileRef& other) { return other.step == old.step; }));
  }
  if (plan.add) kept.push_back(file);
  std::vector<job::FileRef>& removed = plan.remove;
  const auto in_use = [this](const job::FileRef& old) {
    mutex_.AssertHeld();
    return IsReferenced(old.sha256);
  };
  removed.erase(std::remove_if(removed.begin(), removed.end(), in_use), removed.end());
  return removed;
}

absl::StatusOr<std::vector<job::FileRef>> MemoryJobStore::Checkpoints(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  HEBB_ASSIGN_OR_RETURN(Record * record, Find(id));
  return record->checkpoints;
}

absl::StatusOr<bool> MemoryJobStore::IsCheckpoint(absl::string_view sha256) {
  absl::MutexLock lock(&mutex_);
  return IsReferenced(sha256);
}

absl::StatusOr<bool> MemoryJobStore::IsInit(absl::string_view sha256) {
  absl::MutexLock lock(&mutex_);
  return std::any_of(records_.begin(), records_.end(), [sha256](const auto& item) {
    const job::Job& job = item.second.job;
    return !sha256.empty() && job.init_sha256 == sha256 && !job::IsTerminal(job.state);
  });
}

// ---- sweeps ------------------------------------------------------------------------------------

absl::StatusOr<job::Sweep> MemoryJobStore::CreateSweep(const job::Sweep& sweep,
                                                       const std::vector<job::Job>& jobs,
                                                       int64_t queued_max) {
  HEBB_RETURN_IF_ERROR(CheckNewSweep(sweep, jobs));
  absl::MutexLock lock(&mutex_);
  for (const job::Sweep& other : sweeps_) {
    if (!sweep.request_id.empty() && other.request_id == sweep.request_id) return other;
  }
  std::set<std::string> ids;
  for (const job::Sweep& other : sweeps_) ids.insert(other.id);
  for (const auto& [id, record] : records_) ids.insert(id);
  bool all_new = ids.insert(sweep.id).second;
  for (const job::Job& job : jobs) all_new = ids.insert(job.id).second && all_new;
  if (!all_new) return absl::AlreadyExistsError(absl::StrCat("an id of ", sweep.id, " is taken"));
  if (!jobs.empty()) {
    HEBB_RETURN_IF_ERROR(CheckRoom(jobs.front().user, jobs.size(), queued_max));
  }
  for (const job::Job& job : jobs) {
    Record record;
    record.sequence = static_cast<int64_t>(records_.size());
    record.job = job;
    records_.emplace(job.id, std::move(record));
  }
  sweeps_.push_back(sweep);
  return sweep;
}

absl::StatusOr<job::Sweep> MemoryJobStore::GetSweep(absl::string_view key) {
  absl::MutexLock lock(&mutex_);
  std::vector<KeyMatch> matches;
  for (const job::Sweep& sweep : sweeps_) {
    if (absl::StartsWith(sweep.id, key) || sweep.name == key) {
      matches.push_back({sweep.id, sweep.name});
    }
  }
  HEBB_ASSIGN_OR_RETURN(const std::string id, PickSweep(key, matches));
  return *std::find_if(sweeps_.begin(), sweeps_.end(),
                       [&](const job::Sweep& sweep) { return sweep.id == id; });
}

absl::StatusOr<std::vector<JobStore::SweepOverview>> MemoryJobStore::ListSweeps() {
  absl::MutexLock lock(&mutex_);
  std::vector<SweepOverview> all;
  for (auto sweep = sweeps_.rbegin(); sweep != sweeps_.rend(); ++sweep) {
    SweepOverview& overview = all.emplace_back();
    overview.sweep = *sweep;
    for (const auto& [id, record] : records_) {
      if (record.job.sweep == sweep->id) ++overview.count[record.job.state];
    }
  }
  return all;
}

absl::StatusOr<std::vector<job::Job>> MemoryJobStore::SweepJobs(absl::string_view id) {
  absl::MutexLock lock(&mutex_);
  const auto same = [&](const job::Sweep& sweep) { return sweep.id == id; };
  if (std::none_of(sweeps_.begin(), sweeps_.end(), same)) return NoSuchSweep(id);
  std::vector<job::Job> jobs = NewestFirst([id](const job::Job& job) { return job.sweep == id; });
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace hebb::store
