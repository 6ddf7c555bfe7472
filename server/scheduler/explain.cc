// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/explain.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/byte_size.h"

namespace hebb::scheduler {
namespace {

constexpr size_t kHoldersMax = 8;

// "2 cpu workers"
std::string Workers(int64_t count, const QueuedJob& job) {
  std::string text = absl::StrCat(count, job.device == "any" ? "" : absl::StrCat(" ", job.device),
                                  count == 1 ? " worker" : " workers");
  if (job.gpu_memory > 0) {
    absl::StrAppend(&text, " with ", FormatByteSize(job.gpu_memory));
  }
  return text;
}

// "waits for 2 to 4 cpu workers"
std::string Wish(const QueuedJob& job) {
  const Range range = RangeOf(job);
  if (range.min == range.max) return absl::StrCat("waits for ", Workers(range.max, job));
  return absl::StrCat("waits for ", range.min, " to ", Workers(range.max, job));
}

Wait MakeWait(const QueuedJob& job, WaitReason reason, std::string text) {
  Wait wait;
  wait.job = job.id;
  wait.reason = reason;
  wait.text = std::move(text);
  return wait;
}

}  // namespace

absl::string_view WaitReasonName(WaitReason reason) {
  switch (reason) {
    case WaitReason::kNoWorkers:
      return "no_workers";
    case WaitReason::kTooFewWorkers:
      return "too_few_workers";
    case WaitReason::kBehindOthers:
      return "behind_others";
    case WaitReason::kRetryPause:
      return "retry_pause";
    case WaitReason::kQuota:
      return "quota";
    case WaitReason::kPreempting:
      return "preempting";
    case WaitReason::kUnfitWorkers:
      return "unfit_workers";
  }
  return "unknown";
}

Wait ExplainTooFew(const QueuedJob& job, const Pool& pool) {
  const std::string first = pool.KeptBy(job);
  if (!first.empty()) {
    return MakeWait(job, WaitReason::kBehindOthers,
                    absl::StrCat(Wish(job), ": the idle ones are kept for job ", first,
                                 ", which is before it in the queue"));
  }
  int64_t idle = 0;
  int64_t idle_kinds = 0;
  int64_t busy = 0;
  int64_t full = 0;  // idle, but without the memory that the job asks for
  int64_t largest = 0;
  bool world_is_busy = false;
  for (const auto& [kind, group] : pool.groups()) {
    if (!Fits(job, kind)) continue;
    largest = std::max(largest, group.largest);
    busy += BusyFor(job, kind, group);
    const int64_t usable = IdleFor(job, kind, group);
    full += group.idle - usable;
    if (usable == 0) continue;
    idle += usable;
    ++idle_kinds;
    world_is_busy = world_is_busy || pool.WorldIsBusy(kind);
  }
  if (idle + busy == 0 && largest > 0 && largest < job.gpu_memory) {
    return MakeWait(
        job, WaitReason::kNoWorkers,
        absl::StrCat(Wish(job), ": the largest GPU attached has ", FormatByteSize(largest)));
  }
  if (idle + busy + full == 0) {
    const std::string device = job.device == "any" ? "" : absl::StrCat(job.device, " ");
    return MakeWait(job, WaitReason::kNoWorkers, absl::StrCat("no ", device, "worker is attached"));
  }
  std::string text = absl::StrCat(Wish(job), ": ", idle, " idle, ", busy, " busy");
  if (full > 0) absl::StrAppend(&text, ", ", full, " idle without that much free");
  if (idle + busy < RangeOf(job).min) {
    absl::StrAppend(&text, "; more must attach");
  } else if (idle >= RangeOf(job).min && world_is_busy) {
    absl::StrAppend(&text, "; an MPI world runs one job at a time");
  } else if (idle >= RangeOf(job).min && idle_kinds > 1) {
    absl::StrAppend(&text, "; the idle ones are of ", idle_kinds,
                    " kinds (device, kernel family or MPI world), a gang is of one");
  }
  return MakeWait(job, WaitReason::kTooFewWorkers, std::move(text));
}

Wait ExplainPause(const QueuedJob& job, absl::Time now) {
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(job.not_before - now, absl::Seconds(1)));
  return MakeWait(job, WaitReason::kRetryPause,
                  absl::StrCat("pauses after a lost attempt; starts again in ", seconds, " s"));
}

Wait ExplainQuota(const QueuedJob& job, int64_t held, int64_t max_workers) {
  return MakeWait(job, WaitReason::kQuota,
                  absl::StrCat(Wish(job), ": user '", job.user, "' holds ", held, " of the ",
                               max_workers, " workers that it may hold at once"));
}

Wait ExplainPreempting(const QueuedJob& job, const std::vector<std::string>& victims) {
  return MakeWait(job, WaitReason::kPreempting,
                  absl::StrCat(Wish(job), ": jobs of lower priority stop for it",
                               victims.empty() ? "" : ": ", absl::StrJoin(victims, ", ")));
}

const std::vector<Holder>& Holders::Of(const std::string& device) {
  const auto found = by_device_.find(device);
  if (found != by_device_.end()) return found->second;
  std::vector<Holder>& holders = by_device_[device];
  for (const RunningJob& job : view_.running) {
    if (job.workers.empty()) continue;
    if (device != "any" && job.workers.front().device != device) continue;
    holders.push_back(
        {job.id, job.user, static_cast<int64_t>(job.workers.size()), job.estimated_end});
  }
  std::sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) {
    return std::tie(a.estimated_end, a.job) < std::tie(b.estimated_end, b.job);
  });
  if (holders.size() > kHoldersMax) holders.resize(kHoldersMax);
  return holders;
}

}  // namespace hebb::scheduler
