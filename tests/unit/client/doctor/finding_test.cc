// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

TEST(FindingTest, EachIsOneLineWithWhatToDo) {
  const std::string text =
      ToText({Ok("clock.steady", "tsc"), Warning("disk.state", "it lies in memory", "name another"),
              Failed("mpi.world", "no sum", "look at /etc/hosts"),
              Skipped("mpi.slurm", "no srun in PATH")});
  EXPECT_EQ(text,
            "VERDICT  CHECK         FOUND\n"
            "ok       clock.steady  tsc\n"
            "warning  disk.state    it lies in memory; name another\n"
            "failed   mpi.world     no sum; look at /etc/hosts\n"
            "skipped  mpi.slurm     no srun in PATH\n");
}

TEST(FindingTest, TheWorstCountsAndSkippedDoNot) {
  const Finding ok = Ok("a", "b");
  const Finding warning = Warning("a", "b", "c");
  const Finding failed = Failed("a", "b", "c");
  const Finding skipped = Skipped("a", "b");
  EXPECT_EQ(Worst({}), Verdict::kOk);
  EXPECT_EQ(Worst({ok, skipped}), Verdict::kOk);
  EXPECT_EQ(Worst({ok, warning, skipped}), Verdict::kWarning);
  EXPECT_EQ(Worst({failed, warning}), Verdict::kFailed);
  EXPECT_EQ(Summary({ok, skipped}), "all well");
  EXPECT_EQ(Summary({warning, ok}), "1 warning");
  EXPECT_EQ(Summary({failed, warning, warning}), "1 failed, 2 warnings");
  EXPECT_EQ(Summary({failed, failed}), "2 failed");
}

TEST(FindingTest, OurErrorsAreCauseAndRemedy) {
  const Finding finding =
      FailedAs("coordinator.reachable",
               absl::UnavailableError("no coordinator answers at x:1; start one; or name another"));
  EXPECT_EQ(finding.verdict, Verdict::kFailed);
  EXPECT_EQ(finding.found, "no coordinator answers at x:1");
  EXPECT_EQ(finding.remedy, "start one; or name another");
  EXPECT_FALSE(FailedAs("a", absl::InternalError("a bug")).remedy.empty());
}

TEST(FindingTest, JsonHasTheSame) {
  const nlohmann::ordered_json json = ToJson({Warning("disk.data", "full", "free some")});
  EXPECT_EQ(json.dump(),
            R"([{"check":"disk.data","verdict":"warning","found":"full","remedy":"free some"}])");
}

}  // namespace
}  // namespace hebb::client::doctor
