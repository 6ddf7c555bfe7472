// SPDX-License-Identifier: Apache-2.0
#include "client/local/supervisor.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/local/log_bound.h"
#include "client/local/ports.h"
#include "client/local/up_file.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(500);
constexpr absl::Duration kStopGrace = absl::Seconds(10);
constexpr int kCoordinatorTries = 3;  // before the first answer
constexpr int kTailLines = 10;

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// Holds STATE_DIR/up.lock for this process' life.
absl::StatusOr<int> LockFolder(const std::string& state_dir) {
  const std::string path = state_dir + "/up.lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write to ", state_dir, "; choose another --state-dir"));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return absl::FailedPreconditionError(absl::StrCat(
        "another `hebb up` runs on ", state_dir, "; stop it with `hebb down --state-dir ",
        state_dir, "` or choose another --state-dir"));
  }
  return fd;
}

SpawnOptions ChildOptions(std::vector<std::string> argv, std::string log, int death_signal) {
  SpawnOptions spawn;
  spawn.argv = std::move(argv);
  spawn.log_path = std::move(log);
  spawn.parent_death_signal = death_signal;
  return spawn;
}

}  // namespace

Supervisor::Supervisor(UpOptions options, std::ostream& err)
    : options_(std::move(options)), err_(err) {}

Supervisor::~Supervisor() {
  if (lock_ >= 0) close(lock_);
}

absl::Status Supervisor::Run() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts
  HEBB_RETURN_IF_ERROR(Prepare());
  absl::Status status = StartDue();
  if (status.ok()) {
    census_ = std::make_unique<Census>(endpoints_.coordinator, kTick);
    status = Loop();
  }
  StopAll();
  return status;
}

absl::Status Supervisor::Prepare() {
  HEBB_RETURN_IF_ERROR(MakeFolder(options_.state_dir));
  HEBB_RETURN_IF_ERROR(MakeFolder(LogFolder(options_)));
  HEBB_RETURN_IF_ERROR(MakeFolder(options_.data_dir));
  HEBB_ASSIGN_OR_RETURN(lock_, LockFolder(options_.state_dir));
  HEBB_ASSIGN_OR_RETURN(const int port, ChoosePort(options_.port, "--port", options_.http_port));
  HEBB_ASSIGN_OR_RETURN(const int http, ChoosePort(options_.http_port, "--http-port", port));
  endpoints_.coordinator = absl::StrCat("127.0.0.1:", port);
  endpoints_.http = absl::StrCat("127.0.0.1:", http);
  const std::string log = LogFolder(options_);
  coordinator_.emplace("coordinator", ChildOptions(CoordinatorCommand(options_, endpoints_),
                                                   log + "/coordinator.log", SIGKILL));
  if (UsesMpi(options_)) {
    // SIGTERM, because mpirun must end its ranks first.
    workers_.emplace_back(
        "mpirun", ChildOptions(WorldCommand(options_, endpoints_), log + "/world.log", SIGTERM),
        kWorkerRefused);
    return absl::OkStatus();
  }
  for (int i = 0; i < options_.workers; ++i) {
    SpawnOptions spawn = ChildOptions(WorkerCommand(options_, endpoints_),
                                      absl::StrCat(log, "/worker-", i, ".log"), SIGKILL);
    spawn.environment = WorkerEnvironment(options_, i);
    workers_.emplace_back(absl::StrCat("worker-", i), std::move(spawn), kWorkerRefused);
  }
  return absl::OkStatus();
}

absl::Status Supervisor::StartDue() {
  const absl::Time now = absl::Now();
  bool changed = false;
  std::vector<Service*> services = {&*coordinator_};
  for (Service& worker : workers_) services.push_back(&worker);
  for (Service* service : services) {
    const bool was_running = service->running();
    HEBB_RETURN_IF_ERROR(service->StartIfDue(now));
    if (!was_running && service->running()) {
      changed = true;
      if (service->name() == "mpirun") judge_ = FreezeJudge();
    }
  }
  return changed ? Record() : absl::OkStatus();
}

absl::Status Supervisor::Loop() {
  err_ << "coordinator " << endpoints_.coordinator << ", page http://" << endpoints_.http
       << "/, logs in " << LogFolder(options_) << std::endl;
  while (!WaitForSignal()) {
    HEBB_RETURN_IF_ERROR(Reap());
    HEBB_RETURN_IF_ERROR(StartDue());
    AnnounceWhenReady();
    EndFrozenWorld();
    BoundLogs();
  }
  err_ << "stopping" << std::endl;
  return absl::OkStatus();
}

bool Supervisor::WaitForSignal() {
  absl::Time due = std::min(absl::Now() + kTick, coordinator_->due());
  for (const Service& worker : workers_) due = std::min(due, worker.due());
  const timespec timeout = absl::ToTimespec(std::max(due - absl::Now(), absl::Milliseconds(1)));
  const sigset_t signals = HandledSignals();
  const int signal = sigtimedwait(&signals, nullptr, &timeout);
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

absl::Status Supervisor::Reap() {
  int wait_status = 0;
  for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
    if (pid == coordinator_->id().pid) {
      HEBB_RETURN_IF_ERROR(TakeNote(*coordinator_, wait_status));
    }
    for (Service& worker : workers_) {
      if (pid == worker.id().pid) HEBB_RETURN_IF_ERROR(TakeNote(worker, wait_status));
    }
  }
  return absl::OkStatus();
}

absl::Status Supervisor::TakeNote(Service& service, int wait_status) {
  const absl::Time now = absl::Now();
  const pid_t pid = service.id().pid;
  const std::string how = service.Ended(wait_status, now);
  if (service.given_up()) return TakeNoteOfRefusal(service);
  err_ << service.name() << " (pid " << pid << ") ended with " << how << ", starts again in "
       << absl::FormatDuration(service.due() - now) << "; its log: " << service.log_path()
       << std::endl;
  const bool hopeless =
      &service == &*coordinator_ && !served_ && service.short_runs() >= kCoordinatorTries;
  if (!hopeless) return Record();
  return absl::InternalError(absl::StrCat("the coordinator does not start (", how,
                                          "); its last words:\n",
                                          LogTail(service.log_path(), kTailLines)));
}

// It would only be refused again, for as long as the two programs differ.
absl::Status Supervisor::TakeNoteOfRefusal(const Service& worker) {
  err_ << worker.name()
       << " was refused by the coordinator and is not started again; its log: " << worker.log_path()
       << std::endl;
  const bool all = std::all_of(workers_.begin(), workers_.end(),
                               [](const Service& each) { return each.given_up(); });
  if (announced_ || !all) return Record();
  return absl::FailedPreconditionError(
      absl::StrCat("the coordinator refuses the workers; install the same version of both. The "
                   "last words of ",
                   worker.name(), ":\n", LogTail(worker.log_path(), kTailLines)));
}

void Supervisor::AnnounceWhenReady() {
  const Census::View view = census_->Latest();
  served_ = served_ || view.serving;
  if (announced_ || static_cast<int>(view.attached.size()) < options_.workers) return;
  announced_ = true;
  err_ << "ready: " << view.attached.size() << " workers are attached; stop with Ctrl-C or `hebb "
       << "down --state-dir " << options_.state_dir << "`" << std::endl;
}

void Supervisor::BoundLogs() {
  std::vector<std::string> logs = {LogFolder(options_) + "/up.log", coordinator_->log_path()};
  for (const Service& worker : workers_) logs.push_back(worker.log_path());
  for (const std::string& log : logs) {
    const absl::Status status = BoundLog(log);
    if (status.ok() || status.message() == log_trouble_) continue;
    log_trouble_ = std::string(status.message());
    err_ << log_trouble_ << std::endl;
  }
}

std::vector<pid_t> Supervisor::Ranks() const {
  return workers_[0].running() ? ChildrenOf(workers_[0].id().pid) : std::vector<pid_t>{};
}

void Supervisor::EndFrozenWorld() {
  if (!UsesMpi(options_)) return;
  const std::vector<pid_t> ranks = Ranks();
  if (!judge_.IsFrozen(ranks, census_->Latest(), absl::Now())) return;
  err_ << "a rank of the MPI world is out of touch; the world starts again" << std::endl;
  for (const pid_t rank : ranks) kill(rank, SIGKILL);
  kill(workers_[0].id().pid, SIGCONT);  // in case it is mpirun that was stopped
  judge_ = FreezeJudge();
}

void Supervisor::StopAll() {
  std::vector<Service*> workers;
  for (Service& worker : workers_) workers.push_back(&worker);
  StopServices(workers);
  census_.reset();
  if (coordinator_.has_value()) StopServices({&*coordinator_});
  RemoveUpFile(options_.state_dir);
}

void Supervisor::StopServices(const std::vector<Service*>& services) {
  std::vector<ProcessId> processes;
  for (const Service* service : services) {
    if (service->running()) processes.push_back(service->id());
  }
  if (UsesMpi(options_) && !workers_.empty()) {
    // The ranks are asked, mpirun ends when they have; asked itself it would kill them.
    std::vector<ProcessId> ranks;
    for (const pid_t rank : Ranks()) {
      if (absl::StatusOr<ProcessId> id = IdentifyProcess(rank); id.ok()) ranks.push_back(*id);
    }
    EndProcesses(ranks, kStopGrace);
  }
  EndProcesses(processes, kStopGrace);
  for (Service* service : services) {
    int wait_status = 0;
    if (service->running() && waitpid(service->id().pid, &wait_status, WNOHANG) > 0) {
      service->Ended(wait_status, absl::Now());
    }
  }
}

absl::Status Supervisor::Record() {
  HEBB_ASSIGN_OR_RETURN(const ProcessId self, IdentifyProcess(getpid()));
  UpFile file;
  file.address = endpoints_.coordinator;
  file.http = endpoints_.http;
  file.comm = UsesMpi(options_) ? "mpi" : "gloo";
  file.supervisor = self;
  file.coordinator = coordinator_->id();
  for (const Service& worker : workers_) file.workers.push_back({worker.name(), worker.id()});
  return WriteUpFile(options_.state_dir, file);
}

}  // namespace hebb::client
