// SPDX-License-Identifier: Apache-2.0
// Workers as pods of a Kubernetes. Each is made of the pod template of a StatefulSet, so that the
// manifests say in one place what a worker is; the set itself may have no replicas.
#ifndef HEBB_SERVER_LAUNCHER_KUBERNETES_H_
#define HEBB_SERVER_LAUNCHER_KUBERNETES_H_

#include <map>
#include <string>
#include <vector>

#include "server/launcher/kubernetes_api.h"
#include "server/launcher/launcher.h"

namespace hebb::launcher {

struct KubernetesOptions {
  std::string cluster;  // this coordinator's id, as in the workers' names: [a-z0-9-]
  // By device: the StatefulSet whose pod template its workers are made of.
  std::map<std::string, std::string> sets = {{"cpu", "hebb-worker"}};
};

// The pod of `request`, JSON: the template of `stateful_set` (JSON), with the request's name, a
// label that says whose it is, `--name NAME` for its first container, and no restart: what ended is
// asked for anew. It belongs to the set and goes with it. INVALID_ARGUMENT: no such template.
absl::StatusOr<std::string> PodOf(const std::string& stateful_set, const std::string& cluster,
                                  const WorkerRequest& request);

// What a PodList (JSON) says. Pods that are about to go are still there: kRunning.
absl::StatusOr<std::vector<Observed>> ReadPods(const std::string& pod_list);

class KubernetesLauncher : public Launcher {
 public:
  KubernetesLauncher(KubernetesAccess access, KubernetesOptions options);

  absl::string_view kind() const override { return "kubernetes"; }
  absl::StatusOr<std::string> Show(const WorkerRequest& request) const override;
  // The handle is the pod's name, which is the request's. A pod of that name is the request's own.
  absl::StatusOr<std::string> Ask(const WorkerRequest& request) override;
  // Pods that have ended stay until LetGo.
  absl::StatusOr<std::vector<Observed>> Observe() override;
  absl::Status LetGo(const std::string& handle) override;

 private:
  std::string Pods() const;

  const KubernetesApi api_;
  const KubernetesOptions options_;
};

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_KUBERNETES_H_
