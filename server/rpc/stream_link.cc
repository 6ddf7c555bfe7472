// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/stream_link.h"

#include <utility>

#include "common/log.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr size_t kQueueMax = 1024;

}  // namespace

bool StreamLink::Send(const control::ToWorker& message) {
  auto proto = ToProto(message);
  absl::MutexLock lock(&mutex_);
  if (closed_) return false;
  if (!proto.ok()) {
    LogError(proto.status().message());
    CloseLocked({grpc::StatusCode::INTERNAL, std::string(proto.status().message())});
    return false;
  }
  if (queue_.size() >= kQueueMax) {
    LogError("a worker does not read its stream; it is ended");
    queue_.clear();
    CloseLocked({grpc::StatusCode::RESOURCE_EXHAUSTED,
                 "this worker did not read what it was told; it is to attach again"});
    if (call_ != nullptr) call_->TryCancel();  // else the write under way would never end
    return false;
  }
  queue_.push_back(*std::move(proto));
  Go();
  return true;
}

void StreamLink::Close() {
  CloseWith({grpc::StatusCode::UNAVAILABLE,
             "the coordinator ended this stream: it stops, or the worker opened a newer stream; "
             "attach again"});
}

void StreamLink::CloseWith(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  CloseLocked(status);
}

void StreamLink::CloseLocked(const grpc::Status& status) {
  if (closed_) return;
  closed_ = true;
  status_ = status;
  Go();
}

void StreamLink::Go() {
  if (reactor_ == nullptr || writing_ || finished_) return;
  if (!queue_.empty()) {
    written_ = std::move(queue_.front());
    queue_.pop_front();
    writing_ = true;
    reactor_->StartWrite(&written_);
  } else if (closed_) {
    finished_ = true;
    reactor_->Finish(status_);
  }
}

void StreamLink::Read(v1::FromWorker& message) {
  absl::MutexLock lock(&mutex_);
  if (!finished_ && reactor_ != nullptr) reactor_->StartRead(&message);
}

void StreamLink::OnWritten(bool ok) {
  absl::MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) {
    queue_.clear();
    CloseLocked({grpc::StatusCode::CANCELLED, "the worker has gone"});
  }
  Go();
}

void StreamLink::Gone() {
  absl::MutexLock lock(&mutex_);
  reactor_ = nullptr;
  call_ = nullptr;
  queue_.clear();
  closed_ = true;
}

}  // namespace hebb::rpc
