// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_layer.h"

#include <algorithm>

#include "common/check.h"
#include "worker/nn/channel_math.h"
#include "worker/nn/elementwise.h"

namespace hebb::nn {
namespace {

constexpr int64_t kChunkFloats = 16 * 1024;  // of one piece of elementwise work

}  // namespace

JointLayer::JointLayer(int64_t inputs, int64_t outputs, const JointOptions& options,
                       const LayerMatrices& matrices)
    : matrices_(matrices),
      in_(inputs),
      out_(outputs),
      asymmetric_(options.asymmetric),
      pool_(options.pool),
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
  PrepareKernels(rows);
  return absl::OkStatus();
}

void JointLayer::ForEachChunk(int64_t units, absl::FunctionRef<void(int64_t, int64_t)> body) const {
  const auto chunks = static_cast<int>((units + kChunkFloats - 1) / kChunkFloats);
  pool_->ParallelFor(chunks, [&](int chunk, int) {
    const int64_t begin = chunk * kChunkFloats;
    body(begin, std::min(kChunkFloats, units - begin));
  });
}

absl::Status JointLayer::Forward(const Batch& batch, std::span<const float* const> inputs,
                                 float* output) {
  ComputeForward(batch.rows, inputs[0], output);
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
  ComputeBackward(trace.rows, d, input_delta);
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
  if (gather(&UpdateParts::forward)) ComputeUpdate(rows, trace.inputs[0], d, fold, nodes_);
  if (gather(&UpdateParts::feedback)) {
    HEBB_CHECK(asymmetric_);
    ForEachChunk(rows.rows * in_, [&](int64_t begin, int64_t units) {
      PositivePart(units, trace.inputs[0] + begin, positive_.data() + begin);
    });
    ComputeUpdate(rows, positive_.data(), d, fold, nodes_);
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

}  // namespace hebb::nn
