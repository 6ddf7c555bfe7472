// SPDX-License-Identifier: Apache-2.0
// The launcher against commands that answer as SLURM's do. A real SLURM has it in
// tests/e2e/slurm_launcher_test.sh.
#include "server/launcher/slurm.h"
#include "absl/time/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "tests/testing/temporary_folder.h"

namespace hebb::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

SlurmOptions Options() {
  SlurmOptions options;
  options.cluster = "lab";
  options.program = "/opt/it's hebb/bin/hebb-worker";
  options.coordinator = "login:7070";
  options.data_dir = "/scratch/data";
  options.log_dir = "/scratch/log";
  options.defaults.partition = "cpu";
  options.defaults.account = "theory";
  options.options = {"--cpus-per-task=4"};
  options.cuda_options = {"--gres=gpu:1"};
  return options;
}

TEST(SlurmScriptTest, HasTheJobsWordsBeforeTheConfigured) {
  WorkerRequest request = {"hebb-lab-cpu-1", "cpu"};
  request.slurm.partition = "short";
  request.slurm.time = "1:00:00";
  const std::string script = SlurmScript(Options(), request);
  EXPECT_THAT(script,
              AllOf(HasSubstr("#SBATCH --job-name=hebb-lab-cpu-1\n"),
                    HasSubstr("#SBATCH --partition=short\n"),
                    HasSubstr("#SBATCH --account=theory\n"), HasSubstr("#SBATCH --time=1:00:00\n"),
                    HasSubstr("#SBATCH --cpus-per-task=4\n"), Not(HasSubstr("constraint"))));
  EXPECT_THAT(script, AllOf(Not(HasSubstr("gres")), Not(HasSubstr("--credentials")),
                            HasSubstr(" --device cpu ")))
      << "on a node with GPUs it must not take one that was not asked for";
}

TEST(SlurmScriptTest, PathsAreQuotedForTheShell) {
  EXPECT_THAT(SlurmScript(Options(), {"hebb-lab-cpu-1", "cpu"}),
              HasSubstr("exec '/opt/it'\\''s hebb/bin/hebb-worker'"));
}

TEST(SlurmScriptTest, AWorkerWithAGpuHasItsOptions) {
  SlurmOptions options = Options();
  options.credentials = "/scratch/credentials/worker";
  EXPECT_THAT(SlurmScript(options, {"hebb-lab-cuda-1", "cuda"}),
              AllOf(HasSubstr("#SBATCH --gres=gpu:1\n"), HasSubstr(" --device cuda "),
                    HasSubstr("--credentials '/scratch/credentials/worker'")));
}

TEST(ReadQueueTest, StatesAreMappedAndOthersJobsLeftOut) {
  const auto all = ReadQueue(
      "hebb-lab-cpu-1|11|PENDING|Resources|\n"
      "hebb-lab-cpu-2|12|RUNNING|None|n2\n"
      "hebb-lab-cpu-3|13|FAILED|NonZeroExitCode|n1\n"
      "hebb-lab-cpu-4|14|CANCELLED|None|n1\n"
      "hebb-lab-cpu-5|15|NODE_FAIL|None|n1\n"
      "hebb-lab-cpu-6|16|COMPLETING|None|n1\n"
      "hebb-lab2-cpu-7|17|RUNNING|None|n1\n"
      "mine|18|RUNNING|None|n1\n"
      "no line of this form\n",
      "lab");
  ASSERT_THAT(all, SizeIs(6));
  EXPECT_EQ(all[0].state, LaunchState::kPending);
  EXPECT_EQ(all[0].detail, "Resources");
  EXPECT_EQ(all[1].state, LaunchState::kRunning);
  EXPECT_EQ(all[1].handle, "12");
  EXPECT_EQ(all[1].detail, "n2");
  EXPECT_EQ(all[2].state, LaunchState::kGone);
  EXPECT_TRUE(all[2].failed);
  EXPECT_EQ(all[2].detail, "FAILED: NonZeroExitCode");
  EXPECT_FALSE(all[3].failed);
  EXPECT_TRUE(all[4].failed);
  EXPECT_EQ(all[5].state, LaunchState::kRunning);
}

// Commands of a folder that comes first in PATH.
class SlurmLauncherTest : public ::testing::Test {
 protected:
  SlurmLauncherTest() : path_(std::getenv("PATH")), launcher_(Options()) {
    setenv("PATH", absl::StrCat(folder_.path(), ":", path_).c_str(), 1);
  }
  ~SlurmLauncherTest() override { setenv("PATH", path_.c_str(), 1); }

  void Command(const std::string& name, const std::string& script) {
    const std::string file = folder_.path() + "/" + name;
    std::ofstream(file) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  testing::TemporaryFolder folder_;
  const std::string path_;
  SlurmLauncher launcher_;
  const WorkerRequest request_ = {"hebb-lab-cpu-1", "cpu"};
};

TEST_F(SlurmLauncherTest, HandsTheScriptToSbatch) {
  Command("sbatch", absl::StrCat("cat >", folder_.path(), "/script\necho '4711;main'\n"));
  const auto handle = launcher_.Ask(request_);
  ASSERT_TRUE(handle.ok()) << handle.status();
  EXPECT_EQ(*handle, "4711");
  EXPECT_EQ(*ReadFile(folder_.path() + "/script"), SlurmScript(Options(), request_));
}

TEST_F(SlurmLauncherTest, ARefusalHasSlurmsWordsInOneLine) {
  Command("sbatch",
          "echo 'sbatch: error: invalid partition specified: nowhere' >&2\n"
          "echo 'sbatch: error: Batch job submission failed' >&2\nexit 1\n");
  const absl::Status status = launcher_.Ask(request_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(status.message(),
            "sbatch: error: invalid partition specified: nowhere; sbatch: error: Batch job "
            "submission failed");
}

TEST_F(SlurmLauncherTest, RefusalsAreToldApart) {
  const auto refused_with = [&](const std::string& words) {
    Command("sbatch", absl::StrCat("echo '", words, "' >&2\nexit 1\n"));
    return launcher_.Ask(request_).status().code();
  };
  EXPECT_EQ(refused_with("sbatch: error: Unable to contact slurm controller (connect failure)"),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(refused_with("sbatch: error: QOSMaxSubmitJobPerUserLimit"),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused_with("sbatch: error: Access denied to account"),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(SlurmLauncherTest, ACommandThatHangsIsEnded) {
  SlurmOptions options = Options();
  options.call_within = absl::Milliseconds(200);
  Command("squeue", "exec sleep 1000\n");
  const absl::Status status = SlurmLauncher(options).Observe().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("squeue did not answer within 200ms"));
}

TEST_F(SlurmLauncherTest, WithoutSlurmItSaysWhatIsMissing) {
  setenv("PATH", folder_.path().c_str(), 1);
  EXPECT_THAT(std::string(launcher_.Observe().status().message()),
              AllOf(HasSubstr("no program squeue"), HasSubstr("PATH")));
}

TEST_F(SlurmLauncherTest, LettingGoOfWhatIsGoneIsNoError) {
  Command("scancel", "echo 'scancel: error: Invalid job id 5' >&2\nexit 1\n");
  EXPECT_TRUE(launcher_.LetGo("5").ok());
}

}  // namespace
}  // namespace hebb::launcher
