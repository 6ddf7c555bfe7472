// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/queue_service.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/describe.h"
#include "server/rpc/page_size.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr int32_t kPage = 100;
constexpr int32_t kPageMax = 1000;

using Waits = std::map<std::string, scheduler::Wait>;

// The head first. Who was just refused by its workers has no position until the next decision.
std::vector<const scheduler::Wait*> InOrder(const Waits& waits) {
  std::vector<const scheduler::Wait*> order;
  for (const auto& [job, wait] : waits) order.push_back(&wait);
  const auto place = [](const scheduler::Wait* wait) {
    const bool known = wait->position > 0;
    return std::pair(known ? wait->position : std::numeric_limits<int64_t>::max(), wait->job);
  };
  std::sort(order.begin(), order.end(),
            [&](const auto* a, const auto* b) { return place(a) < place(b); });
  return order;
}

absl::Status ReadQueue(const Context& context, const v1::ListQueueRequest& request,
                       v1::ListQueueResponse& response) {
  HEBB_ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size(), kPage, kPageMax));
  if (request.skip() < 0) return absl::InvalidArgumentError("skip is negative; skip 0 or more");
  const auto waits = context.controller.Fleet().waits;
  const auto order = InOrder(*waits);
  const auto total = static_cast<int64_t>(order.size());
  response.set_waiting(total);
  const int64_t end = std::min(total, request.skip() + size);
  for (int64_t i = request.skip(); i < end; ++i) {
    const auto job = context.jobs.Get(order[static_cast<size_t>(i)]->job);
    if (absl::IsNotFound(job.status())) continue;
    HEBB_RETURN_IF_ERROR(job.status());
    if (job->state != job::State::kQueued) continue;  // since that decision
    v1::Job& proto = *response.add_jobs();
    HEBB_RETURN_IF_ERROR(Describe(context, *job, Detail::kList, proto));
    const auto wait = context.controller.WaitOf(job->id);
    if (wait.has_value()) *proto.mutable_waiting() = ToProto(*wait);
  }
  return absl::OkStatus();
}

}  // namespace

grpc::Status QueueService::List(grpc::ServerContext*, const v1::ListQueueRequest* request,
                                v1::ListQueueResponse* response) {
  return ToGrpc(ReadQueue(context_, *request, *response));
}

}  // namespace hebb::rpc
