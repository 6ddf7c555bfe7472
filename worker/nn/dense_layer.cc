// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include "worker/nn/joint_dense_bf16.h"
#include "worker/nn/joint_dense_kernels.h"

namespace hebb::nn {
namespace {

// `Kernels`: JointDenseKernels or JointDenseBf16.
template <typename Kernels>
class DenseLayer : public JointLayer {
 public:
  DenseLayer(int64_t inputs, int64_t units, const JointOptions& options,
             const LayerMatrices& matrices)
      : JointLayer(inputs, units, options, matrices),
        kernels_(Kernels::Create(inputs, units, pool().size())) {}

 private:
  void PrepareKernels(int64_t rows) override { kernels_->PrepareRows(rows); }
  void ComputeForward(int64_t rows, const float* x, float* h) override {
    kernels_->Forward(rows, x, matrices_.forward, matrices_.bias, h, pool());
  }
  void ComputeBackward(int64_t rows, const float* d, float* delta) override {
    kernels_->BackwardData(rows, d, matrices_.feedback, delta, pool());
  }
  void ComputeUpdate(const JointRows& rows, const float* x, const float* d,
                     const slices::Fold& fold, std::span<float* const> nodes) override {
    kernels_->BackwardWeights(rows, x, d, fold, nodes, pool());
  }

  const std::unique_ptr<Kernels> kernels_;
};

}  // namespace

std::unique_ptr<Layer> MakeDenseLayer(int64_t inputs, int64_t units, const JointOptions& options,
                                      const LayerMatrices& matrices) {
  if (options.bf16) {
    return std::make_unique<DenseLayer<JointDenseBf16>>(inputs, units, options, matrices);
  }
  return std::make_unique<DenseLayer<JointDenseKernels>>(inputs, units, options, matrices);
}

void DenseToCanonical(const spec::Shape& input, int64_t units, const float* internal,
                      float* canonical) {
  const int64_t places = input.height * input.width;
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t c = 0; c < input.channels; ++c) {
      for (int64_t p = 0; p < places; ++p) {
        canonical[u * input.size() + c * places + p] =
            internal[u * input.size() + p * input.channels + c];
      }
    }
  }
}

void DenseFromCanonical(const spec::Shape& input, int64_t units, const float* canonical,
                        float* internal) {
  const int64_t places = input.height * input.width;
  for (int64_t u = 0; u < units; ++u) {
    for (int64_t p = 0; p < places; ++p) {
      for (int64_t c = 0; c < input.channels; ++c) {
        internal[u * input.size() + p * input.channels + c] =
            canonical[u * input.size() + c * places + p];
      }
    }
  }
}

}  // namespace hebb::nn
