// SPDX-License-Identifier: Apache-2.0
// hebb up, hebb down: a whole service on this machine.
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/doctor/machine.h"
#include "client/doctor/programs.h"
#include "client/local/census.h"
#include "client/local/folders.h"
#include "client/local/log_bound.h"
#include "client/local/process.h"
#include "client/local/supervisor.h"
#include "client/local/up_file.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/times.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kReadyWithin = absl::Seconds(60);
constexpr absl::Duration kStopWithin = absl::Seconds(25);  // workers, then coordinator: 10 s each
constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr int kTailLines = 10;

void PrintUp(Session& session, const UpFile& up, int workers) {
  if (session.structured()) {
    session.Print({{"address", up.address},
                   {"http", up.http},
                   {"comm", up.comm},
                   {"workers", workers},
                   {"pid", up.supervisor.pid}});
  } else {
    session.out << "coordinator " << up.address << ", page http://" << up.http << "/, " << workers
                << " workers" << std::endl;
  }
}

// The detached supervisor, from its start until it is ready.
class Detached {
 public:
  Detached(Session& session, const UpOptions& options)
      : session_(session), options_(options), log_(LogFolder(options) + "/up.log") {}

  absl::StatusOr<ExitCode> Start() {
    HEBB_RETURN_IF_ERROR(MakeFolder(LogFolder(options_)));
    HEBB_RETURN_IF_ERROR(BoundLog(log_));  // now, and not while we wait for words behind its end
    std::error_code error;
    const auto size = std::filesystem::file_size(log_, error);
    log_start_ = error ? 0 : static_cast<size_t>(size);
    SpawnOptions spawn;
    spawn.argv = ForegroundCommand(options_);
    spawn.log_path = log_;
    spawn.new_session = true;
    HEBB_ASSIGN_OR_RETURN(process_, Spawn(spawn));
    return WaitUntilReady();
  }

 private:
  absl::StatusOr<ExitCode> WaitUntilReady() {
    const absl::Time deadline = absl::Now() + kReadyWithin;
    std::unique_ptr<Census> census;
    size_t attached = 0;
    for (; absl::Now() < deadline; absl::SleepFor(kPoll)) {
      int wait_status = 0;
      if (waitpid(process_.pid, &wait_status, WNOHANG) > 0) return Died(wait_status);
      const absl::StatusOr<UpFile> up = ReadUpFile(options_.state_dir);
      if (!up.ok() || !(up->supervisor == process_)) continue;
      if (census == nullptr) census = std::make_unique<Census>(up->address, kPoll);
      attached = census->Latest().attached.size();
      if (static_cast<int>(attached) < options_.workers) continue;
      PrintUp(session_, *up, options_.workers);
      return ExitCode::kOk;
    }
    EndProcesses({process_}, kStopWithin);
    return absl::InternalError(
        absl::StrCat(attached, " of ", options_.workers, " workers attached within ",
                     absl::FormatDuration(kReadyWithin), ", stopped again; look into ",
                     LogFolder(options_), "\n", WorkerTail()));
  }

  // It has said why on its standard error, which is the log, in the form of our own errors.
  ExitCode Died(int wait_status) {
    session_.err << LogTail(log_, kTailLines, log_start_) << std::endl;
    return WIFEXITED(wait_status) ? static_cast<ExitCode>(WEXITSTATUS(wait_status))
                                  : ExitCode::kInternal;
  }

  std::string WorkerTail() const {
    const char* name = UsesMpi(options_) ? "/world.log" : "/worker-0.log";
    return LogTail(LogFolder(options_) + name, kTailLines);
  }

  Session& session_;
  const UpOptions& options_;
  const std::string log_;
  size_t log_start_ = 0;
  ProcessId process_;
};

// Asks hebb-worker what it can compute on, but only where there may be a GPU.
absl::Status LookForGpus(Session& session, UpOptions& options) {
  std::vector<std::string> gpus;
  std::string why;
  const bool look = options.device == "cuda" ||
                    (options.device == "auto" && !doctor::LookAtMachine("").gpus.empty());
  if (look) {
    const auto found = doctor::FindGpus(options.worker_program);
    if (!found.ok()) why = std::string(found.status().message());
    for (const doctor::WorkerGpu& gpu : found.value_or(std::vector<doctor::WorkerGpu>())) {
      gpus.push_back(gpu.uuid);
    }
  }
  HEBB_ASSIGN_OR_RETURN(const std::string note, ChooseDevice(std::move(gpus), why, options));
  if (!note.empty()) session.err << note << std::endl;
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Up(Session& session, UpOptions options, bool detach) {
  FindPrograms(options);
  HEBB_RETURN_IF_ERROR(LookForGpus(session, options));
  Complete(options);
  if (detach) return Detached(session, options).Start();
  HEBB_RETURN_IF_ERROR(Supervisor(options, session.err).Run());
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Down(Session& session, const std::string& state_dir) {
  const absl::StatusOr<UpFile> up = ReadUpFile(state_dir);
  if (absl::IsNotFound(up.status())) {
    session.err << "nothing runs on " << state_dir << std::endl;
    return ExitCode::kOk;
  }
  HEBB_RETURN_IF_ERROR(up.status());
  // The supervisor stops the others in good order; what it left behind is ended here.
  bool gone = EndProcesses({up->supervisor}, kStopWithin);
  std::vector<ProcessId> rest;
  for (const NamedProcess& worker : up->workers) rest.push_back(worker.id);
  gone = EndProcesses(rest, absl::Seconds(5)) && gone;
  gone = EndProcesses({up->coordinator}, absl::Seconds(5)) && gone;
  if (!gone) {
    return absl::InternalError(absl::StrCat("could not stop all processes that ",
                                            UpFilePath(state_dir), " names; end them by pid"));
  }
  RemoveUpFile(state_dir);
  session.err << "stopped" << std::endl;
  return ExitCode::kOk;
}

void AddUpOptions(CLI::App& command, UpOptions& options) {
  command.add_option("--workers", options.workers, "How many workers [1, or one per GPU]")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--device", options.device,
                  "What the workers compute on: auto (GPUs, if there is one for each) | cpu | cuda")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str();
  command.add_option("--state-dir", options.state_dir, "Jobs, checkpoints, logs and up.json")
      ->capture_default_str();
  command.add_option("--data-dir", options.data_dir, "The data sets")->capture_default_str();
  command.add_option("--port", options.port, "The coordinator's port; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_option("--http-port", options.http_port, "Its HTTP port; 0: any free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command.add_option("--comm", options.comm, "auto | gloo | mpi (one mpirun for all workers)")
      ->check(CLI::IsMember({"auto", "gloo", "mpi"}))
      ->capture_default_str();
  command
      .add_option("--detect-within", options.detect_within,
                  "A worker silent for so long is lost; all other times follow from it")
      ->check([](const std::string& text) {
        return std::string(ParseDetectWithin(text).status().message());
      })
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Of each worker; 0: cores / workers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--coordinator-program", options.coordinator_program,
                     "Instead of hebb-coordinator beside hebb");
  command.add_option("--worker-program", options.worker_program,
                     "Instead of hebb-worker beside hebb");
  command.add_option("--mpirun-program", options.mpirun_program, "Instead of mpirun from PATH");
}

}  // namespace

void AddUp(CLI::App& app, Session& session) {
  auto options = std::make_shared<UpOptions>();
  options->state_dir = DefaultStateDir();
  options->data_dir = DefaultDataDir();
  auto detach = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("up", "Run a coordinator and workers on this machine until Ctrl-C");
  AddUpOptions(*command, *options);
  command->add_flag("--detach", *detach, "Return when all is ready; `hebb down` stops it");
  command->callback([&session, options, detach] {
    session.set_action([&session, options, detach] { return Up(session, *options, *detach); });
  });
}

void AddDown(CLI::App& app, Session& session) {
  auto state_dir = std::make_shared<std::string>(DefaultStateDir());
  CLI::App* command = app.add_subcommand("down", "Stop what `hebb up` started");
  command->add_option("--state-dir", *state_dir, "As given to `hebb up`")->capture_default_str();
  command->callback([&session, state_dir] {
    session.set_action([&session, state_dir] { return Down(session, *state_dir); });
  });
}

}  // namespace hebb::client
