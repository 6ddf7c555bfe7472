// SPDX-License-Identifier: Apache-2.0
// A job file's author may be far away: dataset.path leads nowhere but below the data folder.
#include "worker/runtime/data_path.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/testing/temporary_folder.h"

namespace hebb::runtime {
namespace {

namespace fs = std::filesystem;

class DataPathTest : public ::testing::Test {
 protected:
  DataPathTest() {
    fs::create_directories(root_ + "/mine");
    fs::create_directories(folder_.path() + "/data-of-others");
    std::ofstream(root_ + "/mine/train.bin") << "x";
    std::ofstream(folder_.path() + "/data-of-others/train.bin") << "secret";
  }

  absl::Status Check(const std::string& path) { return CheckDataPath(path, root_); }

  const testing::TemporaryFolder folder_;
  const std::string root_ = folder_.path() + "/data";
};

TEST_F(DataPathTest, AFolderBelowIsTakenHoweverItIsWritten) {
  EXPECT_TRUE(Check(root_ + "/mine").ok());
  EXPECT_TRUE(Check(root_ + "/mine/").ok());
  EXPECT_TRUE(Check(root_ + "/../data/./mine").ok());
}

TEST_F(DataPathTest, NothingOutsideIs) {
  for (const std::string& path :
       {std::string("/etc"), root_ + "/../data-of-others", root_ + "/mine/../../data-of-others",
        root_ + "-of-others", root_ + "/..", root_, std::string("mine"), std::string("../..")}) {
    EXPECT_TRUE(absl::IsPermissionDenied(Check(path))) << path;
  }
}

TEST_F(DataPathTest, ALinkedFolderIsWhereItLeads) {
  fs::create_directory_symlink(folder_.path() + "/data-of-others", root_ + "/link");
  fs::create_directory_symlink(root_ + "/mine", root_ + "/inner");
  EXPECT_TRUE(absl::IsPermissionDenied(Check(root_ + "/link")));
  EXPECT_TRUE(Check(root_ + "/inner").ok());
}

TEST_F(DataPathTest, ALinkedFileInAFolderBelowIsWhereItLeads) {
  fs::create_symlink(root_ + "/mine/train.bin", root_ + "/mine/same.bin");
  EXPECT_TRUE(Check(root_ + "/mine").ok());
  fs::create_symlink("../../data-of-others/train.bin", root_ + "/mine/test.bin");
  const absl::Status status = Check(root_ + "/mine");
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_NE(status.message().find("/mine/test.bin"), absl::string_view::npos) << status;
}

TEST_F(DataPathTest, TheDataFolderMayBeALinkItself) {
  fs::create_directory_symlink(root_, folder_.path() + "/elsewhere");
  EXPECT_TRUE(CheckDataPath(root_ + "/mine", folder_.path() + "/elsewhere").ok());
}

TEST_F(DataPathTest, AFolderThatIsNotThereIsSaidToBeMissing) {
  EXPECT_TRUE(absl::IsNotFound(Check(root_ + "/nowhere")));
}

}  // namespace
}  // namespace hebb::runtime
