// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/server/rpc/service_fixture.h"

#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/certificates.h"
#include "common/files.h"
#include "common/rpc/channel.h"
#include "common/sha256.h"
#include "tests/testing/wait.h"

namespace hebb::rpc {

std::string JobFile(const std::string& extra) {
  return absl::StrCat(
      "name: test\n"
      "dataset: {name: glyphs}\n"
      "network:\n"
      "  layers:\n"
      "    - {name: out, dense: {units: 10, activation: none}}\n"
      "learning: {batch_size: 100, epochs: 1}\n",
      extra);
}

void ServiceTest::SetUp() {
  folder_ = absl::StrCat(::testing::TempDir(), "/hebb_service_XXXXXX");
  ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  auto blobs = store::BlobStore::Open(folder_ + "/blobs");
  auto logs = store::LogStore::Open(folder_ + "/logs");
  ASSERT_TRUE(blobs.ok() && logs.ok()) << blobs.status() << logs.status();
  blobs_ = *std::move(blobs);
  logs_ = *std::move(logs);
  options_.times = Times(absl::Milliseconds(400));
  options_.retry_pause = absl::Milliseconds(10);
  options_.progress_every = absl::Milliseconds(10);
  StartCoordinator();
}

void ServiceTest::TearDown() {
  StopCoordinator();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void ServiceTest::UseTokens(const std::vector<std::pair<std::string, std::string>>& users) {
  const auto authority = MakeAuthority(absl::Hours(1));
  const auto server = IssueCertificate(*authority, {"server", "", {"127.0.0.1"}, absl::Hours(1)});
  ASSERT_TRUE(server.ok()) << server.status();
  security_.credentials = {"memory", authority->certificate, server->certificate, server->key, ""};
  tokens_path_ = absl::StrCat(::testing::TempDir(), "/tokens-", getpid());
  std::string tokens;
  for (const auto& [name, role] : users) {
    absl::StrAppend(&tokens, Sha256Hex(name), " ", role, " ", name, "\n");
  }
  ASSERT_TRUE(WriteFileAtomically(tokens_path_, tokens).ok());
}

void ServiceTest::StartCoordinator() {
  running_ = std::make_unique<Running>(*this);
  auto audit = AuditTrail::Open(folder_ + "/audit.jsonl");
  ASSERT_TRUE(audit.ok()) << audit.status();
  running_->audit = *std::move(audit);
  if (!tokens_path_.empty()) {
    auto tokens = access::TokenTable::Open(tokens_path_);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    running_->gate = std::make_unique<access::Gate>(gate_options_, *std::move(tokens));
  }
  auto server = Server::Start("127.0.0.1:0", MakeContext(), nullptr, security_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  running_->controller.Start();
  client_ = v1::Jobs::NewStub(MakeChannel(server_->address()));
}

Context ServiceTest::MakeContext() {
  return {running_->jobs,
          *blobs_,
          *logs_,
          running_->feed,
          running_->checkpoints,
          running_->rendezvous,
          running_->controller,
          *running_->audit,
          running_->gate.get(),
          limits_,
          {"0.0.0-test", folder_, absl::UnixEpoch()}};
}

void ServiceTest::StopCoordinator() {
  if (server_ == nullptr) return;
  server_->StopServing();
  running_->feed.Shutdown();
  running_->rendezvous.Shutdown();
  running_->controller.Stop();
  server_.reset();
  running_.reset();
}

v1::Job ServiceTest::Submit(const std::string& yaml) {
  grpc::ClientContext context;
  v1::SubmitRequest request;
  request.set_yaml(yaml);
  request.set_file_name("test.yaml");
  v1::Job job;
  const grpc::Status status = client_->Submit(&context, request, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

v1::Job ServiceTest::Get(const std::string& id) {
  grpc::ClientContext context;
  v1::JobRequest request;
  request.set_job(id);
  v1::Job job;
  const grpc::Status status = client_->Get(&context, request, &job);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return job;
}

v1::Job ServiceTest::Await(const std::string& id, const std::function<bool(const v1::Job&)>& fits) {
  v1::Job job;
  const auto there = [&] {
    job = Get(id);
    return fits(job);
  };
  if (testing_support::WaitUntil(there)) return job;
  ADD_FAILURE() << "the job did not get there: " << job.ShortDebugString();
  return job;
}

v1::Job ServiceTest::AwaitState(const std::string& id, v1::JobState state) {
  return Await(id, [state](const v1::Job& job) { return job.state() == state; });
}

grpc::Status ServiceTest::Cancel(const std::string& id, v1::Job* job) {
  grpc::ClientContext context;
  v1::JobRequest request;
  request.set_job(id);
  return client_->Cancel(&context, request, job);
}

grpc::Status ServiceTest::Upload(const v1::CheckpointId& id, const std::string& content) {
  auto stub = v1::Workers::NewStub(MakeChannel(address()));
  grpc::ClientContext context;
  v1::UploadResponse response;
  auto writer = stub->UploadCheckpoint(&context, &response);
  v1::Chunk chunk;
  chunk.set_data(content);
  chunk.set_total_bytes(static_cast<int64_t>(content.size()));
  chunk.set_sha256(Sha256Hex(content));
  *chunk.mutable_checkpoint() = id;
  writer->Write(chunk);
  writer->WritesDone();
  return writer->Finish();
}

v1::FormGang ServiceTest::FormGang(const std::vector<FakeWorker*>& workers, const v1::Job& job) {
  for (FakeWorker* worker : workers) {
    const v1::Assign assign = worker->ExpectAssign();
    EXPECT_EQ(assign.job(), job.id());
    worker->Report(Unformed(assign), assign.resume().step());
  }
  v1::FormGang first;
  for (FakeWorker* worker : workers) {
    const v1::FormGang form = worker->ExpectFormGang();
    if (worker == workers.front()) first = form;
  }
  return first;
}

}  // namespace hebb::rpc
