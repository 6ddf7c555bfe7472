// SPDX-License-Identifier: Apache-2.0
// Who may call what: one table over all RPCs. Pure.
#ifndef HEBB_SERVER_ACCESS_RULES_H_
#define HEBB_SERVER_ACCESS_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::access {

// A viewer reads, a user also submits and steers what is its own, an admin everything of everybody.
// A worker may do what workers do, and nothing else.
enum class Role { kViewer, kUser, kAdmin, kWorker };

absl::string_view RoleName(Role role);  // "viewer" ...
std::optional<Role> RoleFromName(absl::string_view name);

struct Rule {
  absl::string_view method;  // "/hebb.v1.Jobs/Submit"
  Role least = Role::kAdmin;
  bool changes = false;  // goes into the audit trail
  bool open = false;     // for everybody, without credentials
};

// Null: there is no such RPC, and nobody may call it.
const Rule* RuleOf(absl::string_view method);
const std::vector<Rule>& AllRules();

// Whether `role` is enough for `rule`.
bool Allows(const Rule& rule, Role role);

// Who calls. Where callers are not authenticated (plain text on the loopback) everybody is admin.
struct Caller {
  std::string name;  // "" when not authenticated
  Role role = Role::kAdmin;
  bool authenticated = false;
};

// Whether `caller` may change what belongs to `owner`.
bool MayChange(const Caller& caller, absl::string_view owner);

}  // namespace hebb::access

#endif  // HEBB_SERVER_ACCESS_RULES_H_
