// SPDX-License-Identifier: Apache-2.0
// What the runtime asks of the numerics, as functions, so that tests can play their part.
#ifndef HEBB_WORKER_RUNTIME_NUMERICS_H_
#define HEBB_WORKER_RUNTIME_NUMERICS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/spec/spec.h"
#include "worker/comm/communicator.h"
#include "worker/comm/rendezvous.h"
#include "worker/data/dataset.h"
#include "worker/runtime/cancellation.h"
#include "worker/train/trainer.h"

namespace hebb::comm {
class MpiWorld;
}

namespace hebb::runtime {

class GpuDevice;

// One generation as its communicator needs it.
struct GangPlan {
  std::string backend;  // gloo | mpi | nccl; of no meaning for one rank
  std::string name;     // "JOB/ATTEMPT/GENERATION"
  comm::Topology topology;
  std::vector<int> mpi_ranks;  // the members' ranks in the MPI world, in rank order
};

struct Numerics {
  // Fetches the set if it is not there, and opens it.
  std::function<absl::StatusOr<std::unique_ptr<data::Dataset>>(const spec::Dataset&)> open_dataset;
  // train::Trainer::Create, on the worker's device.
  std::function<absl::StatusOr<std::unique_ptr<train::Trainer>>(const train::TrainerOptions&,
                                                                const data::Dataset&)>
      create_trainer;
  // Returns when all members are connected; soon after `cancellation` with its reason.
  std::function<absl::StatusOr<std::unique_ptr<comm::Communicator>>(
      const GangPlan&, comm::Rendezvous&, Cancellation&, absl::Time deadline)>
      form_gang;
};

// Where a worker stands.
struct WorkerPlace {
  std::string data_dir;
  bool any_data_path = false;           // a job's dataset.path may be outside of data_dir
  std::string advertise;                // own address in the gang's network
  comm::MpiWorld* mpi_world = nullptr;  // borrowed; null outside of MPI
  const GpuDevice* gpu = nullptr;       // borrowed; null: on the CPU
};

// The real ones.
Numerics MakeNumerics(const WorkerPlace& place);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_NUMERICS_H_
