// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/device_calls.h"

#include <cuda_runtime_api.h>

#include "worker/cuda/errors.h"

namespace hebb::cuda {
namespace {

// Whether even this fails, and not because a record is being made, in which it is not allowed.
bool IsLost() {
  const cudaError_t code = cudaFree(nullptr);
  cudaGetLastError();
  return code != cudaSuccess && code != cudaErrorStreamCaptureUnsupported &&
         code != cudaErrorStreamCaptureInvalidated;
}

}  // namespace

absl::Status DeviceCalls::Run(absl::FunctionRef<absl::Status()> calls) {
  if (!lost_.ok()) return lost_;
  // CUDA's "current device" is the thread's: whoever calls may have used another one before.
  absl::Status status = HEBB_CUDA(cudaSetDevice(device_));
  if (status.ok()) status = calls();
  if (status.ok()) return status;
  cudaGetLastError();  // forgets what was only this call's
  if (absl::IsInternal(status) && IsLost()) lost_ = status;
  return status;
}

}  // namespace hebb::cuda
