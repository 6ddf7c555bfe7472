// SPDX-License-Identifier: Apache-2.0
// Proves over real sockets that the server answers what was registered, and that a taken port is an
// error (cpp-httplib alone would share it).
#include "common/metrics/http_server.h"

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include "absl/strings/str_cat.h"

namespace hebb::metrics {
namespace {

using ::testing::HasSubstr;

size_t Append(char* data, size_t size, size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

struct Answer {
  long status = 0;
  std::string body;
};

Answer Fetch(const std::string& url) {
  Answer answer;
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  if (curl_easy_perform(curl) == CURLE_OK) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  }
  curl_easy_cleanup(curl);
  return answer;
}

TEST(HttpServerTest, ServesHandlersAndMetrics) {
  prometheus::Registry registry;
  prometheus::BuildCounter()
      .Name("hebb_test_total")
      .Help("h")
      .Register(registry)
      .Add({})
      .Increment(3);
  auto server = HttpServer::Listen("127.0.0.1:0");
  ASSERT_TRUE(server.ok()) << server.status();
  (*server)->ServeMetrics({&registry});
  (*server)->Get("/hello", [](const HttpRequest& request) {
    return HttpResponse{.status = 201, .body = absl::StrCat("hi ", request.query.at("who"))};
  });
  (*server)->Start();
  const std::string base = absl::StrCat("http://", (*server)->address());
  const Answer hello = Fetch(base + "/hello?who=you");
  EXPECT_EQ(hello.status, 201);
  EXPECT_EQ(hello.body, "hi you");
  const Answer metrics = Fetch(base + "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.body, HasSubstr("hebb_test_total 3"));
  EXPECT_EQ(Fetch(base + "/nowhere").status, 404);
}

TEST(HttpServerTest, RefusesATakenPortNamingIt) {
  auto first = HttpServer::Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  (*first)->Start();
  auto second = HttpServer::Listen((*first)->address());
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr((*first)->address()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("Address already in use"));
}

TEST(HttpServerTest, PortIsFreeAgainAfterStop) {
  auto first = HttpServer::Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  (*first)->Get("/x", [](const HttpRequest&) { return HttpResponse{}; });
  (*first)->Start();
  const std::string address = (*first)->address();
  EXPECT_EQ(Fetch(absl::StrCat("http://", address, "/x")).status, 200);
  (*first)->Stop();
  (*first)->Stop();
  EXPECT_TRUE(HttpServer::Listen(address).ok());
}

TEST(HttpServerTest, RefusesMalformedAddresses) {
  for (const char* address : {"", "nothing", ":80", "h:-1", "h:65536", "h:x"}) {
    EXPECT_EQ(HttpServer::Listen(address).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace hebb::metrics
