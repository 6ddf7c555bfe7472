// SPDX-License-Identifier: Apache-2.0
// The calls that last: Watch and Logs. They sleep on the change feed and look up now and then, so
// that a client that has gone gives its thread back.
#include <algorithm>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/log_level_name.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/jobs_service.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr absl::Duration kLookUp = absl::Milliseconds(250);
// A job that changes faster is shown at this pace.
constexpr absl::Duration kPace = absl::Milliseconds(100);
constexpr int64_t kTailMax = 100'000;

absl::StatusOr<store::LogQuery> QueryOf(const v1::LogsRequest& request) {
  store::LogQuery query;
  query.attempt = request.attempt();
  if (request.has_rank()) query.rank = request.rank();
  if (request.tail() < 0 || request.tail() > kTailMax) {
    return absl::InvalidArgumentError(absl::StrCat("tail is ", request.tail(), "; ask for 1 to ",
                                                   kTailMax, " lines, or for all"));
  }
  if (request.level().empty()) return query;
  const auto level = LogLevelFromName(request.level());
  if (!level) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", request.level(), "' is no log level; ask for debug, info, warning or error"));
  }
  query.level = *level;
  return query;
}

absl::Status TooMany() {
  return absl::ResourceExhaustedError("too many open watch and log streams; close some");
}

}  // namespace

grpc::Status JobsService::Watch(grpc::ServerContext* call, const v1::JobRequest* request,
                                grpc::ServerWriter<v1::Job>* writer) {
  const std::string caller = CallerOf(context_.gate, *call).name;
  if (!streams_.Take(caller)) return ToGrpc(TooMany());
  const auto give = absl::MakeCleanup([&] { streams_.Give(caller); });
  return ToGrpc(WatchJob(*call, request->job(), *writer));
}

absl::Status JobsService::WatchJob(grpc::ServerContext& call, const std::string& key,
                                   grpc::ServerWriter<v1::Job>& writer) {
  HEBB_ASSIGN_OR_RETURN(const job::Job found, context_.jobs.Get(key));
  bool first = true;
  bool unreachable = false;
  uint64_t seen = 0;
  while (!call.IsCancelled()) {
    const uint64_t version = context_.feed.Version(found.id);
    const bool out_of_reach = context_.controller.IsUnreachable(found.id);
    if (first || version != seen || out_of_reach != unreachable) {
      v1::Job proto;
      HEBB_ASSIGN_OR_RETURN(const job::Job job, context_.jobs.Get(found.id));
      HEBB_RETURN_IF_ERROR(Describe(job, Detail::kWatch, proto));
      if (!writer.Write(proto)) break;
      if (job::IsTerminal(job.state)) return absl::OkStatus();
      first = false;
      seen = version;
      unreachable = out_of_reach;
    }
    if (context_.feed.is_shut_down()) return absl::UnavailableError("the coordinator is stopping");
    context_.feed.Pause(absl::Now() + kPace);
    context_.feed.Wait(found.id, seen, absl::Now() + kLookUp);
  }
  return absl::CancelledError("the client has gone");
}

grpc::Status JobsService::Logs(grpc::ServerContext* call, const v1::LogsRequest* request,
                               grpc::ServerWriter<v1::LogLine>* writer) {
  const std::string caller = CallerOf(context_.gate, *call).name;
  if (!streams_.Take(caller)) return ToGrpc(TooMany());
  const auto give = absl::MakeCleanup([&] { streams_.Give(caller); });
  return ToGrpc(SendLogs(*call, *request, *writer));
}

absl::Status JobsService::SendLogs(grpc::ServerContext& call, const v1::LogsRequest& request,
                                   grpc::ServerWriter<v1::LogLine>& writer) {
  HEBB_ASSIGN_OR_RETURN(const job::Job found, context_.jobs.Get(request.job()));
  HEBB_ASSIGN_OR_RETURN(const store::LogQuery query, QueryOf(request));
  store::LogCursor cursor;
  const auto send = [&writer](const std::vector<store::LogEntry>& entries) {
    return std::all_of(entries.begin(), entries.end(), [&writer](const store::LogEntry& entry) {
      return writer.Write(ToProto(entry));
    });
  };
  if (request.tail() > 0) {
    HEBB_ASSIGN_OR_RETURN(const auto last,
                          context_.logs.Tail(found.id, query, request.tail(), cursor));
    if (!send(last)) return absl::CancelledError("the client has gone");
  }
  while (!call.IsCancelled()) {
    // Asked for before the lines are read: a line that comes in between is seen next time.
    const uint64_t version = context_.feed.Version(found.id);
    HEBB_ASSIGN_OR_RETURN(const job::Job job, context_.jobs.Get(found.id));
    HEBB_ASSIGN_OR_RETURN(const auto batch, context_.logs.Read(found.id, query, cursor));
    if (!send(batch.entries)) return absl::CancelledError("the client has gone");
    const bool over = batch.entries.empty() && batch.at_end;
    if (over && (!request.follow() || job::IsTerminal(job.state))) return absl::OkStatus();
    if (context_.feed.is_shut_down()) return absl::UnavailableError("the coordinator is stopping");
    if (over) context_.feed.Wait(found.id, version, absl::Now() + kLookUp);
  }
  return absl::CancelledError("the client has gone");
}

}  // namespace hebb::rpc
