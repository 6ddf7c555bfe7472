// SPDX-License-Identifier: Apache-2.0
// One coordinator a state folder: a second is refused and told who holds it, until the first is
// gone, also when it was killed.
#include "server/store/state_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::store {
namespace {

using hebb::testing::TemporaryFolder;
using ::testing::HasSubstr;

TEST(StateFolderTest, MakesTheFolderAndNamesItsParts) {
  TemporaryFolder folder;
  const std::string path = folder / "a/b";
  auto state = StateFolder::Open(path, "hebb-coordinator");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ((*state)->database(), path + "/state.db");
  EXPECT_EQ((*state)->blobs(), path + "/blobs");
  EXPECT_EQ((*state)->logs(), path + "/logs");
}

TEST(StateFolderTest, TheClusterIdStays) {
  TemporaryFolder one, other;
  const auto id_of = [](const TemporaryFolder& folder) {
    auto state = StateFolder::Open(folder.path(), "hebb-coordinator");
    return *(*state)->ClusterId();
  };
  const std::string id = id_of(one);
  EXPECT_THAT(id, ::testing::MatchesRegex("[0-9a-f]{8}"));
  EXPECT_EQ(id_of(one), id);
  EXPECT_NE(id_of(other), id);
}

TEST(StateFolderTest, ASecondHolderIsRefusedAndToldWhoHoldsIt) {
  TemporaryFolder folder;
  auto first = StateFolder::Open(folder.path(), "hebb-coordinator on 127.0.0.1:7070");
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = StateFolder::Open(folder.path(), "me too").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_THAT(
      std::string(second.message()),
      HasSubstr(absl::StrCat("in use by hebb-coordinator on 127.0.0.1:7070, pid ", getpid())));
  EXPECT_THAT(std::string(second.message()), HasSubstr("hebb down --state-dir"));
  first->reset();
  EXPECT_TRUE(StateFolder::Open(folder.path(), "me too").ok());
}

TEST(StateFolderTest, AKilledHolderHoldsNothing) {
  TemporaryFolder folder;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto state = StateFolder::Open(folder.path(), "child");
    if (write(ends[1], state.ok() ? "y" : "n", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char said = 0;
  ASSERT_EQ(read(ends[0], &said, 1), 1);
  EXPECT_EQ(said, 'y');
  EXPECT_THAT(std::string(StateFolder::Open(folder.path(), "me").status().message()),
              HasSubstr(absl::StrCat("child, pid ", child)));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(StateFolder::Open(folder.path(), "me").ok());
  close(ends[0]);
  close(ends[1]);
}

TEST(StateFolderTest, AFileInTheFoldersPlaceIsRefused) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder / "file", "x").ok());
  const absl::Status status = StateFolder::Open(folder / "file", "me").status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder / "file"));
}

}  // namespace
}  // namespace hebb::store
