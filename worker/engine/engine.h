// SPDX-License-Identifier: Apache-2.0
// One device's share of a training step: the network, its weights, and the local updates of the
// slices that this rank owns. The engine knows nothing of ranks, epochs, files or the coordinator;
// train/ drives it. CpuEngine is here; the CUDA plugin brings another.
#ifndef HEBB_WORKER_ENGINE_ENGINE_H_
#define HEBB_WORKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "common/weights/tensor_source.h"
#include "worker/slices/slice_tree.h"
#include "worker/slices/vector_memory.h"

namespace hebb::engine {

// One training or test record, borrowed from the data set: while an engine lives, an address that
// it was given holds the same pixels.
struct Sample {
  const uint8_t* pixels = nullptr;  // C planes of H x W, as in the files
  int32_t label = 0;
  int64_t id = 0;  // the record's number in its split: the key of every random draw
};

// A layer that learns.
struct ParameterInfo {
  std::string layer;
  int layer_index = 0;         // in the job file
  std::vector<int64_t> shape;  // of W, canonical (design.md 4); of batch_norm: {channels}
  int64_t size = 0;            // floats in one matrix, in internal layout
  bool has_feedback = false;   // owns an R
  int sum = 0;                 // of its updates, in Engine::sums()
};

// One of the sums over the gang's slices that a step takes.
struct SumInfo {
  std::string name;  // for messages: the layer
  int64_t size = 0;  // floats
};

struct StepContext {
  uint64_t seed = 0;
  int64_t epoch = 0;
  int64_t batch_size = 0;  // the step's true global batch: the 1/batch of the loss
  int64_t step = 0;        // completed before this one: the key of draws that change with each step
  double rate_factor = 1;  // of the learning rates, by the schedule
  bool first_of_epoch = false;
  bool last_of_epoch = false;
};

// Sums over the samples of one slice. Float32 on purpose: they travel through the tree sum.
struct SliceTotals {
  float loss = 0;     // sum of the per-sample losses
  float correct = 0;  // samples whose largest output is their label
};

// Receives this rank's part of each sum while the step goes on. Called from one thread at a time,
// in the order of Engine::sums() in every step.
class SumSink {
 public:
  virtual ~SumSink() = default;

  // nodes[i] = the sum over maximal node i of the rank's slices (slices::MaximalNodes), as many
  // floats as the sum has, in Engine::memory(), unchanged until the next ComputeUpdates. They may
  // be still on their way (VectorMemory::Settle). Returns soon: what is left of
  // the summing is done elsewhere.
  virtual absl::Status Ready(int sum, std::span<const float* const> nodes) = 0;

  // The forward pass and the loss are done, the way back begins. For measurements.
  virtual void ForwardDone() {}

  // Blocks until that sum has arrived and returns it.
  virtual absl::StatusOr<std::span<const float>> WaitForSum(int sum) = 0;
};

// What one look at a layer tells (docs/metrics.md). Absent: has no meaning for the layer.
struct LayerDiagnostics {
  std::string layer;
  std::optional<double> error_angle;  // degrees between delta and the true gradient
  std::optional<double> saturated;    // share of units whose slope is below 1 % of the largest
  std::optional<double> sparsity;     // share of units that put out exactly 0
  std::optional<double> forward_update_norm;   // of the last step: rate times |G|
  std::optional<double> feedback_update_norm;  // the same of R
};

// What a look at the feedback path found (docs/audit.md), in sentences.
struct AuditReport {
  std::vector<std::string> reads;  // where forward weights were read in the feedback path
  std::vector<std::string> notes;  // what else is not local
};

// What of each batch this rank works on.
struct SliceShare {
  int slices = 1;  // leaves of the tree in which parts are summed
  slices::SliceRange owned = {0, 1};
  int64_t max_rows = 1;  // of the largest slice
  bool operator==(const SliceShare&) const = default;
};

struct EngineOptions {
  const spec::Job* job = nullptr;  // borrowed during Create
  spec::DatasetFacts facts;
  int threads = 1;
  SliceShare share;
  // Which of a run's draws the first weights are: 0 at its beginning, 1 in its second stage.
  int draw = 0;
};

// Thread-safety: one thread at a time (the engine has compute threads of its own).
class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::span<const ParameterInfo> parameters() const = 0;
  // The sums that every step takes, in the order in which they start.
  virtual std::span<const SumInfo> sums() const = 0;

  // Where the nodes that ComputeUpdates gives out, and the sums that it and Apply take, lie.
  virtual slices::VectorMemory& memory() const { return slices::HostMemory(); }

  // All state in canonical layout: "<layer>.weight", ".feedback", ".bias", ".scale", ".shift",
  // ".running_mean", ".running_var"; "optimizer/..." and "state/..." beside the weights. Read in
  // the engine, which they borrow.
  virtual std::vector<weights::TensorSource> Tensors() const = 0;
  std::vector<weights::Tensor> Export() const { return weights::ReadAll(Tensors()); }
  // Takes all of the above; INVALID_ARGUMENT names a missing, unknown or misshapen tensor. Those of
  // "optimizer/" and "state/" may be left out: then they begin anew.
  virtual absl::Status Import(const std::vector<weights::TensorSource>& tensors) = 0;
  absl::Status Import(const std::vector<weights::Tensor>& tensors) {
    return Import(weights::SourcesOf(tensors));
  }

  // Works on these slices from now on; the weights stay. RESOURCE_EXHAUSTED: not enough memory;
  // then the engine is of no more use.
  virtual absl::Status Fit(const SliceShare& share) = 0;

  // Forward, loss and backward over this rank's slices; slices[i] holds slice i's samples in
  // order. Allocates nothing after the first call. FAILED_PRECONDITION with the layer's name if a
  // loss is not finite.
  virtual absl::Status ComputeUpdates(const StepContext& context,
                                      std::span<const std::span<const Sample>> slices,
                                      SumSink& sink, std::span<SliceTotals> totals) = 0;

  // Applies the gang's sums (all of sums(), in that order): W -= eta G, R -= eta_R G (or what the
  // rule says). All or nothing: nothing is changed before this call, so a step that fails on the
  // way leaves the state of the step before.
  virtual void Apply(const StepContext& context, std::span<const std::span<const float>> sums) = 0;

  // Correct answers and loss over `samples` (no dropout), any number of them.
  virtual absl::StatusOr<SliceTotals> Evaluate(std::span<const Sample> samples) = 0;

  // cos(W, R) of every layer that owns an R of W's shape.
  virtual std::vector<std::pair<std::string, double>> Alignment() const = 0;

  // Looks at the layers on `samples` (at least one), as in training, and changes nothing. `sums`:
  // of the last step, or empty.
  virtual absl::StatusOr<std::vector<LayerDiagnostics>> Diagnose(
      const StepContext& context, std::span<const Sample> samples,
      std::span<const std::span<const float>> sums) = 0;

  // Finds out, on `samples` (at least one), whether a layer's error depends on the forward weights
  // above it: each layer's W is poisoned after the forward pass, and the errors below must stay the
  // same bits. Changes nothing.
  virtual absl::StatusOr<AuditReport> Audit(const StepContext& context,
                                            std::span<const Sample> samples) = 0;

  // Names the kernels in use, such as "onednn-2.6.3-avx512_core_bf16-l2:2048K": bits are equal
  // only among workers of one family.
  virtual std::string kernel_family() const = 0;
};

// FAILED_PRECONDITION as CheckCpuPrecision; RESOURCE_EXHAUSTED: no memory.
absl::StatusOr<std::unique_ptr<Engine>> CreateCpuEngine(const EngineOptions& options);

// What the numbers of a CpuEngine also depend on: the libraries that compute, name to version.
std::map<std::string, std::string> CpuLibraries();

// As Engine::kernel_family of a CpuEngine, without making one.
std::string CpuKernelFamily();

// FAILED_PRECONDITION: products of that precision need a GPU, or instructions that this machine
// lacks.
absl::Status CheckCpuPrecision(spec::Precision precision);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ENGINE_H_
