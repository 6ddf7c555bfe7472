// SPDX-License-Identifier: Apache-2.0
// The report that compares engines: silent about equal ones, and not about others.
#include "worker/runtime/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/gpu/host_ops.h"
#include "worker/gpu/gpu_engine.h"
#include "worker/runtime/conformance_cases.h"

namespace hebb::runtime {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::unique_ptr<engine::Engine>> MakeGpu(const engine::EngineOptions& options) {
  return gpu::CreateGpuEngine(options, std::make_shared<gpu::HostOps>());
}

// Learns by three thousandths too fast.
absl::StatusOr<std::unique_ptr<engine::Engine>> MakeHasty(const engine::EngineOptions& options) {
  spec::Job job = *options.job;
  job.learning.optimizer.learning_rate *= 1.003;
  engine::EngineOptions hasty = options;
  hasty.job = &job;
  return MakeGpu(hasty);
}

TEST(ConformanceTest, TheGpusEngineConforms) {
  const std::vector<ConformanceResult> results = CompareEngines(MakeGpu, 17);
  EXPECT_GT(results.size(), ConformanceCases().size());
  for (const ConformanceResult& result : results) {
    EXPECT_TRUE(result.conforms()) << result.name << ": " << result.worst << " differs by "
                                   << result.difference << " " << result.error;
  }
}

TEST(ConformanceTest, AnEngineThatErrsIsFoundInEveryCase) {
  for (const ConformanceResult& result : CompareEngines(MakeHasty, 17)) {
    if (result.limit == 0) continue;  // an engine beside itself
    const bool coarse = result.name == "product, bf16";
    EXPECT_EQ(result.conforms(), coarse) << result.name << " " << result.difference;
    EXPECT_GT(result.difference, 1e-3) << result.name;
    EXPECT_FALSE(result.worst.empty()) << result.name;
  }
}

TEST(ConformanceTest, AnEngineThatCannotBeMadeIsAnErrorOfItsCase) {
  const auto none =
      [](const engine::EngineOptions&) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
    return absl::ResourceExhaustedError("3 MiB asked for");
  };
  for (const ConformanceResult& result : CompareEngines(none, 1)) {
    EXPECT_FALSE(result.conforms());
    EXPECT_EQ(result.error, "3 MiB asked for");
  }
}

TEST(ConformanceTest, SumsHaveTheBitsOfThePlainOne) {
  const std::vector<ConformanceResult> results = CompareSums("127.0.0.1", 3);
  EXPECT_EQ(results.size(), 2u);
  for (const ConformanceResult& result : results) {
    EXPECT_TRUE(result.conforms()) << result.name << " " << result.worst << result.error;
  }
}

TEST(ConformanceTest, WithoutAGpuTheReportSaysSo) {
  GpuParts parts = RealGpuParts();
  parts.has_gpu = [] { return false; };
  const ConformanceReport report = CheckConformance(parts, 5);
  EXPECT_TRUE(report.conforms);
  EXPECT_THAT(report.json, HasSubstr("this process sees no GPU"));
  EXPECT_THAT(report.json, HasSubstr("same bits over gloo, 4 ranks"));
}

}  // namespace
}  // namespace hebb::runtime
