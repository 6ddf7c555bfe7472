// SPDX-License-Identifier: Apache-2.0
// The launcher against a small API server that keeps pods as a real one does. A real one has it in
// tests/kubernetes/run.sh.
#include "server/launcher/kubernetes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hebb::launcher {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSet[] = R"({
  "metadata": {"name": "hebb-worker", "uid": "u-1"},
  "spec": {"replicas": 0, "template": {
    "metadata": {"labels": {"app.kubernetes.io/component": "worker"}},
    "spec": {"restartPolicy": "Always", "serviceAccountName": "hebb-worker",
             "containers": [{"name": "worker", "args": ["--data-dir=/data"]},
                            {"name": "other"}]}}}})";

// Keeps pods; answers as Kubernetes does.
class FakeServer {
 public:
  FakeServer() {
    const std::string pods = "/api/v1/namespaces/lab/pods";
    server_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          if (request.get_header_value("Authorization") == "Bearer secret") {
            return httplib::Server::HandlerResponse::Unhandled;
          }
          Refuse(response, 401, "Unauthorized");
          return httplib::Server::HandlerResponse::Handled;
        });
    server_.Get("/apis/apps/v1/namespaces/lab/statefulsets/hebb-worker",
                [](const httplib::Request&, httplib::Response& response) {
                  response.set_content(kSet, "application/json");
                });
    server_.Get(pods, [this](const httplib::Request& request, httplib::Response& response) {
      List(request.get_param_value("labelSelector"), response);
    });
    server_.Post(pods, [this](const httplib::Request& request, httplib::Response& response) {
      Create(json::parse(request.body), response);
    });
    server_.Delete(pods + "/(.*)",
                   [this](const httplib::Request& request, httplib::Response& response) {
                     const std::lock_guard lock(mutex_);
                     if (pods_.erase(request.matches[1].str()) == 0)
                       Refuse(response, 404, "pods not found");
                   });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~FakeServer() { Stop(); }

  void Stop() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  std::string address() const { return absl::StrCat("http://127.0.0.1:", port_); }
  void RefuseNext(int code, const std::string& words) {
    const std::lock_guard lock(mutex_);
    refusal_ = {code, words};
  }
  void SetStatus(const std::string& pod, const json& status) {
    const std::lock_guard lock(mutex_);
    pods_.at(pod)["status"] = status;
  }
  json pod(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return pods_.at(name);
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return pods_.size();
  }

 private:
  static void Refuse(httplib::Response& response, int code, const std::string& words) {
    response.status = code;
    response.set_content(json{{"kind", "Status"}, {"message", words}}.dump(), "application/json");
  }
  void Create(json pod, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    const std::string name = pod["metadata"]["name"];
    if (refusal_.first != 0) {
      Refuse(response, refusal_.first, refusal_.second);
      refusal_ = {};
      return;
    }
    if (pods_.count(name) > 0) return Refuse(response, 409, "pods already exists");
    pod["status"]["phase"] = "Pending";
    pods_[name] = pod;
    response.status = 201;
    response.set_content(pod.dump(), "application/json");
  }
  void List(const std::string& selector, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    json list = {{"kind", "PodList"}, {"items", json::array()}};
    for (const auto& [name, pod] : pods_) {
      const std::string cluster = pod["metadata"]["labels"]["hebb-cluster"];
      if (selector == "hebb-cluster=" + cluster) list["items"].push_back(pod);
    }
    response.set_content(list.dump(), "application/json");
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  std::mutex mutex_;
  std::map<std::string, json> pods_;
  std::pair<int, std::string> refusal_;
};

class KubernetesTest : public ::testing::Test {
 protected:
  KubernetesTest() : token_(::testing::TempDir() + "/hebb_kubernetes_token") {
    WriteToken("secret\n");
  }
  void WriteToken(const std::string& token) { std::ofstream(token_) << token; }
  KubernetesLauncher Launcher(const std::string& cluster = "c1") {
    KubernetesAccess access;
    access.server = server_.address();
    access.token_path = token_;
    access.name_space = "lab";
    access.call_within = absl::Seconds(5);
    KubernetesOptions options;
    options.cluster = cluster;
    return KubernetesLauncher(access, options);
  }

  const std::string token_;
  FakeServer server_;
};

TEST_F(KubernetesTest, AWorkerIsAPodOfTheSetsTemplate) {
  KubernetesLauncher launcher = Launcher();
  EXPECT_EQ(launcher.Ask({"hebb-c1-1", "cpu"}).value(), "hebb-c1-1");
  const json pod = server_.pod("hebb-c1-1");
  EXPECT_EQ(pod["metadata"]["labels"],
            json({{"app.kubernetes.io/component", "worker"}, {"hebb-cluster", "c1"}}));
  EXPECT_EQ(pod["metadata"]["ownerReferences"][0]["uid"], "u-1");
  EXPECT_FALSE(pod["metadata"]["ownerReferences"][0].contains("controller"));
  EXPECT_EQ(pod["spec"]["restartPolicy"], "Never");
  EXPECT_EQ(pod["spec"]["serviceAccountName"], "hebb-worker");
  EXPECT_EQ(pod["spec"]["containers"][0]["args"], json({"--data-dir=/data", "--name=hebb-c1-1"}));
  EXPECT_FALSE(pod["spec"]["containers"][1].contains("args"));
}

TEST_F(KubernetesTest, AskingTwiceForOneNameMakesOnePod) {
  ASSERT_TRUE(Launcher().Ask({"hebb-c1-1", "cpu"}).ok());
  EXPECT_EQ(Launcher().Ask({"hebb-c1-1", "cpu"}).value(), "hebb-c1-1");
  EXPECT_EQ(server_.size(), 1u);
}

TEST_F(KubernetesTest, AnotherProcessFindsThePodsOfItsClusterOnly) {
  ASSERT_TRUE(Launcher("c1").Ask({"hebb-c1-1", "cpu"}).ok());
  ASSERT_TRUE(Launcher("c2").Ask({"hebb-c2-1", "cpu"}).ok());
  const std::vector<Observed> pods = Launcher("c1").Observe().value();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0].name, "hebb-c1-1");
  EXPECT_EQ(pods[0].state, LaunchState::kPending);
}

TEST_F(KubernetesTest, LettingGoEndsThePodAndIsFineTwice) {
  KubernetesLauncher launcher = Launcher();
  ASSERT_TRUE(launcher.Ask({"hebb-c1-1", "cpu"}).ok());
  EXPECT_TRUE(launcher.LetGo("hebb-c1-1").ok());
  EXPECT_EQ(server_.size(), 0u);
  EXPECT_TRUE(launcher.LetGo("hebb-c1-1").ok());
}

TEST_F(KubernetesTest, RefusalsKeepTheServersWords) {
  KubernetesLauncher launcher = Launcher();
  server_.RefuseNext(403, "pods is forbidden: exceeded quota: gpus");
  EXPECT_EQ(launcher.Ask({"a", "cpu"}).status().code(), absl::StatusCode::kResourceExhausted);
  server_.RefuseNext(403, "pods is forbidden: User x cannot create");
  const absl::Status forbidden = launcher.Ask({"a", "cpu"}).status();
  EXPECT_EQ(forbidden.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(forbidden.message()),
              AllOf(HasSubstr("403"), HasSubstr("User x cannot create")));
  server_.RefuseNext(422, "Pod a is invalid");
  EXPECT_EQ(launcher.Ask({"a", "cpu"}).status().code(), absl::StatusCode::kInvalidArgument);
  server_.RefuseNext(503, "apiserver is starting");
  EXPECT_EQ(launcher.Ask({"a", "cpu"}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(launcher.Ask({"a", "cuda"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.size(), 0u);
}

TEST_F(KubernetesTest, TheTokenIsReadForEachCall) {
  KubernetesLauncher launcher = Launcher();
  WriteToken("old");
  const absl::Status refused = launcher.Observe().status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_FALSE(absl::StrContains(refused.message(), "old"));
  WriteToken("secret");
  EXPECT_TRUE(launcher.Observe().ok());
}

TEST_F(KubernetesTest, AServerThatIsAwayIsUnavailable) {
  KubernetesLauncher launcher = Launcher();
  server_.Stop();
  const absl::Status away = launcher.Observe().status();
  EXPECT_EQ(away.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(away.message()), HasSubstr(server_.address()));
}

TEST_F(KubernetesTest, StatesOfPodsAreOurs) {
  KubernetesLauncher launcher = Launcher();
  ASSERT_TRUE(launcher.Ask({"p", "cpu"}).ok());
  const auto seen = [&](const char* status) {
    server_.SetStatus("p", json::parse(status));
    return launcher.Observe().value().at(0);
  };
  Observed pod =
      seen(R"({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
    "reason": "Unschedulable", "message": "0/1 nodes: Insufficient nvidia.com/gpu."}]})");
  EXPECT_EQ(pod.state, LaunchState::kPending);
  EXPECT_EQ(pod.detail, "Unschedulable: 0/1 nodes: Insufficient nvidia.com/gpu.");
  pod = seen(
      R"({"phase": "Pending",
          "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]})");
  EXPECT_EQ(pod.detail, "ImagePullBackOff");
  EXPECT_EQ(seen(R"({"phase": "Running"})").state, LaunchState::kRunning);
  pod = seen(R"({"phase": "Succeeded"})");
  EXPECT_EQ(pod.state, LaunchState::kGone);
  EXPECT_FALSE(pod.failed);
  pod = seen(
      R"({"phase": "Failed", "containerStatuses": [
          {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]})");
  EXPECT_EQ(pod.state, LaunchState::kGone);
  EXPECT_TRUE(pod.failed);
  EXPECT_EQ(pod.detail, "OOMKilled, exit code 137");
  pod = seen(R"({"phase": "Failed", "reason": "Evicted", "message": "low on memory"})");
  EXPECT_EQ(pod.detail, "Evicted: low on memory");
}

TEST(KubernetesTextTest, WhatIsNoListOrNoSetIsRefused) {
  EXPECT_EQ(ReadPods("<html>").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReadPods("{}").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(PodOf("{}", "c", {"a", "cpu"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(PodOf("no JSON", "c", {"a", "cpu"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(KubernetesAccessTest, OutsideAPodItSaysSo) {
  unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_THAT(std::string(AccessOfThisPod().status().message()), HasSubstr("runs in no pod"));
  setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  EXPECT_THAT(std::string(AccessOfThisPod("/nowhere").status().message()),
              HasSubstr("automountServiceAccountToken"));
  const std::string folder = ::testing::TempDir();
  std::ofstream(folder + "/namespace") << "lab\n";
  const KubernetesAccess access = AccessOfThisPod(folder).value();
  EXPECT_EQ(access.server, "https://[fd00::1]:443");
  EXPECT_EQ(access.name_space, "lab");
}

}  // namespace
}  // namespace hebb::launcher
