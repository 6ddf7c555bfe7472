// SPDX-License-Identifier: Apache-2.0
#include "client/api.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/chunks.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "hebb/v1/coordinator.grpc.pb.h"
#include "hebb/v1/jobs.grpc.pb.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kTransferDeadline = absl::Minutes(10);

v1::JobRequest RequestFor(const std::string& job) {
  v1::JobRequest request;
  request.set_job(job);
  return request;
}

}  // namespace

struct Api::Connection {
  Connection(const std::string& at, absl::StatusOr<rpc::Credentials> shown, absl::Duration how_long,
             absl::Duration each)
      : address(at),
        patience(how_long),
        call_deadline(each),
        credentials(std::move(shown)),
        channel(rpc::MakeChannel(at, credentials.ok() ? *credentials : rpc::Credentials{})),
        stub(v1::Jobs::NewStub(channel)),
        info(v1::Coordinator::NewStub(channel)) {}

  absl::Status ToStatus(const grpc::Status& status) const {
    if (!credentials.ok()) return credentials.status();
    if (status.ok()) return absl::OkStatus();
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      const std::string tls = rpc::ExplainTlsError(status.error_message(), *credentials);
      if (!tls.empty()) {
        return absl::UnavailableError(
            absl::StrCat("no safe connection to the coordinator at ", address, ": ", tls));
      }
      return absl::UnavailableError(absl::StrCat("no coordinator answers at ", address,
                                                 "; start one with `hebb up`, or name another with "
                                                 "--address HOST:PORT or HEBB_ADDRESS"));
    }
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::UnavailableError(absl::StrCat("the coordinator at ", address,
                                                 " does not answer in time; look at its log"));
    }
    return rpc::FromGrpc(status);
  }

  template <typename Response, typename Request>
  grpc::Status Ask(grpc::Status (v1::Jobs::Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                   grpc::ClientContext& context, const Request& request, Response& response) {
    return (stub.get()->*method)(&context, request, &response);
  }
  template <typename Response, typename Request>
  grpc::Status Ask(grpc::Status (v1::Coordinator::Stub::*method)(grpc::ClientContext*,
                                                                 const Request&, Response*),
                   grpc::ClientContext& context, const Request& request, Response& response) {
    return (info.get()->*method)(&context, request, &response);
  }

  // Calls `method` until it is not UNAVAILABLE or patience has run out.
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request) {
    if (!credentials.ok()) return credentials.status();
    grpc::Status telling;  // a later try may say less: "tcp handshaker shutdown"
    const absl::Time give_up = absl::Now() + patience;
    absl::Duration pause = absl::Milliseconds(100);
    while (true) {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Now() + call_deadline);
      Response response;
      const grpc::Status status = Ask(method, context, request, response);
      if (status.ok()) return response;
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return ToStatus(status);
      if (telling.ok() || !rpc::ExplainTlsError(status.error_message(), *credentials).empty()) {
        telling = status;
      }
      if (absl::Now() + pause > give_up) return ToStatus(telling);
      absl::SleepFor(pause);
      pause = std::min(2 * pause, absl::Seconds(1));
    }
  }

  const std::string address;
  const absl::Duration patience;
  const absl::Duration call_deadline;
  const absl::StatusOr<rpc::Credentials> credentials;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Jobs::Stub> stub;
  std::unique_ptr<v1::Coordinator::Stub> info;

  absl::Mutex mutex;
  bool interrupted ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext* running ABSL_GUARDED_BY(mutex) = nullptr;  // the stream in progress
};

namespace {

// Registers a stream's context for Interrupt while it lives.
template <typename Connection>
class RunningStream {
 public:
  RunningStream(Connection& connection, grpc::ClientContext& context) : connection_(connection) {
    absl::MutexLock lock(&connection_.mutex);
    connection_.running = &context;
    if (connection_.interrupted) context.TryCancel();
  }
  ~RunningStream() {
    absl::MutexLock lock(&connection_.mutex);
    connection_.running = nullptr;
  }

 private:
  Connection& connection_;
};

}  // namespace

Api::Api(const std::string& address, const std::string& credentials, absl::Duration patience,
         absl::Duration call_deadline)
    : connection_(std::make_unique<Connection>(address, rpc::LoadCredentials(credentials), patience,
                                               call_deadline)) {}
Api::~Api() = default;

absl::StatusOr<v1::ValidateResponse> Api::Validate(const v1::SubmitRequest& request) {
  return connection_->Call<v1::ValidateResponse>(&v1::Jobs::Stub::Validate, request);
}

absl::StatusOr<v1::Job> Api::Submit(const v1::SubmitRequest& request) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Submit, request);
}

absl::StatusOr<v1::ListResponse> Api::List(const v1::ListRequest& request) {
  return connection_->Call<v1::ListResponse>(&v1::Jobs::Stub::List, request);
}

absl::StatusOr<v1::Job> Api::Get(const std::string& job) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Get, RequestFor(job));
}

absl::StatusOr<v1::Job> Api::Cancel(const std::string& job) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Cancel, RequestFor(job));
}

absl::StatusOr<v1::Job> Api::Pause(const std::string& job) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Pause, RequestFor(job));
}

absl::StatusOr<v1::Job> Api::Resume(const std::string& job) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Resume, RequestFor(job));
}

absl::StatusOr<v1::Job> Api::Archive(const std::string& job, bool undo) {
  v1::ArchiveRequest request;
  request.set_job(job);
  request.set_undo(undo);
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Archive, request);
}

absl::StatusOr<v1::Worker> Api::Drain(const std::string& worker, bool undo) {
  v1::DrainRequest request;
  request.set_worker(worker);
  request.set_undo(undo);
  return connection_->Call<v1::Worker>(&v1::Jobs::Stub::Drain, request);
}

absl::StatusOr<v1::ListAuditEventsResponse> Api::ListAuditEvents(
    const v1::ListAuditEventsRequest& request) {
  return connection_->Call<v1::ListAuditEventsResponse>(&v1::Jobs::Stub::ListAuditEvents, request);
}

absl::StatusOr<v1::Job> Api::Verify(const v1::VerifyRequest& request) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Verify, request);
}

absl::StatusOr<v1::ListDigestsResponse> Api::ListDigests(const v1::ListDigestsRequest& request) {
  return connection_->Call<v1::ListDigestsResponse>(&v1::Jobs::Stub::ListDigests, request);
}

absl::StatusOr<v1::Job> Api::Evaluate(const v1::EvaluateRequest& request) {
  return connection_->Call<v1::Job>(&v1::Jobs::Stub::Evaluate, request);
}

absl::StatusOr<v1::ListWorkersResponse> Api::ListWorkers() {
  return connection_->Call<v1::ListWorkersResponse>(&v1::Jobs::Stub::ListWorkers,
                                                    v1::ListWorkersRequest());
}

absl::StatusOr<v1::ServiceInfo> Api::GetInfo() {
  return connection_->Call<v1::ServiceInfo>(&v1::Coordinator::Stub::GetInfo, v1::GetInfoRequest());
}

absl::StatusOr<v1::ValidateSweepResponse> Api::ValidateSweep(const v1::SubmitRequest& request) {
  return connection_->Call<v1::ValidateSweepResponse>(&v1::Jobs::Stub::ValidateSweep, request);
}

absl::StatusOr<v1::Sweep> Api::SubmitSweep(const v1::SubmitRequest& request) {
  return connection_->Call<v1::Sweep>(&v1::Jobs::Stub::SubmitSweep, request);
}

absl::StatusOr<v1::Sweep> Api::GetSweep(const std::string& sweep, bool brief) {
  v1::SweepRequest request;
  request.set_sweep(sweep);
  request.set_brief(brief);
  return connection_->Call<v1::Sweep>(&v1::Jobs::Stub::GetSweep, request);
}

absl::StatusOr<v1::ListSweepsResponse> Api::ListSweeps() {
  return connection_->Call<v1::ListSweepsResponse>(&v1::Jobs::Stub::ListSweeps,
                                                   v1::ListSweepsRequest());
}

absl::StatusOr<v1::Sweep> Api::CancelSweep(const std::string& sweep) {
  v1::SweepRequest request;
  request.set_sweep(sweep);
  return connection_->Call<v1::Sweep>(&v1::Jobs::Stub::CancelSweep, request);
}

template <typename Message, typename Open>
absl::Status Api::Read(absl::Time deadline, const std::function<void(const Message&)>& each,
                       const Open& open) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, deadline);
  const RunningStream running(*connection_, context);
  const std::unique_ptr<grpc::ClientReader<Message>> stream = open(*connection_->stub, &context);
  Message message;
  while (stream->Read(&message)) each(message);
  const grpc::Status status = stream->Finish();
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError("the stream's deadline");
  }
  return connection_->ToStatus(status);
}

absl::Status Api::Watch(const std::string& job, absl::Time deadline,
                        const std::function<void(const v1::Job&)>& each) {
  return Read<v1::Job>(deadline, each, [&](auto& stub, grpc::ClientContext* context) {
    return stub.Watch(context, RequestFor(job));
  });
}

absl::Status Api::WatchList(const v1::ListRequest& request, absl::Time deadline,
                            const std::function<void(const v1::ListResponse&)>& each) {
  return Read<v1::ListResponse>(deadline, each, [&](auto& stub, grpc::ClientContext* context) {
    return stub.WatchList(context, request);
  });
}

absl::Status Api::Logs(const v1::LogsRequest& request, absl::Time deadline,
                       const std::function<void(const v1::LogLine&)>& each) {
  return Read<v1::LogLine>(deadline, each, [&](auto& stub, grpc::ClientContext* context) {
    return stub.Logs(context, request);
  });
}

absl::StatusOr<std::string> Api::DownloadCheckpoint(const std::string& job,
                                                    const TransferProgress& progress) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Now() + kTransferDeadline);
  const RunningStream running(*connection_, context);
  const auto stream = connection_->stub->DownloadCheckpoint(&context, RequestFor(job));
  std::string bytes;
  rpc::ChunkCheck check;
  absl::Status arrived;
  int64_t total = 0;
  v1::Chunk chunk;
  while (arrived.ok() && stream->Read(&chunk)) {
    arrived = check.Accept(chunk);
    bytes += chunk.data();
    if (chunk.offset() == 0) total = chunk.total_bytes();
    if (progress) progress(static_cast<int64_t>(bytes.size()), total);
  }
  if (!arrived.ok()) {
    context.TryCancel();
    return arrived;
  }
  HEBB_RETURN_IF_ERROR(connection_->ToStatus(stream->Finish()));
  HEBB_RETURN_IF_ERROR(check.Finish());
  return bytes;
}

absl::StatusOr<std::string> Api::UploadWeights(const std::string& path,
                                               const TransferProgress& progress) {
  HEBB_ASSIGN_OR_RETURN(const auto reader, rpc::ChunkReader::Open(path));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Now() + kTransferDeadline);
  const RunningStream running(*connection_, context);
  v1::UploadResponse response;
  const auto stream = connection_->stub->UploadWeights(&context, &response);
  v1::Chunk chunk;
  int64_t sent = 0;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(chunk);
    if (!more.ok()) {
      context.TryCancel();
      return more.status();
    }
    if (!*more || !stream->Write(chunk)) break;  // a broken stream: Finish says why
    sent += static_cast<int64_t>(chunk.data().size());
    if (progress) progress(sent, reader->total_bytes());
  }
  stream->WritesDone();
  HEBB_RETURN_IF_ERROR(connection_->ToStatus(stream->Finish()));
  return response.sha256();
}

void Api::Interrupt() {
  absl::MutexLock lock(&connection_->mutex);
  connection_->interrupted = true;
  if (connection_->running != nullptr) connection_->running->TryCancel();
}

}  // namespace hebb::client
