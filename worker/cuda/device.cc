// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/device.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <nccl.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "worker/cuda/errors.h"

namespace hebb::cuda {
namespace {

constexpr char kUnknown[] = "unknown";

// The count is left unwritten where the call fails.
absl::StatusOr<int> CountDevices() {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code == cudaSuccess) return count;
  cudaGetLastError();
  if (code == cudaErrorNoDevice) return 0;
  return absl::FailedPreconditionError(
      absl::StrCat("no GPU can be used: ", cudaGetErrorName(code), ", ", cudaGetErrorString(code),
                   "; nvidia-smi must work here, with a driver that knows CUDA ",
                   CUDART_VERSION / 1000, ".", CUDART_VERSION % 1000 / 10));
}

// As nvidia-smi writes it.
std::string UuidText(const cudaUUID_t& uuid) {
  const std::string hex = absl::BytesToHexString(absl::string_view(uuid.bytes, sizeof uuid.bytes));
  return absl::StrCat("GPU-", hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

// 13000 -> "13.0".
std::string CudaVersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

std::string RuntimeVersion() {
  int version = 0;
  if (cudaRuntimeGetVersion(&version) != cudaSuccess) return kUnknown;
  return CudaVersionText(version);
}

// The newest CUDA that the driver knows; the driver's own number is nowhere in CUDA.
std::string DriverVersion() {
  int version = 0;
  if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0) return "none";
  return CudaVersionText(version);
}

std::string CublasVersion() {
  int major = 0, minor = 0, patch = 0;
  if (cublasGetProperty(MAJOR_VERSION, &major) != CUBLAS_STATUS_SUCCESS ||
      cublasGetProperty(MINOR_VERSION, &minor) != CUBLAS_STATUS_SUCCESS ||
      cublasGetProperty(PATCH_LEVEL, &patch) != CUBLAS_STATUS_SUCCESS) {
    return kUnknown;
  }
  return absl::StrCat(major, ".", minor, ".", patch);
}

std::string CudnnVersion() {
  const size_t version = cudnnGetVersion();
  return absl::StrCat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

}  // namespace

absl::StatusOr<std::vector<gpu::DeviceInfo>> ListDevices() {
  HEBB_ASSIGN_OR_RETURN(const int count, CountDevices());
  std::vector<gpu::DeviceInfo> devices;
  for (int i = 0; i < count; ++i) {
    HEBB_ASSIGN_OR_RETURN(DeviceFacts facts, ReadDevice(i));
    devices.push_back(std::move(facts.info));
  }
  return devices;
}

absl::StatusOr<DeviceFacts> ReadDevice(int device) {
  HEBB_ASSIGN_OR_RETURN(const int count, CountDevices());
  if (device < 0 || device >= count) {
    return absl::NotFoundError(absl::StrCat("there is no GPU ", device, ", CUDA sees ", count,
                                            "; CUDA_VISIBLE_DEVICES says which it may see"));
  }
  cudaDeviceProp facts;
  HEBB_CUDA_OR_RETURN(cudaGetDeviceProperties(&facts, device));
  DeviceFacts read;
  read.info = {device, facts.name, UuidText(facts.uuid),
               static_cast<int64_t>(facts.totalGlobalMem)};
  read.major = facts.major;
  read.minor = facts.minor;
  read.multiprocessors = facts.multiProcessorCount;
  return read;
}

std::string KernelFamily(const DeviceFacts& device) {
  std::string family = absl::StrCat("cuda-", RuntimeVersion(), "-cublas-", CublasVersion(),
                                    "-cudnn-", CudnnVersion(), "-", device.info.name, "-sm",
                                    device.major, device.minor, "x", device.multiprocessors);
  // Of other devices than those that the plugin is compiled for, the driver compiles the kernels.
  const bool compiled = device.major == 8 || (device.major == 9 && device.minor == 0);
  if (!compiled) absl::StrAppend(&family, "-driver-", DriverVersion());
  return family;
}

std::map<std::string, std::string> Libraries() {
  return {{"cuda", RuntimeVersion()},
          {"cuda-driver", DriverVersion()},
          {"cublas", CublasVersion()},
          {"cudnn", CudnnVersion()},
          {"nccl", NcclVersion()}};
}

std::string NcclVersion() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return kUnknown;
  return absl::StrCat(version / 10000, ".", version % 10000 / 100, ".", version % 100);
}

}  // namespace hebb::cuda
