// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/worker_name.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hebb::launcher {
namespace {

std::string Prefix(absl::string_view cluster) { return absl::StrCat("hebb-", cluster, "-"); }

}  // namespace

std::string WorkerName(absl::string_view cluster, absl::string_view device, int64_t number) {
  return absl::StrCat(Prefix(cluster), device, "-", number);
}

bool IsOfCluster(absl::string_view name, absl::string_view cluster) {
  return absl::StartsWith(name, Prefix(cluster));
}

std::string NameOfWorker(absl::string_view worker, absl::string_view cluster) {
  if (!IsOfCluster(worker, cluster)) return "";
  return std::string(worker.substr(0, worker.find('.')));
}

std::string DeviceOfName(absl::string_view name, absl::string_view cluster) {
  const absl::string_view rest = name.substr(Prefix(cluster).size());
  return std::string(rest.substr(0, rest.find('-')));
}

}  // namespace hebb::launcher
