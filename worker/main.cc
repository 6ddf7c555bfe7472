// SPDX-License-Identifier: Apache-2.0
// hebb-worker: one device of a cluster. Exit codes: worker/runtime/exit_signal.h.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>

#include "absl/time/time.h"
#include "common/log.h"
#include "common/rpc/credentials.h"
#include "worker/runtime/conformance.h"
#include "worker/runtime/exit_signal.h"
#include "worker/runtime/gpu_device.h"
#include "worker/runtime/identity.h"
#include "worker/runtime/self_check.h"
#include "worker/runtime/worker_process.h"

namespace {

constexpr absl::Duration kSelfCheckWithin = absl::Seconds(5);

// Thrown by the flags, as the parser's own --version is: they need none of the other options.
struct SelfCheckAsked {};
struct ConformanceAsked {};

void AddChecks(CLI::App& app, uint64_t& seed) {
  app.set_version_flag("--version", "hebb-worker " + hebb::runtime::BuildId());
  app.add_flag_callback(
      "--self-check", [] { throw SelfCheckAsked(); },
      "print what this build can do here as JSON, for `hebb doctor`, and end");
  // Before the flag that throws: options are taken in the order in which they are added.
  app.add_option("--seed", seed, "of the numbers that --conformance draws [random]");
  app.add_flag_callback(
      "--conformance", [] { throw ConformanceAsked(); },
      "compare this machine's CPU and GPU with float64 and each other, and sums over a gang with "
      "plain ones, print what came of it as JSON, for `hebb doctor --conformance`, and end: 0 all "
      "conform, 1 not. Under mpirun or srun: the sums over the world");
}

void AddOptions(CLI::App& app, hebb::runtime::WorkerOptions& options, std::string& drain_within) {
  app.add_option("--coordinator", options.coordinator, "the coordinator's HOST:PORT")->required();
  app.add_option("--data-dir", options.data_dir,
                 "folder of the data sets; they are fetched into it")
      ->required();
  app.add_option("--work-dir", options.work_dir,
                 "folder for checkpoints that wait for the coordinator [DATA_DIR/spool]");
  app.add_option("--name", options.name, "what the worker's id begins with [nothing]")
      ->check([](const std::string& name) {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        });
        return plain && name.size() <= 40 ? std::string()
                                          : name + " is not at most 40 of a-z, 0-9 and -";
      });
  app.add_option_function<std::string>(
         "--device",
         [&options](const std::string& text) {
           options.device = *hebb::runtime::ParseDevice(text);
         },
         "auto: a GPU that no other worker holds, where there is one and the plugin opens; cpu; "
         "cuda: no less; cuda:N: that one, shared if need be [auto]")
      ->check([](const std::string& text) {
        return std::string(hebb::runtime::ParseDevice(text).status().message());
      });
  app.add_option("--threads", options.threads, "compute threads [one per core]")
      ->check(CLI::Range(1, 4096));
  app.add_option(
      "--advertise", options.advertise,
      "own address, to which the other workers connect [the one towards the coordinator]");
  app.add_option("--http", options.http, "serve /metrics, /healthz, /readyz on HOST:PORT [off]");
  app.add_option(
         "--drain-within", drain_within,
         "how long to take, when asked to end (SIGTERM, SIGUSR1), for leaving a job in good "
         "order; a second signal ends at once")
      ->capture_default_str()
      ->check([](const std::string& text) {
        absl::Duration duration;
        const bool sound = absl::ParseDuration(text, &duration) && duration >= absl::ZeroDuration();
        return sound ? std::string() : text + " is no duration, such as 20s";
      });
  app.add_option("--credentials", options.credentials,
                 "folder with the worker's token or certificate, made by `hebb certs` [plain text]")
      ->envname(hebb::rpc::kCredentialsVariable);
  app.footer(
      "Exit codes: 0 ended as asked, 1 internal error, 2 usage, 3 refused by the coordinator,\n"
      "74 the GPU fails: start the worker again, 75 start the MPI world again.");
}

}  // namespace

int main(int argc, char** argv) {
  hebb::runtime::WorkerOptions options;
  CLI::App app("Trains networks for a Hebb coordinator.", "hebb-worker");
  std::string drain_within = absl::FormatDuration(options.drain_within);
  uint64_t seed = std::random_device()();
  AddChecks(app, seed);
  AddOptions(app, options, drain_within);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? hebb::runtime::kExitOk : hebb::runtime::kExitUsage;
  } catch (const SelfCheckAsked&) {
    std::cout << hebb::runtime::SelfCheck("127.0.0.1", kSelfCheckWithin,
                                          hebb::runtime::RealGpuParts())
              << std::endl;
    return hebb::runtime::kExitOk;
  } catch (const ConformanceAsked&) {
    hebb::InitLog("hebb-worker");  // to stderr: the report has stdout for itself
    const hebb::runtime::ConformanceReport report =
        hebb::runtime::CheckConformance(hebb::runtime::RealGpuParts(), seed);
    if (!report.json.empty()) std::cout << report.json << std::endl;
    return report.conforms ? hebb::runtime::kExitOk : hebb::runtime::kExitInternal;
  }
  absl::ParseDuration(drain_within, &options.drain_within);
  hebb::InitLog("hebb-worker");
  hebb::runtime::ExitSignal exit;
  const absl::StatusOr<int> code = hebb::runtime::RunWorker(options, exit);
  if (code.ok()) return *code;
  std::cerr << "hebb-worker: " << code.status().message() << "\n";
  return absl::IsInvalidArgument(code.status()) ? hebb::runtime::kExitUsage
                                                : hebb::runtime::kExitInternal;
}
