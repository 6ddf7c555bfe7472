// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/kernels.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>
#include <type_traits>
#include <variant>

namespace hebb::cuda {
namespace {

using gpu::kernels::Index;

constexpr int kThreads = 256;      // of a block
constexpr size_t kBodyMax = 4000;  // bytes of arguments that every GPU takes, less n
constexpr int kDevicesKept = 64;

// Each thread takes the indices that are a grid apart: neighbours read neighbours.
template <typename Body>
__global__ void __launch_bounds__(kThreads) RunBody(Body body, uint64_t n) {
  const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
  for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n;
       i += stride) {
    body(static_cast<Index>(i));
  }
}

// How many blocks of this kernel the current device runs at once.
template <typename Body>
cudaError_t BlocksAtOnce(int& blocks) {
  static std::array<std::atomic<int>, kDevicesKept> known{};  // 0: not yet asked
  int device = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return error;
  if (device < kDevicesKept) blocks = known[device].load(std::memory_order_relaxed);
  if (device < kDevicesKept && blocks > 0) return cudaSuccess;
  int processors = 0;
  cudaError_t error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  if (error != cudaSuccess) return error;
  int of_processor = 0;
  error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&of_processor, RunBody<Body>, kThreads, 0);
  if (error != cudaSuccess) return error;
  blocks = std::max(1, of_processor * processors);
  if (device < kDevicesKept) known[device].store(blocks, std::memory_order_relaxed);
  return cudaSuccess;
}

template <typename Body>
cudaError_t Launch(Body body, uint64_t n, cudaStream_t stream) {
  static_assert(std::is_trivially_copyable_v<Body>, "a body is copied to the device as bytes");
  static_assert(sizeof(Body) <= kBodyMax, "a body is passed as the arguments of a launch");
  int at_once = 0;
  if (const cudaError_t error = BlocksAtOnce<Body>(at_once); error != cudaSuccess) return error;
  const uint64_t wanted = (n + kThreads - 1) / kThreads;
  const auto blocks = static_cast<unsigned>(std::min(wanted, static_cast<uint64_t>(at_once)));
  void* arguments[] = {&body, &n};
  return cudaLaunchKernel(RunBody<Body>, dim3(blocks), dim3(kThreads), arguments, 0, stream);
}

}  // namespace

cudaError_t LaunchKernel(const gpu::kernels::Kernel& kernel, int64_t n, cudaStream_t stream) {
  if (n == 0) return cudaSuccess;
  if (n < 0 || n - 1 > static_cast<int64_t>(std::numeric_limits<Index>::max())) {
    return cudaErrorInvalidValue;
  }
  return std::visit(
      [&](const auto& body) { return Launch(body, static_cast<uint64_t>(n), stream); }, kernel);
}

}  // namespace hebb::cuda
