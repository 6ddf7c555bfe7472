// SPDX-License-Identifier: Apache-2.0
// What workers say, handed to the gangs they belong to.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "server/control/controller.h"

namespace hebb::control {
namespace {

// The latest of each; what was not measured leaves what was.
void Merge(const job::Metrics& from, job::Metrics& into) {
  if (from.train_loss) into.train_loss = from.train_loss;
  if (from.train_accuracy) into.train_accuracy = from.train_accuracy;
  if (from.validation_accuracy) into.validation_accuracy = from.validation_accuracy;
  if (from.test_accuracy) into.test_accuracy = from.test_accuracy;
  if (from.test_loss) into.test_loss = from.test_loss;
}

}  // namespace

void Controller::Handle(Mail& mail) {
  if (auto* attach = std::get_if<AttachMail>(&mail.content)) {
    HandleAttach(mail.session, *attach, mail.arrived);
  } else if (auto* drain = std::get_if<DrainMail>(&mail.content)) {
    if (WorkerEntry* entry = workers_.Find(drain->worker)) {
      HandleDrain(*entry, drain->undo, drain->reason, mail.arrived);
    }
    answered_.push_back(std::move(drain->done));
  } else if (std::holds_alternative<DetachMail>(mail.content)) {
    HandleDetach(mail.session, mail.arrived);
  } else if (WorkerEntry* entry = workers_.OfSession(mail.session)) {
    HandleWord(*entry, std::get<FromWorker>(mail.content), mail.arrived);
  }
}

void Controller::HandleAttach(Session session, AttachMail& mail, absl::Time now) {
  dirty_ = true;
  const WorkerFacts& facts = mail.hello.worker;
  WorkerEntry& entry = workers_.Attach(session, facts, std::move(mail.link), now);
  const Times& times = options_.times;
  entry.link->Send(Welcome{times.heartbeat, times.detect_within, times.lease});
  LogInfo("worker attached",
          {{"worker", facts.id}, {"host", facts.host}, {"device", facts.device}});

  const std::optional<HeldAttempt>& held = mail.hello.held;
  Live* holds = held ? FindLive(held->generation.job, held->generation.attempt) : nullptr;
  if (held && holds == nullptr) TellReleased(entry, held->generation);
  Live* belongs = FindGangOf(entry.facts.id);
  if (belongs != nullptr && belongs != holds) {
    entry.job = belongs->job.id;
    Carry(*belongs, belongs->gang.OnAttached(facts, std::nullopt, now));
  }
  if (holds == nullptr) return;
  Effects effects = holds->gang.OnAttached(facts, held, now);
  if (holds->gang.HasMember(facts.id)) entry.job = holds->job.id;
  Carry(*holds, std::move(effects));
}

void Controller::HandleDetach(Session session, absl::Time now) {
  WorkerEntry* entry = workers_.OfSession(session);
  if (entry == nullptr) return;
  dirty_ = true;
  entry->link = nullptr;
  if (Live* live = LiveOf(*entry)) live->gang.OnStreamEnded(entry->facts.id, now);
  LogInfo("worker's stream ended", {{"worker", entry->facts.id}});
}

void Controller::TellReleased(const WorkerEntry& entry, const GenerationId& id) {
  if (entry.link != nullptr) entry.link->Send(Release{id.job, id.attempt});
}

void Controller::HandleWord(WorkerEntry& entry, FromWorker& message, absl::Time now) {
  entry.last_heard = now;
  entry.last_heartbeat = absl::Now();
  if (Live* live = LiveOf(entry)) live->gang.OnHeard(entry.facts.id, now);
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    // Only memory that comes free can end a wait.
    int64_t& free = entry.facts.device_memory_free;
    if (heartbeat->device_memory_free > free && entry.job.empty()) dirty_ = true;
    free = heartbeat->device_memory_free;
    return;
  }
  const std::string worker = entry.facts.id;  // the entry may go
  if (const auto* farewell = std::get_if<Farewell>(&message)) {
    HandleFarewell(entry, *farewell, now);
    return;
  }
  if (const auto* drain = std::get_if<DrainNotice>(&message)) {
    HandleDrain(entry, /*undo=*/false, drain->reason, now);
    return;
  }
  if (const auto* freed = std::get_if<Freed>(&message)) {
    dirty_ = true;
    Live* parts = FindLive(freed->job, freed->attempt);
    if (parts != nullptr) Carry(*parts, parts->gang.OnFreed(worker, freed->missing_bytes, now));
    return;
  }
  const GenerationId id = std::visit(
      [](const auto& word) -> GenerationId {
        if constexpr (requires { word.generation.job; }) return word.generation;
        return {};
      },
      message);
  Live* live = FindLive(id.job, id.attempt);
  if (live == nullptr) {
    TellReleased(entry, id);
  } else if (auto* report = std::get_if<MemberReport>(&message)) {
    dirty_ = true;
    const std::string other_data = JudgeData(*live, entry, *report);
    if (!other_data.empty()) {
      report->fatal = true;
      report->cause = other_data;
    }
    Carry(*live, live->gang.OnReport(worker, *report, now));
  } else if (const auto* result = std::get_if<AttemptResult>(&message)) {
    dirty_ = true;
    Carry(*live, live->gang.OnResult(worker, *result, now));
  } else if (const auto* epoch = std::get_if<EpochReport>(&message)) {
    HandleEpoch(entry, *epoch);
  } else if (auto* digests = std::get_if<DigestReport>(&message)) {
    HandleDigests(entry, *digests);
  } else if (const auto* progress = std::get_if<Progress>(&message)) {
    if (live->gang.OnProgress(worker, *progress, now)) {
      live->progress = *progress;
      live->pace.Add(progress->generation.generation, progress->step, progress->total_steps, now);
    }
  }
}

void Controller::HandleEpoch(WorkerEntry& entry, const EpochReport& report) {
  Live* live = FindLive(report.generation.job, report.generation.attempt);
  if (live == nullptr || !live->gang.HasMember(entry.facts.id)) return;
  absl::Status status = jobs_.PutEpoch(live->job.id, report.record);
  if (status.ok()) {
    status = jobs_
                 .Update(live->job.id,
                         [&](job::Job& job) {
                           job.epoch = std::max(job.epoch, report.record.epoch);
                           Merge(report.record.metrics, job.metrics);
                           return absl::OkStatus();
                         })
                 .status();
  }
  if (!status.ok()) LogError(status.message(), {{"job", live->job.id}});
}

void Controller::HandleDrain(WorkerEntry& entry, bool undo, absl::string_view reason,
                             absl::Time now) {
  if (entry.draining == !undo) return;
  dirty_ = true;
  entry.draining = !undo;
  const std::string worker = entry.facts.id;
  LogInfo(undo ? "worker drains no more" : "worker drains",
          {{"worker", worker}, {"reason", std::string(reason)}});
  Live* live = LiveOf(entry);
  if (live == nullptr) return;
  AddEvent(
      live->job.id, "drain",
      undo ? absl::StrCat("worker ", worker, " drains no more")
           : absl::StrCat("worker ", worker, " drains: ", reason, "; it leaves at the next step"),
      worker);
  Carry(*live, live->gang.OnDrain(worker, !undo, now));
}

void Controller::HandleFarewell(WorkerEntry& entry, const Farewell& farewell, absl::Time now) {
  dirty_ = true;
  const std::string worker = entry.facts.id;
  LogInfo("worker says farewell", {{"worker", worker}, {"reason", farewell.reason}});
  Live* live = LiveOf(entry);
  workers_.Remove(worker);
  if (live != nullptr) Carry(*live, live->gang.OnFarewell(worker, farewell.reason, now));
}

}  // namespace hebb::control
