// SPDX-License-Identifier: Apache-2.0
#include "server/control/worker_registry.h"

#include <utility>

#include "absl/time/clock.h"

namespace hebb::control {
namespace {

scheduler::IdleWorker ForScheduler(const WorkerFacts& facts) {
  return {facts.id,   facts.device,        facts.kernel_family,     facts.mpi_world,
          facts.host, facts.device_memory, facts.device_memory_free};
}

}  // namespace

WorkerEntry& WorkerRegistry::Attach(Session session, const WorkerFacts& facts,
                                    std::shared_ptr<WorkerLink> link, absl::Time now) {
  WorkerEntry& entry = workers_[facts.id];
  if (entry.link != nullptr) entry.link->Close();
  sessions_.erase(entry.session);
  sessions_[session] = facts.id;
  entry.facts = facts;
  entry.session = session;
  entry.link = std::move(link);
  entry.attached = absl::Now();
  entry.last_heartbeat = entry.attached;
  entry.last_heard = now;
  entry.retired_until = absl::InfinitePast();
  return entry;
}

WorkerEntry* WorkerRegistry::OfSession(Session session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : Find(found->second);
}

WorkerEntry* WorkerRegistry::Find(const std::string& worker) {
  const auto found = workers_.find(worker);
  return found == workers_.end() ? nullptr : &found->second;
}

void WorkerRegistry::Remove(const std::string& worker) {
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return;
  if (found->second.link != nullptr) found->second.link->Close();
  sessions_.erase(found->second.session);
  workers_.erase(found);
}

void WorkerRegistry::Send(const std::string& worker, const ToWorker& message) {
  WorkerEntry* entry = Find(worker);
  // Whoever is away is told what it missed when it attaches again.
  if (entry != nullptr && entry->link != nullptr) entry->link->Send(message);
}

void WorkerRegistry::FreeAllOf(const std::string& job) {
  for (auto& [id, entry] : workers_) {
    if (entry.job == job) entry.job.clear();
  }
}

void WorkerRegistry::Retire(const std::string& worker, absl::Time until) {
  if (WorkerEntry* entry = Find(worker)) entry->retired_until = until;
}

bool WorkerRegistry::Sweep(absl::Time now) {
  std::vector<std::string> gone;
  bool back = false;
  for (auto& [id, entry] : workers_) {
    if (entry.link == nullptr && entry.job.empty() && now - entry.last_heard > detect_within_) {
      gone.push_back(id);
    } else if (entry.retired_until != absl::InfinitePast() && now >= entry.retired_until) {
      entry.retired_until = absl::InfinitePast();
      back = true;
    }
  }
  for (const std::string& id : gone) Remove(id);
  return back || !gone.empty();
}

void WorkerRegistry::ForgiveSilence(absl::Time now) {
  for (auto& [id, entry] : workers_) entry.last_heard = now;
}

void WorkerRegistry::CloseAll() {
  for (auto& [id, entry] : workers_) {
    if (entry.link != nullptr) entry.link->Close();
  }
  workers_.clear();
  sessions_.clear();
}

bool WorkerRegistry::IsSilent(const WorkerEntry& entry, absl::Time now) const {
  return entry.link == nullptr || now - entry.last_heard > detect_within_;
}

bool WorkerRegistry::IsIdle(const WorkerEntry& entry, absl::Time now) const {
  return entry.job.empty() && !entry.draining && now >= entry.retired_until &&
         !IsSilent(entry, now);
}

std::vector<scheduler::IdleWorker> WorkerRegistry::Idle(absl::Time now) const {
  std::vector<scheduler::IdleWorker> idle;
  for (const auto& [id, entry] : workers_) {
    if (!IsIdle(entry, now)) continue;
    idle.push_back(ForScheduler(entry.facts));
  }
  return idle;
}

std::map<std::string, std::vector<scheduler::IdleWorker>> WorkerRegistry::Busy() const {
  std::map<std::string, std::vector<scheduler::IdleWorker>> busy;
  for (const auto& [id, entry] : workers_) {
    if (!entry.job.empty()) busy[entry.job].push_back(ForScheduler(entry.facts));
  }
  return busy;
}

std::vector<WorkerView> WorkerRegistry::Views(absl::Time now) const {
  std::vector<WorkerView> views;
  for (const auto& [id, entry] : workers_) {
    std::string state = entry.job.empty() ? "idle" : "busy";
    if (entry.draining || now < entry.retired_until) state = "draining";
    if (IsSilent(entry, now)) state = "silent";
    views.push_back({entry.facts, state, entry.job, entry.attached, entry.last_heartbeat});
  }
  return views;
}

}  // namespace hebb::control
