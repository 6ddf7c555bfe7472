// SPDX-License-Identifier: Apache-2.0
// Who may include whom: the picture of docs/architecture.md as two tables. A folder that is in no
// table is refused, so that a new one is given its place on purpose.
#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/tidy/checks.h"

namespace hebb::tidy {
namespace {

using Folders = std::set<std::string>;

// Ours, transitively closed by hand where it is meant to be: nothing follows from anything.
const std::map<std::string, Folders>& MayInclude() {
  static const auto* table = new std::map<std::string, Folders>{
      {"common", {}},
      {"common/spec", {"common"}},
      {"common/sweep", {"common", "common/spec"}},
      {"common/weights", {"common"}},
      {"common/datasets", {"common", "common/spec"}},
      {"common/metrics", {"common"}},
      {"common/rpc", {"common", "common/spec", "proto"}},
      {"server/access", {"common"}},
      {"server/job", {"common"}},
      {"server/store", {"common", "server/job"}},
      {"server/scheduler", {"common", "server/job"}},
      {"server/launcher", {"common", "common/spec"}},
      {"server/http", {"common", "common/metrics", "server/job", "server/store"}},
      // Of http only the seam that control fills.
      {"server/control",
       {"common", "common/spec", "common/sweep", "server/job", "server/store", "server/scheduler",
        "server/launcher", "server/http/fleet_view.h"}},
      {"server/rpc",
       {"common", "common/spec", "common/sweep", "common/rpc", "proto", "server/access",
        "server/job", "server/store", "server/scheduler", "server/control"}},
      {"server/web",
       {"common", "common/spec", "common/weights", "common/rpc", "common/metrics", "proto",
        "server/rpc"}},
      {"server",
       {"common", "common/spec", "common/rpc", "common/metrics", "server/access", "server/job",
        "server/store", "server/scheduler", "server/launcher", "server/control", "server/rpc",
        "server/http", "server/web"}},
      {"worker/slices", {"common"}},
      {"worker/device", {"common"}},
      {"worker/nn", {"common", "common/spec", "worker/slices", "worker/device"}},
      {"worker/rules", {"common", "common/spec", "worker/device", "worker/nn"}},
      {"worker/comm", {"common", "worker/slices", "worker/device"}},
      {"worker/gpu",
       {"common", "common/spec", "common/weights", "worker/slices", "worker/device", "worker/nn",
        "worker/rules", "worker/engine", "worker/comm"}},
      {"worker/data", {"common", "common/spec", "common/datasets"}},
      {"worker/checkpoint", {"common", "common/weights"}},
      {"worker/cuda", {"common", "worker/gpu"}},
      {"worker/engine",
       {"common", "common/spec", "common/weights", "worker/slices", "worker/device", "worker/nn",
        "worker/rules"}},
      {"worker/train",
       {"common", "common/spec", "common/weights", "worker/slices", "worker/device", "worker/nn",
        "worker/rules", "worker/engine", "worker/comm", "worker/data", "worker/checkpoint"}},
      {"worker/runtime",
       {"common", "common/spec", "common/weights", "common/datasets", "common/metrics",
        "common/rpc", "proto", "worker/slices", "worker/device", "worker/engine", "worker/comm",
        "worker/gpu", "worker/data", "worker/checkpoint", "worker/train"}},
      {"worker", {"common", "common/rpc", "common/metrics", "worker/runtime", "worker/comm"}},
      {"client/onnx", {"common", "common/spec", "common/weights"}},
      {"client/plot", {"common"}},
      {"client/theory", {"common"}},
      {"client",
       {"common", "common/spec", "common/sweep", "common/weights", "common/datasets", "common/rpc",
        "proto", "client/onnx", "client/plot", "client/theory"}},
  };
  return *table;
}

struct Vendor {
  std::regex header;
  std::vector<std::string> places;  // path prefixes
};

// A vendor's header stays where it can be replaced. Tests and benchmarks may include anything.
const std::vector<Vendor>& Vendors() {
  static const auto* table = new std::vector<Vendor>{
      {std::regex("grpc(pp)?/.*|.*\\.grpc\\.pb\\.h"),
       {"common/rpc/", "server/rpc/", "server/web/", "worker/runtime/", "client/"}},
      {std::regex("google/protobuf/.*"),
       {"common/rpc/", "server/rpc/", "server/web/", "worker/runtime/", "client/"}},
      {std::regex("sqlite3\\.h"), {"server/store/sqlite.cc"}},
      {std::regex("gloo/.*|mpi\\.h"), {"worker/comm/"}},
      {std::regex("(oneapi/dnnl/)?dnnl.*"), {"worker/device/", "worker/nn/", "worker/rules/"}},
      {std::regex("cblas\\.h"), {}},  // nowhere: docs/adr/0005
      {std::regex("(cuda|cublas|cudnn|nccl|nvrtc).*"), {"worker/cuda/"}},
      {std::regex("spdlog/.*"), {"common/log.cc"}},
      {std::regex("openssl/.*"), {"common/sha256.cc", "common/certificates.cc"}},
      {std::regex("Random123/.*"), {"common/random.h"}},
      {std::regex("yaml-cpp/.*"), {"common/spec/", "client/"}},
      {std::regex("httplib\\.h"), {"common/metrics/"}},
      {std::regex("prometheus/.*"),
       {"common/metrics/", "server/http/", "server/coordinator", "worker/runtime/"}},
      {std::regex("curl/.*"), {"common/datasets/", "server/launcher/"}},
      {std::regex("zlib\\.h|lzma\\.h"), {"common/datasets/", "common/weights/"}},
      {std::regex("Eigen/.*"), {"client/theory/"}},
      {std::regex("onnx/.*"), {"client/onnx/"}},
      {std::regex("cairo\\.h|librsvg/.*"), {"client/plot/png_rsvg.cc"}},
      {std::regex("CLI/.*"), {"client/", "server/main.cc", "worker/main.cc"}},
      {std::regex("nlohmann/.*"),
       {"common/spec/", "common/weights/", "common/rpc/", "server/http/", "server/web/",
        "server/launcher/", "client/"}},
  };
  return *table;
}

// "server/store/x.cc" -> "server/store"; the client is one, but for its pure libraries.
std::string FolderOf(const std::string& path) {
  for (const char* pure : {"client/onnx", "client/plot", "client/theory"}) {
    if (absl::StartsWith(path, absl::StrCat(pure, "/"))) return pure;
  }
  if (absl::StartsWith(path, "client/")) return "client";
  if (absl::StartsWith(path, "hebb/v1/")) return "proto";
  const size_t first = path.find('/');
  const size_t second = path.find('/', first + 1);
  return path.substr(0, second == std::string::npos ? first : second);
}

bool IsOurs(const std::string& header) {
  static const auto* ours = new std::regex("(common|server|worker|client|tests|bench|hebb/v1)/.*");
  return std::regex_match(header, *ours);
}

// Empty: allowed.
std::string JudgeOurs(const std::string& from, const std::string& header) {
  const std::string to = FolderOf(header);
  if (to == from) return "";
  const auto allowed = MayInclude().find(from);
  if (allowed == MayInclude().end()) {
    return absl::StrCat("the folder ", from, " has no place in tests/tidy/dependencies.cc");
  }
  if (allowed->second.contains(to) || allowed->second.contains(header)) return "";
  return absl::StrCat(from, " must not depend on ", to);
}

std::string JudgeVendor(const std::string& path, const std::string& header) {
  for (const Vendor& vendor : Vendors()) {
    if (!std::regex_match(header, vendor.header)) continue;
    const bool placed =
        std::any_of(vendor.places.begin(), vendor.places.end(),
                    [&](const std::string& place) { return absl::StartsWith(path, place); });
    if (!placed) return absl::StrCat("<", header, "> does not belong here");
  }
  return "";
}

}  // namespace

Findings CheckIncludes(const SourceFile& file) {
  static const auto* product = new std::regex("(common|server|worker|client)/.*");
  static const auto* include = new std::regex("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]");
  Findings findings;
  if (!IsCpp(file) || !std::regex_match(file.path, *product)) return findings;
  int number = 0;
  for (const std::string& line : Lines(file.text)) {
    ++number;
    std::smatch match;
    if (!std::regex_search(line, match, *include)) continue;
    const std::string header = match[1];
    std::string problem = JudgeVendor(file.path, header);
    if (problem.empty() && IsOurs(header)) problem = JudgeOurs(FolderOf(file.path), header);
    if (!problem.empty()) findings.push_back({"include", file.path, number, 1, problem});
  }
  return findings;
}

}  // namespace hebb::tidy
