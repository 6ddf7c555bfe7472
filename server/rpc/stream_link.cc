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
  if (!proto.ok() || queue_.size() >= kQueueMax) {
    LogError(proto.ok() ? "a worker does not read its stream; it is ended"
                        : proto.status().message());
    closed_ = true;
  }
  if (closed_) return false;
  queue_.push_back(*std::move(proto));
  return true;
}

void StreamLink::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

bool StreamLink::is_closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_;
}

bool StreamLink::Take(v1::ToWorker& message) {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !queue_.empty();
  };
  absl::MutexLock lock(&mutex_);
  // Ends: whoever reads the stream closes the link when it ends, and gRPC's keepalive ends it.
  mutex_.Await(absl::Condition(&ready));
  if (queue_.empty()) return false;
  message = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

}  // namespace hebb::rpc
