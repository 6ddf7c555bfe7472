// SPDX-License-Identifier: Apache-2.0
// The roles of people and programs (docs/security.md), as certificates and token files name them.
#ifndef HEBB_COMMON_ROLES_H_
#define HEBB_COMMON_ROLES_H_

#include <array>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"

namespace hebb {

// A viewer reads, a user also submits and steers what is its own, an admin everything of everybody.
// A worker may do what workers do, and nothing else.
enum class Role { kViewer, kUser, kAdmin, kWorker };

inline constexpr std::array<std::pair<Role, absl::string_view>, 4> kRoleNames = {{
    {Role::kViewer, "viewer"},
    {Role::kUser, "user"},
    {Role::kAdmin, "admin"},
    {Role::kWorker, "worker"},
}};

inline absl::string_view RoleName(Role role) {
  for (const auto& [value, name] : kRoleNames) {
    if (value == role) return name;
  }
  return "unknown";
}

inline std::optional<Role> RoleFromName(absl::string_view name) {
  for (const auto& [value, text] : kRoleNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

}  // namespace hebb

#endif  // HEBB_COMMON_ROLES_H_
