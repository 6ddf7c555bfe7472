// SPDX-License-Identifier: Apache-2.0
#include "server/coordinator.h"

#include <unistd.h>

#include <cstdio>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/log.h"
#include "common/log_level_name.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"
#include "server/access/gate.h"
#include "server/control/change_feed.h"
#include "server/control/checkpoints.h"
#include "server/control/controller.h"
#include "server/control/rendezvous.h"
#include "server/control/sweep_pilot.h"
#include "server/control/worker_supply.h"
#include "server/http/fleet_view.h"
#include "server/http/service_metrics.h"
#include "server/http/status_server.h"
#include "server/launcher/config.h"
#include "server/rpc/server.h"
#include "server/store/blob_store.h"
#include "server/store/log_store.h"
#include "server/store/sqlite_job_store.h"
#include "server/store/state_folder.h"
#include "server/web/api.h"
#include "server/web/page.h"

namespace hebb {
namespace {

absl::Status CheckAddress(absl::string_view flag, const std::string& address, bool any) {
  HEBB_ASSIGN_OR_RETURN(const rpc::HostPort parsed, rpc::ParseHostPort(address));
  if (any || rpc::IsLoopback(parsed.host)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      flag, " ", address,
      ": without TLS and tokens only loopback addresses (127.0.0.1, ::1, localhost) are served; "
      "make credentials with `hebb certs init DIR` and give --credentials DIR/coordinator"));
}

// None without credentials.
absl::StatusOr<std::unique_ptr<access::Gate>> MakeGate(const CoordinatorOptions& options) {
  if (options.credentials.empty()) return nullptr;
  HEBB_ASSIGN_OR_RETURN(auto tokens, access::TokenTable::Open(
                                         absl::StrCat(options.credentials, "/", rpc::kTokensFile)));
  access::GateOptions gate;
  gate.calls_per_second = options.calls_per_second;
  gate.calls_at_once = 2 * options.calls_per_second;
  return std::make_unique<access::Gate>(gate, std::move(tokens));
}

metrics::HttpSecurity HttpSecurityOf(const CoordinatorOptions& options, access::Gate* gate) {
  if (gate == nullptr) return {};
  metrics::HttpSecurity security;
  security.certificate_path = absl::StrCat(options.credentials, "/", rpc::kCertificateFile);
  security.key_path = absl::StrCat(options.credentials, "/", rpc::kKeyFile);
  security.admits = [gate](const std::string& token) {
    return gate->Recognise({"", token, ""}).ok();
  };
  // The page asks for a token itself, and the API asks the gate, call by call.
  security.open_paths = {"/healthz", "/readyz", "/", "/page/*", "/api/*"};
  return security;
}

constexpr absl::Duration kStoreBusyTimeout = absl::Seconds(5);
constexpr int64_t kTailLines = 20;  // of a rank's log, in the record of a failure

std::vector<std::string> LogTail(const store::LogStore& logs, const std::string& job, int attempt,
                                 int rank) {
  store::LogCursor cursor;
  const auto entries = logs.Tail(job, {.attempt = attempt, .rank = rank}, kTailLines, cursor);
  std::vector<std::string> lines;
  if (!entries.ok()) {
    LogWarning(entries.status().message(), {{"job", job}});
    return lines;
  }
  for (const store::LogEntry& entry : *entries) {
    lines.push_back(absl::StrCat(LogLevelName(entry.level), " ", entry.text));
  }
  return lines;
}

control::ControllerOptions LoopOptions(const CoordinatorOptions& from, const store::LogStore& logs,
                                       control::ChangeFeed& feed, control::LoopObserver& observer) {
  control::ControllerOptions options;
  options.build = HEBB_BUILD_ID;
  options.times = Times(from.detect_within);
  options.users = from.users;
  options.default_user = from.default_user;
  options.usage_half_life = from.usage_half_life;
  options.policy.protect = from.protect_running;
  options.observer = &observer;
  options.changed = [&feed](const std::string& job) { feed.Bump(job); };
  options.log_tail = [&logs](const std::string& job, int attempt, int rank) {
    return LogTail(logs, job, attempt, rank);
  };
  return options;
}

// Long enough for an upload whose submit is still to come.
constexpr absl::Duration kOrphanAge = absl::Hours(24);

// They only cost space: no reason not to start.
void RemoveOrphans(control::Checkpoints& checkpoints) {
  const auto removed = checkpoints.RemoveOrphans(absl::Now() - kOrphanAge);
  if (!removed.ok()) {
    LogWarning(absl::StrCat("files that nothing needs stay: ", removed.status().message()));
  } else if (*removed > 0) {
    LogInfo("removed stored files that nothing needs", {{"files", absl::StrCat(*removed)}});
  }
}

std::vector<std::string> Decisions() {
  std::vector<std::string> names = {"started", "preempted"};
  for (const scheduler::WaitReason reason : scheduler::kWaitReasons) {
    names.emplace_back(scheduler::WaitReasonName(reason));
  }
  return names;
}

std::vector<std::string> Outcomes() {
  std::vector<std::string> names;
  for (const control::AttemptOutcome outcome : control::kAttemptOutcomes) {
    names.emplace_back(control::OutcomeName(outcome));
  }
  return names;
}

// What the control loop tells, counted.
class CountingObserver final : public control::LoopObserver {
 public:
  explicit CountingObserver(http::ServiceMetrics& metrics) : metrics_(metrics) {}

  void QueueWaited(absl::Duration wait) override { metrics_.QueueWaited(wait); }
  void Decided(absl::string_view decision) override { metrics_.Decided(decision); }
  void StepsLost(int64_t steps) override { metrics_.StepsLost(steps); }
  void AttemptEnded(absl::string_view outcome) override { metrics_.AttemptEnded(outcome); }

 private:
  http::ServiceMetrics& metrics_;
};

// What the control loop knows, in the HTTP server's words.
class ControllerFleet final : public http::FleetView {
 public:
  explicit ControllerFleet(const control::Controller& controller) : controller_(controller) {}

  http::Fleet Snapshot() const override {
    const control::FleetSnapshot snapshot = controller_.Fleet();
    http::Fleet fleet;
    for (const control::WorkerView& view : snapshot.workers) {
      fleet.workers.push_back({view.facts.id, view.facts.host, view.facts.device, view.state,
                               view.job, view.facts.http_address, view.last_heartbeat});
    }
    fleet.recoveries = snapshot.recoveries;
    for (const scheduler::WaitReason reason : scheduler::kWaitReasons) {
      fleet.waiting[std::string(scheduler::WaitReasonName(reason))] = 0;
    }
    for (const auto& [job, wait] : *snapshot.waits) {
      ++fleet.waiting[std::string(scheduler::WaitReasonName(wait.reason))];
    }
    return fleet;
  }

 private:
  const control::Controller& controller_;
};

// What SLURM's nodes are told where its file does not say it; "" where it cannot be known.
std::string ReachedAt(const std::string& listen) {
  const absl::StatusOr<rpc::HostPort> address = rpc::ParseHostPort(listen);
  const bool known =
      address.ok() && address->port != 0 && address->host != "0.0.0.0" && address->host != "::";
  return known ? listen : "";
}

struct Launch {
  control::WorkerSupplyOptions options;
  std::unique_ptr<launcher::Launcher> launcher;  // null: none
};

absl::StatusOr<Launch> MakeLaunch(const CoordinatorOptions& options,
                                  const store::StateFolder& folder) {
  Launch launch;
  if (options.launcher == "none") return launch;
  HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(options.launcher_config));
  HEBB_ASSIGN_OR_RETURN(launcher::Config config,
                        launcher::ParseConfig(yaml, options.launcher_config, options.launcher,
                                              {ReachedAt(options.listen), options.worker_program}));
  HEBB_ASSIGN_OR_RETURN(launch.options.keeper.cluster, folder.ClusterId());
  launch.options.keeper.plan = config.plan;
  launch.options.look_every = config.look_every;
  HEBB_ASSIGN_OR_RETURN(launch.launcher, launcher::MakeLauncher(options.launcher, std::move(config),
                                                                launch.options.keeper.cluster));
  return launch;
}

}  // namespace

struct Coordinator::Parts {
  Parts(const CoordinatorOptions& options, std::unique_ptr<store::StateFolder> folder_in,
        std::unique_ptr<store::SqliteJobStore> store_in, std::unique_ptr<store::BlobStore> blobs_in,
        std::unique_ptr<store::LogStore> logs_in, std::unique_ptr<http::ServiceMetrics> metrics_in)
      : metrics(std::move(metrics_in)),
        observer(*metrics),
        folder(std::move(folder_in)),
        store(std::move(store_in)),
        blobs(std::move(blobs_in)),
        logs(std::move(logs_in)),
        jobs(*store, feed),
        checkpoints(jobs, *blobs),
        controller(LoopOptions(options, *logs, feed, observer), jobs, *blobs, checkpoints,
                   rendezvous),
        retention(options.retention, jobs, checkpoints, *logs),
        sweeps(jobs, feed, [this] { controller.Wake(); }),
        fleet(controller) {}

  absl::Status ServeHttp(const CoordinatorOptions& options) {
    api_calls.emplace(server->MakeLocalCalls());
    const auto add_web = [this](metrics::HttpServer& http) {
      web::RegisterApi(*api_calls, http);
      web::RegisterPage(http);
    };
    HEBB_ASSIGN_OR_RETURN(
        status, http::StatusServer::Start(
                    {options.http, HEBB_VERSION, HttpSecurityOf(options, gate.get()), add_web},
                    jobs, fleet, *metrics));
    http_address = status->address();
    return absl::OkStatus();
  }

  const std::unique_ptr<http::ServiceMetrics> metrics;  // first: all others count here
  CountingObserver observer;
  std::unique_ptr<access::Gate> gate;  // null: nobody is authenticated
  std::unique_ptr<rpc::AuditTrail> audit;
  const std::unique_ptr<store::StateFolder> folder;
  const std::unique_ptr<store::SqliteJobStore> store;
  const std::unique_ptr<store::BlobStore> blobs;
  const std::unique_ptr<store::LogStore> logs;
  control::ChangeFeed feed;
  control::WatchedJobStore jobs;
  control::Checkpoints checkpoints;
  control::Rendezvous rendezvous;
  control::Controller controller;
  control::Retention retention;
  control::SweepPilot sweeps;
  std::optional<control::WorkerSupply> supply;
  ControllerFleet fleet;
  std::unique_ptr<rpc::Server> server;
  std::optional<rpc::LocalCalls> api_calls;
  std::string http_address;
  std::unique_ptr<http::StatusServer> status;
};

Coordinator::Coordinator(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Coordinator::~Coordinator() { Stop(); }

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(const CoordinatorOptions& options) {
  const bool any_address = options.insecure_any_address || !options.credentials.empty();
  HEBB_RETURN_IF_ERROR(CheckAddress("--listen", options.listen, any_address));
  HEBB_RETURN_IF_ERROR(CheckAddress("--http", options.http, any_address));
  rpc::Security security;
  if (!options.credentials.empty()) {
    HEBB_ASSIGN_OR_RETURN(security.credentials, rpc::LoadServerCredentials(options.credentials));
  }
  security.require_client_certificate = options.require_client_certificate;
  HEBB_ASSIGN_OR_RETURN(auto gate, MakeGate(options));
  HEBB_ASSIGN_OR_RETURN(
      auto folder, store::StateFolder::Open(options.state_dir,
                                            absl::StrCat("hebb-coordinator on ", options.listen)));
  // Whoever waits for this file must not find the one of the run before.
  const std::string addresses = absl::StrCat(folder->path(), "/coordinator.json");
  std::remove(addresses.c_str());
  auto metrics = std::make_unique<http::ServiceMetrics>(folder->path(), Decisions(), Outcomes());
  const auto timer = [counts = metrics.get()](absl::string_view operation, absl::Duration took) {
    counts->StoreTook(operation, took);
  };
  HEBB_ASSIGN_OR_RETURN(auto jobs,
                        store::SqliteJobStore::Open(folder->database(), kStoreBusyTimeout, timer));
  HEBB_ASSIGN_OR_RETURN(Launch launch, MakeLaunch(options, *folder));
  HEBB_ASSIGN_OR_RETURN(auto blobs, store::BlobStore::Open(folder->blobs()));
  HEBB_ASSIGN_OR_RETURN(auto logs, store::LogStore::Open(folder->logs()));
  std::unique_ptr<Coordinator> coordinator(new Coordinator(
      std::make_unique<Parts>(options, std::move(folder), std::move(jobs), std::move(blobs),
                              std::move(logs), std::move(metrics))));
  Parts& parts = *coordinator->parts_;
  parts.gate = std::move(gate);
  HEBB_ASSIGN_OR_RETURN(parts.audit,
                        rpc::AuditTrail::Open(absl::StrCat(parts.folder->path(), "/audit.jsonl")));
  if (launch.launcher != nullptr) {
    parts.supply.emplace(std::move(launch.options), std::move(launch.launcher), parts.controller,
                         parts.jobs, parts.feed);
  }
  RemoveOrphans(parts.checkpoints);  // before the first upload can come
  rpc::Context context{parts.jobs,       *parts.blobs,      *parts.logs,
                       parts.feed,       parts.checkpoints, parts.rendezvous,
                       parts.controller, *parts.audit,      parts.gate.get()};
  context.limits.free_disk_min = options.free_disk_min;
  context.limits.queued = options.queued;
  context.supply = parts.supply.has_value() ? &*parts.supply : nullptr;
  context.self = {HEBB_BUILD_ID, parts.folder->path(), absl::Now()};
  const auto observer = [&parts](absl::string_view method, absl::StatusCode code,
                                 absl::Duration duration) {
    parts.metrics->RpcEnded(method, code, duration);
  };
  HEBB_ASSIGN_OR_RETURN(parts.server,
                        rpc::Server::Start(options.listen, context, observer, security));
  HEBB_RETURN_IF_ERROR(parts.ServeHttp(options));
  parts.controller.Start();
  parts.retention.Start();
  parts.sweeps.Start();
  if (parts.supply.has_value()) parts.supply->Start();
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(
      addresses,
      absl::StrCat("{\"address\": \"", parts.server->address(), "\", \"http_address\": \"",
                   parts.http_address, "\", \"pid\": ", getpid(), "}\n")));
  return coordinator;
}

const std::string& Coordinator::address() const { return parts_->server->address(); }
const std::string& Coordinator::http_address() const { return parts_->http_address; }

void Coordinator::Stop() {
  if (parts_->server == nullptr) return;
  parts_->server->StopServing();
  parts_->status.reset();  // before the gRPC server that its API calls
  parts_->api_calls.reset();
  parts_->feed.Shutdown();
  parts_->rendezvous.Shutdown();
  parts_->retention.Stop();
  parts_->sweeps.Stop();
  if (parts_->supply.has_value()) parts_->supply->Stop();
  parts_->controller.Stop();
  parts_->server->Stop();
}

}  // namespace hebb
