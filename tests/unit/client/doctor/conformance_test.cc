// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kReport[] =
    "{\"convolution\":\"a log line\"}\n"
    R"({"gpu":"H100","cpu":"onednn","seed":"7","results":[)"
    R"({"group":"cpu","name":"bp","worst":"a.weight","difference":3e-7,"limit":1e-5,"error":"",)"
    R"("conforms":true},)"
    R"({"group":"cpu","name":"dfa","worst":"loss","difference":4e-6,"limit":1e-5,"error":"",)"
    R"("conforms":true},)"
    R"({"group":"cpu","name":"product, tf32","skipped":"needs a GPU","limit":1e-3,)"
    R"("conforms":true},)"
    R"({"group":"gpu","name":"untied","worst":"u.weight","difference":0.25,"limit":1e-5,)"
    R"("error":"","conforms":false},)"
    R"({"group":"gpu","name":"residual","error":"no algorithm","conforms":false},)"
    R"({"group":"gpu","name":"bp","worst":"loss","difference":0,"limit":1e-5,"conforms":true},)"
    R"({"group":"gloo","name":"tree sum, 2 ranks","difference":0,"limit":0,"error":"",)"
    R"("conforms":true}]})";

const Finding* Find(const Findings& findings, const std::string& check) {
  for (const Finding& finding : findings) {
    if (finding.check == check) return &finding;
  }
  return nullptr;
}

TEST(ConformanceTest, AGroupIsALineAndWhatDoesNotConformAnother) {
  const Findings findings = JudgeConformance(ProgramEnd{1, kReport}, /*every_case=*/false);
  ASSERT_EQ(findings.size(), 6u);
  EXPECT_EQ(findings[0].check, "conformance.seed");
  EXPECT_EQ(findings[0].found, "7, for `--seed`; on onednn and H100");
  EXPECT_EQ(findings[1].verdict, Verdict::kOk);
  EXPECT_EQ(findings[1].found,
            "the CPU's steps beside float64's: 2 conform; the worst, dfa: loss differs by 4.0e-06, "
            "1e-05 allowed; 1 skipped");
  EXPECT_EQ(findings[2].check, "conformance.gpu");
  EXPECT_EQ(findings[2].verdict, Verdict::kFailed);
  EXPECT_THAT(findings[2].found, HasSubstr("2 of 3 do not conform"));
  EXPECT_EQ(findings[3].check, "conformance.gpu.untied");
  EXPECT_EQ(findings[3].verdict, Verdict::kFailed);
  EXPECT_EQ(findings[3].found, "u.weight differs by 2.5e-01, 1e-05 allowed");
  EXPECT_THAT(findings[3].remedy, HasSubstr("take no results from this machine"));
  EXPECT_THAT(findings[4].found, HasSubstr("nothing was compared: no algorithm"));
  EXPECT_EQ(findings[5].found, "sums over gloo beside plain ones: 1 conform, 1 to the bit");
}

TEST(ConformanceTest, EveryComparisonIsAFindingWhereAllAreAskedFor) {
  const Findings findings = JudgeConformance(ProgramEnd{1, kReport}, /*every_case=*/true);
  EXPECT_EQ(findings.size(), 1u + 3 + 7);
  ASSERT_NE(Find(findings, "conformance.gloo.tree sum, 2 ranks"), nullptr);
  EXPECT_EQ(Find(findings, "conformance.gloo.tree sum, 2 ranks")->found, "equal to the bit");
  ASSERT_NE(Find(findings, "conformance.cpu.product, tf32"), nullptr);
  EXPECT_EQ(Find(findings, "conformance.cpu.product, tf32")->verdict, Verdict::kSkipped);
}

TEST(ConformanceTest, WithoutAGpuTheRestIsToldAllTheSame) {
  const Findings findings = JudgeConformance(
      ProgramEnd{0, R"({"gpu":"","no_gpu":"none here","results":[{"group":"cpu","name":"x",)"
                    R"("conforms":true}]})"},
      /*every_case=*/false);
  ASSERT_NE(Find(findings, "conformance.gpu"), nullptr);
  EXPECT_EQ(Find(findings, "conformance.gpu")->verdict, Verdict::kSkipped);
  EXPECT_EQ(Find(findings, "conformance.gpu")->found, "none here");
  EXPECT_EQ(Find(findings, "conformance.nccl")->verdict, Verdict::kSkipped);
  EXPECT_EQ(Find(findings, "conformance.cpu")->verdict, Verdict::kOk);
}

TEST(ConformanceTest, NoReportIsAFailure) {
  EXPECT_EQ(JudgeConformance(ProgramEnd{127, "cannot open"}, false)[0].verdict, Verdict::kFailed);
  EXPECT_EQ(JudgeConformance(absl::DeadlineExceededError("it hangs"), false)[0].found, "it hangs");
}

TEST(ConformanceTest, WorldsAreOneGroupAndASilentOneAFailure) {
  const auto ends = [](int difference) {
    return ProgramEnd{0,
                      absl::StrCat(R"({"results":[{"group":"mpi","name":"tree sum",)",
                                   R"("worst":"rank 1","limit":0,"difference":)", difference,
                                   R"(,"conforms":)", difference == 0 ? "true" : "false", "}]}")};
  };
  const Findings sums = JudgeWorldSums({{2, ends(0)}, {4, ends(1)}}, /*every_case=*/false);
  ASSERT_EQ(sums.size(), 2u);
  EXPECT_THAT(sums[0].found, HasSubstr("1 of 2 do not conform"));
  EXPECT_EQ(sums[1].check, "conformance.mpi.tree sum");
  EXPECT_EQ(sums[1].found, "rank 1 differs, not a bit is allowed");
  const Findings silence =
      JudgeWorldSums({{2, ends(0)}, {4, absl::DeadlineExceededError("it hangs")}}, false);
  ASSERT_EQ(silence.size(), 2u);
  EXPECT_EQ(silence[0].verdict, Verdict::kOk);
  EXPECT_EQ(silence[1].check, "conformance.mpi.world of 4");
  EXPECT_EQ(silence[1].found, "it hangs");
  EXPECT_THAT(silence[1].remedy, HasSubstr("mpirun -n 4"));
}

}  // namespace
}  // namespace hebb::client::doctor
