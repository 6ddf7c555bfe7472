// SPDX-License-Identifier: Apache-2.0
// Convolutions by cuDNN, the same bits each time.
#ifndef HEBB_WORKER_CUDA_CONVOLUTION_H_
#define HEBB_WORKER_CUDA_CONVOLUTION_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/cuda/device_calls.h"
#include "worker/cuda/handles.h"
#include "worker/gpu/ops.h"

namespace hebb::cuda {

// cuDNN in one stream, and the memory that all of its convolutions use one after the other.
//
// One thread at a time, with the device as the thread's.
class Convolutions {
 public:
  // `calls` is borrowed: by it the convolutions make their calls.
  static absl::StatusOr<std::unique_ptr<Convolutions>> Create(DeviceCalls& calls,
                                                              cudaStream_t stream);

  // The convolution must not outlive this. REQUIRES: nothing is being recorded.
  absl::StatusOr<std::unique_ptr<gpu::Conv>> Make(const gpu::ConvGeometry& geometry, int64_t rows,
                                                  gpu::Precision precision);

  // Records hold the workspace's address: while there are any, a workspace that has become too
  // small is kept. Forget lets go of those.
  void HasRecords() { recorded_ = true; }
  void Forget();

 private:
  friend class CudnnConv;

  explicit Convolutions(DeviceCalls& calls) : calls_(calls) {}
  absl::Status Grow(size_t bytes);

  DeviceCalls& calls_;
  DnnHandle handle_;
  DeviceMemory workspace_;
  size_t workspace_bytes_ = 0;
  bool recorded_ = false;
  std::vector<DeviceMemory> outgrown_;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_CONVOLUTION_H_
