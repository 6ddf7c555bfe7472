// SPDX-License-Identifier: Apache-2.0
// Every call of CUDA, cuBLAS, cuDNN and NCCL goes through this one macro, so that an error always
// tells the expression, its place and the library's own text.
#ifndef HEBB_WORKER_CUDA_ERRORS_H_
#define HEBB_WORKER_CUDA_ERRORS_H_

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nccl.h>

#include "absl/status/status.h"
#include "common/status_macros.h"

namespace hebb::cuda {

// OK; RESOURCE_EXHAUSTED: the device's memory is used up; INTERNAL: all else. Of NCCL
// ncclInProgress is no error, and UNAVAILABLE means that a peer or the network failed.
absl::Status StatusOf(cudaError_t code, const char* expression, const char* file, int line);
absl::Status StatusOf(cublasStatus_t code, const char* expression, const char* file, int line);
absl::Status StatusOf(cudnnStatus_t code, const char* expression, const char* file, int line);
absl::Status StatusOf(ncclResult_t code, const char* expression, const char* file, int line);

}  // namespace hebb::cuda

// The call's absl::Status.
#define HEBB_CUDA(expression) \
  ::hebb::cuda::StatusOf((expression), #expression, __FILE_NAME__, __LINE__)

// Returns from the function if the call failed.
#define HEBB_CUDA_OR_RETURN(expression) HEBB_RETURN_IF_ERROR(HEBB_CUDA(expression))

#endif  // HEBB_WORKER_CUDA_ERRORS_H_
