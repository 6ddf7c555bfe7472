// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/numerics.h"

#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/datasets/fetch.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/runtime/data_path.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kTellEvery = absl::Seconds(5);

absl::StatusOr<std::unique_ptr<data::Dataset>> OpenDataset(const spec::Dataset& dataset,
                                                           const WorkerPlace& place) {
  // A job file may name any folder while all is on one machine; else its author, who may be far
  // away, must not make workers read where they please.
  if (!dataset.path.empty() && !place.any_data_path) {
    HEBB_RETURN_IF_ERROR(CheckDataPath(dataset.path, place.data_dir));
  }
  if (dataset.path.empty()) {
    datasets::FetchOptions options = datasets::OptionsFromEnvironment(place.data_dir);
    absl::Time next = absl::InfinitePast();
    options.progress = [&next](absl::string_view what, int64_t bytes, int64_t total) {
      if (SteadyNow() < next) return;
      next = SteadyNow() + kTellEvery;
      LogInfo("fetching", {{"file", std::string(what)},
                           {"bytes", absl::StrCat(bytes)},
                           {"of", absl::StrCat(total)}});
    };
    HEBB_RETURN_IF_ERROR(datasets::FetchDataset(dataset.name, options));
  }
  return data::OpenDataset(dataset, place.data_dir);
}

absl::StatusOr<std::unique_ptr<comm::ConnectableCommunicator>> MakeCommunicator(
    const GangPlan& plan, comm::Rendezvous& rendezvous, const WorkerPlace& place) {
  if (plan.backend == "nccl" && place.gpu != nullptr) {
    return place.gpu->MakeCommunicator(plan.name, plan.topology, rendezvous);
  }
  // Their sums lie in the host's memory.
  if (place.gpu == nullptr && plan.backend == "gloo") {
    return comm::MakeGlooCommunicator({place.advertise, plan.name}, plan.topology, rendezvous);
  }
  if (place.gpu == nullptr && plan.backend == "mpi" && place.mpi_world != nullptr) {
    return comm::MakeMpiCommunicator({plan.mpi_ranks, plan.name}, *place.mpi_world);
  }
  return absl::FailedPreconditionError(absl::StrCat("this worker, on a ",
                                                    place.gpu == nullptr ? "CPU" : "GPU",
                                                    ", can't form a gang over ", plan.backend));
}

absl::StatusOr<std::unique_ptr<comm::Communicator>> FormGang(const GangPlan& plan,
                                                             comm::Rendezvous& rendezvous,
                                                             Cancellation& cancellation,
                                                             absl::Time deadline,
                                                             const WorkerPlace& place) {
  if (plan.topology.size == 1) return std::move(comm::MakeLocalGang(1).front());
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<comm::ConnectableCommunicator> communicator,
                        MakeCommunicator(plan, rendezvous, place));
  Cancellation::Scope abort(
      cancellation, [&communicator](const std::string& reason) { communicator->Abort(reason); });
  HEBB_RETURN_IF_ERROR(communicator->Connect(deadline));
  return communicator;
}

}  // namespace

Numerics MakeNumerics(const WorkerPlace& place) {
  Numerics numerics;
  numerics.open_dataset = [place](const spec::Dataset& dataset) {
    return OpenDataset(dataset, place);
  };
  numerics.create_trainer = [place](train::TrainerOptions options, const data::Dataset& dataset) {
    if (place.gpu != nullptr) {
      options.threads = 1;  // the device is one: `slices: 0` is one slice
      options.make_engine = [gpu = place.gpu](const engine::EngineOptions& engine) {
        return gpu->MakeEngine(engine);
      };
    }
    return train::Trainer::Create(options, dataset);
  };
  numerics.form_gang = [place](const GangPlan& plan, comm::Rendezvous& rendezvous,
                               Cancellation& cancellation, absl::Time deadline) {
    return FormGang(plan, rendezvous, cancellation, deadline, place);
  };
  return numerics;
}

}  // namespace hebb::runtime
