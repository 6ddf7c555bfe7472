// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/cuda/fake_nccl.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "worker/cuda/memory.h"

namespace hebb::cuda {
namespace {

int anything = 0;  // what handles point to

template <typename Pointer>
Pointer AnyHandle() {
  return reinterpret_cast<Pointer>(&anything);
}

ncclResult_t Called(std::string call) {
  Fake().calls.push_back(std::move(call));
  return ncclSuccess;
}

}  // namespace

FakeNccl& Fake() {
  static auto* fake = new FakeNccl;
  return *fake;
}

absl::StatusOr<DeviceMemory> AllocateOn(int, size_t bytes) {
  Called(absl::StrCat("cudaMalloc ", bytes));
  return DeviceMemory(&anything);
}

}  // namespace hebb::cuda

using hebb::cuda::AnyHandle;
using hebb::cuda::Called;
using hebb::cuda::Fake;

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id->internal, 7, sizeof id->internal);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  Called(absl::StrCat("init ", rank, " of ", size, id.internal[127] == 7 ? "" : " by a wrong id",
                      config->blocking == 0 ? "" : " blocking"));
  *comm = AnyHandle<ncclComm_t>();
  return ncclInProgress;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  *state = Fake().state;
  if (Fake().looks_in_progress-- > 0) *state = ncclInProgress;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t) { return Called("abort"); }
ncclResult_t ncclCommDestroy(ncclComm_t) { return Called("destroy"); }
ncclResult_t ncclCommFinalize(ncclComm_t) {
  if (!Fake().finishes) Fake().state = ncclInProgress;
  Called("finalize");
  return ncclInProgress;
}
ncclResult_t ncclGroupStart() { return Called("("); }
ncclResult_t ncclGroupEnd() {
  Called(")");
  return Fake().group_end;
}
ncclResult_t ncclSend(const void*, size_t n, ncclDataType_t, int to, ncclComm_t, cudaStream_t) {
  return Called(absl::StrCat("send ", n, " to ", to));
}
ncclResult_t ncclRecv(void*, size_t n, ncclDataType_t, int from, ncclComm_t, cudaStream_t) {
  return Called(absl::StrCat("receive ", n, " from ", from));
}
ncclResult_t ncclAllReduce(const void*, void*, size_t n, ncclDataType_t type, ncclRedOp_t,
                           ncclComm_t, cudaStream_t) {
  return Called(absl::StrCat("sum ", n, type == ncclFloat32 ? " floats" : "?"));
}
ncclResult_t ncclBroadcast(const void*, void*, size_t n, ncclDataType_t, int root, ncclComm_t,
                           cudaStream_t) {
  return Called(absl::StrCat("broadcast ", n, " of ", root));
}
ncclResult_t ncclMemAlloc(void** memory, size_t n) {
  *memory = AnyHandle<void*>();
  return Called(absl::StrCat("ncclMemAlloc ", n));
}
ncclResult_t ncclMemFree(void*) { return Called("ncclMemFree"); }
const char* ncclGetErrorString(ncclResult_t) { return "NCCL's text"; }
const char* ncclGetLastError(ncclComm_t) { return "and more"; }

cudaError_t cudaSetDevice(int device) {
  Fake().device = device;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t) { return "cudaErrorName"; }
const char* cudaGetErrorString(cudaError_t) { return "CUDA's text"; }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = AnyHandle<cudaStream_t>();
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  Called("wait");
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = AnyHandle<cudaEvent_t>();
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  Called("mark");
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t) {
  return Fake().looks_running-- > 0 ? cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void*, const void*, size_t n, cudaMemcpyKind kind, cudaStream_t) {
  Called(absl::StrCat(kind == cudaMemcpyHostToDevice ? "in " : "out ", n));
  return cudaSuccess;
}
cudaError_t cudaFree(void*) {
  Called("cudaFree");
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  Fake().asked_on = Fake().device;
  attributes->type = pointer == nullptr ? cudaMemoryTypeUnregistered : cudaMemoryTypeDevice;
  return cudaSuccess;
}

const char* cublasGetStatusString(cublasStatus_t) { return ""; }
const char* cudnnGetErrorString(cudnnStatus_t) { return ""; }
void cudnnGetLastErrorString(char*, size_t) {}
