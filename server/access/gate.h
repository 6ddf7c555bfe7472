// SPDX-License-Identifier: Apache-2.0
// In front of every call: who is it, may it, is it too often. Knows nothing of gRPC.
#ifndef HEBB_SERVER_ACCESS_GATE_H_
#define HEBB_SERVER_ACCESS_GATE_H_

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/rules.h"
#include "server/access/token_table.h"

namespace hebb::access {

struct GateOptions {
  // Calls of one person a second, on average and at once. Workers are not bounded: what they send
  // follows from what they are asked.
  double calls_per_second = 200;
  double calls_at_once = 400;
};

// Thread-safe.
class Gate {
 public:
  Gate(GateOptions options, std::unique_ptr<TokenTable> tokens)
      : options_(options), tokens_(std::move(tokens)) {}

  // What a call shows: a token, or a certificate that TLS has verified (PEM, its first one), or
  // neither. The token counts if both are there.
  struct Shown {
    absl::string_view method;  // "/hebb.v1.Jobs/Submit"
    absl::string_view token;
    absl::string_view certificate;
  };
  // Who it is, without judging what it asks. UNAUTHENTICATED.
  absl::StatusOr<Caller> Recognise(const Shown& shown);

  // UNAUTHENTICATED: nothing, or nothing known, was shown. PERMISSION_DENIED: the role is not
  // enough, or there is no such call. RESOURCE_EXHAUSTED: too often.
  absl::StatusOr<Caller> Admit(const Shown& shown, absl::Time now);

 private:
  struct Bucket {
    double calls = 0;  // that may still be made at once
    absl::Time filled = absl::InfinitePast();
  };
  bool TakeFromBucket(const std::string& name, absl::Time now);

  const GateOptions options_;
  const std::unique_ptr<TokenTable> tokens_;
  absl::Mutex mutex_;
  std::map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);  // by caller
};

}  // namespace hebb::access

#endif  // HEBB_SERVER_ACCESS_GATE_H_
