// SPDX-License-Identifier: Apache-2.0
// gpu::Ops on a CUDA device: one stream, and cuBLAS and cuDNN in it.
#ifndef HEBB_WORKER_CUDA_CUDA_OPS_H_
#define HEBB_WORKER_CUDA_CUDA_OPS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/cuda/blas.h"
#include "worker/cuda/convolution.h"
#include "worker/cuda/device.h"
#include "worker/cuda/device_calls.h"
#include "worker/cuda/handles.h"
#include "worker/cuda/staging.h"
#include "worker/gpu/ops.h"

namespace hebb::cuda {

// Convolutions that it made must not outlive it. Kernels and libraries load their code when they
// first run, which a record does not allow for sure: run once what is recorded then.
class CudaOps : public gpu::Ops {
 public:
  static absl::StatusOr<std::unique_ptr<CudaOps>> Create(int device);
  ~CudaOps() override;

  std::string device_name() const override { return facts_.info.name; }
  std::string kernel_family() const override { return KernelFamily(facts_); }
  std::map<std::string, std::string> libraries() const override { return Libraries(); }
  absl::StatusOr<gpu::MemoryInfo> memory() override;

  absl::StatusOr<void*> Allocate(int64_t bytes) override;
  void Free(void* memory) override;

  absl::Status Upload(const void* from, void* to, int64_t bytes) override;
  absl::Status Download(const void* from, void* to, int64_t bytes) override;
  absl::Status Copy(const void* from, void* to, int64_t bytes) override;
  absl::Status Clear(void* memory, int64_t bytes) override;
  absl::Status Wait() override;

  absl::Status Launch(const gpu::kernels::Kernel& kernel, int64_t n) override;

  void SetPrecision(gpu::Precision precision) override { precision_ = precision; }
  absl::Status Multiply(const gpu::Gemm& gemm) override;
  absl::StatusOr<std::unique_ptr<gpu::Conv>> MakeConv(const gpu::ConvGeometry& geometry,
                                                      int64_t rows) override;

  absl::Status BeginRecord() override;
  absl::StatusOr<int> EndRecord() override;
  absl::Status Replay(int record) override;
  void Forget() override;

  absl::StatusOr<std::unique_ptr<gpu::Ops>> Second() override;

 private:
  explicit CudaOps(DeviceFacts facts) : facts_(std::move(facts)), calls_(facts_.info.index) {}
  absl::Status MakeStream();
  absl::Status NeedBlas();
  absl::Status NeedConvolutions();

  const DeviceFacts facts_;
  DeviceCalls calls_;
  // Whatever uses the stream is declared after it, and ends before it.
  Stream stream_;
  Staging staging_;
  // Made when they are first needed, for a queue that only adds needs neither.
  std::unique_ptr<Blas> blas_;
  std::unique_ptr<Convolutions> convolutions_;
  gpu::Precision precision_ = gpu::Precision::kFloat32;
  std::vector<GraphExec> records_;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_CUDA_OPS_H_
