// SPDX-License-Identifier: Apache-2.0
// What is proven: a log that has become long is set aside with its last lines, whoever writes it
// writes on into the empty one, and neither grows beyond the bound for long.
#include "client/local/log_bound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/local/process.h"
#include "common/files.h"
#include "tests/testing/temporary_folder.h"
#include "tests/testing/wait.h"

namespace hebb::client {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

class LogBoundTest : public ::testing::Test {
 protected:
  int64_t Size(const std::string& path) const {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : static_cast<int64_t>(size);
  }

  const hebb::testing::TemporaryFolder folder_;
  const std::string log_ = folder_ / "worker-0.log";
  const std::string aside_ = folder_ / "worker-0.log.1";
};

TEST_F(LogBoundTest, AShortLogAndNoLogAreLeftAlone) {
  EXPECT_TRUE(BoundLog(log_, 10).ok());
  std::ofstream(log_) << "0123456789";
  EXPECT_TRUE(BoundLog(log_, 10).ok());
  EXPECT_EQ(*ReadFile(log_), "0123456789");
  EXPECT_FALSE(std::filesystem::exists(aside_));
}

TEST_F(LogBoundTest, ALongLogIsSetAsideWithItsEnd) {
  std::ofstream(aside_) << "the one before, which was longer";
  std::ofstream(log_) << "old 0123456789";
  EXPECT_TRUE(BoundLog(log_, 10).ok());
  EXPECT_EQ(*ReadFile(log_), "");
  EXPECT_EQ(*ReadFile(aside_), "0123456789");
}

TEST_F(LogBoundTest, WhereItCannotBeSetAsideItIsKept) {
  std::filesystem::create_directory(aside_);
  std::ofstream(log_) << "0123456789 and more";
  const absl::Status status = BoundLog(log_, 10);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find(aside_), absl::string_view::npos) << status;
  EXPECT_EQ(*ReadFile(log_), "0123456789 and more");
}

TEST_F(LogBoundTest, AProgramThatWritesGoesOnInTheEmptyLog) {
  constexpr int64_t kBytes = 4096;
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", "while :; do echo a line of some length; done"};
  options.log_path = log_;
  options.parent_death_signal = SIGKILL;
  const auto id = Spawn(options);
  ASSERT_TRUE(id.ok()) << id.status();
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(testing_support::WaitUntil([this] { return Size(log_) > kBytes; })) << round;
    kill(id->pid, SIGSTOP);  // or it writes while the sizes are looked at
    waitpid(id->pid, nullptr, WUNTRACED);
    EXPECT_TRUE(BoundLog(log_, kBytes).ok());
    EXPECT_EQ(Size(log_), 0);
    EXPECT_EQ(Size(aside_), kBytes);
    EXPECT_THAT(*ReadFile(aside_), EndsWith("a line of some length\n"));
    kill(id->pid, SIGCONT);
  }
  EXPECT_TRUE(testing_support::WaitUntil([this] { return Size(log_) > 0; }));
  kill(id->pid, SIGKILL);
  waitpid(id->pid, nullptr, 0);
  EXPECT_THAT(*ReadFile(log_), StartsWith("a line of some length\n")) << "written at its old place";
}

}  // namespace
}  // namespace hebb::client
