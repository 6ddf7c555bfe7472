// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/runtime/fake_coordinator.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/rpc/chunks.h"
#include "common/rpc/spec.h"
#include "common/rpc/status.h"
#include "common/spec/parse.h"
#include "hebb/v1/workers.grpc.pb.h"

namespace hebb::runtime {
namespace {

using Stream = grpc::ServerReaderWriter<v1::ToWorker, v1::FromWorker>;
constexpr absl::Duration kPatience = absl::Seconds(20);

constexpr char kJob[] = R"(
name: t
dataset: {name: glyphs, validation: 0}
network: {layers: [{name: out, dense: {units: 10, activation: none}}]}
learning: {batch_size: 10, epochs: 3}
checkpoint: {every_steps: 2, keep: 2}
)";

}  // namespace

class FakeCoordinator::Service : public v1::Workers::Service {
 public:
  void Listen() {
    grpc::ServerBuilder builder;
    int bound = 0;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                             &bound);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
    HEBB_CHECK(server != nullptr && bound != 0);
    port = bound;
  }

  grpc::Status Attach(grpc::ServerContext*, Stream* stream) override {
    {
      absl::MutexLock lock(&mutex);
      if (!attach_answer.ok()) return rpc::ToGrpc(attach_answer);
    }
    v1::FromWorker message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    v1::ToWorker answer;
    int number = 0;
    {
      absl::MutexLock lock(&mutex);
      number = ++streams;
      Keep(message, number);
      if (!refusal.empty()) {
        answer.mutable_refused()->set_reason(refusal);
        stream->Write(answer);  // and the status, as the real one
        return {grpc::StatusCode::FAILED_PRECONDITION, refusal};
      }
      answer.mutable_welcome()->set_heartbeat_interval_ms(20);
      answer.mutable_welcome()->set_detect_within_ms(600'000);
      stream->Write(answer);
      current = stream;
    }
    while (stream->Read(&message)) {
      absl::MutexLock lock(&mutex);
      Keep(message, number);
    }
    absl::MutexLock lock(&mutex);
    if (current == stream) current = nullptr;
    return grpc::Status::OK;
  }

  grpc::Status SetKey(grpc::ServerContext*, const v1::SetKeyRequest* request,
                      v1::SetKeyResponse*) override {
    absl::MutexLock lock(&mutex);
    keys[request->key()] = request->value();
    return grpc::Status::OK;
  }

  // Answers at once or waits for the end of the call.
  grpc::Status GetKey(grpc::ServerContext* context, const v1::GetKeyRequest* request,
                      v1::GetKeyResponse* response) override {
    absl::MutexLock lock(&mutex);
    ++get_keys;
    while (!context->IsCancelled()) {
      const auto found = keys.find(request->key());
      if (found != keys.end()) {
        response->set_value(found->second);
        return grpc::Status::OK;
      }
      changed.WaitWithTimeout(&mutex, absl::Milliseconds(5));  // IsCancelled can't be waited for
    }
    return grpc::Status::CANCELLED;
  }

  grpc::Status UploadCheckpoint(grpc::ServerContext*, grpc::ServerReader<v1::Chunk>* reader,
                                v1::UploadResponse* response) override {
    rpc::ChunkCheck check;
    Upload upload;
    v1::Chunk chunk;
    while (reader->Read(&chunk)) {
      if (chunk.has_checkpoint()) upload.id = chunk.checkpoint();
      upload.bytes += chunk.data();
      const absl::Status status = check.Accept(chunk);
      if (!status.ok()) return rpc::ToGrpc(status);
    }
    absl::MutexLock lock(&mutex);
    ++upload_tries;
    const absl::Status status = check.Finish();
    if (!status.ok()) return rpc::ToGrpc(status);
    if (!upload_answer.ok()) return rpc::ToGrpc(upload_answer);
    uploads.push_back(std::move(upload));
    response->set_sha256(check.sha256());
    return grpc::Status::OK;
  }

  grpc::Status Download(grpc::ServerContext* context, const v1::DownloadRequest* request,
                        grpc::ServerWriter<v1::Chunk>* writer) override {
    absl::MutexLock lock(&mutex);
    ++downloads;
    while (files.count(request->sha256()) == 0) {
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
      changed.WaitWithTimeout(&mutex, absl::Milliseconds(5));
    }
    const std::string& bytes = files.at(request->sha256());
    v1::Chunk chunk;
    chunk.set_total_bytes(static_cast<int64_t>(bytes.size()));
    chunk.set_data(bytes);
    chunk.set_sha256(Sha256Hex(bytes));
    writer->Write(chunk);
    return grpc::Status::OK;
  }

  void Keep(const v1::FromWorker& message, int stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    received.push_back({message, stream, probe ? probe() : 0});
  }

  mutable absl::Mutex mutex;
  absl::CondVar changed;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  Stream* current = nullptr;
  int streams = 0;
  std::string refusal;
  absl::Status attach_answer;
  std::map<std::string, std::string> keys, files;
  std::vector<Received> received;
  size_t cursor = 0;
  std::vector<Upload> uploads;
  absl::Status upload_answer;
  int get_keys = 0, upload_tries = 0, downloads = 0;
  std::function<int()> probe;
};

FakeCoordinator::FakeCoordinator() : service_(std::make_unique<Service>()) { service_->Listen(); }

FakeCoordinator::~FakeCoordinator() { GoAway(); }

std::string FakeCoordinator::address() const { return absl::StrCat("127.0.0.1:", service_->port); }

void FakeCoordinator::GoAway() {
  if (service_->server == nullptr) return;
  service_->server->Shutdown(absl::ToChronoTime(absl::Now()));
  service_->server->Wait();
  service_->server.reset();
}

void FakeCoordinator::ComeBack() { service_->Listen(); }

void FakeCoordinator::EndAttachWith(const absl::Status& status) {
  absl::MutexLock lock(&service_->mutex);
  service_->attach_answer = status;
}

void FakeCoordinator::RefuseWith(const std::string& reason) {
  absl::MutexLock lock(&service_->mutex);
  service_->refusal = reason;
}

void FakeCoordinator::ServeFile(const std::string& sha256, const std::string& bytes) {
  absl::MutexLock lock(&service_->mutex);
  service_->files[sha256] = bytes;
}

void FakeCoordinator::AnswerUploadsWith(const absl::Status& status) {
  absl::MutexLock lock(&service_->mutex);
  service_->upload_answer = status;
}

void FakeCoordinator::Probe(std::function<int()> probe) {
  absl::MutexLock lock(&service_->mutex);
  service_->probe = std::move(probe);
}

void FakeCoordinator::Send(const v1::ToWorker& message) {
  absl::MutexLock lock(&service_->mutex);
  const auto attached = [this] { return service_->current != nullptr; };
  if (!service_->mutex.AwaitWithTimeout(absl::Condition(&attached), kPatience)) {
    ADD_FAILURE() << "no worker attached";
    return;
  }
  service_->current->Write(message);
}

FakeCoordinator::Received FakeCoordinator::Await(v1::FromWorker::MessageCase kind) {
  return AwaitOnStream(kind, 0);
}

FakeCoordinator::Received FakeCoordinator::AwaitOnStream(v1::FromWorker::MessageCase kind,
                                                         int stream) {
  absl::MutexLock lock(&service_->mutex);
  if (stream > 0) service_->cursor = 0;
  const auto arrived = [&] {
    for (; service_->cursor < service_->received.size(); ++service_->cursor) {
      const Received& next = service_->received[service_->cursor];
      if (next.message.message_case() == kind && next.stream >= stream) return true;
    }
    return false;
  };
  if (!service_->mutex.AwaitWithTimeout(absl::Condition(&arrived), kPatience)) {
    ADD_FAILURE() << "no message of kind " << kind << " came";
    return {};
  }
  return service_->received[service_->cursor++];
}

int FakeCoordinator::Count(v1::FromWorker::MessageCase kind) const {
  int count = 0;
  for (const Received& received : all()) count += received.message.message_case() == kind;
  return count;
}

std::vector<FakeCoordinator::Received> FakeCoordinator::all() const {
  absl::MutexLock lock(&service_->mutex);
  return service_->received;
}

std::vector<FakeCoordinator::Upload> FakeCoordinator::uploads() const {
  absl::MutexLock lock(&service_->mutex);
  return service_->uploads;
}

bool FakeCoordinator::AwaitUploads(size_t count) const {
  absl::MutexLock lock(&service_->mutex);
  const auto enough = [&] { return service_->uploads.size() >= count; };
  return service_->mutex.AwaitWithTimeout(absl::Condition(&enough), kPatience);
}

bool FakeCoordinator::AwaitUploadTries(int count) const {
  absl::MutexLock lock(&service_->mutex);
  const auto enough = [&] { return service_->upload_tries >= count; };
  return service_->mutex.AwaitWithTimeout(absl::Condition(&enough), kPatience);
}

bool FakeCoordinator::AwaitGetKey() const {
  absl::MutexLock lock(&service_->mutex);
  const auto asked = [this] { return service_->get_keys > 0; };
  return service_->mutex.AwaitWithTimeout(absl::Condition(&asked), kPatience);
}

bool FakeCoordinator::AwaitDownload() const {
  absl::MutexLock lock(&service_->mutex);
  const auto asked = [this] { return service_->downloads > 0; };
  return service_->mutex.AwaitWithTimeout(absl::Condition(&asked), kPatience);
}

// ---- messages ----------------------------------------------------------------------------------

v1::GenerationId GenerationOf(int number, int attempt) {
  v1::GenerationId id;
  id.set_job("job-a");
  id.set_attempt(attempt);
  id.set_generation(number);
  return id;
}

v1::ToWorker AssignMessage(int attempt) {
  const auto job = spec::ParseJob(kJob, "job.yaml", {});
  HEBB_CHECK(job.ok());
  const auto wire = rpc::SpecToProto(*job);
  HEBB_CHECK(wire.ok());
  v1::ToWorker message;
  message.mutable_assign()->set_job("job-a");
  message.mutable_assign()->set_attempt(attempt);
  *message.mutable_assign()->mutable_spec() = *wire;
  return message;
}

v1::ToWorker FormMessage(int generation, int rank, int size, int64_t start_step) {
  v1::ToWorker message;
  v1::FormGang& form = *message.mutable_form_gang();
  *form.mutable_generation() = GenerationOf(generation);
  form.set_rank(rank);
  form.set_size(size);
  form.set_backend("gloo");
  form.set_start_step(start_step);
  return message;
}

v1::ToWorker LeaveMessage(int generation, v1::LeaveGang::When when) {
  v1::ToWorker message;
  *message.mutable_leave_gang()->mutable_generation() = GenerationOf(generation);
  message.mutable_leave_gang()->set_when(when);
  message.mutable_leave_gang()->set_reason("worker b was lost");
  return message;
}

v1::ToWorker StopMessage(int generation, bool checkpoint) {
  v1::ToWorker message;
  *message.mutable_stop()->mutable_generation() = GenerationOf(generation);
  message.mutable_stop()->set_checkpoint(checkpoint);
  return message;
}

v1::ToWorker ReleaseMessage(int attempt) {
  v1::ToWorker message;
  message.mutable_release()->set_job("job-a");
  message.mutable_release()->set_attempt(attempt);
  return message;
}

v1::ToWorker AcceptedMessage(int generation) {
  v1::ToWorker message;
  *message.mutable_result_accepted()->mutable_generation() = GenerationOf(generation);
  return message;
}

}  // namespace hebb::runtime
