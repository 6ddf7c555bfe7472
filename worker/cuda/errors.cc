// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/errors.h"

#include <array>
#include <string>

#include "absl/strings/str_cat.h"

namespace hebb::cuda {
namespace {

std::string Text(const char* expression, const char* file, int line, absl::string_view what) {
  return absl::StrCat(expression, " failed at ", file, ":", line, ": ", what);
}

}  // namespace

absl::Status StatusOf(cudaError_t code, const char* expression, const char* file, int line) {
  if (code == cudaSuccess) return absl::OkStatus();
  return absl::InternalError(
      Text(expression, file, line,
           absl::StrCat(cudaGetErrorName(code), ", ", cudaGetErrorString(code))));
}

absl::Status StatusOf(cublasStatus_t code, const char* expression, const char* file, int line) {
  if (code == CUBLAS_STATUS_SUCCESS) return absl::OkStatus();
  return absl::InternalError(Text(expression, file, line, cublasGetStatusString(code)));
}

absl::Status StatusOf(cudnnStatus_t code, const char* expression, const char* file, int line) {
  if (code == CUDNN_STATUS_SUCCESS) return absl::OkStatus();
  std::array<char, 512> more = {};
  cudnnGetLastErrorString(more.data(), more.size());
  more.back() = '\0';
  return absl::InternalError(
      Text(expression, file, line, absl::StrCat(cudnnGetErrorString(code), " ", more.data())));
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
