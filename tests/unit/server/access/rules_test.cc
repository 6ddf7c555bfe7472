// SPDX-License-Identifier: Apache-2.0
#include "server/access/rules.h"

#include <gtest/gtest.h>

#include <set>

namespace hebb::access {
namespace {

TEST(RulesTest, RolesAreOrderedAndWorkersApart) {
  const Rule* list = RuleOf("/hebb.v1.Jobs/List");
  const Rule* submit = RuleOf("/hebb.v1.Jobs/Submit");
  const Rule* drain = RuleOf("/hebb.v1.Jobs/Drain");
  const Rule* attach = RuleOf("/hebb.v1.Workers/Attach");
  ASSERT_TRUE(list && submit && drain && attach);
  EXPECT_TRUE(Allows(*list, Role::kViewer) && Allows(*list, Role::kUser));
  EXPECT_FALSE(Allows(*submit, Role::kViewer));
  EXPECT_TRUE(Allows(*submit, Role::kUser) && Allows(*submit, Role::kAdmin));
  EXPECT_FALSE(Allows(*drain, Role::kUser));
  EXPECT_TRUE(Allows(*drain, Role::kAdmin));
  EXPECT_TRUE(Allows(*attach, Role::kWorker));
  for (Role role : {Role::kViewer, Role::kUser, Role::kAdmin}) {
    EXPECT_FALSE(Allows(*attach, role)) << RoleName(role);
  }
  for (const Rule* rule : {list, submit, drain}) EXPECT_FALSE(Allows(*rule, Role::kWorker));
}

TEST(RulesTest, EachCallHasOneRuleAndUnknownOnesNone) {
  std::set<absl::string_view> methods;
  for (const Rule& rule : AllRules())
    EXPECT_TRUE(methods.insert(rule.method).second) << rule.method;
  EXPECT_EQ(RuleOf("/hebb.v1.Jobs/Nothing"), nullptr);
}

TEST(RulesTest, NamesOfRolesComeBack) {
  for (Role role : {Role::kViewer, Role::kUser, Role::kAdmin, Role::kWorker}) {
    EXPECT_EQ(RoleFromName(RoleName(role)), role);
  }
  EXPECT_EQ(RoleFromName("root"), std::nullopt);
}

TEST(RulesTest, OnlyOwnersAndAdminsChangeWhatIsSomebodys) {
  EXPECT_TRUE(MayChange({"ann", Role::kUser, true}, "ann"));
  EXPECT_FALSE(MayChange({"ann", Role::kUser, true}, "bob"));
  EXPECT_FALSE(MayChange({"ann", Role::kUser, true}, ""));
  EXPECT_TRUE(MayChange({"root", Role::kAdmin, true}, "bob"));
  EXPECT_TRUE(MayChange({}, "bob"));  // nobody is authenticated here
}

}  // namespace
}  // namespace hebb::access
