// SPDX-License-Identifier: Apache-2.0
// Against a Jobs service in this process that fails as told: calls are repeated while it is
// unavailable, with the same request id; other errors keep code and message; damaged downloads are
// noticed; Interrupt ends a stream.
#include "client/api.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/sha256.h"
#include "hebb/v1/jobs.grpc.pb.h"
#include "tests/testing/wait.h"

namespace hebb::client {
namespace {

class FakeJobs : public v1::Jobs::Service {
 public:
  grpc::Status Submit(grpc::ServerContext*, const v1::SubmitRequest* request,
                      v1::Job* job) override {
    ids_.insert(request->request_id());
    if (++submits_ <= fail_first_) return {grpc::StatusCode::UNAVAILABLE, "restarting"};
    job->set_id("7");
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const v1::JobRequest* request, v1::Job*) override {
    return {grpc::StatusCode::NOT_FOUND, absl::StrCat("no job ", request->job())};
  }
  grpc::Status Watch(grpc::ServerContext* context, const v1::JobRequest*,
                     grpc::ServerWriter<v1::Job>* writer) override {
    v1::Job job;
    job.set_state(v1::RUNNING);
    writer->Write(job);
    testing_support::WaitUntil([&] { return context->IsCancelled(); });
    return grpc::Status::OK;
  }
  grpc::Status DownloadCheckpoint(grpc::ServerContext*, const v1::JobRequest*,
                                  grpc::ServerWriter<v1::Chunk>* writer) override {
    v1::Chunk chunk;
    chunk.set_total_bytes(6);
    chunk.set_data("abc");
    writer->Write(chunk);
    chunk.Clear();
    chunk.set_offset(3);
    chunk.set_data("def");
    chunk.set_sha256(damaged_ ? Sha256Hex("abcxyz") : Sha256Hex("abcdef"));
    if (!cut_off_) writer->Write(chunk);
    return grpc::Status::OK;
  }
  grpc::Status UploadWeights(grpc::ServerContext*, grpc::ServerReader<v1::Chunk>* reader,
                             v1::UploadResponse* response) override {
    std::string bytes;
    for (v1::Chunk chunk; reader->Read(&chunk);) bytes += chunk.data();
    response->set_sha256(Sha256Hex(bytes));
    return grpc::Status::OK;
  }

  int fail_first_ = 0;
  std::atomic<int> submits_{0};
  std::set<std::string> ids_;
  bool damaged_ = false;
  bool cut_off_ = false;
};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&jobs_);
    server_ = builder.BuildAndStart();
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  ~ApiTest() override { server_->Shutdown(); }

  FakeJobs jobs_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

TEST_F(ApiTest, SubmitIsRepeatedWithItsIdWhileUnavailable) {
  jobs_.fail_first_ = 2;
  Api api(address_);
  v1::SubmitRequest request;
  request.set_request_id("r1");
  const auto job = api.Submit(request);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->id(), "7");
  EXPECT_EQ(jobs_.submits_, 3);
  EXPECT_EQ(jobs_.ids_, std::set<std::string>{"r1"});
}

TEST_F(ApiTest, PatienceEndsAndNamesAddressAndRemedy) {
  jobs_.fail_first_ = 1000;
  Api api(address_, "", absl::Milliseconds(250));
  const absl::Status status = api.Submit({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(status.message().find(address_), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("hebb up"), absl::string_view::npos) << status;
}

TEST_F(ApiTest, OtherErrorsKeepCodeAndMessage) {
  Api api(address_);
  const absl::Status status = api.Get("x").status();
  EXPECT_EQ(status, absl::NotFoundError("no job x"));
}

TEST_F(ApiTest, ADownloadIsTheWholeFile) {
  Api api(address_);
  const auto bytes = api.DownloadCheckpoint("7");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(*bytes, "abcdef");
}

TEST_F(ApiTest, ADamagedOrShortDownloadIsDataLoss) {
  Api api(address_);
  jobs_.damaged_ = true;
  EXPECT_EQ(api.DownloadCheckpoint("7").status().code(), absl::StatusCode::kDataLoss);
  jobs_.damaged_ = false;
  jobs_.cut_off_ = true;
  EXPECT_EQ(api.DownloadCheckpoint("7").status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ApiTest, AnUploadAnswersTheFilesDigest) {
  const std::string path = testing::TempDir() + "/weights";
  const std::string content(3'000'000, 'w');  // three chunks
  ASSERT_TRUE(WriteFileAtomically(path, content).ok());
  Api api(address_);
  const auto sha256 = api.UploadWeights(path);
  ASSERT_TRUE(sha256.ok()) << sha256.status();
  EXPECT_EQ(*sha256, Sha256Hex(content));
}

TEST_F(ApiTest, InterruptEndsAStream) {
  Api api(address_);
  absl::Notification updated;
  std::thread other([&] {
    updated.WaitForNotificationWithTimeout(absl::Seconds(20));
    api.Interrupt();
  });
  int updates = 0;
  const auto count = [&](const v1::Job&) {
    if (++updates == 1) updated.Notify();
  };
  const absl::Status status = api.Watch("7", absl::Now() + absl::Seconds(30), count);
  other.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(updates, 1);
}

TEST_F(ApiTest, AWatchEndsAtItsDeadline) {
  Api api(address_);
  const absl::Status status =
      api.Watch("7", absl::Now() + absl::Milliseconds(200), [](const v1::Job&) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace hebb::client
