// SPDX-License-Identifier: Apache-2.0
// What a training step must cost and will cost, from the job file alone and a few rates of the
// machine: operations and bytes are counted, nothing is fitted. The formulas: docs/performance.md.
#ifndef HEBB_BENCH_COST_MODEL_H_
#define HEBB_BENCH_COST_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::bench {

// One layer. Operations and floats of activations are per image, the rest per step.
struct LayerCost {
  std::string name;
  double forward_flops = 0;   // a multiplication and an addition are two
  double feedback_flops = 0;  // 0: nothing below learns
  double update_flops = 0;
  double inputs = 0;        // floats that the forward pass reads
  double outputs = 0;       // and writes
  double deltas = 0;        // floats of error that are sent down
  double weights = 0;       // floats of W
  int matrices = 0;         // that are read and written by the update: W, R, their velocities
  bool sends_down = false;  // reads W or R once for that
};

struct NetworkCost {
  std::vector<LayerCost> layers;
  double Flops() const;    // per image
  double Weights() const;  // floats of all W
};

// Which operations of tied convolutions count: those of the plain sums, or those of the CPU's
// kernels in the job's precision (worker/nn/winograd_kernels.h multiplies 16 times instead of 36),
// transforms left out.
enum class Operations { kPlainSums, kCpuKernels };

// INVALID_ARGUMENT: the network does not fit its data set.
absl::StatusOr<NetworkCost> CostOf(const spec::Job& job, Operations operations);

// Of one worker, all its threads together.
struct ComputeRates {
  double flops = 0;  // per second
  double read = 0;   // bytes per second from and to memory
  double write = 0;
};

// No step of `rows` images can be faster: every product at the rate of a large one, every weight
// read or written only when it must be, activations for nothing, and of operations and bytes the
// dearer alone, layer by layer.
double FloorSeconds(const NetworkCost& cost, double rows, const ComputeRates& rates);

struct Link {
  double latency = 0;           // seconds of a round of messages
  double message = 0;           // seconds of processor time for each further message of the round
  double bytes_per_second = 0;  // that one worker sends, and receives at the same time
};

// The tree sum of one vector over `workers`: everyone sends each other worker its chunk, then the
// finished chunks are gathered.
double SumSeconds(double floats, int workers, const Link& link);

// The prediction for a step of `rows` images on each of `workers`. The sum of a layer's updates
// starts when they exist, on a thread of its own, one sum after the other; the update is applied
// when all have arrived.
double StepSeconds(const NetworkCost& cost, double rows, const ComputeRates& rates, int workers,
                   const Link& link);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_COST_MODEL_H_
