// SPDX-License-Identifier: Apache-2.0
#include "server/access/token_table.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"

namespace hebb::access {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);

std::string VersionOf(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return "";
  return absl::StrCat(facts.st_ino, " ", facts.st_size, " ", facts.st_mtim.tv_sec, ".",
                      facts.st_mtim.tv_nsec);
}

}  // namespace

absl::StatusOr<std::map<std::string, Caller>> ParseTokens(absl::string_view text,
                                                          absl::string_view origin) {
  std::map<std::string, Caller> callers;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    const auto role = words.size() == 3 ? RoleFromName(words[1]) : std::nullopt;
    if (!role.has_value() || words[0].size() != 64) {
      return absl::InvalidArgumentError(absl::StrCat(
          origin, ":", number, ": not \"SHA256 ROLE NAME\"; write lines with `hebb certs add`"));
    }
    callers[std::string(words[0])] = Caller{std::string(words[2]), *role, true};
  }
  return callers;
}

absl::StatusOr<std::unique_ptr<TokenTable>> TokenTable::Open(const std::string& path) {
  std::unique_ptr<TokenTable> table(new TokenTable(path));
  absl::MutexLock lock(&table->mutex_);
  HEBB_RETURN_IF_ERROR(table->Read());
  return table;
}

absl::Status TokenTable::Read() {
  version_ = VersionOf(path_);
  looked_ = SteadyNow();
  HEBB_ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
  HEBB_ASSIGN_OR_RETURN(callers_, ParseTokens(text, path_));
  return absl::OkStatus();
}

std::optional<Caller> TokenTable::Find(absl::string_view token) {
  const std::string digest = Sha256Hex(token);
  absl::MutexLock lock(&mutex_);
  if (SteadyNow() - looked_ >= kLookEvery) {
    looked_ = SteadyNow();
    if (VersionOf(path_) != version_) {
      const absl::Status read = Read();
      if (!read.ok()) LogError(absl::StrCat("the old tokens stay: ", read.message()));
    }
  }
  const auto found = callers_.find(digest);
  return found == callers_.end() ? std::nullopt : std::optional<Caller>(found->second);
}

}  // namespace hebb::access
