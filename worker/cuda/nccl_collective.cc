// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/nccl_collective.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "worker/cuda/errors.h"
#include "worker/cuda/memory.h"

namespace hebb::cuda {
namespace {

constexpr absl::Duration kFinishMax = absl::Seconds(2);
// Below this the round sizes in which NCCL allocates cost more than its memory gains.
constexpr int64_t kNcclMemoryMin = int64_t{1} << 20;

}  // namespace

absl::StatusOr<std::string> MakeNcclId() {
  ncclUniqueId id;
  HEBB_CUDA_OR_RETURN(ncclGetUniqueId(&id));
  return absl::BytesToHexString(absl::string_view(id.internal, sizeof id.internal));
}

absl::StatusOr<std::unique_ptr<NcclCollective>> NcclCollective::Create(int device) {
  auto collective = absl::WrapUnique(new NcclCollective(device));
  HEBB_RETURN_IF_ERROR(collective->Start());
  return collective;
}

absl::Status NcclCollective::Start() {
  HEBB_CUDA_OR_RETURN(cudaSetDevice(device_));
  cudaStream_t stream = nullptr;
  HEBB_CUDA_OR_RETURN(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  stream_.reset(stream);
  cudaEvent_t event = nullptr;
  HEBB_CUDA_OR_RETURN(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  done_.reset(event);
  return absl::OkStatus();
}

NcclCollective::~NcclCollective() {
  absl::MutexLock lock(&mutex_);
  cudaSetDevice(device_);
  if (comm_ != nullptr) FinishComm();
}

absl::Status NcclCollective::Init(const std::string& id, int rank, int size) {
  const std::string bytes = absl::HexStringToBytes(id);
  ncclUniqueId name;
  if (id.size() != 2 * sizeof name.internal || bytes.size() != sizeof name.internal) {
    return absl::InvalidArgumentError(
        absl::StrCat("no NCCL id: ", id.size(), " characters, not ", 2 * sizeof name.internal));
  }
  std::memcpy(name.internal, bytes.data(), sizeof name.internal);

  absl::MutexLock lock(&mutex_);
  HEBB_RETURN_IF_ERROR(error_);
  if (comm_ != nullptr) return absl::FailedPreconditionError("the communicator is there already");
  HEBB_CUDA_OR_RETURN(cudaSetDevice(device_));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  error_ = HEBB_CUDA(ncclCommInitRankConfig(&comm_, size, name, rank, &config));
  return error_;
}

absl::Status NcclCollective::Poll() {
  absl::MutexLock lock(&mutex_);
  return Drive();
}

absl::Status NcclCollective::Begin() {
  if (grouping_) return absl::FailedPreconditionError("Begin within a group");
  grouping_ = true;
  group_.clear();
  return absl::OkStatus();
}

absl::Status NcclCollective::Send(const void* data, int64_t bytes, int to) {
  return Add({Kind::kSend, data, nullptr, static_cast<size_t>(bytes), to});
}

absl::Status NcclCollective::Receive(void* data, int64_t bytes, int from) {
  return Add({Kind::kReceive, nullptr, data, static_cast<size_t>(bytes), from});
}

absl::Status NcclCollective::AllReduce(float* data, int64_t floats) {
  return Add({Kind::kAllReduce, data, data, static_cast<size_t>(floats), 0});
}

absl::Status NcclCollective::Broadcast(void* data, int64_t bytes, int root) {
  return Add({Kind::kBroadcast, data, data, static_cast<size_t>(bytes), root});
}

absl::Status NcclCollective::End() {
  if (!grouping_) return absl::FailedPreconditionError("End without Begin");
  grouping_ = false;
  absl::MutexLock lock(&mutex_);
  return Queue(std::move(group_));
}

absl::Status NcclCollective::CopyIn(const void* host, void* device, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  return Queue({{Kind::kCopyIn, host, device, static_cast<size_t>(bytes), 0}});
}

absl::Status NcclCollective::CopyOut(const void* device, void* host, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  return Queue({{Kind::kCopyOut, device, host, static_cast<size_t>(bytes), 0}});
}

absl::Status NcclCollective::Add(const Operation& operation) {
  if (grouping_) {
    group_.push_back(operation);
    return absl::OkStatus();
  }
  absl::MutexLock lock(&mutex_);
  return Queue({operation});
}

absl::Status NcclCollective::Queue(Step step) {
  if (error_.ok() && comm_ == nullptr) {
    return absl::FailedPreconditionError("Init has not been called");
  }
  if (!step.empty()) steps_.push_back(std::move(step));
  const absl::Status status = Drive();
  return gpu::IsInProgress(status) ? absl::OkStatus() : status;
}

absl::Status NcclCollective::Drive() {
  if (!error_.ok()) return error_;
  if (comm_ == nullptr) return absl::FailedPreconditionError("Init has not been called");
  absl::Status status = HEBB_CUDA(cudaSetDevice(device_));
  if (status.ok()) status = Advance();
  if (!status.ok() && !gpu::IsInProgress(status)) error_ = status;
  return status;
}

absl::Status NcclCollective::Advance() {
  while (true) {
    ncclResult_t state = ncclSuccess;
    HEBB_CUDA_OR_RETURN(ncclCommGetAsyncError(comm_, &state));
    if (state == ncclInProgress) return gpu::InProgress();
    HEBB_RETURN_IF_ERROR(StatusOf(state, "NCCL's work", __FILE_NAME__, __LINE__));
    if (given_) {  // and is in the stream now
      HEBB_CUDA_OR_RETURN(cudaEventRecord(done_.get(), stream_.get()));
      given_ = false;
      running_ = true;
    }
    if (steps_.empty()) return CheckRunning();
    const Kind kind = steps_.front().front().kind;
    if (kind == Kind::kCopyIn || kind == Kind::kCopyOut) {
      // A copy with ordinary host memory waits in its call for all that is in the stream before.
      HEBB_RETURN_IF_ERROR(CheckRunning());
    }
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    given_ = true;
    HEBB_RETURN_IF_ERROR(Issue(step));
  }
}

absl::Status NcclCollective::CheckRunning() {
  if (!running_) return absl::OkStatus();
  const cudaError_t code = cudaEventQuery(done_.get());
  if (code == cudaErrorNotReady) return gpu::InProgress();
  HEBB_RETURN_IF_ERROR(StatusOf(code, "cudaEventQuery", __FILE_NAME__, __LINE__));
  running_ = false;
  return absl::OkStatus();
}

absl::Status NcclCollective::Issue(const Step& step) {
  const Kind kind = step.front().kind;
  if (kind == Kind::kCopyIn || kind == Kind::kCopyOut) return Copy(step.front());
  return IssueGroup(step);
}

absl::Status NcclCollective::Copy(const Operation& operation) {
  const bool in = operation.kind == Kind::kCopyIn;
  return HEBB_CUDA(cudaMemcpyAsync(operation.to, operation.from, operation.count,
                                   in ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost,
                                   stream_.get()));
}

absl::Status NcclCollective::IssueGroup(const Step& step) {
  HEBB_CUDA_OR_RETURN(ncclGroupStart());
  absl::Status status;
  for (const Operation& operation : step) {
    if (status.ok()) status = HEBB_CUDA(Give(operation));
  }
  const absl::Status end = HEBB_CUDA(ncclGroupEnd());  // also after an error
  return status.ok() ? end : status;
}

ncclResult_t NcclCollective::Give(const Operation& operation) {
  cudaStream_t stream = stream_.get();
  switch (operation.kind) {
    case Kind::kSend:
      return ncclSend(operation.from, operation.count, ncclUint8, operation.peer, comm_, stream);
    case Kind::kReceive:
      return ncclRecv(operation.to, operation.count, ncclUint8, operation.peer, comm_, stream);
    case Kind::kAllReduce:
      return ncclAllReduce(operation.from, operation.to, operation.count, ncclFloat32, ncclSum,
                           comm_, stream);
    case Kind::kBroadcast:
      return ncclBroadcast(operation.from, operation.to, operation.count, ncclUint8, operation.peer,
                           comm_, stream);
    case Kind::kCopyIn:
    case Kind::kCopyOut:
      break;
  }
  return ncclInvalidUsage;
}

void NcclCollective::Abort() {
  absl::MutexLock lock(&mutex_);
  if (error_.ok()) error_ = absl::AbortedError("the communicator was broken off");
  cudaSetDevice(device_);
  AbortComm();
}

void NcclCollective::AbortComm() {
  steps_.clear();
  if (comm_ != nullptr) static_cast<void>(ncclCommAbort(comm_));
  comm_ = nullptr;
  // NCCL's kernels end with it, and so do copies behind them: the memory is the caller's again.
  static_cast<void>(cudaStreamSynchronize(stream_.get()));
}

// A kernel of ours may be done while a thread of NCCL still sends what it left to it: peers would
// wait for that for ever. To finish waits for it, but needs all peers.
void NcclCollective::FinishComm() {
  const absl::Time deadline = absl::Now() + kFinishMax;
  ncclResult_t state = error_.ok() && steps_.empty() ? ncclCommFinalize(comm_) : ncclInternalError;
  if (state == ncclSuccess) state = ncclInProgress;
  while (state == ncclInProgress && absl::Now() < deadline) {
    if (ncclCommGetAsyncError(comm_, &state) != ncclSuccess) break;
    if (state == ncclInProgress) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (state != ncclSuccess) return AbortComm();
  static_cast<void>(ncclCommDestroy(comm_));
  comm_ = nullptr;
  static_cast<void>(cudaStreamSynchronize(stream_.get()));
}

bool NcclCollective::IsDeviceMemory(const void* pointer) const {
  cudaSetDevice(device_);  // else a thread that asks first makes ready, and pays for, device 0
  cudaPointerAttributes attributes;
  if (cudaPointerGetAttributes(&attributes, pointer) == cudaSuccess) {
    return attributes.type == cudaMemoryTypeDevice;
  }
  cudaGetLastError();
  return false;
}

absl::StatusOr<void*> NcclCollective::AllocateDevice(int64_t bytes) {
  HEBB_CUDA_OR_RETURN(cudaSetDevice(device_));
  void* memory = nullptr;
  if (bytes >= kNcclMemoryMin && ncclMemAlloc(&memory, static_cast<size_t>(bytes)) == ncclSuccess) {
    of_nccl_.insert(memory);
  } else {
    cudaGetLastError();
    HEBB_ASSIGN_OR_RETURN(DeviceMemory plain, AllocateOn(device_, static_cast<size_t>(bytes)));
    memory = plain.release();
  }
  return memory;
}

void NcclCollective::FreeDevice(void* memory) {
  cudaSetDevice(device_);
  if (of_nccl_.erase(memory) > 0) {
    static_cast<void>(ncclMemFree(memory));
  } else {
    static_cast<void>(cudaFree(memory));
  }
}

}  // namespace hebb::cuda
