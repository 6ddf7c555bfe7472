// SPDX-License-Identifier: Apache-2.0
// `hebb-worker --conformance`: whether this machine's CPU and GPU take the steps that they should,
// and whether sums over a gang have the bits that they should, for `hebb doctor --conformance`.
#ifndef HEBB_WORKER_RUNTIME_CONFORMANCE_H_
#define HEBB_WORKER_RUNTIME_CONFORMANCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/comm/connectable.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/engine/oracle/trial.h"
#include "worker/runtime/conformance_cases.h"
#include "worker/runtime/gpu_device.h"
#include "worker/slices/vector_memory.h"

namespace hebb::runtime {

// One thing that was compared.
struct ConformanceResult {
  std::string group;  // "cpu", "gpu", "gpu_cpu", "cpu_bits", "gpu_bits", "products", "gloo" ...
  std::string name;
  std::string worst;      // what differs most: a tensor, a rank
  double difference = 0;  // relative, of its change
  double limit = 0;       // 0: the same bits
  std::string error;      // why nothing was compared; else ""
  std::string skipped;    // the same, where that is no fault of the machine

  bool conforms() const { return !skipped.empty() || (error.empty() && difference <= limit); }
};

// `cases` on the CPU's engine and, where there is one, on the GPU's: each against the float64
// oracle ("cpu", "gpu") and against each other ("gpu_cpu"), from fresh random images far from every
// edge. What float32 rounds unusually far is drawn again, a few times. Then what each promises of
// itself ("cpu_bits", "gpu_bits"): the same bits for slices dealt out to two engines, and for steps
// that follow each other on one.
std::vector<ConformanceResult> CompareEngines(const std::vector<ConformanceCase>& cases,
                                              const engine::EngineMaker& cpu,
                                              const engine::EngineMaker* gpu, uint64_t seed);

// The CPU's single products against float64 loops.
std::vector<ConformanceResult> CompareProducts(uint64_t seed);

// ---- conformance_sums.cc -----------------------------------------------------------------------

// A rank's way to the others, and where its vectors lie.
struct RankParts {
  std::unique_ptr<comm::ConnectableCommunicator> communicator;
  slices::VectorMemory* memory = &slices::HostMemory();
  std::shared_ptr<void> keeps = {};  // what the memory needs
};
using RankMaker = std::function<absl::StatusOr<RankParts>(comm::Topology topology)>;

// Sums of `ranks` threads, of a batch of 8 slices: the bits of the plain tree sum on every rank;
// and by the library's own sum (`slices: 0`), within float32's rounding.
std::vector<ConformanceResult> CompareSums(const std::string& group, int ranks,
                                           const RankMaker& make, uint64_t seed);
// By gloo on `host`, an address of this machine.
RankMaker GlooRanks(const std::string& host, comm::Rendezvous& rendezvous, int ranks);
// The same of all ranks of this process's MPI world; what the first of them returns is the world's.
std::vector<ConformanceResult> CompareWorldSums(comm::MpiWorld& world, uint64_t seed);
// By NCCL on the plugin's GPUs: of one alone, and of a gang where there are several.
std::vector<ConformanceResult> CompareNcclSums(gpu::Plugin& plugin, uint64_t seed);

// ---- conformance_report.cc ---------------------------------------------------------------------

struct ConformanceReport {
  std::string json;  // one line (docs/doctor.md); "" on all ranks of an MPI world but the first
  bool conforms = false;
};

// All of the above, with the GPU that `parts` find; without one the report says why. Started by
// mpirun or srun: the sums of the world only.
ConformanceReport CheckConformance(const GpuParts& parts, uint64_t seed);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CONFORMANCE_H_
