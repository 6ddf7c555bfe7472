// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/coordinator_channel.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/rpc/channel.h"
#include "common/rpc/chunks.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/runtime/coordinator_grpc.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kRetryPause = absl::Milliseconds(100);

// Enough for a slow link (1 MiB/s), and an end for a coordinator that has frozen.
absl::Duration TransferTime(int64_t bytes) {
  return absl::Seconds(30) + absl::Seconds(bytes >> 20);
}

// A call that a Cancellation ends.
class Call {
 public:
  Call(Cancellation& cancellation, absl::Duration within)
      : cancellation_(cancellation),
        scope_(cancellation, [this](const std::string&) { context.TryCancel(); }) {
    rpc::SetDeadline(context, absl::Now() + within);  // gRPC takes it for a duration at once
  }

  absl::Status Status(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    if (cancellation_.cancelled()) return absl::CancelledError(cancellation_.reason());
    return rpc::FromGrpc(status);
  }

  grpc::ClientContext context;

 private:
  Cancellation& cancellation_;
  Cancellation::Scope scope_;
};

}  // namespace

CoordinatorChannel::CoordinatorChannel(const std::string& address,
                                       const rpc::Credentials& credentials)
    : address_(address), credentials_(credentials), grpc_(std::make_unique<Grpc>()) {
  grpc_->channel = rpc::MakeChannel(address, credentials);
  grpc_->stub = v1::Workers::NewStub(grpc_->channel);
}

CoordinatorChannel::~CoordinatorChannel() = default;

std::string CoordinatorChannel::WhyUnreachable(absl::Duration within) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Now() + within);
  v1::GetKeyResponse response;
  const grpc::Status status = grpc_->stub->GetKey(&context, v1::GetKeyRequest(), &response);
  const std::string tls = rpc::ExplainTlsError(status.error_message(), credentials_);
  return tls.empty() ? "it can't be reached" : tls;
}

absl::StatusOr<std::string> CoordinatorChannel::Download(const v1::StoredFile& file,
                                                         Cancellation& cancellation) {
  Call call(cancellation, TransferTime(file.bytes()));
  v1::DownloadRequest request;
  request.set_sha256(file.sha256());
  auto reader = grpc_->stub->Download(&call.context, request);
  std::string bytes;
  rpc::ChunkCheck check;
  absl::Status damage;
  v1::Chunk chunk;
  while (damage.ok() && reader->Read(&chunk)) {
    damage = check.Accept(chunk);
    bytes += chunk.data();
  }
  if (!damage.ok()) call.context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (damage.ok()) {
    HEBB_RETURN_IF_ERROR(call.Status(status));
    damage = check.Finish();
  }
  if (!damage.ok() || check.sha256() != file.sha256()) {
    return absl::DataLossError(absl::StrCat("file ", file.sha256(),
                                            " from the coordinator is damaged (", damage.message(),
                                            "); check the disk of its state folder"));
  }
  return bytes;
}

absl::Status CoordinatorChannel::UploadCheckpoint(const v1::CheckpointId& id,
                                                  rpc::ChunkReader& reader,
                                                  Cancellation& cancellation) {
  Call call(cancellation, TransferTime(reader.total_bytes()));
  v1::UploadResponse response;
  auto writer = grpc_->stub->UploadCheckpoint(&call.context, &response);
  v1::Chunk chunk;
  absl::StatusOr<bool> more = reader.Next(chunk);
  while (more.ok() && *more) {
    if (chunk.offset() == 0) *chunk.mutable_checkpoint() = id;
    if (!writer->Write(chunk)) break;  // Finish says why
    more = reader.Next(chunk);
  }
  if (!more.ok()) call.context.TryCancel();  // a broken file is not to end as a whole one
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  return more.ok() ? call.Status(status) : more.status();
}

CoordinatorRendezvous::CoordinatorRendezvous(CoordinatorChannel& channel,
                                             const v1::GenerationId& generation,
                                             Cancellation& cancellation)
    : channel_(channel), generation_(generation), cancellation_(cancellation) {}

absl::Status CoordinatorRendezvous::Set(const std::string& key, const std::string& value) {
  v1::SetKeyRequest request;
  *request.mutable_generation() = generation_;
  request.set_key(key);
  request.set_value(value);
  const absl::Time deadline = SteadyNow() + kCallTimeout;
  while (true) {
    Call call(cancellation_, deadline - SteadyNow());
    v1::SetKeyResponse response;
    const absl::Status status =
        call.Status(channel_.grpc().stub->SetKey(&call.context, request, &response));
    if (!absl::IsUnavailable(status) || SteadyNow() + kRetryPause > deadline) return status;
    cancellation_.Pause(kRetryPause);
  }
}

absl::StatusOr<std::string> CoordinatorRendezvous::Get(const std::string& key,
                                                       absl::Time deadline) {
  v1::GetKeyRequest request;
  *request.mutable_generation() = generation_;
  request.set_key(key);
  while (true) {
    Call call(cancellation_, deadline - SteadyNow());
    v1::GetKeyResponse response;
    const absl::Status status =
        call.Status(channel_.grpc().stub->GetKey(&call.context, request, &response));
    if (status.ok()) return std::move(*response.mutable_value());
    if (!absl::IsUnavailable(status)) return status;
    // The coordinator is away: not an answer to the question. Ask again until the deadline.
    cancellation_.Pause(std::min(kRetryPause, deadline - SteadyNow()));
    if (SteadyNow() >= deadline) return absl::DeadlineExceededError(status.message());
  }
}

}  // namespace hebb::runtime
