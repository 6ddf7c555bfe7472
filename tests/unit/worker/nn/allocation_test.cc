// SPDX-License-Identifier: Apache-2.0
// After Prepare no layer allocates memory: operator new and malloc are counted while each kind of
// layer works. oneDNN's bookkeeping of a few hundred bytes for each primitive is let pass, by its
// size.
#include <gtest/gtest.h>

#include <memory>

#include "tests/testing/count_allocations.h"
#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/add.h"
#include "worker/nn/avg_pool.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/dropout.h"
#include "worker/nn/max_pool.h"

namespace hebb::nn {
namespace {

constexpr int64_t kRows = 40;
const spec::Shape kShape = {16, 8, 8};

// What all of a layer's work allocates on prepared memory.
Allocations Work(Layer& layer, const spec::Shape& output, const UpdateParts& parts,
                 bool joint = false) {
  const Values a = Uniform(kRows * kShape.size(), 1), b = Uniform(kRows * kShape.size(), 2);
  Values out(kRows * output.size()), delta(out.size(), 1.0f), below(a.size());
  Values sums(2 * kShape.channels, 1.0f);
  const std::vector<int64_t> ids(kRows, 7);
  const float* inputs[] = {a.data(), b.data()};
  EXPECT_TRUE(layer.Prepare(kRows).ok());
  StartCountingAllocations();
  bool ok = layer.Prepare(kRows).ok();
  BatchStatistics* statistics = layer.batch_statistics();
  const Batch batch = {kRows, true, 1, 0, ids};
  if (statistics != nullptr) {
    statistics->Part(batch, a.data(), sums.data());
    statistics->Take(sums, kRows * kShape.height * kShape.width);
  }
  ok = ok && layer.Forward(batch, inputs, out.data()).ok();
  const int64_t offsets[] = {0, kRows};
  const Layer::Trace trace = {kRows, inputs, out.data(), offsets};
  layer.Gate(trace, delta.data());
  if (joint) ok = ok && layer.JointUpdate(trace, delta.data(), {&parts, 1}).ok();
  if (parts.forward != nullptr && !joint) {
    ok = ok && layer.LocalUpdate(trace, delta.data(), parts).ok();
  }
  if (statistics != nullptr) statistics->TakeUpdate(sums);
  ok = ok && layer.Backward(trace, delta.data(), 0, below.data()).ok();
  const Allocations made = StopCountingAllocations();
  EXPECT_TRUE(ok);
  return made;
}

TEST(LayerAllocationTest, OwnLoopsAllocateNothing) {
  Values scale(kShape.channels, 1.0f), g(kShape.channels), h(kShape.channels);
  LayerMatrices matrices;
  matrices.forward = matrices.bias = matrices.running_mean = matrices.running_variance =
      scale.data();
  const auto check = [&](const std::unique_ptr<Layer>& layer, const spec::Shape& output,
                         const UpdateParts& parts) {
    const Allocations made = Work(*layer, output, parts);
    EXPECT_EQ(made.count, 0) << "largest " << made.largest;
  };
  const auto ramp = spec::Activation::kRamp;
  check(MakeAdd(kShape.size(), ramp), kShape, {});
  check(MakeDropout(kShape, {0.5, true}, 0), kShape, {});
  check(MakeGlobalAvgPool(kShape), {kShape.channels, 1, 1}, {});
  const spec::MaxPool max_pool = {3, 2, spec::Ties::kFirst, spec::Padding::kValid};
  check(MakeMaxPool(max_pool, Resolve(max_pool, kShape)), {kShape.channels, 3, 3}, {});
  const spec::AvgPool avg_pool = {3, 2, spec::Padding::kSame};
  check(MakeAvgPool(avg_pool, Resolve(avg_pool, kShape)), {kShape.channels, 4, 4}, {});
  for (const auto statistics : {spec::Statistics::kBatch, spec::Statistics::kSlice}) {
    check(MakeBatchNorm({0.1, 1e-5, statistics, ramp}, kShape, matrices), kShape,
          {g.data(), nullptr, h.data()});
  }
}

TEST(LayerAllocationTest, ProductsAllocateNoBuffer) {
  OnComputeThread([] {
    constexpr int64_t kUnits = 16;
    device::FloatBuffer weights(kUnits * kShape.size()), g(weights.size()), r(weights.size());
    Values bias(kUnits), g_bias(kUnits);
    LayerMatrices matrices;
    matrices.forward = matrices.feedback = weights.data();
    matrices.bias = bias.data();
    const UpdateParts parts = {g.data(), r.data(), g_bias.data()};
    ConvScratch scratch;
    for (const bool bf16 : {false, true}) {
      if (bf16 && !HasBf16Products()) break;
      JointOptions joint = Joint(spec::Activation::kRamp, true);
      joint.bf16 = bf16;
      const auto dense = MakeDenseLayer(kShape.size(), kUnits, joint, matrices);
      EXPECT_LE(Work(*dense, {kUnits, 1, 1}, parts, /*joint=*/true).largest, 1024u);
      for (const ConvShape& shape : {ConvShape{kShape, {kUnits, 4, 4}, 3, 1, 0, 2},
                                     ConvShape{kShape, {kUnits, 8, 8}, 3, 1, 1, 1}}) {
        auto conv = MakeConvLayer(shape, {spec::Activation::kRamp, true, bf16}, matrices, &scratch);
        ASSERT_TRUE(conv.ok());
        EXPECT_LE(Work(**conv, shape.output, parts).largest, 1024u);
        EXPECT_GT(weights.size(), shape.weights());
      }
    }
  });
}

}  // namespace
}  // namespace hebb::nn
