// SPDX-License-Identifier: Apache-2.0
// The JSON API over real sockets against the real services: answers and their shapes, who is let
// in, what another site's page may not do, and that the audit trail names who asked.
#include "server/web/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/weights/safetensors.h"
#include "server/web/page.h"
#include "server/web/page_files.h"
#include "tests/unit/server/rpc/service_fixture.h"

namespace hebb::web {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kJsonType[] = "application/json";

class ApiTest : public rpc::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    calls_.emplace(server_->MakeLocalCalls());
    auto http = metrics::HttpServer::Listen("127.0.0.1:0");
    ASSERT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
    RegisterApi(*calls_, *http_);
    RegisterPage(*http_);
    http_->Start();
  }
  void TearDown() override {
    http_.reset();
    calls_.reset();
    ServiceTest::TearDown();
  }

  httplib::Client Client() const {
    httplib::Client client(absl::StrCat("http://", http_->address()));
    client.set_read_timeout(20, 0);
    return client;
  }
  Json Get(const std::string& path, int status = 200, const httplib::Headers& headers = {}) {
    return Answer(Client().Get(absl::StrCat("/api/v1/", path), headers), path, status);
  }
  Json Post(const std::string& path, const Json& body, int status = 200,
            const httplib::Headers& headers = {}, const char* type = kJsonType) {
    return Answer(Client().Post(absl::StrCat("/api/v1/", path), headers, body.dump(), type), path,
                  status);
  }
  static Json Answer(const httplib::Result& result, const std::string& path, int status) {
    EXPECT_TRUE(result) << path;
    if (!result) return {};
    EXPECT_EQ(result->status, status) << path << ": " << result->body;
    EXPECT_EQ(result->get_header_value("Content-Type"), kJsonType) << path;
    EXPECT_EQ(result->get_header_value("Cache-Control"), "no-store") << path;
    return Json::parse(result->body, nullptr, false);
  }
  Json SubmitOne() { return Post("jobs", {{"yaml", rpc::JobFile()}, {"file_name", "a.yaml"}}); }

  std::optional<rpc::LocalCalls> calls_;
  std::unique_ptr<metrics::HttpServer> http_;
};

TEST_F(ApiTest, AJobIsSubmittedSeenPausedAndCancelled) {
  EXPECT_EQ(Get("jobs")["jobs"], Json::array());
  const std::string id = SubmitOne()["id"];
  const Json job = Get("jobs/" + id);
  EXPECT_EQ(job["state"], "QUEUED");
  EXPECT_EQ(job["spec"]["learning"]["batch_size"], 100);
  EXPECT_EQ(job["epochs"], Json::array());
  EXPECT_EQ(job["events"][0]["kind"], "submitted");
  const Json list = Get("jobs");
  EXPECT_EQ(list["jobs"][0]["id"], id);
  EXPECT_EQ(list["counts"][0]["jobs"], 1);
  EXPECT_EQ(Post("jobs/" + id + "/pause", Json::object())["state"], "PAUSED");
  EXPECT_EQ(Post("jobs/" + id + "/resume", Json::object())["state"], "QUEUED");
  EXPECT_EQ(Post("jobs/" + id + "/cancel", Json::object())["state"], "CANCELLED");
  const Json error = Post("jobs/" + id + "/pause", Json::object(), 409)["error"];
  EXPECT_EQ(error["code"], "FAILED_PRECONDITION");
  EXPECT_EQ(Get("jobs")["jobs"], Json::array());
  EXPECT_EQ(Get("jobs?all=true")["jobs"].size(), 1u);
  EXPECT_EQ(Get("jobs/" + id + "/log")["lines"], Json::array());
}

TEST_F(ApiTest, ARepeatedRequestIsTheSameJob) {
  const Json body = {{"yaml", rpc::JobFile()}, {"request_id", "r1"}};
  EXPECT_EQ(Post("jobs", body)["id"], Post("jobs", body)["id"]);
}

TEST_F(ApiTest, PagesFollowEachOther) {
  for (int i = 0; i < 5; ++i) SubmitOne();
  const Json first = Get("jobs?page_size=2&states=queued,running");
  EXPECT_EQ(first["jobs"].size(), 2u);
  const std::string token = first["next_page_token"];
  const Json second =
      Get(absl::StrCat("jobs?page_size=3&states=queued,running&page_token=", token));
  EXPECT_EQ(second["jobs"].size(), 3u);
  EXPECT_EQ(second["next_page_token"], "");
  EXPECT_NE(first["jobs"][1]["id"], second["jobs"][0]["id"]);
}

// The queue's order is the scheduler's: older first, and higher priorities before.
TEST_F(ApiTest, TheQueueIsReadFromItsHeadAPageAtATime) {
  const std::string first = SubmitOne()["id"];
  const std::string second = SubmitOne()["id"];
  const std::string third = SubmitOne()["id"];
  const std::string urgent = Submit(rpc::JobFile("resources: {priority: 5}\n")).id();
  Await(urgent, [](const v1::Job& job) { return job.waiting().position() == 1; });
  const Json head = Get("queue?page_size=3");
  EXPECT_EQ(head["waiting"], 4);
  ASSERT_EQ(head["jobs"].size(), 3u);
  EXPECT_EQ(head["jobs"][0]["id"], urgent);
  EXPECT_EQ(head["jobs"][1]["id"], first);
  EXPECT_EQ(head["jobs"][2]["id"], second);
  EXPECT_EQ(head["jobs"][2]["waiting"]["position"], 3);
  EXPECT_EQ(head["jobs"][2]["waiting"]["reason"], "no_workers");
  const Json rest = Get("queue?skip=3");
  ASSERT_EQ(rest["jobs"].size(), 1u);
  EXPECT_EQ(rest["jobs"][0]["id"], third);
  EXPECT_EQ(Get("queue?skip=9")["jobs"], Json::array());
  Get("queue?skip=-1", 400);
  Post("jobs/" + first + "/cancel", Json::object());
  const Json left = Get("queue")["jobs"];  // a loop over a part of a temporary would outlive it
  for (const Json& job : left) EXPECT_NE(job["id"], first);
}

TEST_F(ApiTest, ASweepIsSubmittedListedSeenAndCancelled) {
  EXPECT_EQ(Get("sweeps")["sweeps"], Json::array());
  const std::string yaml =
      rpc::JobFile("sweep: {name: pair, grid: {learning.rule: [bp, urfb], seed: [1, 2]}}\n");
  const std::string id = Post("sweeps", {{"yaml", yaml}, {"file_name", "a.yaml"}})["id"];
  const Json listed = Get("sweeps")["sweeps"][0];
  EXPECT_EQ(listed["name"], "pair");
  EXPECT_EQ(listed["state"], "QUEUED");
  EXPECT_EQ(listed["method"], "grid");
  EXPECT_EQ(listed["jobs"], 4);
  EXPECT_EQ(listed["runs"], Json::array());
  const Json sweep = Get("sweeps/pair");
  EXPECT_EQ(sweep["id"], id);
  ASSERT_EQ(sweep["runs"].size(), 4u);
  const Json& run = sweep["runs"][1];
  EXPECT_EQ(run["point"][0], Json({{"key", "learning.rule"}, {"value", "urfb"}}));
  EXPECT_EQ(run["state"], "QUEUED");
  EXPECT_EQ(Get("jobs/" + std::string(run["job"]))["sweep"], id);
  EXPECT_EQ(Get("sweeps/pair?brief=true")["runs"], Json::array());
  EXPECT_EQ(Get("jobs?sweep=" + id)["jobs"].size(), 4u);
  EXPECT_EQ(Post("sweeps/" + id + "/cancel", Json::object())["state"], "CANCELLED");
  EXPECT_EQ(Get("sweeps/none", 404)["error"]["code"], "NOT_FOUND");
}

TEST_F(ApiTest, WhatIsWrongIsToldInOneAnswer) {
  const auto message = [](const Json& answer) { return std::string(answer["error"]["message"]); };
  EXPECT_THAT(message(Post("validate", {{"yaml", "nme: x\n"}, {"file_name", "a.yaml"}}, 400)),
              HasSubstr("a.yaml:1:1"));
  EXPECT_THAT(message(Get("jobs?pagesize=2", 400)), HasSubstr("page_size"));
  EXPECT_THAT(message(Get("jobs?page_size=x", 400)), HasSubstr("whole number"));
  EXPECT_THAT(message(Get("jobs?states=SLOW", 400)), HasSubstr("states=SLOW"));
  EXPECT_THAT(message(Post("jobs", {{"yml", "x"}}, 400)), HasSubstr("file_name"));
  EXPECT_THAT(message(Get("jobs/j-none", 404)), HasSubstr("j-none"));
  EXPECT_THAT(message(Get("nothing", 404)), HasSubstr("/api/v1/nothing"));
  EXPECT_THAT(message(Get("jobs/j-none/log", 404)), HasSubstr("j-none"));
}

TEST_F(ApiTest, AValidFileIsDescribedAndNotKept) {
  const Json answer = Post("validate", {{"yaml", rpc::JobFile()}});
  EXPECT_EQ(answer["layers"][0]["name"], "out");
  EXPECT_GT(answer["parameters"], 0);
  EXPECT_EQ(Get("jobs")["jobs"], Json::array());
}

TEST_F(ApiTest, LayersAndFiltersOfTheLastCheckpoint) {
  rpc::FakeWorker worker("w1");
  worker.Attach(address());
  const v1::Job job = Submit(rpc::JobFile());
  const Json layers = Get("jobs/" + job.id() + "/layers")["layers"];
  EXPECT_EQ(layers[0]["kind"], "dense");
  EXPECT_EQ(layers[0]["inputs"], Json::array({""}));
  EXPECT_EQ(Get("jobs/" + job.id() + "/filters", 404)["error"]["code"], "NOT_FOUND");
  const v1::FormGang form = FormGang({&worker}, job);
  weights::TensorFile file;
  std::vector<float> values(10 * 28 * 28, 0.25F);
  values[1] = -0.5F;
  file.tensors = {{"out.weight", {10, 28 * 28}, values}, {"zzz.weight", {1}, {1}}};
  v1::CheckpointId id;
  id.set_job(job.id());
  id.set_attempt(form.generation().attempt());
  id.set_generation(form.generation().generation());
  id.set_step(7);
  ASSERT_TRUE(Upload(id, weights::Serialize(file)).ok());
  const Json filters = Get("jobs/" + job.id() + "/filters?most=3");
  EXPECT_EQ(filters["step"], 7);
  ASSERT_EQ(filters["matrices"].size(), 1u);  // under bp there is no feedback
  const Json& matrix = filters["matrices"][0];
  EXPECT_EQ(matrix["filters"], 10);
  EXPECT_EQ(matrix["shown"], 3);
  EXPECT_EQ(matrix["shape"], Json::array({1, 28, 28}));
  EXPECT_EQ(matrix["scale"], 0.5);
  EXPECT_THAT(std::string(matrix["values"]), ::testing::StartsWith("QIFA"));  // 64, -127, 64
}

TEST_F(ApiTest, PagesOfOtherSitesChangeNothing) {
  const std::string own = absl::StrCat("http://", http_->address());
  const Json body = {{"yaml", rpc::JobFile()}};
  EXPECT_EQ(Post("jobs", body, 403, {{"Origin", "http://evil.example"}})["error"]["code"],
            "PERMISSION_DENIED");
  Post("jobs", body, 403, {{"Origin", "null"}});
  Post("jobs", body, 403, {{"Sec-Fetch-Site", "cross-site"}});
  Post("jobs", body, 403, {{"Host", "evil.example:80"}});  // a name given our address
  Get("jobs", 403, {{"Host", "evil.example:80"}});
  Post("jobs", body, 400, {}, "text/plain");  // what a form of another site can send
  EXPECT_EQ(Get("jobs")["jobs"], Json::array());
  Post("jobs", body, 200, {{"Origin", own}, {"Sec-Fetch-Site", "same-origin"}});
  Get("jobs", 200, {{"Host", "localhost:7071"}});
  Get("jobs", 200, {{"Host", "[::1]:7071"}});
}

TEST_F(ApiTest, ThePageComesWithAStrictPolicyAndIsFoundAgain) {
  httplib::Client client = Client();
  const auto page = client.Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_THAT(page->get_header_value("Content-Type"), HasSubstr("text/html"));
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page->body, HasSubstr("/page/app.js"));
  for (const PageFile& file : PageFiles()) {
    if (file.name == "index.html") continue;
    const auto result = client.Get(absl::StrCat("/page/", file.name));
    ASSERT_TRUE(result) << file.name;
    EXPECT_EQ(result->status, 200) << file.name;
    EXPECT_EQ(result->body, file.content) << file.name;
    const auto again = client.Get(absl::StrCat("/page/", file.name),
                                  {{"If-None-Match", result->get_header_value("ETag")}});
    EXPECT_EQ(again->status, 304) << file.name;
  }
  EXPECT_EQ(client.Get("/page/none.js")->status, 404);
}

class ApiAccessTest : public ApiTest {
 protected:
  void SetUp() override {
    UseTokens({{"viewer", "viewer"}, {"user", "user"}, {"admin", "admin"}, {"worker", "worker"}});
    ApiTest::SetUp();
  }
  static httplib::Headers As(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
  }
};

TEST_F(ApiAccessTest, EachRoleMayWhatItMayOverGrpc) {
  const Json body = {{"yaml", rpc::JobFile()}};
  EXPECT_EQ(Get("jobs", 401)["error"]["code"], "UNAUTHENTICATED");
  Get("jobs", 401, As("nobody"));
  Get("jobs", 403, As("worker"));
  Get("jobs?token=viewer", 400, As("viewer"));  // none is taken from a URL
  Get("jobs", 200, As("viewer"));
  EXPECT_EQ(Get("info", 200, As("viewer"))["role"], "viewer");
  Post("jobs", body, 403, As("viewer"));
  const Json job = Post("jobs", body, 200, As("user"));
  EXPECT_EQ(job["user"], "user");
  Get("audit", 403, As("user"));
  Post("workers/w1/drain", Json::object(), 403, As("user"));
  Get(absl::StrCat("jobs/", std::string(job["id"]), "/log"), 401);
  Get(absl::StrCat("jobs/", std::string(job["id"]), "/filters"), 401);
}

TEST_F(ApiAccessTest, TheAuditTrailNamesWhoAskedAndFromWhere) {
  Post("jobs", {{"yaml", rpc::JobFile()}}, 200, As("user"));
  Post("jobs", {{"yaml", rpc::JobFile()}}, 403, As("viewer"));
  const Json events = Get("audit", 200, As("admin"))["events"];
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["user"], "viewer");
  EXPECT_EQ(events[0]["outcome"], "PERMISSION_DENIED");
  EXPECT_EQ(events[1]["user"], "user");
  EXPECT_EQ(events[1]["outcome"], "OK");
  for (const Json& event : events) {
    EXPECT_THAT(std::string(event["peer"]), HasSubstr("ipv4:127.0.0.1:"));
  }
}

}  // namespace
}  // namespace hebb::web
