// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include <utility>

#include "worker/nn/joint_dense_bf16.h"
#include "worker/nn/joint_dense_kernels.h"

namespace hebb::nn {
std::unique_ptr<Layer> MakeDenseLayer(int64_t inputs, int64_t units, const JointOptions& options,
                                      const LayerMatrices& matrices) {
  const int threads = options.pool->size();
  std::unique_ptr<JointKernels> kernels;
  if (options.bf16) {
    kernels = JointDenseBf16::Create(inputs, units, threads);
  } else {
    kernels = JointDenseKernels::Create(inputs, units, threads);
  }
  return MakeJointLayer(inputs, units, std::move(kernels), options, matrices);
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
