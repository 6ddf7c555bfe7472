// SPDX-License-Identifier: Apache-2.0
// The tree keeps to the rules, but for what exceptions.txt admits. That each check can fail is
// proved by checks_test.cc. HEBB_TIDY_ROOT judges another tree.
#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_join.h"
#include "common/files.h"
#include "tests/tidy/checks.h"
#include "tests/tidy/ratchet.h"

namespace hebb::tidy {
namespace {

TEST(TreeTest, KeepsToTheRules) {
  const char* other = std::getenv("HEBB_TIDY_ROOT");
  const std::string root = other != nullptr ? other : HEBB_SOURCE_DIR;
  const std::vector<SourceFile> tree = ReadTree(root);
  ASSERT_GT(tree.size(), 100u) << root << " is not the source tree";
  const auto text = ReadFile(root + "/tests/tidy/exceptions.txt");
  ASSERT_TRUE(text.ok()) << text.status();
  const auto exceptions = ParseExceptions(*text);
  ASSERT_TRUE(exceptions.ok()) << exceptions.status();
  const std::vector<std::string> todo = Judge(CheckAll(tree), *exceptions);
  EXPECT_TRUE(todo.empty()) << absl::StrJoin(todo, "\n");
}

}  // namespace
}  // namespace hebb::tidy
