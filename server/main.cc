// SPDX-License-Identifier: Apache-2.0
// hebb-coordinator: flags, start, wait for a signal, stop.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/log.h"
#include "server/coordinator.h"

namespace {

constexpr int kExitRefused = 1;

// Blocks the signals that stop us in all threads, so that sigwait alone takes them.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

std::string CheckDuration(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::Milliseconds(50)) return "";
  return text + " is no duration of 50ms or more, such as 2s";
}

}  // namespace

int main(int argc, char** argv) {
  hebb::CoordinatorOptions options;
  options.listen = "127.0.0.1:7070";
  options.http = "127.0.0.1:7071";
  std::string detect_within = "2s";
  CLI::App app("The coordinator of Hebb: keeps jobs, gives them workers.", "hebb-coordinator");
  app.add_option("--listen", options.listen, "HOST:PORT of gRPC; port 0: any free one")
      ->capture_default_str();
  app.add_option("--http", options.http, "HOST:PORT of /metrics, /healthz and /readyz")
      ->capture_default_str();
  app.add_option("--state-dir", options.state_dir, "folder of jobs, checkpoints and logs")
      ->required();
  app.add_option("--detect-within", detect_within, "a worker silent for so long is lost")
      ->capture_default_str()
      ->check(CheckDuration);
  app.add_flag("--insecure-any-address", options.insecure_any_address,
               "serve any address without TLS; only for isolated test networks");
  CLI11_PARSE(app, argc, argv);
  absl::ParseDuration(detect_within, &options.detect_within);

  hebb::InitLog("hebb-coordinator");
  const sigset_t signals = BlockStopSignals();
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
