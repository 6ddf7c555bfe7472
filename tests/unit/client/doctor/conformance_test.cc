// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::client::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kReport[] =
    "{\"convolution\":\"a log line\"}\n"
    R"({"gpu":"H100","cpu":"onednn","seed":"7","results":[)"
    R"({"name":"rule bp","worst":"a.weight","difference":3e-7,"limit":2e-5,"error":"",)"
    R"("conforms":true},)"
    R"({"name":"untied","worst":"u.weight","difference":0.25,"limit":2e-5,"error":"",)"
    R"("conforms":false},)"
    R"({"name":"residual","error":"no algorithm","conforms":false},)"
    R"({"name":"same bits over gloo, 2 ranks","difference":0,"limit":0,"error":"",)"
    R"("conforms":true}]})";

TEST(ConformanceTest, EachComparisonIsAFinding) {
  const Findings findings = JudgeConformance(ProgramEnd{1, kReport});
  ASSERT_EQ(findings.size(), 5u);
  EXPECT_EQ(findings[0].found, "H100 beside onednn, seed 7");
  EXPECT_EQ(findings[1].verdict, Verdict::kOk);
  EXPECT_EQ(findings[1].found, "a.weight differs by 3.0e-07 of its change, 2e-05 allowed");
  EXPECT_EQ(findings[2].check, "conformance.untied");
  EXPECT_EQ(findings[2].verdict, Verdict::kFailed);
  EXPECT_THAT(findings[2].remedy, HasSubstr("take no results from this GPU"));
  EXPECT_THAT(findings[3].found, HasSubstr("nothing was compared: no algorithm"));
  EXPECT_EQ(findings[4].found, "equal");
}

TEST(ConformanceTest, WithoutAGpuTheRestIsToldAllTheSame) {
  const Findings findings = JudgeConformance(
      ProgramEnd{0, R"({"gpu":"","no_gpu":"none here","results":[{"name":"x","conforms":true}]})"});
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].verdict, Verdict::kSkipped);
  EXPECT_EQ(findings[0].found, "none here");
}

TEST(ConformanceTest, NoReportIsAFailure) {
  EXPECT_EQ(JudgeConformance(ProgramEnd{127, "cannot open"})[0].verdict, Verdict::kFailed);
  EXPECT_EQ(JudgeConformance(absl::DeadlineExceededError("it hangs"))[0].found, "it hangs");
}

}  // namespace
}  // namespace hebb::client::doctor
