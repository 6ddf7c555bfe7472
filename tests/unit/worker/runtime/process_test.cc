// SPDX-License-Identifier: Apache-2.0
// Proves the real hebb-worker process against a fake coordinator: exit codes, farewell, HTTP, and a
// job on real numerics from Assign to the accepted result.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "common/files.h"
#include "common/metrics/http_server.h"
#include "common/weights/safetensors.h"
#include "tests/unit/worker/runtime/fake_coordinator.h"

namespace hebb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using From = v1::FromWorker;

// A child process whose stderr goes to a file.
class Process {
 public:
  Process(std::vector<std::string> arguments, const std::string& stderr_path) {
    arguments.insert(arguments.begin(), HEBB_WORKER_PATH);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, stderr_path.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
    EXPECT_EQ(posix_spawn(&pid_, HEBB_WORKER_PATH, &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    waiter_ = std::thread([this] {
      waitpid(pid_, &status_, 0);
      ended_.Notify();
    });
  }
  ~Process() {
    if (!ended_.HasBeenNotified()) kill(pid_, SIGKILL);
    waiter_.join();
  }
  void Signal(int signal) { kill(pid_, signal); }
  // -1: it did not end within 30 s or was killed.
  int ExitCode() {
    if (!ended_.WaitForNotificationWithTimeout(absl::Seconds(30))) return -1;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  absl::Notification ended_;
  std::thread waiter_;
};

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = absl::StrCat(::testing::TempDir(), "hebb-process-", test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ProcessTest() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> Arguments() const {
    return {"--coordinator", coordinator_.address(),
            "--data-dir",    folder_ + "/data",
            "--threads",     "1",
            "--device",      "cpu"};
  }
  std::string Stderr() const { return *ReadFile(folder_ + "/stderr"); }
  std::string StderrPath() const { return folder_ + "/stderr"; }

  std::string folder_;
  FakeCoordinator coordinator_;
};

TEST_F(ProcessTest, UsageErrorsExitWith2) {
  EXPECT_EQ(Process({"--data-dir", folder_}, StderrPath()).ExitCode(), 2);
  EXPECT_THAT(Stderr(), HasSubstr("--coordinator"));
  EXPECT_EQ(Process({"--coordinator", "here", "--data-dir", folder_}, StderrPath()).ExitCode(), 2);
  EXPECT_THAT(Stderr(), HasSubstr("HOST:PORT"));
}

// A machine with a GPU may have the one that is asked for.
TEST_F(ProcessTest, AGpuThatIsNotThereIsNamedAndExitsWith1) {
  std::vector<std::string> arguments = Arguments();
  arguments.back() = "cuda:9999";
  EXPECT_EQ(Process(arguments, StderrPath()).ExitCode(), 1);
  EXPECT_THAT(Stderr(), HasSubstr("--device cuda"));
  arguments.back() = "cuba";
  EXPECT_EQ(Process(arguments, StderrPath()).ExitCode(), 2);
  EXPECT_THAT(Stderr(), HasSubstr("cuba is not auto, cpu, cuda or cuda:N"));
}

TEST_F(ProcessTest, RefusedWorkerExitsWith3AndTheReason) {
  // What the real coordinator says (GangLifeTest.WorkerOfAnotherVersionIsRefusedByName).
  const std::string reason =
      "worker a (build 2.0) speaks protocol 2, this coordinator 1; install the same version of "
      "Hebb on both";
  coordinator_.RefuseWith(reason);
  EXPECT_EQ(Process(Arguments(), StderrPath()).ExitCode(), 3);
  std::vector<std::string> errors;
  for (const absl::string_view line : absl::StrSplit(Stderr(), '\n')) {
    if (absl::StrContains(line, "error")) errors.emplace_back(line);
  }
  EXPECT_THAT(errors, ElementsAre(HasSubstr("refused by the coordinator: " + reason)));
}

TEST_F(ProcessTest, TakenHttpPortIsNamedAndExitsWith1) {
  const auto taken = metrics::HttpServer::Listen("127.0.0.1:0");
  ASSERT_TRUE(taken.ok());
  (*taken)->Start();
  std::vector<std::string> arguments = Arguments();
  arguments.insert(arguments.end(), {"--http", (*taken)->address()});
  EXPECT_EQ(Process(arguments, StderrPath()).ExitCode(), 1);
  EXPECT_THAT(Stderr(), HasSubstr((*taken)->address()));
}

TEST_F(ProcessTest, SigtermSaysFarewellAndExitsWith0) {
  Process worker(Arguments(), StderrPath());
  coordinator_.Await(From::kHeartbeat);
  worker.Signal(SIGTERM);
  EXPECT_EQ(worker.ExitCode(), 0);
  EXPECT_EQ(coordinator_.Await(From::kFarewell).message.farewell().reason(),
            "terminated by Terminated");
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "/data/spool"));
}

TEST_F(ProcessTest, SigtermEndsAWorkerThatHasNoCoordinator) {
  coordinator_.GoAway();
  std::vector<std::string> arguments = Arguments();
  Process worker(arguments, StderrPath());
  coordinator_.ComeBack();  // it is up once it has attached
  coordinator_.Await(From::kHello);
  coordinator_.GoAway();
  worker.Signal(SIGINT);
  EXPECT_EQ(worker.ExitCode(), 0);
}

TEST_F(ProcessTest, TrainsAJobOfItsOwnFromAssignToAcceptance) {
  Process worker(Arguments(), StderrPath());
  const v1::Worker identity = coordinator_.Await(From::kHello).message.hello().worker();
  EXPECT_EQ(identity.device(), "cpu");
  EXPECT_EQ(identity.threads(), 1);
  EXPECT_FALSE(identity.kernel_family().empty());
  v1::ToWorker assign = AssignMessage();
  assign.mutable_assign()->mutable_spec()->mutable_learning()->set_batch_size(500);
  assign.mutable_assign()->mutable_spec()->mutable_learning()->set_epochs(1);
  coordinator_.Send(assign);
  const v1::MemberReport report = coordinator_.Await(From::kReport).message.report();
  ASSERT_FALSE(report.fatal()) << report.cause();
  coordinator_.Send(FormMessage(1));
  EXPECT_EQ(coordinator_.Await(From::kEpoch).message.epoch().record().epoch(), 1);
  const v1::AttemptResult result = coordinator_.Await(From::kResult).message.result();
  EXPECT_EQ(result.outcome(), v1::AttemptResult::SUCCEEDED);
  EXPECT_GT(result.metrics().test_accuracy(), 0.2);  // guessing: 0.1
  ASSERT_FALSE(coordinator_.uploads().empty());
  const auto file = weights::Parse(coordinator_.uploads().back().bytes, "upload");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(weights::WeightsDigest(file->tensors), result.weights_digest());
  EXPECT_NE(report.weights_digest(), result.weights_digest());
  coordinator_.Send(AcceptedMessage(1));
  worker.Signal(SIGTERM);
  EXPECT_EQ(worker.ExitCode(), 0);
}

TEST_F(ProcessTest, BadDataIsReportedAndTheWorkerLivesOn) {
  Process worker(Arguments(), StderrPath());
  v1::ToWorker assign = AssignMessage();
  assign.mutable_assign()->mutable_spec()->mutable_dataset()->set_name("mnist");
  assign.mutable_assign()->mutable_spec()->mutable_dataset()->set_path(folder_ + "/nothing");
  coordinator_.Send(assign);
  const v1::MemberReport report = coordinator_.Await(From::kReport).message.report();
  EXPECT_TRUE(report.fatal());
  EXPECT_THAT(report.cause(), HasSubstr(folder_ + "/nothing"));
  coordinator_.Send(ReleaseMessage(1));
  coordinator_.Send(AssignMessage(2));
  EXPECT_FALSE(coordinator_.Await(From::kReport).message.report().fatal());
}

}  // namespace
}  // namespace hebb::runtime
