// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/describe.h"

#include "common/status_macros.h"
#include "server/rpc/page_size.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr int32_t kPage = 100;
constexpr int32_t kPageMax = 1000;

// What the control loop knows of it and the store does not.
void AddPresent(const Context& context, const job::Job& job, v1::Job& proto) {
  proto.set_unreachable(context.controller.IsUnreachable(job.id));
  proto.set_reason(context.controller.ReasonOf(job));
}

absl::StatusOr<store::JobStore::Filter> FilterOf(const v1::ListRequest& request) {
  using job::State;
  store::JobStore::Filter filter;
  for (const int state : request.states()) {
    HEBB_ASSIGN_OR_RETURN(const State known, FromProto(static_cast<v1::JobState>(state)));
    filter.states.push_back(known);
  }
  if (filter.states.empty() && !request.all() && !request.archived()) {
    filter.states = {State::kQueued,  State::kStarting, State::kRunning,
                     State::kPausing, State::kPaused,   State::kCancelling};
  }
  filter.user = request.user();
  filter.name = request.name();
  filter.sweep = request.sweep();
  filter.archived = request.archived();
  return filter;
}

}  // namespace

absl::Status Describe(const Context& context, const job::Job& job, Detail detail, v1::Job& proto) {
  if (detail == Detail::kList) {
    proto = BriefToProto(job);
  } else {
    HEBB_ASSIGN_OR_RETURN(proto, ToProto(job));
  }
  AddPresent(context, job, proto);
  if (detail == Detail::kList || detail == Detail::kSpec) return absl::OkStatus();
  if (job.state == job::State::kQueued) {
    const auto wait = context.controller.WaitOf(job.id);
    if (wait.has_value()) *proto.mutable_waiting() = ToProto(*wait);
  }
  HEBB_ASSIGN_OR_RETURN(const auto epochs, context.jobs.Epochs(job.id));
  for (const job::EpochRecord& record : epochs) *proto.add_epochs() = ToProto(record);
  if (detail == Detail::kWatch) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(const job::Provenance provenance, context.jobs.ReadProvenance(job.id));
  if (!provenance.software.empty()) *proto.mutable_provenance() = ToProto(provenance);
  proto.mutable_provenance()->set_spec_digest(job.spec_digest);
  proto.mutable_provenance()->set_seed(proto.spec().seed());
  HEBB_ASSIGN_OR_RETURN(const auto events, context.jobs.Events(job.id));
  *proto.add_events() = ToProto(SubmittedEvent(job));
  for (const job::Event& event : events) *proto.add_events() = ToProto(event);
  return absl::OkStatus();
}

absl::Status ListPage(const Context& context, const v1::ListRequest& request,
                      v1::ListResponse& response) {
  HEBB_ASSIGN_OR_RETURN(const store::JobStore::Filter filter, FilterOf(request));
  store::JobStore::Page page;
  HEBB_ASSIGN_OR_RETURN(page.size, PageSize(request.page_size(), kPage, kPageMax));
  page.token = request.page_token();
  HEBB_ASSIGN_OR_RETURN(const store::JobStore::Listing listing, context.jobs.List(filter, page));
  for (const job::Job& job : listing.jobs) {
    v1::Job& proto = *response.add_jobs();
    proto = BriefToProto(job);
    AddPresent(context, job, proto);
  }
  response.set_next_page_token(listing.next);
  for (const auto& [state, count] : listing.counts) {
    v1::StateCount& entry = *response.add_counts();
    entry.set_state(ToProto(state));
    entry.set_jobs(count);
  }
  return absl::OkStatus();
}

}  // namespace hebb::rpc
