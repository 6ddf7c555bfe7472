// SPDX-License-Identifier: Apache-2.0
#include "server/access/gate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/certificates.h"
#include "common/status_macros.h"

namespace hebb::access {

absl::StatusOr<Caller> Gate::Recognise(const Shown& shown) {
  if (!shown.token.empty()) {
    const std::optional<Caller> caller = tokens_->Find(shown.token);
    if (caller.has_value()) return *caller;
    return absl::UnauthenticatedError(
        "the token is not known here, or was taken back; ask an admin for another (hebb certs "
        "add)");
  }
  if (shown.certificate.empty()) {
    return absl::UnauthenticatedError(
        "no token and no certificate; give your credentials with --credentials DIR or "
        "HEBB_CREDENTIALS");
  }
  HEBB_ASSIGN_OR_RETURN(const Subject subject, SubjectOf(shown.certificate));
  const std::optional<Role> role = RoleFromName(subject.role);
  if (!role.has_value() || subject.name.empty()) {
    return absl::UnauthenticatedError(
        "the certificate names no role (OU) of viewer, user, admin, worker; make one with `hebb "
        "certs add`");
  }
  return Caller{subject.name, *role, true};
}

bool Gate::TakeFromBucket(const std::string& name, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Bucket& bucket = buckets_[name];
  const double gained =
      bucket.filled == absl::InfinitePast()
          ? options_.calls_at_once
          : absl::ToDoubleSeconds(now - bucket.filled) * options_.calls_per_second;
  bucket.calls = std::min(options_.calls_at_once, bucket.calls + std::max(gained, 0.0));
  bucket.filled = now;
  if (bucket.calls < 1) return false;
  bucket.calls -= 1;
  return true;
}

absl::StatusOr<Caller> Gate::Admit(const Shown& shown, absl::Time now) {
  const Rule* rule = RuleOf(shown.method);
  if (rule == nullptr) {
    return absl::PermissionDeniedError(absl::StrCat("there is no call ", shown.method));
  }
  if (rule->open) return Caller{"", Role::kViewer, true};
  HEBB_ASSIGN_OR_RETURN(const Caller caller, Recognise(shown));
  if (!Allows(*rule, caller.role)) {
    return absl::PermissionDeniedError(absl::StrCat(
        caller.name, " has the role ", RoleName(caller.role), "; ", shown.method,
        " is for the role ", RoleName(rule->least),
        rule->least == Role::kWorker || rule->least == Role::kAdmin ? "" : " and above"));
  }
  if (caller.role != Role::kWorker && !TakeFromBucket(caller.name, now)) {
    return absl::ResourceExhaustedError(
        absl::StrCat(caller.name, " calls more than ", options_.calls_per_second,
                     " times a second; wait a moment, and use watch instead of asking again"));
  }
  return caller;
}

}  // namespace hebb::access
