// SPDX-License-Identifier: Apache-2.0
// Ranks as processes of one MPI world (mpirun, srun --mpi=pmix). A build without MPI links
// no_mpi.cc behind this header: Init then says so, and nothing else changes for callers.
//
// Threads: MPI_THREAD_SERIALIZED. MPI is called by whoever makes the world, connects, runs an
// operation or destroys, one thread at a time as Communicator asks for (in training: the training
// thread and, between its operations, the sum queue's). More would cost locks in every message and
// buy nothing, since a world runs one gang at a time. Abort only sets a flag.
//
// Failure: Debian's Open MPI tolerates none. After any error of a communicator, requests may be
// left behind that still touch their buffers: leave the process with std::_Exit(75) and without
// destroying the world; mpirun ends the others and its supervisor starts the world again
// (docs/gang_protocol.md).
#ifndef HEBB_WORKER_COMM_MPI_COMMUNICATOR_H_
#define HEBB_WORKER_COMM_MPI_COMMUNICATOR_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/comm/connectable.h"

namespace hebb::comm {

// This process's membership in an MPI world; one a process, made and destroyed in main.
class MpiWorld {
 public:
  // Whether mpirun or srun started this process, by the environment alone: MPI is not touched.
  static bool Launched();

  // Joins the world: blocks until all its processes have come. FAILED_PRECONDITION: not launched,
  // built without MPI, or MPI is started already; UNAVAILABLE: MPI's own failure.
  static absl::StatusOr<std::unique_ptr<MpiWorld>> Init();

  // MPI_Finalize: waits for all processes of the world.
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  const std::string& id() const { return id_; }  // the same in all its processes, never again
  int rank() const { return rank_; }
  int size() const { return size_; }

 private:
  MpiWorld(std::string id, int rank, int size) : id_(std::move(id)), rank_(rank), size_(size) {}

  const std::string id_;
  const int rank_;
  const int size_;
};

// Of the library in use, such as "Open MPI v4.1.4"; "none" in a build without MPI. Starts nothing.
std::string MpiVersion();

struct MpiOptions {
  std::vector<int> world_ranks;  // of the gang's ranks 0, 1, ...; this process among them
  std::string generation;        // "JOB/ATTEMPT/GENERATION": the same on all members, never again
};

// `world` is borrowed. Only the members call it. Connect first hears from every member, with the
// deadline, and only then makes the MPI communicator, which has none.
std::unique_ptr<ConnectableCommunicator> MakeMpiCommunicator(const MpiOptions& options,
                                                             MpiWorld& world);

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_MPI_COMMUNICATOR_H_
