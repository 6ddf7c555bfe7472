// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_layer.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "common/check.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/sigma.h"
#include "worker/slices/vector_fold.h"

namespace hebb::nn {
namespace {

constexpr int64_t kChunkFloats = 16 * 1024;  // of one piece of elementwise work

class JointLayer : public Layer {
 public:
  JointLayer(int64_t inputs, int64_t outputs, std::unique_ptr<JointKernels> kernels,
             const JointOptions& options, const LayerMatrices& matrices);

  absl::Status Prepare(int64_t rows) override;
  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override;
  void Gate(const Trace& trace, float* delta) override;
  absl::Status JointUpdate(const Trace& trace, const float* d,
                           std::span<const UpdateParts> nodes) override;
  absl::Status Backward(const Trace& trace, const float* d, int input, float* input_delta) override;

 private:
  // body(first unit, units) for all `units`, on the pool.
  void ForEachChunk(int64_t units, absl::FunctionRef<void(int64_t, int64_t)> body) const;
  void UpdateBias(const JointRows& rows, const float* d);

  const int64_t in_;
  const int64_t out_;
  const std::unique_ptr<JointKernels> kernels_;
  const LayerMatrices& matrices_;
  const bool asymmetric_;
  device::ComputePool& pool_;
  slices::VectorFold fold_;
  Sigma sigma_;
  device::FloatBuffer positive_;                 // relu(x)
  std::vector<float*> nodes_;                    // of one part of the update
  std::vector<std::vector<float>> bias_leaves_;  // by slice; with a bias
  std::vector<const float*> bias_inputs_;
};

JointLayer::JointLayer(int64_t inputs, int64_t outputs, std::unique_ptr<JointKernels> kernels,
                       const JointOptions& options, const LayerMatrices& matrices)
    : in_(inputs),
      out_(outputs),
      kernels_(std::move(kernels)),
      matrices_(matrices),
      asymmetric_(options.asymmetric),
      pool_(*options.pool),
      fold_(*options.fold),
      sigma_(options.activation, outputs),
      nodes_(fold_.fold().roots()) {
  if (matrices.bias == nullptr) return;
  bias_leaves_.assign(fold_.fold().inputs(), std::vector<float>(out_));
  for (const std::vector<float>& leaf : bias_leaves_) bias_inputs_.push_back(leaf.data());
}

absl::Status JointLayer::Prepare(int64_t rows) {
  sigma_.Prepare(rows);
  if (asymmetric_ && positive_.size() < rows * in_) positive_ = device::FloatBuffer(rows * in_);
  kernels_->PrepareRows(rows);
  return absl::OkStatus();
}

void JointLayer::ForEachChunk(int64_t units, absl::FunctionRef<void(int64_t, int64_t)> body) const {
  const auto chunks = static_cast<int>((units + kChunkFloats - 1) / kChunkFloats);
  pool_.ParallelFor(chunks, [&](int chunk, int) {
    const int64_t begin = chunk * kChunkFloats;
    body(begin, std::min(kChunkFloats, units - begin));
  });
}

absl::Status JointLayer::Forward(const Batch& batch, std::span<const float* const> inputs,
                                 float* output) {
  kernels_->Forward(batch.rows, inputs[0], matrices_.forward, matrices_.bias, output, pool_);
  ForEachChunk(batch.rows * out_,
               [&](int64_t begin, int64_t units) { sigma_.Forward(begin, units, output + begin); });
  return absl::OkStatus();
}

void JointLayer::Gate(const Trace& trace, float* delta) {
  ForEachChunk(trace.rows * out_, [&](int64_t begin, int64_t units) {
    sigma_.Gate(begin, units, trace.output + begin, delta + begin);
  });
}

absl::Status JointLayer::Backward(const Trace& trace, const float* d, int, float* input_delta) {
  kernels_->BackwardData(trace.rows, d, matrices_.feedback, input_delta, pool_);
  return absl::OkStatus();
}

absl::Status JointLayer::JointUpdate(const Trace& trace, const float* d,
                                     std::span<const UpdateParts> nodes) {
  const JointRows rows = {trace.rows, trace.offsets};
  const slices::Fold& fold = fold_.fold();
  HEBB_CHECK(static_cast<int>(nodes.size()) == fold.roots());
  HEBB_CHECK(static_cast<int>(rows.offsets.size()) == fold.inputs() + 1);
  const auto gather = [&](float* UpdateParts::*part) {
    for (size_t i = 0; i < nodes.size(); ++i) nodes_[i] = nodes[i].*part;
    return nodes_[0] != nullptr;
  };
  if (gather(&UpdateParts::forward)) {
    kernels_->BackwardWeights(rows, trace.inputs[0], d, fold, nodes_, pool_);
  }
  if (gather(&UpdateParts::feedback)) {
    HEBB_CHECK(asymmetric_);
    ForEachChunk(rows.rows * in_, [&](int64_t begin, int64_t units) {
      PositivePart(units, trace.inputs[0] + begin, positive_.data() + begin);
    });
    kernels_->BackwardWeights(rows, positive_.data(), d, fold, nodes_, pool_);
  }
  if (gather(&UpdateParts::bias)) UpdateBias(rows, d);
  return absl::OkStatus();
}

void JointLayer::UpdateBias(const JointRows& rows, const float* d) {
  for (size_t slice = 0; slice < bias_leaves_.size(); ++slice) {
    const int64_t begin = rows.offsets[slice];
    SumByChannel(rows.offsets[slice + 1] - begin, out_, d + begin * out_,
                 bias_leaves_[slice].data());
  }
  fold_.Run(bias_inputs_, nodes_, static_cast<size_t>(out_));
}

}  // namespace

std::unique_ptr<Layer> MakeJointLayer(int64_t inputs, int64_t outputs,
                                      std::unique_ptr<JointKernels> kernels,
                                      const JointOptions& options, const LayerMatrices& matrices) {
  return std::make_unique<JointLayer>(inputs, outputs, std::move(kernels), options, matrices);
}

}  // namespace hebb::nn
