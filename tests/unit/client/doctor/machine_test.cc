// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/testing/temporary_folder.h"

namespace hebb::client::doctor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A tree like /proc, /sys and /dev.
class MachineTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_.path() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  MachineFacts Look() const { return LookAtMachine(folder_.path()); }

  const hebb::testing::TemporaryFolder folder_;
};

MachineFacts Good() {
  MachineFacts facts;
  facts.cores = 8;
  facts.open_files = 65536;
  return facts;
}

TEST_F(MachineTest, QuotaIsCoresOrNone) {
  EXPECT_DOUBLE_EQ(QuotaOf("250000 100000"), 2.5);
  EXPECT_DOUBLE_EQ(QuotaOf("max 100000"), 0);
  EXPECT_DOUBLE_EQ(QuotaOf(""), 0);
  EXPECT_DOUBLE_EQ(QuotaOf("100 0"), 0);
}

TEST_F(MachineTest, LeastQuotaOfAllGroupsAboveCounts) {
  Write("/proc/self/cgroup", "0::/a/b\n");
  Write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  Write("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  Write("/sys/fs/cgroup/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(Look().processor_quota, 1.5);
}

TEST_F(MachineTest, NoGroupsNoQuotaNoGpus) {
  const MachineFacts facts = Look();
  EXPECT_DOUBLE_EQ(facts.processor_quota, 0);
  EXPECT_GE(facts.cores, 1);
  EXPECT_GT(facts.open_files, 0);
  EXPECT_THAT(facts.gpus, ::testing::IsEmpty());
  EXPECT_EQ(facts.gpu_driver, "");
}

TEST_F(MachineTest, DriverAndDevicesAreFound) {
  Write("/proc/driver/nvidia/version", "NVRM version: NVIDIA 580.1\n");
  Write("/dev/nvidia1", "");
  Write("/dev/nvidia0", "");
  Write("/dev/nvidiactl", "");
  const MachineFacts facts = Look();
  EXPECT_THAT(facts.gpus, ElementsAre("nvidia0", "nvidia1"));
  EXPECT_THAT(JudgeMachine(facts)[2].found, HasSubstr("NVIDIA 580.1"));
}

TEST_F(MachineTest, EachFaultHasItsVerdict) {
  for (const Finding& finding : JudgeMachine(Good())) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.check;
  }
  MachineFacts bad = Good();
  bad.processor_quota = 2;
  EXPECT_EQ(JudgeMachine(bad)[0].verdict, Verdict::kWarning);
  EXPECT_THAT(JudgeMachine(bad)[0].remedy, HasSubstr("--threads 2"));
  bad.processor_quota = 8;
  EXPECT_EQ(JudgeMachine(bad)[0].verdict, Verdict::kOk);
  bad = Good();
  bad.open_files = 256;
  EXPECT_EQ(JudgeMachine(bad)[1].verdict, Verdict::kWarning);
  bad = Good();
  bad.gpus = {"nvidia0"};
  EXPECT_EQ(JudgeMachine(bad)[2].verdict, Verdict::kWarning) << "no driver";
  bad = Good();
  bad.gpu_driver = "580";
  EXPECT_EQ(JudgeMachine(bad)[2].verdict, Verdict::kWarning) << "no device";
}

TEST_F(MachineTest, VariablesThatChangeTheLibrariesAreNamed) {
  const auto with = [](const std::string& set) {
    return JudgeEnvironment(
        [set](const char* name) { return name == set ? std::string("AVX2") : std::string(); });
  };
  EXPECT_EQ(with("").verdict, Verdict::kOk);
  EXPECT_EQ(with("OPENBLAS_CORETYPE").verdict, Verdict::kOk) << "not a library of ours";
  const Finding finding = with("ONEDNN_MAX_CPU_ISA");
  EXPECT_EQ(finding.verdict, Verdict::kWarning);
  EXPECT_THAT(finding.found, HasSubstr("ONEDNN_MAX_CPU_ISA=AVX2"));
}

}  // namespace
}  // namespace hebb::client::doctor
