// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/kubernetes_api.h"

#include <curl/curl.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::launcher {
namespace {

constexpr size_t kAnswerMax = size_t{64} << 20;  // bytes; a list of thousands of pods is less

size_t Receive(char* data, size_t size, size_t count, void* user) {
  auto& answer = *static_cast<std::string*>(user);
  if (answer.size() + size * count > kAnswerMax) return 0;  // ends the transfer
  answer.append(data, size * count);
  return size * count;
}

// The server's words, of its answer of kind Status.
std::string WordsOf(const std::string& answer) {
  const auto status = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (status.is_object() && status.contains("message") && status["message"].is_string()) {
    return status["message"].get<std::string>();
  }
  return answer.substr(0, 200);
}

absl::Status Judge(int64_t code, const std::string& what, const std::string& answer) {
  if (code >= 200 && code < 300) return absl::OkStatus();
  const std::string words = WordsOf(answer);
  const std::string message = absl::StrCat("Kubernetes answers ", code, " to ", what, ": ", words);
  if (code == 400 || code == 422) return absl::InvalidArgumentError(message);
  if (code == 403 && absl::StrContains(words, "exceeded quota")) {
    return absl::ResourceExhaustedError(message);
  }
  if (code == 401 || code == 403) return absl::PermissionDeniedError(message);
  if (code == 404) return absl::NotFoundError(message);
  if (code == 409) return absl::AlreadyExistsError(message);
  if (code == 429 || code >= 500) return absl::UnavailableError(message);
  return absl::InternalError(message);
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

absl::StatusOr<KubernetesAccess> AccessOfThisPod(const std::string& folder) {
  const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
  const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
  if (host == nullptr || port == nullptr) {
    return absl::FailedPreconditionError(
        "this process runs in no pod of Kubernetes (KUBERNETES_SERVICE_HOST is not set); run the "
        "coordinator in a pod with a service account");
  }
  KubernetesAccess access;
  const bool v6 = absl::StrContains(host, ":");
  access.server = absl::StrCat("https://", v6 ? "[" : "", host, v6 ? "]:" : ":", port);
  access.ca_path = folder + "/ca.crt";
  access.token_path = folder + "/token";
  const absl::StatusOr<std::string> name_space = ReadFile(folder + "/namespace");
  if (!name_space.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the pod has no service account's token in ",
                                                      folder, " (", name_space.status().message(),
                                                      "); set automountServiceAccountToken: true"));
  }
  access.name_space = std::string(absl::StripAsciiWhitespace(*name_space));
  return access;
}

KubernetesApi::KubernetesApi(KubernetesAccess access) : access_(std::move(access)) {}

absl::StatusOr<std::string> KubernetesApi::Get(const std::string& path) const {
  return Call("GET", path, "");
}

absl::StatusOr<std::string> KubernetesApi::Post(const std::string& path,
                                                const std::string& body) const {
  return Call("POST", path, body);
}

absl::StatusOr<std::string> KubernetesApi::Delete(const std::string& path) const {
  return Call("DELETE", path, "");
}

absl::StatusOr<std::string> KubernetesApi::Call(const char* verb, const std::string& path,
                                                const std::string& body) const {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return absl::InternalError("libcurl cannot be started");
  std::unique_ptr<curl_slist, FreeList> headers(
      curl_slist_append(nullptr, "Accept: application/json"));
  const auto add = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  if (!body.empty()) add("Content-Type: application/json");
  if (!access_.token_path.empty()) {
    HEBB_ASSIGN_OR_RETURN(const std::string token, ReadFile(access_.token_path));
    add(absl::StrCat("Authorization: Bearer ", absl::StripAsciiWhitespace(token)));
  }
  std::string answer;
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl.get(), CURLOPT_URL, (access_.server + path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, verb);
  if (!body.empty())
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.size()));
  if (!body.empty()) curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (!access_.ca_path.empty())
    curl_easy_setopt(curl.get(), CURLOPT_CAINFO, access_.ca_path.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");  // it is in the cluster's own network
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);  // safe in a program with threads
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(access_.call_within)));
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, Receive);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  const std::string what = absl::StrCat(verb, " ", path);
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) {
    return absl::UnavailableError(
        absl::StrCat("Kubernetes at ", access_.server, " does not answer ", what, ": ",
                     error[0] != '\0' ? error : curl_easy_strerror(code)));
  }
  long code = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &code);
  HEBB_RETURN_IF_ERROR(Judge(code, what, answer));
  return answer;
}

}  // namespace hebb::launcher
