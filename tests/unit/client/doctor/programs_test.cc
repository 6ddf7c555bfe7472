// SPDX-License-Identifier: Apache-2.0
// Programs with a limit of time, and what is made of the answers of hebb-worker.
#include "client/doctor/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "absl/time/clock.h"
#include "client/doctor/probe.h"
#include "tests/testing/wait.h"

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kAnswer[] =
    R"({"build":"1.2.3+abc","kernel_family":"onednn-2.6.3-avx2","libraries":{"MPI":"Open MPI v4"},)"
    R"("gloo":{"error":"","milliseconds":12}})";

absl::StatusOr<ProgramEnd> Shell(const std::string& script,
                                 absl::Duration limit = absl::Seconds(20)) {
  return RunProgram({"/bin/sh", "-c", script}, limit);
}

TEST(ProbeTest, ProgramsEndIsItsCodeAndItsWords) {
  const absl::StatusOr<ProgramEnd> end = Shell("echo one; echo two >&2; exit 3");
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->output, "one\ntwo\n");
  EXPECT_EQ(Shell("kill -KILL $$")->exit_code, -1);
  EXPECT_TRUE(absl::IsNotFound(RunProgram({"/nowhere/at/all"}, absl::Seconds(1)).status()));
}

TEST(ProbeTest, ProgramThatDoesNotEndIsKilledWithItsChildren) {
  const absl::Time begin = absl::Now();
  const absl::StatusOr<ProgramEnd> end =
      Shell("trap '' TERM; sleep 600 & echo $! > /dev/null; wait", absl::Milliseconds(100));
  EXPECT_TRUE(absl::IsDeadlineExceeded(end.status()));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(60));
}

TEST(ProbeTest, FunctionThatDoesNotReturnIsLeftBehind) {
  auto release = std::make_shared<absl::Notification>();
  EXPECT_EQ(Within<int>(absl::Milliseconds(20),
                        [release] {
                          release->WaitForNotification();
                          return 1;
                        }),
            std::nullopt);
  release->Notify();
  EXPECT_EQ(Within<int>(absl::Seconds(20), [] { return 2; }), 2);
}

TEST(ProgramsTest, SoundWorkerIsDescribed) {
  const Findings findings = JudgeSelfCheck(ProgramEnd{0, kAnswer}, "1.2.3");
  ASSERT_EQ(findings.size(), 4u);
  EXPECT_EQ(Worst(findings), Verdict::kOk);
  EXPECT_THAT(findings[0].found, HasSubstr("1.2.3+abc, kernels onednn-2.6.3-avx2"));
  EXPECT_EQ(findings[1].found, "MPI Open MPI v4");
  EXPECT_EQ(findings[2].verdict, Verdict::kSkipped) << "no GPU";
  EXPECT_THAT(findings[3].found, HasSubstr("12 ms"));
}

constexpr char kTwoGpus[] =
    R"({"build":"1.2.3","gpu":{"error":"","kernel_family":"h100-cudnn-9","memory_free":8589934592,)"
    R"("libraries":{"NCCL":"2.28.9"},"devices":[{"name":"H100","uuid":"GPU-a",)"
    R"("memory":85899345920},{"name":"H100","uuid":"GPU-b","memory":85899345920}]}})";

TEST(ProgramsTest, GpusAreDescribedWithTheirMemoryAndLibraries) {
  const Finding gpu = JudgeSelfCheck(ProgramEnd{0, kTwoGpus}, "1.2.3")[2];
  EXPECT_EQ(gpu.verdict, Verdict::kOk);
  EXPECT_EQ(gpu.found,
            "H100 with 80 GiB, H100 with 80 GiB, kernels h100-cudnn-9, NCCL 2.28.9, 8 GiB free on "
            "the first");
  const auto gpus = GpusOf(ProgramEnd{0, kTwoGpus});
  ASSERT_EQ(gpus->size(), 2u);
  EXPECT_EQ((*gpus)[1].uuid, "GPU-b");
  EXPECT_TRUE(GpusOf(ProgramEnd{0, kAnswer})->empty());
}

TEST(ProgramsTest, AGpuOfNoUseNamesTheCauseAndTheRemedy) {
  const ProgramEnd end = {0, R"({"gpu":{"error":"libcudnn.so.9: cannot open"}})"};
  const Finding gpu = JudgeSelfCheck(end, "1.2.3")[2];
  EXPECT_EQ(gpu.verdict, Verdict::kWarning);
  EXPECT_THAT(gpu.found, HasSubstr("libcudnn.so.9: cannot open"));
  EXPECT_THAT(gpu.remedy, HasSubstr("HEBB_CUDA_LIBRARY_PATH"));
  EXPECT_EQ(GpusOf(end).status().message(), "libcudnn.so.9: cannot open");
}

TEST(ProgramsTest, EachFaultOfAWorkerHasItsVerdict) {
  EXPECT_EQ(JudgeSelfCheck(ProgramEnd{0, kAnswer}, "2.0.0")[0].verdict, Verdict::kWarning);
  const Finding broken =
      JudgeSelfCheck(ProgramEnd{127, "hebb-worker: libdnnl.so.2: cannot open"}, "1.2.3")[0];
  EXPECT_EQ(broken.verdict, Verdict::kFailed);
  EXPECT_THAT(broken.found, HasSubstr("exit code 127: hebb-worker: libdnnl.so.2"));
  EXPECT_EQ(JudgeSelfCheck(absl::DeadlineExceededError("it hangs"), "1.2.3")[0].verdict,
            Verdict::kFailed);
  EXPECT_EQ(JudgeSelfCheck(ProgramEnd{0, "usage: ..."}, "1.2.3")[0].verdict, Verdict::kFailed);
  const Findings mute = JudgeSelfCheck(ProgramEnd{0, R"({"build":"1.2.3"})"}, "1.2.3");
  EXPECT_EQ(mute[3].verdict, Verdict::kFailed) << "no sum was made";
  const Findings no_sum = JudgeSelfCheck(
      ProgramEnd{0, R"({"build":"1.2.3","gloo":{"error":"connection refused"}})"}, "1.2.3");
  EXPECT_THAT(no_sum[3].found, HasSubstr("connection refused"));
}

TEST(ProgramsTest, WorldMustBeOfTwoAndAddUp) {
  const auto judge = [](const std::string& output, int code = 0) {
    return JudgeWorld(ProgramEnd{code, output}, 2);
  };
  EXPECT_EQ(judge("a warning of mpirun\n"
                  R"({"mpi_world":{"size":2,"error":"","milliseconds":40}})"
                  "\n\n")
                .verdict,
            Verdict::kOk);
  EXPECT_EQ(judge(R"({"mpi_world":{"size":1,"error":""}})").verdict, Verdict::kFailed);
  EXPECT_EQ(judge(R"({"mpi_world":{"size":2,"error":"the sum is 4, not 3"}})").verdict,
            Verdict::kFailed);
  EXPECT_THAT(judge(kAnswer).found, HasSubstr("does not see that mpirun"));
  EXPECT_EQ(judge("There are not enough slots", 1).verdict, Verdict::kFailed);
}

TEST(ProgramsTest, MachineWithoutWorkersNeedsNone) {
  ProgramOptions options;
  options.worker = "/nowhere/hebb-worker";
  options.own_version = "1.2.3";
  EXPECT_NE(Worst(CheckPrograms(options)), Verdict::kFailed);
  options.start_world = true;
  const Findings findings = CheckPrograms(options);
  EXPECT_EQ(findings.back().check, "mpi.world");
  EXPECT_EQ(findings.back().verdict, Verdict::kFailed) << "it was asked for";
}

}  // namespace
}  // namespace hebb::client::doctor
