// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/kubernetes.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::launcher {
namespace {

using nlohmann::json;

constexpr char kClusterLabel[] = "hebb-cluster";

json Parse(const std::string& text) {
  return json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// What lies at a path of names and numbers, or null.
const json& At(const json& from, const std::string& path) {
  static const json* const kNothing = new json();
  const json::json_pointer pointer(path);
  return from.contains(pointer) ? from.at(pointer) : *kNothing;
}

std::string TextAt(const json& from, const std::string& path) {
  const json& found = At(from, path);
  return found.is_string() ? found.get<std::string>() : "";
}

std::string Words(const json& from) {
  const std::string reason = TextAt(from, "/reason"), message = TextAt(from, "/message");
  return message.empty() ? reason : reason.empty() ? message : absl::StrCat(reason, ": ", message);
}

// Why a pod is not running: its container's reason ("ImagePullBackOff"), else the scheduler's.
std::string WhyPending(const json& pod) {
  const std::string waits = Words(At(pod, "/status/containerStatuses/0/state/waiting"));
  if (!waits.empty()) return waits;
  const json& conditions = At(pod, "/status/conditions");
  if (conditions.is_array()) {
    for (const json& condition : conditions) {
      if (TextAt(condition, "/status") == "False") return Words(condition);
    }
  }
  return "";
}

// "OOMKilled", "Error, exit code 1", "Evicted: the node was low on memory".
std::string HowEnded(const json& pod) {
  const std::string of_pod = Words(At(pod, "/status"));
  if (!of_pod.empty()) return of_pod;
  const json& end = At(pod, "/status/containerStatuses/0/state/terminated");
  const json& code = At(end, "/exitCode");
  return code.is_number_integer()
             ? absl::StrCat(TextAt(end, "/reason"), ", exit code ", code.get<int64_t>())
             : "";
}

Observed Read(const json& pod) {
  Observed observed;
  observed.name = observed.handle = TextAt(pod, "/metadata/name");
  const std::string phase = TextAt(pod, "/status/phase");
  if (phase == "Succeeded" || phase == "Failed") {
    observed.state = LaunchState::kGone;
    observed.failed = phase == "Failed" && TextAt(pod, "/metadata/deletionTimestamp").empty();
    observed.detail = HowEnded(pod);
  } else if (phase == "Pending" && TextAt(pod, "/metadata/deletionTimestamp").empty()) {
    observed.state = LaunchState::kPending;
    observed.detail = WhyPending(pod);
  } else {
    observed.state = LaunchState::kRunning;
    observed.detail = TextAt(pod, "/spec/nodeName");
  }
  return observed;
}

}  // namespace

absl::StatusOr<std::string> PodOf(const std::string& stateful_set, const std::string& cluster,
                                  const WorkerRequest& request) {
  const json set = Parse(stateful_set);
  const json& pod_template = At(set, "/spec/template");
  if (!At(pod_template, "/spec/containers/0").is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("the StatefulSet ",
                                                   TextAt(set, "/metadata/name"),
                                                   " has no pod template to make a worker of"));
  }
  json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"spec", At(pod_template, "/spec")}};
  pod["metadata"] = {{"name", request.name}, {"labels", json::object()}};
  json& metadata = pod["metadata"];
  if (At(pod_template, "/metadata/labels").is_object()) {
    metadata["labels"] = At(pod_template, "/metadata/labels");
  }
  if (At(pod_template, "/metadata/annotations").is_object()) {
    metadata["annotations"] = At(pod_template, "/metadata/annotations");
  }
  metadata["labels"][kClusterLabel] = cluster;
  // No controller: the set adopts none, as none has a name of its kind.
  metadata["ownerReferences"] = json::array({{{"apiVersion", "apps/v1"},
                                              {"kind", "StatefulSet"},
                                              {"name", TextAt(set, "/metadata/name")},
                                              {"uid", TextAt(set, "/metadata/uid")}}});
  pod["spec"]["restartPolicy"] = "Never";
  json& arguments = pod["spec"]["containers"][0]["args"];
  if (!arguments.is_array()) arguments = json::array();
  arguments.push_back("--name=" + request.name);
  return pod.dump();
}

absl::StatusOr<std::vector<Observed>> ReadPods(const std::string& pod_list) {
  const json list = Parse(pod_list);
  const json& items = At(list, "/items");
  if (!items.is_array()) {
    return absl::UnavailableError("Kubernetes answers with no list of pods; is its address right?");
  }
  std::vector<Observed> all;
  for (const json& pod : items) all.push_back(Read(pod));
  return all;
}

KubernetesLauncher::KubernetesLauncher(KubernetesAccess access, KubernetesOptions options)
    : api_(std::move(access)), options_(std::move(options)) {}

std::string KubernetesLauncher::Pods() const {
  return absl::StrCat("/api/v1/namespaces/", api_.name_space(), "/pods");
}

absl::StatusOr<std::string> KubernetesLauncher::Show(const WorkerRequest& request) const {
  const auto set = options_.sets.find(request.device);
  if (set == options_.sets.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no StatefulSet is configured to make workers with device ", request.device,
                     " of; name one in --launcher-config"));
  }
  HEBB_ASSIGN_OR_RETURN(const std::string stateful_set,
                        api_.Get(absl::StrCat("/apis/apps/v1/namespaces/", api_.name_space(),
                                              "/statefulsets/", set->second)));
  return PodOf(stateful_set, options_.cluster, request);
}

absl::StatusOr<std::string> KubernetesLauncher::Ask(const WorkerRequest& request) {
  HEBB_ASSIGN_OR_RETURN(const std::string pod, Show(request));
  const absl::Status made = api_.Post(Pods(), pod).status();
  // Asked for by a coordinator that did not hear the answer.
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  return request.name;
}

absl::StatusOr<std::vector<Observed>> KubernetesLauncher::Observe() {
  HEBB_ASSIGN_OR_RETURN(
      const std::string pods,
      api_.Get(absl::StrCat(Pods(), "?labelSelector=", kClusterLabel, "%3D", options_.cluster)));
  return ReadPods(pods);
}

absl::Status KubernetesLauncher::LetGo(const std::string& handle) {
  const absl::Status gone = api_.Delete(absl::StrCat(Pods(), "/", handle)).status();
  return absl::IsNotFound(gone) ? absl::OkStatus() : gone;
}

}  // namespace hebb::launcher
