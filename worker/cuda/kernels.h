// SPDX-License-Identifier: Apache-2.0
// The one file that nvcc compiles: it gives every body of worker/gpu/kernels to the device.
#ifndef HEBB_WORKER_CUDA_KERNELS_H_
#define HEBB_WORKER_CUDA_KERNELS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

#include "worker/gpu/kernels/kernel.h"

namespace hebb::cuda {

// Queues the kernel for indices 0 to n-1 on the stream of the current device. n = 0: nothing.
// cudaErrorInvalidValue: n is negative or no Index holds n-1.
cudaError_t LaunchKernel(const gpu::kernels::Kernel& kernel, int64_t n, cudaStream_t stream);

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_KERNELS_H_
