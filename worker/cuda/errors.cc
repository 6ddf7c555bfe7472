// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/errors.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"

namespace hebb::cuda {
namespace {

constexpr char kTooLarge[] = "; use a smaller batch_size, or end what else runs on this GPU";

std::string Text(const char* expression, const char* file, int line, absl::string_view what) {
  return absl::StrCat(expression, " failed at ", file, ":", line, ": ", what);
}

}  // namespace

absl::Status StatusOf(cudaError_t code, const char* expression, const char* file, int line) {
  if (code == cudaSuccess) return absl::OkStatus();
  const std::string text = Text(
      expression, file, line, absl::StrCat(cudaGetErrorName(code), ", ", cudaGetErrorString(code)));
  if (code == cudaErrorMemoryAllocation) return absl::ResourceExhaustedError(text + kTooLarge);
  return absl::InternalError(text);
}

absl::Status StatusOf(cublasStatus_t code, const char* expression, const char* file, int line) {
  if (code == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  const std::string text = Text(expression, file, line, cublasGetStatusString(code));
  if (code == CUBLAS_STATUS_ALLOC_FAILED) return absl::ResourceExhaustedError(text + kTooLarge);
  return absl::InternalError(text);
}

absl::Status StatusOf(cudnnStatus_t code, const char* expression, const char* file, int line) {
  if (code == CUDNN_STATUS_SUCCESS) return absl::OkStatus();
  std::array<char, 512> more = {};
  cudnnGetLastErrorString(more.data(), more.size());
  more.back() = '\0';
  const std::string text =
      Text(expression, file, line, absl::StrCat(cudnnGetErrorString(code), " ", more.data()));
  if (code == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED) {
    return absl::ResourceExhaustedError(text + kTooLarge);
  }
  return absl::InternalError(text);
}

absl::Status StatusOf(ncclResult_t code, const char* expression, const char* file, int line) {
  if (code == ncclSuccess || code == ncclInProgress) return absl::OkStatus();
  const char* more = ncclGetLastError(nullptr);
  const std::string text =
      Text(expression, file, line,
           absl::StrCat(ncclGetErrorString(code), " ", more == nullptr ? "" : more));
  const bool of_peer = code == ncclRemoteError || code == ncclSystemError;
  return of_peer ? absl::UnavailableError(text) : absl::InternalError(text);
}

}  // namespace hebb::cuda
