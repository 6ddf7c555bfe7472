// SPDX-License-Identifier: Apache-2.0
// A layer with so many weights that they, not the activations, are what travels: it works on the
// rows of all of a rank's slices at once, spread over the compute threads by its weights, so that
// each of them comes from memory once in a pass. Its local update leaves it summed over the slices.
//
// h = W x + b, x = sigma(h), and the local update (paper.md 1), as weighted_layer.h, but for the
// bias: each output has one of its own.
#ifndef HEBB_WORKER_NN_JOINT_LAYER_H_
#define HEBB_WORKER_NN_JOINT_LAYER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "common/spec/spec.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/nn/joint_rows.h"
#include "worker/nn/layer.h"
#include "worker/nn/sigma.h"
#include "worker/slices/vector_fold.h"

namespace hebb::nn {

struct JointOptions {
  spec::Activation activation = spec::Activation::kRamp;
  bool asymmetric = false;              // UpdateParts::feedback may be asked for
  device::ComputePool* pool = nullptr;  // borrowed
  const slices::Fold* fold = nullptr;   // copied: from the rank's slices to their nodes
  bool bf16 = false;                    // dense layers only: products in bfloat16
};

// Thread-safety: one thread at a time, none of the pool's.
class JointLayer : public Layer {
 public:
  absl::Status Prepare(int64_t rows) final;
  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) final;
  void Gate(const Trace& trace, float* delta) final;
  // REQUIRES: trace.offsets cuts the rows into as many slices as the fold has inputs; `nodes` has
  // one entry for each root of the fold.
  absl::Status JointUpdate(const Trace& trace, const float* d,
                           std::span<const UpdateParts> nodes) final;
  absl::Status Backward(const Trace& trace, const float* d, int input, float* input_delta) final;

 protected:
  // `matrices`: borrowed.
  JointLayer(int64_t inputs, int64_t outputs, const JointOptions& options,
             const LayerMatrices& matrices);

  device::ComputePool& pool() const { return *pool_; }

 private:
  virtual void PrepareKernels(int64_t rows) = 0;
  virtual void ComputeForward(int64_t rows, const float* x, float* h) = 0;
  virtual void ComputeBackward(int64_t rows, const float* d, float* delta) = 0;
  // nodes[r] = root r of the fold over the slices' sums of d x^T.
  virtual void ComputeUpdate(const JointRows& rows, const float* x, const float* d,
                             const slices::Fold& fold, std::span<float* const> nodes) = 0;

  // body(first unit, units) for all `units`, on the pool.
  void ForEachChunk(int64_t units, absl::FunctionRef<void(int64_t, int64_t)> body) const;
  void UpdateBias(const JointRows& rows, const float* d);

 protected:
  const LayerMatrices& matrices_;

 private:
  const int64_t in_;
  const int64_t out_;
  const bool asymmetric_;
  device::ComputePool* const pool_;
  slices::VectorFold fold_;
  Sigma sigma_;
  device::FloatBuffer positive_;                 // relu(x)
  std::vector<float*> nodes_;                    // of one part of the update
  std::vector<std::vector<float>> bias_leaves_;  // by slice; with a bias
  std::vector<const float*> bias_inputs_;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_LAYER_H_
