// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/cuda_ops.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "worker/cuda/errors.h"
#include "worker/cuda/kernels.h"
#include "worker/cuda/memory.h"

namespace hebb::cuda {

absl::StatusOr<std::unique_ptr<CudaOps>> CudaOps::Create(int device) {
  HEBB_ASSIGN_OR_RETURN(DeviceFacts facts, ReadDevice(device));
  auto ops = absl::WrapUnique(new CudaOps(std::move(facts)));
  HEBB_RETURN_IF_ERROR(ops->calls_.Run([&] { return ops->MakeStream(); }));
  return ops;
}

CudaOps::~CudaOps() {
  // What is under way uses what is given back next.
  static_cast<void>(Wait());
}

absl::Status CudaOps::MakeStream() {
  cudaStream_t stream = nullptr;
  // Others on this device, such as NCCL, must not wait for us by way of the default stream.
  HEBB_CUDA_OR_RETURN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  stream_.reset(stream);
  return absl::OkStatus();
}

absl::StatusOr<gpu::MemoryInfo> CudaOps::memory() { return calls_.Get(ReadMemory); }

absl::StatusOr<void*> CudaOps::Allocate(int64_t bytes) {
  if (bytes < 0) return absl::InternalError(absl::StrCat(bytes, " bytes asked for"));
  return calls_.Get([&]() -> absl::StatusOr<void*> {
    const auto size = static_cast<size_t>(bytes);
    HEBB_ASSIGN_OR_RETURN(DeviceMemory memory, AllocateOn(calls_.device(), size));
    HEBB_CUDA_OR_RETURN(cudaMemsetAsync(memory.get(), 0, size, stream_.get()));
    // Another queue may use it next.
    HEBB_CUDA_OR_RETURN(cudaStreamSynchronize(stream_.get()));
    return memory.release();
  });
}

void CudaOps::Free(void* memory) {
  // Waits for what uses it.
  static_cast<void>(calls_.Run([&] { return HEBB_CUDA(cudaFree(memory)); }));
}

absl::Status CudaOps::Upload(const void* from, void* to, int64_t bytes) {
  return calls_.Run([&] { return staging_.Upload(from, to, bytes, stream_.get()); });
}

absl::Status CudaOps::Download(const void* from, void* to, int64_t bytes) {
  return calls_.Run([&]() -> absl::Status {
    HEBB_CUDA_OR_RETURN(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes),
                                        cudaMemcpyDeviceToHost, stream_.get()));
    return HEBB_CUDA(cudaStreamSynchronize(stream_.get()));
  });
}

absl::Status CudaOps::Copy(const void* from, void* to, int64_t bytes) {
  return calls_.Run([&] {
    return HEBB_CUDA(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice,
                                     stream_.get()));
  });
}

absl::Status CudaOps::Clear(void* memory, int64_t bytes) {
  return calls_.Run([&] {
    return HEBB_CUDA(cudaMemsetAsync(memory, 0, static_cast<size_t>(bytes), stream_.get()));
  });
}

absl::Status CudaOps::Wait() {
  return calls_.Run([&] { return HEBB_CUDA(cudaStreamSynchronize(stream_.get())); });
}

absl::Status CudaOps::Launch(const gpu::kernels::Kernel& kernel, int64_t n) {
  return calls_.Run([&]() -> absl::Status {
    const absl::Status status = HEBB_CUDA(LaunchKernel(kernel, n, stream_.get()));
    if (status.ok()) return status;
    return absl::InternalError(
        absl::StrCat("kernel ", kernel.index(), " of ", n, " indices: ", status.message()));
  });
}

absl::Status CudaOps::NeedBlas() {
  if (blas_ != nullptr) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(blas_, Blas::Create(calls_.device(), stream_.get()));
  return absl::OkStatus();
}

absl::Status CudaOps::NeedConvolutions() {
  if (convolutions_ != nullptr) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(convolutions_, Convolutions::Create(calls_, stream_.get()));
  if (!records_.empty()) convolutions_->HasRecords();
  return absl::OkStatus();
}

absl::Status CudaOps::Multiply(const gpu::Gemm& gemm) {
  return calls_.Run([&]() -> absl::Status {
    HEBB_RETURN_IF_ERROR(NeedBlas());
    return blas_->Multiply(gemm, precision_);
  });
}

absl::StatusOr<std::unique_ptr<gpu::Conv>> CudaOps::MakeConv(const gpu::ConvGeometry& geometry,
                                                             int64_t rows) {
  return calls_.Get([&]() -> absl::StatusOr<std::unique_ptr<gpu::Conv>> {
    HEBB_RETURN_IF_ERROR(NeedConvolutions());
    return convolutions_->Make(geometry, rows, precision_);
  });
}

absl::Status CudaOps::BeginRecord() {
  return calls_.Run([&]() -> absl::Status {
    // Not while recording: it allocates.
    HEBB_RETURN_IF_ERROR(NeedBlas());
    // Other threads, of other queues, may do what they like meanwhile.
    return HEBB_CUDA(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal));
  });
}

absl::StatusOr<int> CudaOps::EndRecord() {
  return calls_.Get([&]() -> absl::StatusOr<int> {
    cudaGraph_t graph = nullptr;
    HEBB_CUDA_OR_RETURN(cudaStreamEndCapture(stream_.get(), &graph));
    cudaGraphExec_t made = nullptr;
    const absl::Status status = HEBB_CUDA(cudaGraphInstantiate(&made, graph, 0));
    static_cast<void>(cudaGraphDestroy(graph));  // the executable one does not need it
    HEBB_RETURN_IF_ERROR(status);
    records_.emplace_back(made);
    if (convolutions_ != nullptr) convolutions_->HasRecords();
    return static_cast<int>(records_.size()) - 1;
  });
}

absl::Status CudaOps::Replay(int record) {
  if (record < 0 || static_cast<size_t>(record) >= records_.size()) {
    return absl::InternalError(
        absl::StrCat("there is no record ", record, ", but ", records_.size(), " of them"));
  }
  return calls_.Run([&] {
    return HEBB_CUDA(cudaGraphLaunch(records_[static_cast<size_t>(record)].get(), stream_.get()));
  });
}

void CudaOps::Forget() {
  static_cast<void>(Wait());
  records_.clear();
  if (convolutions_ != nullptr) convolutions_->Forget();
}

absl::StatusOr<std::unique_ptr<gpu::Ops>> CudaOps::Second() { return Create(calls_.device()); }

}  // namespace hebb::cuda
