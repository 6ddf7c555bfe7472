// SPDX-License-Identifier: Apache-2.0
// Which GPUs there are, and what decides the bits of the numbers that they compute.
#ifndef HEBB_WORKER_CUDA_DEVICE_H_
#define HEBB_WORKER_CUDA_DEVICE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/gpu/plugin.h"

namespace hebb::cuda {

struct DeviceFacts {
  gpu::DeviceInfo info;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
};

// Empty: CUDA works and sees none. FAILED_PRECONDITION: CUDA does not work here, and why.
absl::StatusOr<std::vector<gpu::DeviceInfo>> ListDevices();

// NOT_FOUND: no such device. FAILED_PRECONDITION as above.
absl::StatusOr<DeviceFacts> ReadDevice(int device);

// "cuda-13.0-cublas-13.1.0-cudnn-9.19.0-NVIDIA H100 80GB HBM3-sm90x132".
std::string KernelFamily(const DeviceFacts& device);

// Names and versions of what is loaded.
std::map<std::string, std::string> Libraries();
std::string NcclVersion();

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_DEVICE_H_
