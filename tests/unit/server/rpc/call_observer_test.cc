// SPDX-License-Identifier: Apache-2.0
// A real gRPC server tells the observer of every call that ended: its method, its code, once.
#include "server/rpc/call_observer.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "hebb/v1/jobs.grpc.pb.h"

namespace hebb::rpc {
namespace {

// Answers List; every other method is UNIMPLEMENTED.
class OnlyList : public v1::Jobs::Service {
  grpc::Status List(grpc::ServerContext*, const v1::ListRequest*, v1::ListResponse*) override {
    return grpc::Status::OK;
  }
};

TEST(CallObserverTest, IsToldOfEveryCallOnce) {
  absl::Mutex mutex;
  std::vector<std::pair<std::string, absl::StatusCode>> seen;
  const auto observer = [&](absl::string_view method, absl::StatusCode code, absl::Duration took) {
    EXPECT_GE(took, absl::ZeroDuration());
    absl::MutexLock lock(&mutex);
    seen.emplace_back(method, code);
  };
  OnlyList service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(MakeInterceptorFactory(observer));
  builder.experimental().SetInterceptorCreators(std::move(factories));
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);
  const auto stub = v1::Jobs::NewStub(
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials()));
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(30);
  grpc::ClientContext first;
  first.set_deadline(deadline);
  v1::ListResponse list;
  EXPECT_TRUE(stub->List(&first, {}, &list).ok());
  grpc::ClientContext second;
  second.set_deadline(deadline);
  v1::Job job;
  EXPECT_EQ(stub->Get(&second, {}, &job).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  server->Shutdown();
  server->Wait();
  absl::MutexLock lock(&mutex);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], std::pair(std::string("/hebb.v1.Jobs/List"), absl::StatusCode::kOk));
  EXPECT_EQ(seen[1], std::pair(std::string("/hebb.v1.Jobs/Get"), absl::StatusCode::kUnimplemented));
}

}  // namespace
}  // namespace hebb::rpc
