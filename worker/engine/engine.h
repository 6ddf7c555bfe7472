// SPDX-License-Identifier: Apache-2.0
// One device's share of a training step: the network, its weights, and the local updates of the
// slices that this rank owns. The engine knows nothing of ranks, epochs, files or the coordinator;
// train/ drives it. CpuEngine is here; the CUDA plugin brings another.
#ifndef HEBB_WORKER_ENGINE_ENGINE_H_
#define HEBB_WORKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"

namespace hebb::engine {

// One training or test record, borrowed from the data set.
struct Sample {
  const uint8_t* pixels = nullptr;  // C planes of H x W, as in the files
  int32_t label = 0;
  int64_t id = 0;  // the record's number in its split: the key of every random draw
};

// A weighted layer. W and R have one shape.
struct ParameterInfo {
  std::string layer;
  int layer_index = 0;           // in the job file
  std::vector<int64_t> shape;    // canonical (design.md 4)
  int64_t size = 0;              // floats in one matrix
  bool has_feedback = false;
};

struct StepContext {
  uint64_t seed = 0;
  int64_t epoch = 0;
  int64_t batch_size = 0;  // the step's true global batch: the 1/batch of the loss
};

// Sums over the samples of one slice. Float32 on purpose: they travel through the tree sum.
struct SliceTotals {
  float loss = 0;     // sum of the per-sample losses
  float correct = 0;  // samples whose largest output is their label
};

// Receives each layer's local updates while the backward pass goes on, from the last layer to the
// first. Called from compute threads, one call at a time, in the same order in every step.
class UpdateSink {
 public:
  virtual ~UpdateSink() = default;

  // leaves[i] = G of local slice i: `parameter`'s internal layout, info.size floats, unchanged
  // until the next ComputeUpdates. Returns soon: the summing is done elsewhere.
  virtual absl::Status LayerReady(int parameter, std::span<const float* const> leaves) = 0;

  // after_update only: blocks until `parameter`'s sum has arrived and returns it.
  virtual absl::StatusOr<std::span<const float>> WaitForSum(int parameter) = 0;
};

struct EngineOptions {
  const spec::Job* job = nullptr;  // borrowed during Create
  spec::DatasetFacts facts;
  int threads = 1;
  int local_slices = 1;       // how many slices this rank owns
  int64_t max_slice_rows = 0; // the largest slice
};

// Thread-safety: one thread at a time (the engine has compute threads of its own).
class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::span<const ParameterInfo> parameters() const = 0;

  // W and R in canonical layout, named "<layer>.weight" and "<layer>.feedback".
  virtual std::vector<weights::Tensor> Export() const = 0;
  // Takes all of the above; INVALID_ARGUMENT names a missing, unknown or misshapen tensor.
  virtual absl::Status Import(const std::vector<weights::Tensor>& tensors) = 0;

  // Forward, loss and backward over this rank's slices; slices[i] holds slice i's samples in
  // order. Allocates nothing after the first call. FAILED_PRECONDITION with the layer's name if a
  // loss is not finite.
  virtual absl::Status ComputeUpdates(const StepContext& context,
                                      std::span<const std::span<const Sample>> slices,
                                      UpdateSink& sink, std::span<SliceTotals> totals) = 0;

  // Applies the gang's sums of all layers (parameters() order), in internal layout: W -= eta G,
  // R -= eta_R G (or what the rule says). All or nothing: nothing is changed before this call, so
  // a step that fails on the way leaves the state of the step before.
  virtual void Apply(std::span<const std::span<const float>> sums) = 0;

  // Correct answers and loss over `samples` (no dropout), any number of them.
  virtual absl::StatusOr<SliceTotals> Evaluate(std::span<const Sample> samples) = 0;

  // cos(W, R) per parameter; empty under bp.
  virtual std::vector<double> Alignment() const = 0;

  // Names the kernels in use, such as "onednn-2.6.3-avx512_core_bf16-l2:2048K": bits are equal
  // only among workers of one family.
  virtual std::string kernel_family() const = 0;
};

absl::StatusOr<std::unique_ptr<Engine>> CreateCpuEngine(const EngineOptions& options);

// As Engine::kernel_family of a CpuEngine, without making one.
std::string CpuKernelFamily();

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ENGINE_H_
