// SPDX-License-Identifier: Apache-2.0
// Which of the algorithms that cuDNN names for a convolution is taken: a pure function of what its
// heuristics say of the shape, the device and the version. Nothing is timed, for two runs could
// then choose differently and differ in bits.
#ifndef HEBB_WORKER_CUDA_ALGORITHM_CHOICE_H_
#define HEBB_WORKER_CUDA_ALGORITHM_CHOICE_H_

#include <cudnn.h>

#include <cstddef>
#include <span>

#include "worker/gpu/ops.h"

namespace hebb::cuda {

// The most memory that one algorithm may ask for.
inline constexpr size_t kConvWorkspaceMax = size_t{256} << 20;

// In which arithmetic a convolution is asked for. The default one may take tensor cores.
inline cudnnMathType_t WantedMath(gpu::Precision precision) {
  return precision == gpu::Precision::kTf32 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
}

// In which one the chosen algorithm runs: of those that may be TF32 the one that it was named for.
inline cudnnMathType_t RunMath(gpu::Precision precision, cudnnMathType_t named) {
  return precision == gpu::Precision::kTf32 ? named : CUDNN_FMA_MATH;
}

// The first, thus the fastest by cuDNN's reckoning, that can be had, gives the same bits each time,
// asks for little enough memory, and is taken: `takes(one)` tells whether it can be had after all.
// Null: none. `Named` is one of cuDNN's three cudnnConvolution...AlgoPerf_t.
template <typename Named, typename Takes>
const Named* ChooseAlgorithm(std::span<const Named> named, gpu::Precision precision, Takes takes) {
  for (const Named& one : named) {
    const bool exact = one.mathType == CUDNN_FMA_MATH || one.mathType == CUDNN_DEFAULT_MATH;
    const bool tf32 = precision == gpu::Precision::kTf32 && one.mathType == CUDNN_TENSOR_OP_MATH;
    if (one.status == CUDNN_STATUS_SUCCESS && one.determinism == CUDNN_DETERMINISTIC &&
        one.memory <= kConvWorkspaceMax && (exact || tf32) && takes(one)) {
      return &one;
    }
  }
  return nullptr;
}

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_ALGORITHM_CHOICE_H_
