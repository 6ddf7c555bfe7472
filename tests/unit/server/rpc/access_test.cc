// SPDX-License-Identifier: Apache-2.0
// What is proven: over TLS, each call is refused to each role that the rules do not let in, and not
// to the others; no call is without a rule; each one's jobs are its own; refusals are written down.
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/certificates.h"
#include "common/rpc/channel.h"
#include "hebb/v1/coordinator.grpc.pb.h"
#include "hebb/v1/queue.pb.h"
#include "hebb/v1/workers.grpc.pb.h"
#include "server/access/rules.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::rpc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<std::string> Methods() {
  std::vector<std::string> methods;
  for (const auto* file :
       {v1::Job::descriptor()->file(), v1::Hello::descriptor()->file(),
        v1::ServiceInfo::descriptor()->file(), v1::ListQueueRequest::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        methods.push_back(absl::StrCat("/", file->service(s)->full_name(), "/",
                                       file->service(s)->method(m)->name()));
      }
    }
  }
  return methods;
}

TEST(AccessRulesTest, NoCallIsWithoutARuleAndNoRuleWithoutACall) {
  const std::vector<std::string> methods = Methods();
  EXPECT_GT(methods.size(), 20u);
  for (const std::string& method : methods) {
    EXPECT_NE(access::RuleOf(method), nullptr) << method;
  }
  for (const access::Rule& rule : access::AllRules()) {
    if (!absl::StartsWith(rule.method, "/hebb.")) continue;
    EXPECT_THAT(methods, Contains(std::string(rule.method)));
  }
}

class AccessTest : public ServiceTest {
 protected:
  void SetUp() override {
    UseTokens({{"viewer", "viewer"},
               {"user", "user"},
               {"admin", "admin"},
               {"worker", "worker"},
               {"other", "user"}});
    gate_options_.calls_at_once = 100000;
    ServiceTest::SetUp();
  }

  Credentials As(const std::string& token) const {
    return {"memory", security_.credentials.ca, "", "", token};
  }

  // What the call is answered, its request being empty. A stream that stays open counts as let in.
  grpc::StatusCode CallAs(const std::string& token, const std::string& method) {
    grpc::GenericStub stub(MakeChannel(address(), As(token)));
    grpc::ClientContext context;
    SetDeadline(context, absl::Now() + absl::Seconds(10));
    grpc::CompletionQueue queue;
    auto stream = stub.PrepareCall(&context, method, &queue);
    const auto next = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    void* const tag = &stub;
    stream->StartCall(tag);
    bool alive = next();
    const grpc::Slice nothing("");
    if (alive) {
      stream->Write(grpc::ByteBuffer(&nothing, 1), tag);
      alive = next();
    }
    if (alive) {
      stream->WritesDone(tag);
      next();
      grpc::ByteBuffer answer;
      stream->Read(&answer, tag);
      if (next()) context.TryCancel();
    }
    grpc::Status status;
    stream->Finish(&status, tag);
    next();
    return status.error_code();
  }

  std::unique_ptr<v1::Jobs::Stub> JobsAs(const std::string& token) {
    return v1::Jobs::NewStub(MakeChannel(address(), As(token)));
  }
};

TEST_F(AccessTest, EachRoleIsLetInWhereTheRulesSaySoAndNowhereElse) {
  for (const std::string& method : Methods()) {
    const access::Rule* rule = access::RuleOf(method);
    ASSERT_NE(rule, nullptr) << method;
    EXPECT_EQ(CallAs("nobody", method), grpc::StatusCode::UNAUTHENTICATED) << method;
    for (const char* role : {"viewer", "user", "admin", "worker"}) {
      const bool allowed = access::Allows(*rule, *RoleFromName(role));
      const grpc::StatusCode code = CallAs(role, method);
      EXPECT_EQ(code == grpc::StatusCode::PERMISSION_DENIED, !allowed) << role << " " << method;
      EXPECT_NE(code, grpc::StatusCode::UNAUTHENTICATED) << role << " " << method;
    }
  }
}

TEST_F(AccessTest, ServiceTellsTheCallerWhoItIs) {
  const auto stub = v1::Coordinator::NewStub(MakeChannel(address(), As("viewer")));
  grpc::ClientContext context;
  v1::ServiceInfo info;
  ASSERT_TRUE(stub->GetInfo(&context, v1::GetInfoRequest(), &info).ok());
  EXPECT_TRUE(info.authenticates());
  EXPECT_EQ(info.user(), "viewer");
  EXPECT_EQ(info.role(), "viewer");
}

TEST_F(AccessTest, JobsAreTheirOwnersAndAdminsMayChangeThem) {
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  request.set_user("somebody else");  // what one says of oneself does not count
  v1::Job job;
  grpc::ClientContext submit;
  ASSERT_TRUE(JobsAs("user")->Submit(&submit, request, &job).ok());
  EXPECT_EQ(job.user(), "user");
  v1::JobRequest asked;
  asked.set_job(job.id());
  const auto pause_as = [&](const std::string& token) {
    grpc::ClientContext context;
    v1::Job paused;
    return JobsAs(token)->Pause(&context, asked, &paused);
  };
  const grpc::Status refused = pause_as("other");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), HasSubstr("is user's; only its owner or an admin"));
  EXPECT_TRUE(pause_as("user").ok());
  EXPECT_TRUE(pause_as("admin").ok());
  grpc::ClientContext get;
  EXPECT_TRUE(JobsAs("other")->Get(&get, asked, &job).ok());  // all may look
}

TEST_F(AccessTest, ChangesAndRefusalsAreInTheAuditTrail) {
  v1::SubmitRequest request;
  request.set_yaml(JobFile());
  v1::Job job;
  grpc::ClientContext submit, denied, list;
  ASSERT_TRUE(JobsAs("user")->Submit(&submit, request, &job).ok());
  EXPECT_FALSE(JobsAs("viewer")->Submit(&denied, request, &job).ok());
  v1::ListAuditEventsResponse events;
  ASSERT_TRUE(JobsAs("admin")->ListAuditEvents(&list, v1::ListAuditEventsRequest(), &events).ok());
  ASSERT_EQ(events.events_size(), 2);
  EXPECT_EQ(events.events(0).user(), "viewer");  // newest first
  EXPECT_EQ(events.events(0).outcome(), "PERMISSION_DENIED");
  EXPECT_EQ(events.events(1).user(), "user");
  EXPECT_EQ(events.events(1).role(), "user");
  EXPECT_EQ(events.events(1).object(), job.id());
  EXPECT_EQ(events.events(1).outcome(), "OK");
  EXPECT_THAT(events.events(1).peer(), HasSubstr("127.0.0.1"));
}

TEST_F(AccessTest, PlainTextAndOtherAuthoritiesGetNoAnswer) {
  grpc::ClientContext plain_call, other_call;
  v1::ListResponse response;
  const auto plain = v1::Jobs::NewStub(MakeChannel(address()));
  EXPECT_EQ(plain->List(&plain_call, v1::ListRequest(), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  const auto other = MakeAuthority(absl::Hours(1));
  const Credentials wrong = {"folder", other->certificate, "", "", "user"};
  const auto stub = v1::Jobs::NewStub(MakeChannel(address(), wrong));
  const grpc::Status status = stub->List(&other_call, v1::ListRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(ExplainTlsError(status.error_message(), wrong), HasSubstr("folder/ca.crt"));
}

TEST_F(AccessTest, OpenStreamsOfOneAreBounded) {
  StreamSlots slots(3, 2);
  EXPECT_TRUE(slots.Take("a") && slots.Take("a"));
  EXPECT_FALSE(slots.Take("a"));
  EXPECT_TRUE(slots.Take("b"));
  EXPECT_FALSE(slots.Take("c"));  // of all
  slots.Give("a");
  EXPECT_TRUE(slots.Take("c"));
}

}  // namespace
}  // namespace hebb::rpc
