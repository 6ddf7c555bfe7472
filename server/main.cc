// SPDX-License-Identifier: Apache-2.0
// hebb-coordinator: flags, start, wait for a signal, stop.
#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/check.h"
#include "common/log.h"
#include "common/times.h"
#include "server/coordinator.h"

namespace {

constexpr int kExitRefused = 1;

// Blocks the signals that stop us in all threads, so that sigwait alone takes them. A signal that
// is blocked is never ignored, so one that is to be ignored stays out.
sigset_t BlockStopSignals(bool ignore_sigterm) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  if (ignore_sigterm) {
    signal(SIGTERM, SIG_IGN);
  } else {
    sigaddset(&signals, SIGTERM);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Each worker and each client is a connection; shells give a process 1024 files.
void RaiseOpenFilesLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::Milliseconds(50)) return "";
  return text + " is no duration of 50ms or more, such as 2s";
}

std::string CheckDetectWithin(const std::string& text) {
  return std::string(hebb::ParseDetectWithin(text).status().message());
}

struct UserFlags {
  std::vector<std::string> workers;  // NAME=N; NAME *: everyone else
  std::vector<std::string> weights;  // NAME=W
  std::vector<std::string> queued;   // NAME=N
};

std::string CheckUserNumber(const std::string& text) {
  const size_t equals = text.rfind('=');
  double value = 0;
  const bool good = equals != std::string::npos && equals > 0 &&
                    absl::SimpleAtod(text.substr(equals + 1), &value) && value > 0 && value < 1e9;
  return good ? "" : text + " is not NAME=NUMBER with a number above 0 (NAME *: everyone else)";
}

void AddUserFlags(CLI::App& app, UserFlags& flags) {
  app.add_option("--user-workers", flags.workers,
                 "NAME=N: the user holds at most N workers at once; NAME *: everyone else")
      ->check(CheckUserNumber);
  app.add_option("--user-queued", flags.queued,
                 "NAME=N: at most N jobs of the user wait, a submit beyond is refused; NAME *: "
                 "everyone else")
      ->check(CheckUserNumber);
  app.add_option("--user-weight", flags.weights,
                 "NAME=W: the user's part of the workers beside the others' (1)")
      ->check(CheckUserNumber);
}

struct UserNumber {
  std::string name;  // *: everyone else
  double value = 1;
};

// REQUIRES: CheckUserNumber has taken it.
UserNumber SplitUserNumber(const std::string& text) {
  const size_t equals = text.rfind('=');
  UserNumber number{text.substr(0, equals)};
  HEBB_CHECK(absl::SimpleAtod(text.substr(equals + 1), &number.value));
  return number;
}

int64_t AtLeastOne(double value) { return std::max<int64_t>(static_cast<int64_t>(value), 1); }

hebb::scheduler::User& UserOf(const std::string& name, hebb::CoordinatorOptions& options) {
  if (name == "*") return options.default_user;
  return options.users.try_emplace(name, options.default_user).first->second;
}

// Whoever is named has the numbers of everyone else where its own are not given.
void TakeUserFlags(const UserFlags& flags, hebb::CoordinatorOptions& options) {
  for (const bool everyone : {true, false}) {
    for (const std::string& text : flags.weights) {
      const auto [name, weight] = SplitUserNumber(text);
      if ((name == "*") == everyone) UserOf(name, options).weight = weight;
    }
    for (const std::string& text : flags.workers) {
      const auto [name, most] = SplitUserNumber(text);
      if ((name == "*") == everyone) UserOf(name, options).max_workers = AtLeastOne(most);
    }
  }
  for (const std::string& text : flags.queued) {
    const auto [name, most] = SplitUserNumber(text);
    (name == "*" ? options.queued.others : options.queued.of_user[name]) = AtLeastOne(most);
  }
}

void AddSecurityFlags(CLI::App& app, hebb::CoordinatorOptions& options) {
  app.add_option("--credentials", options.credentials,
                 "folder with TLS keys and tokens, made by `hebb certs init` [plain text on the "
                 "loopback, for everybody]");
  app.add_flag("--require-client-certificate", options.require_client_certificate,
               "refuse connections without a certificate of the cluster's authority (mTLS)");
  app.add_option("--calls-per-second", options.calls_per_second,
                 "so many calls of one person on average, twice as many at once")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--min-free-disk", options.free_disk_min,
                 "room that uploads of users leave for running jobs, such as 500MB [1GiB]")
      ->transform(CLI::AsSizeValue(false));
}

// Beside this program; its name alone, to be found in PATH, where that cannot be known.
std::string WorkerProgram() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "hebb-worker" : (self.parent_path() / "hebb-worker").string();
}

void AddLauncherFlags(CLI::App& app, hebb::CoordinatorOptions& options) {
  CLI::Option* config = app.add_option("--launcher-config", options.launcher_config,
                                       "YAML file that says how it is asked, and for how many");
  CLI::Option* launcher =
      app.add_option("--launcher", options.launcher,
                     "whom to ask for workers when jobs lack them: none, slurm or kubernetes")
          ->capture_default_str()
          ->check(CLI::IsMember({"none", "slurm", "kubernetes"}))
          ->needs(config);
  config->needs(launcher);
  options.worker_program = WorkerProgram();
}

}  // namespace

int main(int argc, char** argv) {
  hebb::CoordinatorOptions options;
  options.listen = "127.0.0.1:7070";
  options.http = "127.0.0.1:7071";
  std::string detect_within = absl::FormatDuration(options.detect_within);
  CLI::App app("The coordinator of Hebb: keeps jobs, gives them workers.", "hebb-coordinator");
  app.add_option("--listen", options.listen, "HOST:PORT of gRPC; port 0: any free one")
      ->capture_default_str();
  app.add_option("--http", options.http, "HOST:PORT of /metrics, /healthz and /readyz")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "folder of jobs, checkpoints and logs")
      ->required();
  app.add_option("--detect-within", detect_within, "a worker silent for so long is lost")
      ->capture_default_str()
      ->check(CheckDetectWithin);
  UserFlags users;
  AddUserFlags(app, users);
  std::string half_life = "24h", protect = "10s";
  app.add_option("--usage-half-life", half_life, "after so long a user's past use counts half")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_option("--protect-running", protect, "no attempt is preempted before it ran so long")
      ->capture_default_str()
      ->check(CheckDuration);
  std::string archive_after = "inf", remove_files_after = "168h", retention_every = "1m";
  app.add_option("--archive-after", archive_after, "so long after its end a job leaves the lists")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_option("--remove-files-after", remove_files_after,
                 "so long after it was archived a job's log and checkpoints are removed")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_option("--retention-every", retention_every, "how often that is looked after")
      ->capture_default_str()
      ->check(CheckDuration);
  AddSecurityFlags(app, options);
  AddLauncherFlags(app, options);
  app.add_flag("--insecure-any-address", options.insecure_any_address,
               "serve any address without TLS; only for isolated test networks");
  bool ignore_sigterm = false;
  app.add_flag("--ignore-sigterm", ignore_sigterm,
               "stop at SIGINT only: where SIGTERM comes to workers and coordinator at once, as in "
               "SLURM, the workers hand over their state first");
  CLI11_PARSE(app, argc, argv);
  absl::ParseDuration(detect_within, &options.detect_within);
  absl::ParseDuration(half_life, &options.usage_half_life);
  absl::ParseDuration(protect, &options.protect_running);
  absl::ParseDuration(archive_after, &options.retention.archive_after);
  absl::ParseDuration(remove_files_after, &options.retention.remove_files_after);
  absl::ParseDuration(retention_every, &options.retention.every);
  TakeUserFlags(users, options);

  hebb::InitLog("hebb-coordinator");
  RaiseOpenFilesLimit();
  const sigset_t signals = BlockStopSignals(ignore_sigterm);
  auto coordinator = hebb::Coordinator::Start(options);
  if (!coordinator.ok()) {
    std::fprintf(stderr, "hebb-coordinator: %s\n",
                 std::string(coordinator.status().message()).c_str());
    return kExitRefused;
  }
  std::printf("hebb-coordinator listens on %s, http on %s\n", (*coordinator)->address().c_str(),
              (*coordinator)->http_address().c_str());
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  hebb::LogInfo(absl::StrCat("stopping: ", strsignal(signal_number), "; workers train on"));
  (*coordinator)->Stop();
  return 0;
}
