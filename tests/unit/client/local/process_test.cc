// SPDX-License-Identifier: Apache-2.0
// Real child processes: started with their output in a log, known by pid and start time, ended
// politely or by force, and never confused with a later process of the same pid.
#include "client/local/process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/local/ports.h"
#include "tests/testing/wait.h"

namespace hebb::client {
namespace {

class ProcessTest : public testing::Test {
 protected:
  absl::StatusOr<ProcessId> Shell(const std::string& script) {
    SpawnOptions options;
    options.argv = {"/bin/sh", "-c", script};
    options.log_path = log_;
    options.parent_death_signal = SIGKILL;
    auto id = Spawn(options);
    if (id.ok()) started_.push_back(id->pid);
    return id;
  }

  // The first line in the log, once it is there.
  std::string FirstLine() {
    testing_support::WaitUntil([&] { return !LogTail(log_, 1).empty(); });
    return LogTail(log_, 1);
  }

  ~ProcessTest() override {
    for (const pid_t pid : started_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    unlink(log_.c_str());
  }

  const std::string log_ = absl::StrCat(testing::TempDir(), "/process_test.", getpid(), ".log");
  std::vector<pid_t> started_;
};

TEST_F(ProcessTest, WritesItsOutputToTheLog) {
  const auto id = Shell("echo hello; echo world >&2; exec sleep 60");
  ASSERT_TRUE(id.ok()) << id.status();
  FirstLine();
  testing_support::WaitUntil([&] { return LogTail(log_, 2) == "hello\nworld"; });
  EXPECT_EQ(LogTail(log_, 1), "world");
  EXPECT_EQ(LogTail(log_, 5), "hello\nworld");
  EXPECT_EQ(LogTail(log_, 5, 6), "world");
  EXPECT_TRUE(IsAlive(*id));
  EXPECT_EQ(getpgid(id->pid), id->pid);  // Ctrl-C at the terminal does not reach it
}

TEST_F(ProcessTest, AMissingProgramIsNotFoundByName) {
  SpawnOptions options;
  options.argv = {"/nowhere/hebb-worker"};
  options.log_path = log_;
  const absl::Status status = Spawn(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("/nowhere/hebb-worker"), absl::string_view::npos);
  EXPECT_TRUE(ChildrenOf(getpid()).empty()) << "a child is left";
}

TEST_F(ProcessTest, ChildrenAreFoundByTheirParent) {
  const auto id = Shell("exec sleep 60");
  ASSERT_TRUE(id.ok());
  const std::vector<pid_t> children = ChildrenOf(getpid());
  EXPECT_NE(std::find(children.begin(), children.end(), id->pid), children.end());
}

TEST_F(ProcessTest, APoliteProcessEndsAtTheFirstSignal) {
  const auto id = Shell("exec sleep 60");
  ASSERT_TRUE(id.ok());
  EXPECT_TRUE(EndProcesses({*id}, absl::Seconds(20)));
  int status = 0;
  waitpid(id->pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(ProcessTest, ADeafProcessIsKilledAfterTheGrace) {
  const auto id = Shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
  ASSERT_TRUE(id.ok());
  ASSERT_EQ(FirstLine(), "deaf");
  EXPECT_TRUE(EndProcesses({*id}, absl::Milliseconds(50)));
  int status = 0;
  waitpid(id->pid, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(ProcessTest, AStoppedProcessIsKilledWithoutGrace) {
  const auto id = Shell("exec sleep 60");
  ASSERT_TRUE(id.ok());
  kill(id->pid, SIGSTOP);
  int status = 0;
  waitpid(id->pid, &status, WUNTRACED);
  EXPECT_TRUE(IsStopped(id->pid));
  const absl::Time start = absl::Now();
  EXPECT_TRUE(EndProcesses({*id}, absl::Seconds(30)));
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

TEST_F(ProcessTest, AnotherStartTimeIsAnotherProcess) {
  const auto id = Shell("exec sleep 60");
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(*IdentifyProcess(id->pid), *id);
  const ProcessId earlier = {id->pid, "1"};
  EXPECT_FALSE(IsAlive(earlier));
  EXPECT_TRUE(EndProcesses({earlier}, absl::ZeroDuration()));
  EXPECT_TRUE(IsAlive(*id)) << "a stranger was killed";
}

TEST_F(ProcessTest, AZombieIsNotAlive) {
  const auto id = Shell("exit 3");
  ASSERT_TRUE(id.ok());
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, id->pid, &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(IsAlive(*id));
}

TEST(PortsTest, AFreePortIsBelowThoseOfOutgoingConnections) {
  const auto port = ChoosePort(0, "--port");
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_GE(*port, 1024);
  EXPECT_LT(*port, 32768);
  EXPECT_EQ(ChoosePort(*port, "--port").value(), *port);
}

}  // namespace
}  // namespace hebb::client
