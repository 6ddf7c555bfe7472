// SPDX-License-Identifier: Apache-2.0
// The list of kinds of events is closed, without doubles, and the one that users are told.
#include "server/job/event_kind.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace hebb::job {
namespace {

TEST(EventKind, EachWordIsInTheListOnceAndComesBack) {
  const std::set<absl::string_view> words(kEventKinds.begin(), kEventKinds.end());
  EXPECT_EQ(words.size(), kEventKinds.size());
  for (const absl::string_view word : kEventKinds) {
    ASSERT_TRUE(EventKind::FromWord(word).has_value()) << word;
    EXPECT_EQ(EventKind::FromWord(word)->word(), word);
  }
  EXPECT_EQ(EventKind::FromWord("worker_lost"), EventKind("worker_lost"));
}

TEST(EventKind, AnyOtherWordIsNone) {
  EXPECT_FALSE(EventKind::FromWord("worker").has_value());
  EXPECT_FALSE(EventKind::FromWord("").has_value());
  EXPECT_EQ(EventKind().word(), "");
}

TEST(EventKind, EachIsExplainedToUsers) {
  const auto page = ReadFile(HEBB_OPERATIONS_PAGE);
  ASSERT_TRUE(page.ok()) << page.status();
  for (const absl::string_view word : kEventKinds) {
    EXPECT_TRUE(absl::StrContains(*page, absl::StrCat("`", word, "`"))) << word;
  }
}

}  // namespace
}  // namespace hebb::job
