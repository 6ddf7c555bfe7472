// SPDX-License-Identifier: Apache-2.0
// Proves that workers of one machine leave each other's folders alone and clear those of the dead.
#include "worker/runtime/work_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace hebb::runtime {
namespace {

namespace fs = std::filesystem;

class WorkFolderTest : public ::testing::Test {
 protected:
  WorkFolderTest() { fs::remove_all(parent_); }
  ~WorkFolderTest() override { fs::remove_all(parent_); }
  const std::string parent_ = absl::StrCat(::testing::TempDir(), "hebb-work-folder");
};

TEST_F(WorkFolderTest, IsGoneWithItsOwner) {
  std::string path;
  {
    const auto folder = WorkFolder::Create(parent_);
    ASSERT_TRUE(folder.ok()) << folder.status();
    path = (*folder)->path();
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(WorkFolderTest, RemovesThoseOfTheDeadAndKeepsThoseOfTheLiving) {
  fs::create_directories(parent_ + "/worker-1/job-a-1");
  fs::create_directories(parent_ + "/worker-2");
  fs::create_directories(parent_ + "/precious");
  const auto living = datasets::FolderLock::Acquire(parent_ + "/worker-2", absl::Seconds(1));
  ASSERT_TRUE(living.ok());
  const auto folder = WorkFolder::Create(parent_);
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_FALSE(fs::exists(parent_ + "/worker-1"));
  EXPECT_TRUE(fs::exists(parent_ + "/worker-2"));
  EXPECT_TRUE(fs::exists(parent_ + "/precious"));
}

}  // namespace
}  // namespace hebb::runtime
