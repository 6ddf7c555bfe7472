// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/blas.h"

#include "absl/memory/memory.h"
#include "worker/cuda/errors.h"
#include "worker/cuda/gemm_layout.h"
#include "worker/cuda/memory.h"

namespace hebb::cuda {
namespace {

// What cuBLAS asks for on Hopper; the same everywhere, for the choice of kernels depends on it.
constexpr size_t kWorkspaceBytes = size_t{32} << 20;

cublasOperation_t Operation(bool transposed) { return transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

}  // namespace

absl::StatusOr<std::unique_ptr<Blas>> Blas::Create(int device, cudaStream_t stream) {
  auto blas = absl::WrapUnique(new Blas(stream));
  cublasHandle_t handle = nullptr;
  HEBB_CUDA_OR_RETURN(cublasCreate(&handle));
  blas->handle_.reset(handle);
  HEBB_ASSIGN_OR_RETURN(blas->workspace_, AllocateOn(device, kWorkspaceBytes));
  // In this order: a new stream takes the workspace away.
  HEBB_CUDA_OR_RETURN(cublasSetStream(handle, stream));
  HEBB_CUDA_OR_RETURN(cublasSetWorkspace(handle, blas->workspace_.get(), kWorkspaceBytes));
  HEBB_CUDA_OR_RETURN(cublasSetAtomicsMode(handle, CUBLAS_ATOMICS_NOT_ALLOWED));
  HEBB_CUDA_OR_RETURN(cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_HOST));
  return blas;
}

absl::Status Blas::Multiply(const gpu::Gemm& gemm, gpu::Precision precision) {
  if (gemm.m == 0 || gemm.n == 0) return absl::OkStatus();
  if (gemm.k == 0) {  // an empty sum
    const auto bytes = static_cast<size_t>(gemm.m * gemm.n) * sizeof(float);
    return HEBB_CUDA(cudaMemsetAsync(gemm.c, 0, bytes, stream_));
  }
  const ColumnGemm by_column = ToColumns(gemm);
  const bool tf32 = precision == gpu::Precision::kTf32;
  const float one = 1.0f;
  const float zero = 0.0f;
  return HEBB_CUDA(cublasGemmEx_64(
      handle_.get(), Operation(by_column.first_transposed), Operation(by_column.second_transposed),
      by_column.rows, by_column.columns, by_column.depth, &one, by_column.first, CUDA_R_32F,
      by_column.first_stride, by_column.second, CUDA_R_32F, by_column.second_stride, &zero,
      by_column.c, CUDA_R_32F, by_column.c_stride,
      tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_GEMM_DEFAULT));
}

}  // namespace hebb::cuda
