// SPDX-License-Identifier: Apache-2.0
// Calls to a Kubernetes API server, as a pod's service account.
#ifndef HEBB_SERVER_LAUNCHER_KUBERNETES_API_H_
#define HEBB_SERVER_LAUNCHER_KUBERNETES_API_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::launcher {

struct KubernetesAccess {
  std::string server;      // https://HOST:PORT
  std::string ca_path;     // PEM; whom to believe. "": nobody is asked for a certificate (http)
  std::string token_path;  // read anew for each call: the kubelet replaces it. "": none
  std::string name_space;
  absl::Duration call_within = absl::Seconds(10);
};

// Of the pod that this process runs in: KUBERNETES_SERVICE_HOST and _PORT, and the files below
// `folder`. FAILED_PRECONDITION: it runs in no pod, or the pod has no service account's token.
absl::StatusOr<KubernetesAccess> AccessOfThisPod(
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

// Thread-safe: each call is a connection of its own.
class KubernetesApi {
 public:
  explicit KubernetesApi(KubernetesAccess access);

  // `path` from "/api..." or "/apis..."; `body` is JSON, or "". The answer's body, JSON. Errors
  // have the server's own words: INVALID_ARGUMENT (400, 422), PERMISSION_DENIED (401, 403: "...pods
  // is forbidden" also where a quota is used up, then RESOURCE_EXHAUSTED), NOT_FOUND,
  // ALREADY_EXISTS (409), UNAVAILABLE (no answer, 429, 5xx), INTERNAL (any other).
  absl::StatusOr<std::string> Get(const std::string& path) const;
  absl::StatusOr<std::string> Post(const std::string& path, const std::string& body) const;
  absl::StatusOr<std::string> Delete(const std::string& path) const;

  const std::string& name_space() const { return access_.name_space; }

 private:
  absl::StatusOr<std::string> Call(const char* verb, const std::string& path,
                                   const std::string& body) const;

  const KubernetesAccess access_;
};

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_KUBERNETES_API_H_
