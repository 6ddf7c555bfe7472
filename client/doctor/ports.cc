// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/ports.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/doctor/probe.h"
#include "client/local/ports.h"
#include "client/local/programs.h"

namespace hebb::client::doctor {
namespace {

// Columns of /proc/net/tcp.
constexpr size_t kLocalAddress = 1;
constexpr size_t kState = 3;
constexpr size_t kInode = 9;
constexpr char kListening[] = "0A";

// "socket:[INODE]" of all sockets that listen on the port.
std::set<std::string> ListeningSockets(int port) {
  std::set<std::string> sockets;
  const std::string suffix = absl::StrFormat(":%04X", port);
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (words.size() > kInode && words[kState] == kListening &&
          absl::EndsWith(words[kLocalAddress], suffix)) {
        sockets.insert(absl::StrCat("socket:[", words[kInode], "]"));
      }
    }
  }
  return sockets;
}

bool Holds(const std::filesystem::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(process / "fd", error)) {
    std::array<char, 64> target = {};
    const ssize_t length = readlink(entry.path().c_str(), target.data(), target.size() - 1);
    if (length > 0 && sockets.contains(std::string(target.data(), length))) return true;
  }
  return false;
}

}  // namespace

PortOwner LookAtPort(int port) {
  PortOwner owner;
  owner.taken = !ChoosePort(port, "").ok();
  const std::set<std::string> sockets = ListeningSockets(port);
  if (!owner.taken || sockets.empty()) return owner;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    if (!Holds(entry.path(), sockets)) continue;
    owner.pid = pid;
    owner.program = std::filesystem::read_symlink(entry.path() / "exe", error).filename().string();
    break;
  }
  return owner;
}

Finding JudgePort(const std::string& check, int port, const std::string& option,
                  const PortOwner& owner) {
  if (!owner.taken) return Ok(check, absl::StrCat(port, " is free on 127.0.0.1"));
  const std::string who = owner.program.empty()
                              ? std::string("a program of somebody else")
                              : absl::StrCat(owner.program, " (pid ", owner.pid, ")");
  const std::string found = absl::StrCat(port, " is taken by ", who);
  if (absl::StartsWith(owner.program, "hebb-coordinator")) return Ok(check, found);
  return Warning(check, found,
                 absl::StrCat("give `hebb up` another one with ", option, " (0: any free one)"));
}

Findings CheckPorts() {
  const UpOptions defaults;
  return {
      JudgePort("port.grpc", defaults.port, "--port", LookAtPort(defaults.port)),
      JudgePort("port.http", defaults.http_port, "--http-port", LookAtPort(defaults.http_port))};
}

}  // namespace hebb::client::doctor
