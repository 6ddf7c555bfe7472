// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/attach.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/log_level_name.h"
#include "common/rpc/protocol.h"
#include "common/rpc/status.h"
#include "hebb/v1/workers.pb.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr size_t kLogLineMax = 16 << 10;
constexpr size_t kLogLinesMax = 4096;  // of one batch; a worker keeps a quarter of that

// Why a worker may not attach; empty when it may.
std::string WhyRefused(const v1::FromWorker& first) {
  if (!first.has_hello()) return "the first message of a worker's stream must be its hello";
  const v1::Hello& hello = first.hello();
  if (hello.protocol() != kProtocolVersion) {
    return absl::StrCat("worker ", hello.worker().id(), " (build ", hello.worker().build(),
                        ") speaks protocol ", hello.protocol(), ", this coordinator ",
                        kProtocolVersion, "; install the same version of Hebb on both");
  }
  if (hello.worker().id().empty()) return "a worker needs an id";
  return "";
}

absl::Time TimeOf(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

// gRPC calls OnReadDone one at a time (a read is started when the one before was handled, which is
// what holds back a worker that says too much), and OnDone last of all. Writing is the link's.
class AttachStream final : public StreamLink::Reactor {
 public:
  AttachStream(const Context& context, grpc::CallbackServerContext& call)
      : context_(context), link_(std::make_shared<StreamLink>(*this, call)) {}

  void Start() { link_->Read(message_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Detach();
      link_->CloseWith(grpc::Status::OK);  // the worker ended it, or it was ended before
    } else if (!attached_ ? Attach() : Handle()) {
      link_->Read(message_);
    }
  }
  void OnWriteDone(bool ok) override { link_->OnWritten(ok); }
  void OnDone() override {
    Detach();
    link_->Gone();
    delete this;
  }

 private:
  bool Attach();
  bool Handle();
  void Detach();
  void KeepLog(const v1::LogBatch& batch);

  const Context context_;
  const std::shared_ptr<StreamLink> link_;  // shared with the control loop
  v1::FromWorker message_;                  // gRPC's while it reads
  control::Session session_ = 0;
  bool attached_ = false;
};

bool AttachStream::Attach() {
  const std::string refused = WhyRefused(message_);
  if (!refused.empty()) {
    LogWarning(refused);
    link_->Send(control::Refused{refused});
    link_->CloseWith(ToGrpc(absl::FailedPreconditionError(refused)));
    return false;
  }
  session_ = context_.controller.Attach(FromProto(message_.hello()), link_);
  attached_ = true;
  return true;
}

bool AttachStream::Handle() {
  if (message_.has_log()) {
    KeepLog(message_.log());
  } else if (auto word = FromProto(message_)) {
    if (!context_.controller.Receive(session_, *std::move(word))) {
      Detach();
      link_->CloseWith(ToGrpc(absl::UnavailableError(
          "the coordinator is stopping or has too much to do; attach again")));
      return false;
    }
  }
  return true;
}

void AttachStream::Detach() {
  if (!attached_) return;
  attached_ = false;
  context_.controller.Detach(session_);
}

void AttachStream::KeepLog(const v1::LogBatch& batch) {
  const std::string& id = batch.generation().job();
  const auto job = context_.jobs.Get(id);
  if (!job.ok() || job->id != id) return;  // the log of a job that nobody knows
  const int attempt = batch.generation().attempt();
  // Each attempt and rank has files of its own: none for those that the job cannot have.
  const bool has_files = attempt >= 1 && attempt <= static_cast<int>(job->attempts.size()) &&
                         batch.rank() >= -1 && batch.rank() < job->workers;
  if (!has_files) return;
  std::vector<store::LogEntry> entries;
  for (const v1::LogLine& line : batch.lines()) {
    if (entries.size() == kLogLinesMax) break;
    entries.push_back({TimeOf(line.time()), attempt, batch.rank(),
                       line.text().substr(0, kLogLineMax),
                       LogLevelFromName(line.level()).value_or(LogLevel::kInfo)});
  }
  const absl::Status status = context_.logs.Append(id, entries);
  if (!status.ok()) LogError(status.message(), {{"job", id}});
  context_.feed.Bump(id);
}

}  // namespace

StreamLink::Reactor* ServeAttach(const Context& context, grpc::CallbackServerContext& call) {
  auto* stream = new AttachStream(context, call);  // deletes itself in OnDone
  stream->Start();
  return stream;
}

}  // namespace hebb::rpc
