// SPDX-License-Identifier: Apache-2.0
// What is proven: a file that is read again has the same tree and places as the first time, from
// many threads too; faults are told each time; however many files come, few are kept.
#include "common/spec/recent_files.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/spec/json_tree.h"
#include "common/spec/yaml_tree.h"

namespace hebb::spec {
namespace {

std::string Text(int number) { return absl::StrCat("name: n", number, "\nlist: [1, {a: b}]\n"); }

void ExpectAsParsed(RecentFiles& files, const std::string& text) {
  std::vector<Problem> problems;
  const Tree tree = files.Parse(text, problems);
  const Tree parsed = ParseYaml(text, -1, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(TreeToJson(tree), TreeToJson(parsed));
  EXPECT_EQ(PlaceOf(tree, "list.1.a").column, PlaceOf(parsed, "list.1.a").column);
}

TEST(RecentFilesTest, TheSameTreeEachTimeHoweverManyOthersComeBetween) {
  RecentFiles files;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3 * static_cast<int>(RecentFiles::kKept); ++i) {
      ExpectAsParsed(files, Text(i));
      ExpectAsParsed(files, Text(0));
    }
  }
  ExpectAsParsed(files, absl::StrCat("# ", std::string(RecentFiles::kLongest, 'x'), "\n", Text(1)));
}

TEST(RecentFilesTest, FaultsAreToldEachTime) {
  RecentFiles files;
  for (int round = 1; round <= 2; ++round) {
    std::vector<Problem> problems;
    files.Parse("name: [", problems);
    EXPECT_EQ(problems.size(), 1u) << round;
  }
}

TEST(RecentFilesTest, ServesManyThreads) {
  RecentFiles files;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&files] {
      for (int j = 0; j < 200; ++j) ExpectAsParsed(files, Text(j % 20));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace hebb::spec
