// SPDX-License-Identifier: Apache-2.0
// Who may call what: one table over all RPCs. Pure.
#ifndef HEBB_SERVER_ACCESS_RULES_H_
#define HEBB_SERVER_ACCESS_RULES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/roles.h"

namespace hebb::access {

using hebb::Role;

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
