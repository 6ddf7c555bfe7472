// SPDX-License-Identifier: Apache-2.0
#include "client/local/folders.h"

#include <cstdlib>

namespace hebb::client {
namespace {

std::string FromEnvironment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// The XDG folder, or its default below the home folder (the current folder without one).
std::string Base(const char* variable, const char* below_home) {
  const std::string folder = FromEnvironment(variable);
  if (!folder.empty()) return folder;
  const std::string home = FromEnvironment("HOME");
  return (home.empty() ? "." : home) + below_home;
}

}  // namespace

std::string DefaultStateDir() { return Base("XDG_STATE_HOME", "/.local/state") + "/hebb"; }

std::string DefaultDataDir() {
  const std::string folder = FromEnvironment("HEBB_DATA_DIR");
  return folder.empty() ? Base("XDG_DATA_HOME", "/.local/share") + "/hebb/data" : folder;
}

}  // namespace hebb::client
