// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/plugin.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"

namespace hebb::gpu {
namespace {

namespace fs = std::filesystem;

constexpr char kPluginFile[] = "libhebb_cuda.so";
constexpr char kPluginVariable[] = "HEBB_CUDA_PLUGIN";
constexpr char kLibrariesVariable[] = "HEBB_CUDA_LIBRARY_PATH";

// What the plugin needs, and what cuDNN opens on its own, each after what it needs itself.
constexpr const char* kCudaLibraries[] = {"libcudart",
                                          "libnvJitLink",
                                          "libnvrtc",
                                          "libcublasLt",
                                          "libcublas",
                                          "libcudnn_graph",
                                          "libcudnn_ops",
                                          "libcudnn_cnn",
                                          "libcudnn_heuristic",
                                          "libcudnn_engines_precompiled",
                                          "libcudnn_engines_runtime_compiled",
                                          "libcudnn",
                                          "libnccl"};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

std::vector<std::string> Candidates(const std::string& path) {
  if (!path.empty()) return {path};
  if (std::string named = Variable(kPluginVariable); !named.empty()) return {std::move(named)};
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return {};
  return {folder / kPluginFile, folder.parent_path() / "lib" / kPluginFile};
}

std::string LastError() {
  const char* text = dlerror();
  return text == nullptr ? "unknown error" : text;
}

// Files of `folder` that are a version of the library, such as libcudart.so.13.
std::vector<std::string> VersionsOf(const std::string& library, const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    if (absl::StartsWith(item->path().filename().string(), absl::StrCat(library, ".so."))) {
      found.push_back(item->path().string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The loader takes a library that is open already for one of the same name that it looks for, and
// no library is given the symbols of another version's. Of one name the first folder's that opens
// is taken: a second copy would be of no use, and cost its start. Whatever cannot be opened is told
// by the attempt that follows.
void OpenCudaLibraries(const std::vector<std::string>& folders) {
  std::set<std::string> open;
  for (const char* library : kCudaLibraries) {
    for (const std::string& folder : folders) {
      for (const std::string& file : VersionsOf(library, folder)) {
        std::string name = fs::path(file).filename().string();
        if (open.contains(name)) continue;
        if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) open.insert(std::move(name));
      }
    }
  }
}

absl::StatusOr<void*> OpenLibrary(const std::string& file) {
  constexpr int kMode = RTLD_NOW | RTLD_LOCAL;
  if (void* library = dlopen(file.c_str(), kMode)) return library;
  std::string why = LastError();
  const std::vector<std::string> folders =
      absl::StrSplit(Variable(kLibrariesVariable), ':', absl::SkipEmpty());
  if (!folders.empty()) {
    OpenCudaLibraries(folders);
    if (void* library = dlopen(file.c_str(), kMode)) return library;
    why = LastError();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(file, " cannot be opened: ", why,
                   "; the libraries of CUDA, cuDNN and NCCL must be where the "
                   "loader looks, or in the folders that ",
                   kLibrariesVariable, " names"));
}

}  // namespace

bool HasGpu() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return false;
  using Init = int (*)(unsigned);
  using Count = int (*)(int*);
  const auto init = reinterpret_cast<Init>(dlsym(driver, "cuInit"));
  const auto count = reinterpret_cast<Count>(dlsym(driver, "cuDeviceGetCount"));
  int devices = 0;
  return init != nullptr && count != nullptr && init(0) == 0 && count(&devices) == 0 && devices > 0;
}

absl::StatusOr<Plugin*> OpenPlugin(const std::string& path, const std::string& build_id) {
  const std::vector<std::string> candidates = Candidates(path);
  const auto file = std::find_if(candidates.begin(), candidates.end(), Exists);
  if (file == candidates.end()) {
    return absl::NotFoundError(
        absl::StrCat("there is no ", absl::StrJoin(candidates, ", nor "), "; ", kPluginVariable,
                     " may name it, and builds with HEBB_WITH_CUDA=ON make it"));
  }
  HEBB_ASSIGN_OR_RETURN(void* library, OpenLibrary(*file));
  const auto make = reinterpret_cast<PluginFunction>(dlsym(library, kPluginFunction));
  if (make == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(*file, " exports no ", kPluginFunction, "; it is no plugin of Hebb's"));
  }
  Plugin* plugin = make(build_id.c_str());
  if (plugin == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(*file, " is of another build than this program, ", build_id,
                     "; take both from one build or archive"));
  }
  return plugin;
}

}  // namespace hebb::gpu
