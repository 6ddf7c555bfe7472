// SPDX-License-Identifier: Apache-2.0
// What the kernels' bodies share. A body is a plain struct of pointers and numbers whose operator()
// does the work of one index: nvcc compiles it for the GPU, g++ for the host, where the tests run
// it in a loop. So bodies use nothing that only one of them has, and each index writes what no
// other index reads or writes: results depend on no order of threads.
#ifndef HEBB_WORKER_GPU_KERNELS_DEVICE_H_
#define HEBB_WORKER_GPU_KERNELS_DEVICE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define HEBB_DEVICE __host__ __device__ inline
#else
#define HEBB_DEVICE inline
#endif

// Before a loop whose arrays must be registers, and one that should ask for much at once.
#ifdef __CUDA_ARCH__
#define HEBB_UNROLL _Pragma("unroll")
#define HEBB_UNROLL_BY_8 _Pragma("unroll 8")
#else
#define HEBB_UNROLL
#define HEBB_UNROLL_BY_8
#endif

namespace hebb::gpu::kernels {

// Divisions of 64-bit numbers are slow on a GPU: no kernel has more indices than this holds.
using Index = uint32_t;

// sum + a b, rounded once on the device, where that is one instruction.
HEBB_DEVICE float MultiplyAdd(float a, float b, float sum) {
#ifdef __CUDA_ARCH__
  return fmaf(a, b, sum);
#else
  return sum + a * b;
#endif
}

// What changes from step to step, read from device memory, so that a recorded step can be replayed.
struct StepValues {
  double inverse_batch = 0;  // 1 / the gang's batch
  double batch = 0;
  uint32_t epoch = 0;
  uint32_t step = 0;
  float rate = 0;
  float feedback_rate = 0;
  float scale = 1;  // of the gradients, by clip_norm: written on the device
};

// The values travel with the launch: a copy from the host would cost the queue a change to the copy
// engine and back. One index.
struct TellStep {
  StepValues values;
  StepValues* to;
  HEBB_DEVICE void operator()(Index) const { *to = values; }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_DEVICE_H_
