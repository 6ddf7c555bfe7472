// SPDX-License-Identifier: Apache-2.0
// Why a job waits, for clients.
#include "server/rpc/translate.h"

namespace hebb::rpc {

v1::Waiting ToProto(const scheduler::Wait& wait) {
  v1::Waiting proto;
  proto.set_reason(std::string(scheduler::WaitReasonName(wait.reason)));
  proto.set_text(wait.text);
  proto.set_position(wait.position);
  for (const scheduler::Holder& holder : wait.holders) {
    v1::Holder& entry = *proto.add_holders();
    entry.set_job(holder.job);
    entry.set_user(holder.user);
    entry.set_workers(holder.workers);
    if (holder.estimated_end != absl::InfiniteFuture()) {
      *entry.mutable_estimated_end() = ToProto(holder.estimated_end);
    }
  }
  if (wait.estimated_start != absl::InfiniteFuture()) {
    *proto.mutable_estimated_start() = ToProto(wait.estimated_start);
  }
  return proto;
}

}  // namespace hebb::rpc
