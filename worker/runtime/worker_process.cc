// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/worker_process.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/log.h"
#include "common/metrics/http_server.h"
#include "common/rpc/channel.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/runtime/gpu_device.h"
#include "worker/runtime/identity.h"
#include "worker/runtime/job_runner.h"
#include "worker/runtime/numerics.h"
#include "worker/runtime/outbox.h"
#include "worker/runtime/session.h"
#include "worker/runtime/work_folder.h"
#include "worker/runtime/worker_metrics.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kDropWithin = absl::Milliseconds(500);
constexpr absl::Duration kFarewellWithin = absl::Seconds(1);
constexpr int kEndWithinSeconds = 6;

absl::StatusOr<std::unique_ptr<metrics::HttpServer>> ServeHttp(const std::string& address,
                                                               const WorkerMetrics& metrics) {
  if (address.empty()) return nullptr;
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<metrics::HttpServer> server,
                        metrics::HttpServer::Listen(address));
  server->ServeMetrics({&metrics});
  // Liveness of this process alone: a worker that waits for the coordinator or a peer is not dead.
  server->Get("/healthz",
              [](const metrics::HttpRequest&) { return metrics::HttpResponse{.body = "ok\n"}; });
  server->Get("/readyz", [&metrics](const metrics::HttpRequest&) {
    if (metrics.attached()) return metrics::HttpResponse{.body = "ok\n"};
    return metrics::HttpResponse{.status = 503, .body = "no contact to the coordinator\n"};
  });
  server->Start();
  return server;
}

absl::StatusOr<std::unique_ptr<comm::MpiWorld>> JoinWorld() {
  if (!comm::MpiWorld::Launched()) return nullptr;
  return comm::MpiWorld::Init();
}

// What an MPI world leaves behind after an error must not be touched again (mpi_communicator.h).
[[noreturn]] void Restart() { std::_Exit(kExitRestart); }

void End(const ExitRequest& request, absl::Duration drain_within, JobRunner& runner,
         Session& session) {
  LogInfo("ending", {{"reason", request.reason}});
  const int drain_seconds =
      static_cast<int>(absl::ToInt64Seconds(absl::Ceil(drain_within, absl::Seconds(1))));
  ExitWithin(drain_seconds + kEndWithinSeconds, request.code);
  if (request.code == kExitOk) runner.Drain(request.reason, drain_within);
  runner.Drop(SteadyNow() + kDropWithin);
  session.Leave(request.reason, kFarewellWithin);
}

}  // namespace

absl::StatusOr<int> RunWorker(const WorkerOptions& options, ExitSignal& exit) {
  HEBB_ASSIGN_OR_RETURN(const rpc::HostPort coordinator, rpc::ParseHostPort(options.coordinator));
  HEBB_ASSIGN_OR_RETURN(const rpc::Credentials credentials,
                        rpc::LoadCredentials(options.credentials));
  HEBB_RETURN_IF_ERROR(MakeFolder(options.data_dir));
  const std::string work_dir =
      options.work_dir.empty() ? absl::StrCat(options.data_dir, "/spool") : options.work_dir;
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<GpuDevice> gpu,
                        ChooseDevice(options.device, RealGpuParts(), DeviceLockFolder()));
  WorkerMetrics metrics(BuildId(), work_dir);
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<metrics::HttpServer> http,
                        ServeHttp(options.http, metrics));
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<comm::MpiWorld> world, JoinWorld());
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<WorkFolder> folder, WorkFolder::Create(work_dir));

  WorkerPlace place;
  place.data_dir = options.data_dir;
  place.any_data_path = rpc::IsLoopback(coordinator.host);
  place.advertise = options.advertise.empty() ? AddressTowards(coordinator.host, coordinator.port)
                                              : options.advertise;
  place.mpi_world = world.get();
  place.gpu = gpu.get();
  const Numerics numerics = MakeNumerics(place);
  const int threads = options.threads > 0 ? options.threads : AvailableCores();
  const v1::Worker identity = MakeIdentity(
      options.name, threads, http == nullptr ? "" : http->address(), world.get(), gpu.get());

  CoordinatorChannel channel(options.coordinator, credentials);
  Outbox outbox;
  const auto restart = [&exit] { exit.Ask(kExitRestart, "the MPI world must start anew"); };
  const auto device_lost = [&exit](const std::string& why) { exit.Ask(kExitDevice, why); };
  JobRunner runner(
      {numerics, channel, metrics, threads, folder->path(), restart, gpu.get(), device_lost},
      outbox);
  Session session(channel, identity, outbox, runner);
  session.Start([&exit](const absl::Status& status) {
    exit.Ask(kExitRefused, absl::StrCat("refused by the coordinator: ", status.message()));
  });
  LogInfo("started", {{"id", identity.id()},
                      {"coordinator", options.coordinator},
                      {"device", identity.device_name()},
                      {"threads", absl::StrCat(threads)},
                      {"advertise", place.advertise},
                      {"http", identity.http_address()},
                      {"kernels", identity.kernel_family()},
                      {"build", identity.build()}});

  const ExitRequest request = exit.Wait();
  if (request.code == kExitRestart) {
    LogWarning(request.reason);
    Restart();
  }
  End(request, options.drain_within, runner, session);
  if (request.code == kExitRefused || request.code == kExitDevice) LogError(request.reason);
  return request.code;
}

}  // namespace hebb::runtime
