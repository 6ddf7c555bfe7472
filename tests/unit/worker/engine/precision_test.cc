// SPDX-License-Identifier: Apache-2.0
// What an engine is on this machine's processor: its kernels' name, and what becomes of precision:
// bf16 without products of bfloat16, which this test's environment (CMakeLists.txt) takes away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

using testing::HasSubstr;

TEST(PrecisionTest, Bf16IsRefusedWhereTheMachineHasNone) {
  EngineSetup setup;
  setup.facts = {{1, 8, 8}, 10, 0, 0};
  setup.job.dataset.name = "mnist";
  setup.job.network.layers = {Conv("a", 4, 3), Dense("out", 10, spec::Activation::kNone)};
  const EngineOptions options{&setup.job, setup.facts, 1, {1, {0, 1}, 10}};
  EXPECT_TRUE(CreateCpuEngine(options).ok());
  setup.job.learning.precision = spec::Precision::kBf16;
  const absl::Status status = CreateCpuEngine(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("needs the instructions avx512_bf16"));
  EXPECT_THAT(status.message(), HasSubstr("use precision: float32"));
}

TEST(PrecisionTest, Tf32IsRefusedOnACpu) {
  const absl::Status status = CheckCpuPrecision(spec::Precision::kTf32);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("use resources.device: cuda"));
}

TEST(KernelFamilyTest, IsKnownWithoutAnEngine) {
  EngineSetup setup;
  setup.facts = {{1, 8, 8}, 10, 0, 0};
  setup.job.dataset.name = "mnist";
  setup.job.network.layers = {Dense("out", 10, spec::Activation::kNone)};
  EXPECT_EQ(MakeEngine(setup)->kernel_family(), CpuKernelFamily());
  EXPECT_THAT(CpuKernelFamily(), HasSubstr("onednn-"));
}

}  // namespace
}  // namespace hebb::engine
