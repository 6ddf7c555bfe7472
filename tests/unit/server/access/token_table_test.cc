// SPDX-License-Identifier: Apache-2.0
#include "server/access/token_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/wait.h"

namespace hebb::access {
namespace {

using ::testing::HasSubstr;

std::string Line(const std::string& token, const std::string& role, const std::string& name) {
  return absl::StrCat(Sha256Hex(token), " ", role, " ", name, "\n");
}

TEST(TokenTableTest, KnowsTokensByTheirDigest) {
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(
      WriteFileAtomically(folder / "tokens", "# people\n\n" + Line("secret", "user", "ann")).ok());
  const auto table = TokenTable::Open(folder / "tokens");
  ASSERT_TRUE(table.ok()) << table.status();
  const auto ann = (*table)->Find("secret");
  ASSERT_TRUE(ann.has_value());
  EXPECT_EQ(ann->name, "ann");
  EXPECT_EQ(ann->role, Role::kUser);
  EXPECT_TRUE(ann->authenticated);
  EXPECT_FALSE((*table)->Find("").has_value());
  EXPECT_FALSE((*table)->Find(Sha256Hex("secret")).has_value());  // the file gives nothing away
}

TEST(TokenTableTest, LinesThatAreNoneAreRefusedByNumber) {
  for (const char* line : {"secret user ann", "root", "0123 user ann"}) {
    const auto read = ParseTokens(absl::StrCat("# one\n", line, "\n"), "tokens");
    EXPECT_TRUE(absl::IsInvalidArgument(read.status())) << line;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("tokens:2: "));
    EXPECT_THAT(std::string(read.status().message()), ::testing::Not(HasSubstr("secret")));
  }
}

TEST(TokenTableTest, FollowsTheFileAndKeepsTheOldOneWhileTheNewIsBroken) {
  const testing::TemporaryFolder folder;
  const std::string path = folder / "tokens";
  ASSERT_TRUE(WriteFileAtomically(path, Line("one", "user", "ann")).ok());
  const auto table = TokenTable::Open(path);
  ASSERT_TRUE(table.ok());
  ASSERT_TRUE(WriteFileAtomically(path, Line("two", "admin", "bob")).ok());
  EXPECT_TRUE(testing_support::WaitUntil([&] { return (*table)->Find("two").has_value(); },
                                         absl::Seconds(10)));
  EXPECT_FALSE((*table)->Find("one").has_value());  // taken back
  ASSERT_TRUE(WriteFileAtomically(path, "broken\n").ok());
  // Whether it was looked at or not: the token stays good.
  EXPECT_FALSE(testing_support::WaitUntil([&] { return !(*table)->Find("two").has_value(); },
                                          absl::Seconds(2)));
}

}  // namespace
}  // namespace hebb::access
