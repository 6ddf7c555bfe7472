// SPDX-License-Identifier: Apache-2.0
// Which of cuDNN's algorithms is taken: the first that is there, gives equal bits and fits.
#include "worker/cuda/algorithm_choice.h"

#include <gtest/gtest.h>

#include <vector>

namespace hebb::cuda {
namespace {

using Named = cudnnConvolutionFwdAlgoPerf_t;

Named Good(int algorithm) {
  Named named = {};
  named.algo = static_cast<cudnnConvolutionFwdAlgo_t>(algorithm);
  named.status = CUDNN_STATUS_SUCCESS;
  named.memory = 1024;
  named.determinism = CUDNN_DETERMINISTIC;
  named.mathType = CUDNN_FMA_MATH;
  return named;
}

const Named* Choose(const std::vector<Named>& named,
                    gpu::Precision precision = gpu::Precision::kFloat32) {
  return ChooseAlgorithm(std::span<const Named>(named), precision,
                         [](const Named&) { return true; });
}

TEST(AlgorithmChoiceTest, TakesTheFirst) {
  const std::vector<Named> named = {Good(1), Good(0)};
  EXPECT_EQ(Choose(named), &named[0]);
}

TEST(AlgorithmChoiceTest, PassesOverWhatCannotBeHad) {
  std::vector<Named> named = {Good(5), Good(4), Good(3), Good(2), Good(1)};
  named[0].status = CUDNN_STATUS_NOT_SUPPORTED;
  named[1].determinism = CUDNN_NON_DETERMINISTIC;
  named[2].memory = kConvWorkspaceMax + 1;
  named[3].mathType = CUDNN_TENSOR_OP_MATH;
  EXPECT_EQ(Choose(named), &named[4]);
  named.pop_back();
  EXPECT_EQ(Choose(named), nullptr);
  EXPECT_EQ(Choose({}), nullptr);
}

TEST(AlgorithmChoiceTest, GoesOnWhereWhatIsNamedIsRefused) {
  const std::vector<Named> named = {Good(1), Good(0)};
  const auto takes = [](const Named& one) {
    return one.algo == static_cast<cudnnConvolutionFwdAlgo_t>(0);
  };
  EXPECT_EQ(ChooseAlgorithm(std::span<const Named>(named), gpu::Precision::kFloat32, takes),
            &named[1]);
}

TEST(AlgorithmChoiceTest, TensorCoresOnlyWhereTf32IsWanted) {
  std::vector<Named> named = {Good(1)};
  named[0].mathType = CUDNN_TENSOR_OP_MATH;
  EXPECT_EQ(Choose(named), nullptr);
  EXPECT_EQ(Choose(named, gpu::Precision::kTf32), &named[0]);
  named[0].mathType = CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION;  // to half precision
  EXPECT_EQ(Choose(named, gpu::Precision::kTf32), nullptr);
  EXPECT_EQ(RunMath(gpu::Precision::kTf32, CUDNN_TENSOR_OP_MATH), CUDNN_TENSOR_OP_MATH);
  EXPECT_EQ(RunMath(gpu::Precision::kFloat32, CUDNN_DEFAULT_MATH), CUDNN_FMA_MATH);
  EXPECT_EQ(WantedMath(gpu::Precision::kFloat32), CUDNN_FMA_MATH);
}

}  // namespace
}  // namespace hebb::cuda
