// SPDX-License-Identifier: Apache-2.0
#include "client/job_file.h"

#include <pwd.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/bar.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr absl::string_view kInitSet = "init.from=";

std::string InitFromYaml(const std::string& yaml) {
  try {
    const YAML::Node file = YAML::Load(yaml);
    if (!file.IsMap()) return "";
    const YAML::Node init = file["init"];
    if (!init || !init.IsMap()) return "";
    const YAML::Node from = init["from"];
    return from && from.IsScalar() ? from.Scalar() : "";
  } catch (const YAML::Exception&) {
    return "";
  }
}

}  // namespace

absl::StatusOr<v1::SubmitRequest> ReadJobFile(const std::string& path,
                                              const std::vector<std::string>& sets) {
  absl::StatusOr<std::string> yaml = ReadFile(path);
  if (!yaml.ok()) {
    return absl::Status(yaml.status().code(),
                        absl::StrCat("cannot read the job file ", path, ": ",
                                     yaml.status().message(), "; give the path of a job file"));
  }
  v1::SubmitRequest request;
  request.set_yaml(*std::move(yaml));
  request.set_file_name(path);
  request.set_user(LoginName());
  for (const std::string& set : sets) request.add_sets(set);
  return request;
}

std::string InitialWeightsPath(const std::string& job_path, const v1::SubmitRequest& request) {
  std::string from = InitFromYaml(request.yaml());
  for (const std::string& set : request.sets()) {
    if (absl::StartsWith(set, kInitSet)) from = set.substr(kInitSet.size());
  }
  if (from.empty()) return "";
  return (std::filesystem::path(job_path).parent_path() / from).lexically_normal().string();
}

absl::Status CheckInitialWeights(const std::string& job_path, const v1::SubmitRequest& request) {
  const std::string weights = InitialWeightsPath(job_path, request);
  if (weights.empty() || access(weights.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(job_path, ": cannot read the initial weights ",
                                                 weights, " (", std::strerror(errno),
                                                 "); `init: {from}` is relative to the job file"));
}

absl::StatusOr<v1::SubmitRequest> PrepareJobFile(Session& session, const std::string& path,
                                                 const std::vector<std::string>& sets) {
  HEBB_ASSIGN_OR_RETURN(v1::SubmitRequest request, ReadJobFile(path, sets));
  const std::string weights = InitialWeightsPath(path, request);
  if (weights.empty()) return request;
  HEBB_RETURN_IF_ERROR(CheckInitialWeights(path, request));
  SlowBar bar = session.MakeBar();
  const auto show = [&bar](int64_t bytes, int64_t total) {
    bar.ShowTransfer("weights", bytes, total);
  };
  HEBB_ASSIGN_OR_RETURN(*request.mutable_init_sha256(), session.api().UploadWeights(weights, show));
  return request;
}

std::string LoginName() {
  const passwd* const entry = getpwuid(getuid());
  return entry == nullptr ? absl::StrCat(getuid()) : entry->pw_name;
}

std::string NewRequestId() {
  std::random_device device;
  const uint64_t high = (static_cast<uint64_t>(device()) << 32) | device();
  const uint64_t low = (static_cast<uint64_t>(device()) << 32) | device();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", high >> 32, high >> 16 & 0xffff,
                         high & 0xfff, 0x8000 | (low >> 48 & 0x3fff), low & 0xffffffffffff);
}

}  // namespace hebb::client
