// SPDX-License-Identifier: Apache-2.0
// `hebb-worker --self-check`: what this build links and what it can do here, for `hebb doctor`.
#ifndef HEBB_WORKER_RUNTIME_SELF_CHECK_H_
#define HEBB_WORKER_RUNTIME_SELF_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {

// The versions of the libraries that decide numbers and communication, and what a small sum over
// two ranks says: over gloo on `host`, an address of this machine, and, where mpirun or srun
// started this process, over all its MPI world. One line of JSON (docs/doctor.md), "" on all ranks
// of a world but the first. Takes no longer than `limit` but for MPI's own start, and what CUDA
// needs to describe the GPUs that `gpus` finds.
std::string SelfCheck(const std::string& host, absl::Duration limit, const GpuParts& gpus);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_SELF_CHECK_H_
