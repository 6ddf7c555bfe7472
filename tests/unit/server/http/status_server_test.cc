// SPDX-License-Identifier: Apache-2.0
// The server over a real socket: every path, its type and status, a store that fails, and what
// others count in their registry.
#include "server/http/status_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "server/store/memory_job_store.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::http {
namespace {

using ::testing::HasSubstr;

class NoFleet : public FleetView {
 public:
  Fleet Snapshot() const override { return {}; }
};

// A store whose disk is gone.
class BrokenStore : public store::MemoryJobStore {
 public:
  absl::StatusOr<Overview> ReadOverview(absl::Time ended_after) override {
    if (broken) return absl::DataLossError("state.db: damaged");
    return MemoryJobStore::ReadOverview(ended_after);
  }
  std::atomic<bool> broken = false;
};

class StatusServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.Create(hebb::testing::SampleJob("j-a", "first")).ok());
    auto started = StatusServer::Start({"127.0.0.1:0", "1.2.3"}, store_, fleet_, registry_);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  httplib::Result Get(const std::string& path) {
    httplib::Client client(absl::StrCat("http://", server_->address()));
    client.set_read_timeout(10, 0);
    return client.Get(path);
  }

  BrokenStore store_;
  NoFleet fleet_;
  prometheus::Registry registry_;
  std::unique_ptr<StatusServer> server_;
};

TEST_F(StatusServerTest, AnswersEveryPathWithItsType) {
  const struct {
    const char* path;
    const char* type;
    const char* part;
  } cases[] = {{"/metrics", "text/plain; version=0.0.4", "hebb_jobs{state=\"QUEUED\"} 1"},
               {"/healthz", "text/plain", "ok"},
               {"/readyz", "text/plain", "ready"},
               {"/sd", "application/json", "[]"}};
  for (const auto& expected : cases) {
    SCOPED_TRACE(expected.path);
    const httplib::Result result = Get(expected.path);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200);
    EXPECT_THAT(result->get_header_value("Content-Type"), ::testing::StartsWith(expected.type));
    EXPECT_THAT(result->body, HasSubstr(expected.part));
  }
  EXPECT_EQ(Get("/nothing")->status, 404);
}

TEST_F(StatusServerTest, WhatOthersAddIsServedToo) {
  const auto more = [](metrics::HttpServer& server) {
    server.Get("/more", [](const metrics::HttpRequest&) {
      return metrics::HttpResponse{200, "more\n"};
    });
  };
  auto started = StatusServer::Start({"127.0.0.1:0", "1", {}, more}, store_, fleet_, registry_);
  ASSERT_TRUE(started.ok()) << started.status();
  server_ = *std::move(started);
  EXPECT_EQ(Get("/more")->body, "more\n");
}

TEST_F(StatusServerTest, AStoreThatCannotBeReadMakesItUnreadyButNotDead) {
  store_.broken = true;
  EXPECT_EQ(Get("/readyz")->status, 503);
  EXPECT_THAT(Get("/readyz")->body, HasSubstr("state.db: damaged"));
  EXPECT_EQ(Get("/healthz")->status, 200);
  EXPECT_EQ(Get("/metrics")->status, 200);
  EXPECT_THAT(Get("/metrics")->body, HasSubstr("hebb_store_up 0"));
  store_.broken = false;
  EXPECT_EQ(Get("/readyz")->status, 200);
}

TEST_F(StatusServerTest, WhatOthersCountIsServedToo) {
  prometheus::BuildCounter()
      .Name("hebb_rpc_requests_total")
      .Help("Calls.")
      .Register(registry_)
      .Add({{"method", "Submit"}})
      .Increment(3);
  EXPECT_THAT(Get("/metrics")->body, HasSubstr("hebb_rpc_requests_total{method=\"Submit\"} 3"));
}

TEST_F(StatusServerTest, ATakenAddressIsRefused) {
  const auto second = StatusServer::Start({server_->address(), "1"}, store_, fleet_, registry_);
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

}  // namespace
}  // namespace hebb::http
