// SPDX-License-Identifier: Apache-2.0
// Products of matrices by cuBLAS, the same bits each time: with memory of its own for partial sums,
// in one stream, cuBLAS chooses its kernels by shape and device alone.
#ifndef HEBB_WORKER_CUDA_BLAS_H_
#define HEBB_WORKER_CUDA_BLAS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/cuda/handles.h"
#include "worker/gpu/ops.h"

namespace hebb::cuda {

// One thread at a time, with the device as the thread's.
class Blas {
 public:
  static absl::StatusOr<std::unique_ptr<Blas>> Create(int device, cudaStream_t stream);

  // kFloat32 is float32 whatever the environment says: cuBLAS's pedantic arithmetic. Its default
  // one may be made to emulate float32, or to take TF32, by variables that no kernel family names.
  absl::Status Multiply(const gpu::Gemm& gemm, gpu::Precision precision);

 private:
  explicit Blas(cudaStream_t stream) : stream_(stream) {}

  cudaStream_t stream_;  // the Ops'
  DeviceMemory workspace_;
  BlasHandle handle_;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_BLAS_H_
