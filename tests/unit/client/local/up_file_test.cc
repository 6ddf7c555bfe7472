// SPDX-License-Identifier: Apache-2.0
// up.json reads back as written; a missing one and a damaged one are told apart.
#include "client/local/up_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace hebb::client {
namespace {

class UpFileTest : public testing::Test {
 protected:
  UpFileTest() : folder_(absl::StrCat(testing::TempDir(), "/up_file_test.", getpid())) {
    EXPECT_TRUE(MakeFolder(folder_).ok());
  }
  ~UpFileTest() override {
    RemoveUpFile(folder_);
    rmdir(folder_.c_str());
  }
  const std::string folder_;
};

TEST_F(UpFileTest, ReadsBackAsWritten) {
  UpFile file;
  file.address = "127.0.0.1:7070";
  file.http = "127.0.0.1:7071";
  file.comm = "gloo";
  file.supervisor = {1, "10"};
  file.coordinator = {2, "20"};
  file.workers = {{"worker-0", {3, "30"}}, {"worker-1", {0, ""}}};
  ASSERT_TRUE(WriteUpFile(folder_, file).ok());
  const auto read = ReadUpFile(folder_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->address, file.address);
  EXPECT_EQ(read->http, file.http);
  EXPECT_EQ(read->comm, file.comm);
  EXPECT_EQ(read->supervisor, file.supervisor);
  EXPECT_EQ(read->coordinator, file.coordinator);
  ASSERT_EQ(read->workers.size(), 2u);
  EXPECT_EQ(read->workers[0].name, "worker-0");
  EXPECT_EQ(read->workers[0].id, file.workers[0].id);
}

TEST_F(UpFileTest, NoneIsNotFound) {
  EXPECT_EQ(ReadUpFile(folder_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(UpFileTest, ADamagedOneSaysSo) {
  for (const char* text : {"", "{", "[]", "{\"address\": 3}"}) {
    ASSERT_TRUE(WriteFileAtomically(UpFilePath(folder_), text).ok());
    EXPECT_EQ(ReadUpFile(folder_).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

}  // namespace
}  // namespace hebb::client
