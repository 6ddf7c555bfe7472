// SPDX-License-Identifier: Apache-2.0
// After Prepare no layer allocates memory: operator new and malloc are counted while each kind of
// layer works. oneDNN's bookkeeping of a few hundred bytes for each primitive is let pass, by its
// size.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>

#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/add.h"
#include "worker/nn/avg_pool.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/dropout.h"
#include "worker/nn/max_pool.h"

namespace {

std::atomic<bool> g_counting{false};
std::atomic<long> g_count{0};
std::atomic<size_t> g_largest{0};

void Count(size_t size) {
  if (!g_counting.load()) return;
  g_count.fetch_add(1);
  if (size > g_largest.load()) g_largest = size;
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they bring their own malloc
// glibc's allocator stays in charge; these only count on the way.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* malloc(size_t size) {
  Count(size);
  return __libc_malloc(size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count(size);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  Count(size);
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? 12 : 0;
}
}
#endif

namespace hebb::nn {
namespace {

constexpr int64_t kRows = 40;
const spec::Shape kShape = {16, 8, 8};

// All of a layer's work on prepared memory.
void Work(Layer& layer, const spec::Shape& output, const UpdateParts& parts, bool joint = false) {
  const Values a = Uniform(kRows * kShape.size(), 1), b = Uniform(kRows * kShape.size(), 2);
  Values out(kRows * output.size()), delta(out.size(), 1.0f), below(a.size());
  Values sums(2 * kShape.channels, 1.0f);
  const std::vector<int64_t> ids(kRows, 7);
  const float* inputs[] = {a.data(), b.data()};
  ASSERT_TRUE(layer.Prepare(kRows).ok());
  g_count = 0;
  g_largest = 0;
  g_counting = true;
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
  g_counting = false;
  EXPECT_TRUE(ok);
}

TEST(LayerAllocationTest, OwnLoopsAllocateNothing) {
  Values scale(kShape.channels, 1.0f), g(kShape.channels), h(kShape.channels);
  LayerMatrices matrices;
  matrices.forward = matrices.bias = matrices.running_mean = matrices.running_variance =
      scale.data();
  const auto check = [&](const std::unique_ptr<Layer>& layer, const spec::Shape& output,
                         const UpdateParts& parts) {
    Work(*layer, output, parts);
    EXPECT_EQ(g_count, 0) << "largest " << g_largest;
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
    Bf16Scratch scratch;
    for (Bf16Scratch* const bf16 : {static_cast<Bf16Scratch*>(nullptr), &scratch}) {
      if (bf16 != nullptr && !HasBf16Products()) break;
      JointOptions joint = Joint(spec::Activation::kRamp, true);
      joint.bf16 = bf16 != nullptr;
      Work(*MakeDenseLayer(kShape.size(), kUnits, joint, matrices), {kUnits, 1, 1}, parts,
           /*joint=*/true);
      EXPECT_LE(g_largest, 1024u);
      const ConvShape shape = {kShape, {kUnits, 4, 4}, 3, 1, 0, 2};
      auto conv = MakeConvLayer(shape, {spec::Activation::kRamp, true, bf16}, matrices);
      ASSERT_TRUE(conv.ok());
      Work(**conv, shape.output, parts);
      EXPECT_LE(g_largest, 1024u);
      EXPECT_GT(weights.size(), shape.weights());
    }
  });
}

}  // namespace
}  // namespace hebb::nn
