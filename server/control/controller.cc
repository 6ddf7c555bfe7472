// SPDX-License-Identifier: Apache-2.0
#include "server/control/controller.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::control {
namespace {

// Far more than a healthy loop ever has waiting; a stream that finds it full is ended.
constexpr size_t kMailboxMax = 100000;
constexpr absl::Duration kDrainOrderWithin = absl::Seconds(5);
// A decision over a long queue takes a while: the scheduler then rests so many times as long, so
// that the loop has time for workers, and clients for theirs.
constexpr int kRest = 4;

// Words that thousands of workers say many times a second: they change nothing that anybody waits
// for, so the loop reads them all together. What counts is when they arrived.
bool CanWait(const FromWorker& message) {
  return std::holds_alternative<Heartbeat>(message) || std::holds_alternative<Progress>(message);
}

}  // namespace

Controller::Controller(ControllerOptions options, store::JobStore& jobs, store::BlobStore& blobs,
                       Checkpoints& checkpoints, Rendezvous& rendezvous)
    : options_(std::move(options)),
      jobs_(jobs),
      blobs_(blobs),
      checkpoints_(checkpoints),
      rendezvous_(rendezvous),
      workers_(options_.times.detect_within) {}

Controller::~Controller() { Stop(); }

void Controller::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Controller::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    due_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  workers_.CloseAll();
  std::deque<Mail> unread;
  {
    absl::MutexLock lock(&mutex_);
    unread.swap(mailbox_);
  }
  for (Mail& mail : unread) {
    if (auto* attach = std::get_if<AttachMail>(&mail.content)) attach->link->Close();
  }
}

// ---- the mailbox -------------------------------------------------------------------------------

absl::Duration Controller::Pace() const { return options_.times.look; }

bool Controller::Post(Mail mail, bool urgent) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || mailbox_.size() >= kMailboxMax) return false;
  mailbox_.push_back(std::move(mail));
  urgent_ = urgent_ || urgent;
  if (urgent) due_.SignalAll();
  return true;
}

Session Controller::Attach(const Hello& hello, std::shared_ptr<WorkerLink> link) {
  Session session;
  {
    absl::MutexLock lock(&mutex_);
    session = next_session_++;
  }
  if (!Post({session, options_.clock(), AttachMail{hello, link}})) link->Close();
  return session;
}

bool Controller::Receive(Session session, FromWorker message) {
  const bool urgent = !CanWait(message);
  return Post({session, options_.clock(), std::move(message)}, urgent);
}

void Controller::Detach(Session session) { Post({session, options_.clock(), DetachMail{}}); }

void Controller::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
  due_.SignalAll();
}

absl::StatusOr<WorkerView> Controller::Drain(const std::string& key, bool undo,
                                             const std::string& reason) {
  const auto find = [&]() -> absl::StatusOr<WorkerView> {
    std::vector<WorkerView> found;
    for (const WorkerView& view : Fleet().workers) {
      if (view.facts.id == key) return view;
      if (!key.empty() && absl::StartsWith(view.facts.id, key)) found.push_back(view);
    }
    if (found.size() == 1) return found.front();
    if (found.empty()) {
      return absl::NotFoundError(
          absl::StrCat("no attached worker '", key, "'; `hebb workers` lists them"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("'", key, "' fits ", found.size(), " workers; write more of the id"));
  };
  HEBB_ASSIGN_OR_RETURN(const WorkerView worker, find());
  DrainMail order{worker.facts.id, undo, reason, std::make_shared<absl::Notification>()};
  const std::shared_ptr<absl::Notification> done = order.done;
  if (!Post({0, options_.clock(), std::move(order)}) ||
      !done->WaitForNotificationWithTimeout(kDrainOrderWithin)) {
    return absl::UnavailableError("the coordinator is busy or stopping; try again");
  }
  return find();
}

FleetSnapshot Controller::Fleet() const {
  absl::MutexLock lock(&mutex_);
  return snapshot_;
}

bool Controller::IsUnreachable(const std::string& job) const {
  absl::MutexLock lock(&mutex_);
  return snapshot_.unreachable_jobs.contains(job);
}

void Controller::SetNotes(std::map<std::string, std::string> notes) {
  std::set<std::string> changed;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto* each : {&notes, &notes_}) {
      for (const auto& [job, note] : *each) {
        const auto before = notes_.find(job), after = notes.find(job);
        if (before == notes_.end() || after == notes.end() || before->second != after->second) {
          changed.insert(job);
        }
      }
    }
    notes_ = std::move(notes);
  }
  for (const std::string& job : changed) options_.changed(job);
}

std::string Controller::WithNote(const scheduler::Wait& wait) const {
  const auto note = notes_.find(wait.job);
  return note == notes_.end() ? wait.text : absl::StrCat(wait.text, "; ", note->second);
}

std::optional<scheduler::Wait> Controller::WaitOf(const std::string& job) const {
  absl::MutexLock lock(&mutex_);
  const auto found = snapshot_.waits->find(job);
  if (found == snapshot_.waits->end()) return std::nullopt;
  scheduler::Wait wait = found->second;
  wait.text = WithNote(wait);
  return wait;
}

std::string Controller::ReasonOf(const job::Job& job) const {
  if (job.state != job::State::kQueued) return job.reason;
  absl::MutexLock lock(&mutex_);
  const auto found = snapshot_.waits->find(job.id);
  return found == snapshot_.waits->end() ? job.reason : WithNote(found->second);
}

namespace {

// Jobs of which the loop knows something else than before.
std::set<std::string> ChangedJobs(const FleetSnapshot& before, const FleetSnapshot& after) {
  std::set<std::string> changed;
  std::set_symmetric_difference(before.unreachable_jobs.begin(), before.unreachable_jobs.end(),
                                after.unreachable_jobs.begin(), after.unreachable_jobs.end(),
                                std::inserter(changed, changed.end()));
  if (before.waits == after.waits) return changed;
  for (const auto& [job, wait] : *after.waits) {
    const auto known = before.waits->find(job);
    if (known == before.waits->end() || known->second.text != wait.text) changed.insert(job);
  }
  return changed;
}

}  // namespace

// ---- the loop ----------------------------------------------------------------------------------

void Controller::Run() {
  const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || woken_ || urgent_;
  };
  const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
  while (!RecoverJobs(options_.clock())) {
    absl::MutexLock lock(&mutex_);
    if (due_.Await(mutex_, stopping, SteadyNow() + absl::Seconds(1))) return;
  }
  last_turn_ = options_.clock();
  while (true) {
    std::deque<Mail> mail;
    bool woken = false;
    bool urgent = false;
    {
      absl::MutexLock lock(&mutex_);
      const absl::Duration rest = rests_until_ - options_.clock();
      due_.Await(mutex_, due, SteadyNow() + (dirty_ ? std::min(rest, Pace()) : Pace()));
      if (stopping_) break;
      mail.swap(mailbox_);
      woken = std::exchange(woken_, false);
      urgent = std::exchange(urgent_, false);
    }
    Turn(std::move(mail), woken, urgent);
  }
  WriteUsage(options_.clock());
}

void Controller::Turn(std::deque<Mail> mail, bool woken, bool urgent) {
  const absl::Time now = options_.clock();
  // If this process stood still (a suspended machine, a stopped process), the silence was ours.
  if (now - last_turn_ > options_.times.standstill) {
    workers_.ForgiveSilence(now);
    for (auto& [id, live] : live_) live->gang.ForgiveSilence(now);
  }
  if (woken) dirty_ = true;
  ChargeUsage(now);
  for (Mail& piece : mail) Handle(piece);
  Tick(now);
  // Before the scheduler looks: a job whose attempt has just ended is queued again.
  std::erase_if(live_, [](const auto& item) {
    return item.second->gang.ended() && item.second->undone.empty();
  });
  bool publish = urgent || now - published_ >= Pace();
  if ((dirty_ || now >= next_reconcile_) && now >= rests_until_) {
    publish = true;
    dirty_ = false;
    next_reconcile_ = absl::InfiniteFuture();
    Reconcile(now);
    const absl::Time end = options_.clock();
    rests_until_ = end + kRest * (end - now);
  }
  // It copies every worker, so turns that only read heartbeats share one.
  if (publish) Publish(now);
  for (const auto& done : std::exchange(answered_, {})) done->Notify();
  last_turn_ = options_.clock();
}

void Controller::Tick(absl::Time now) {
  for (auto& [id, live] : live_) {
    if (!live->undone.empty() && now >= live->retry_at) {
      Carry(*live, std::exchange(live->undone, {}));
    }
    if (now >= live->runtime_ends) {
      live->runtime_ends = absl::InfiniteFuture();
      Carry(*live, live->gang.RequestStop(AttemptOutcome::kFailed,
                                          "it ran longer than resources.max_runtime allows; its "
                                          "last checkpoint is kept",
                                          now));
    }
    Carry(*live, live->gang.OnTick(now));
    WriteProgress(*live, now);
  }
  if (workers_.Sweep(now)) dirty_ = true;
}

void Controller::Publish(absl::Time now) {
  published_ = now;
  FleetSnapshot snapshot;
  snapshot.workers = workers_.Views(now);
  snapshot.recoveries = recoveries_;
  snapshot.waits = waits_;
  for (const auto& [id, live] : live_) {
    if (live->gang.unreachable()) snapshot.unreachable_jobs.insert(id);
  }
  for (const auto& [id, losses] : losses_) snapshot.remembered_jobs.insert(id);
  for (const auto& [id, workers] : unfit_) snapshot.remembered_jobs.insert(id);
  std::set<std::string> changed;
  {
    absl::MutexLock lock(&mutex_);
    changed = ChangedJobs(snapshot_, snapshot);
    snapshot_ = std::move(snapshot);
  }
  for (const std::string& job : changed) options_.changed(job);
}

Controller::Live* Controller::FindLive(const std::string& job, int attempt) {
  const auto found = live_.find(job);
  if (found == live_.end() || found->second->gang.ended()) return nullptr;
  return found->second->gang.options().attempt == attempt ? found->second.get() : nullptr;
}

Controller::Live* Controller::LiveOf(const WorkerEntry& entry) {
  if (entry.job.empty()) return nullptr;
  const auto found = live_.find(entry.job);
  if (found == live_.end() || !found->second->gang.HasMember(entry.facts.id)) return nullptr;
  return found->second.get();
}

Controller::Live* Controller::FindGangOf(const std::string& worker) {
  for (auto& [id, live] : live_) {
    if (live->gang.HasMember(worker)) return live.get();
  }
  return nullptr;
}

}  // namespace hebb::control
