// SPDX-License-Identifier: Apache-2.0
// `hebb-worker --conformance`: whether this machine's GPU takes the steps that its CPU takes, and
// whether sums over a gang have the bits that they should, for `hebb doctor --conformance`.
#ifndef HEBB_WORKER_RUNTIME_CONFORMANCE_H_
#define HEBB_WORKER_RUNTIME_CONFORMANCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/engine/engine.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {

// One thing that was compared.
struct ConformanceResult {
  std::string name;
  std::string worst;      // the tensor that differs most
  double difference = 0;  // relative, of its change
  double limit = 0;
  std::string error;  // why nothing was compared; else ""

  bool conforms() const { return error.empty() && difference <= limit; }
};

using EngineMaker = std::function<absl::StatusOr<std::unique_ptr<engine::Engine>>(
    const engine::EngineOptions& options)>;

// One step of every case (conformance_cases.h) on the CPU's engine and on the other, from fresh
// random images; these are drawn again, a bounded number of times, where the two differ, for a gate
// or a maximum may lie on its edge. Then what `make` promises of itself: the same bits for slices
// dealt out to two engines, and for steps that follow each other on one.
std::vector<ConformanceResult> CompareEngines(const EngineMaker& make, uint64_t seed);

// Sums over 2 and 4 ranks by gloo on `host`, an address of this machine: the bits of the plain sum.
std::vector<ConformanceResult> CompareSums(const std::string& host, uint64_t seed);

struct ConformanceReport {
  std::string json;  // one line (docs/doctor.md)
  bool conforms = false;
};

// Both of the above, the first for the GPU that `parts` find; without one the report says why.
ConformanceReport CheckConformance(const GpuParts& parts, uint64_t seed);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CONFORMANCE_H_
