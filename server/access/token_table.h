// SPDX-License-Identifier: Apache-2.0
// The tokens that the coordinator knows: a file of their SHA-256, never of the tokens.
#ifndef HEBB_SERVER_ACCESS_TOKEN_TABLE_H_
#define HEBB_SERVER_ACCESS_TOKEN_TABLE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/rules.h"

namespace hebb::access {

// Lines "SHA256 ROLE NAME"; empty lines and those that begin with # are passed over.
// INVALID_ARGUMENT names `origin` and the line.
absl::StatusOr<std::map<std::string, Caller>> ParseTokens(absl::string_view text,
                                                          absl::string_view origin);

// Such a file, read again when it has changed (looked at once a second at most), so that a token is
// added or taken away without a restart. While the new file is broken, the old tokens stay and the
// log says why. Thread-safe.
class TokenTable {
 public:
  // NOT_FOUND, INVALID_ARGUMENT.
  static absl::StatusOr<std::unique_ptr<TokenTable>> Open(const std::string& path);

  std::optional<Caller> Find(absl::string_view token);

 private:
  explicit TokenTable(std::string path) : path_(std::move(path)) {}
  absl::Status Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  std::map<std::string, Caller> callers_ ABSL_GUARDED_BY(mutex_);  // by the token's SHA-256
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::string version_ ABSL_GUARDED_BY(mutex_);  // of the file: its times, number and size
};

}  // namespace hebb::access

#endif  // HEBB_SERVER_ACCESS_TOKEN_TABLE_H_
