// SPDX-License-Identifier: Apache-2.0
// What the GPU's engine has beside the CPU's: recorded steps, records that stay on the device, its
// memory, and a device that breaks.
#include "worker/gpu/gpu_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/gpu/host_ops.h"
#include "tests/unit/worker/engine/harness.h"
#include "worker/slices/vector_memory.h"

namespace hebb::gpu {
namespace {

using engine::AloneSink;
using engine::Conv;
using engine::Dense;
using engine::RandomImages;
using engine::StepContext;
using engine::TensorsOf;
using testing::HasSubstr;

constexpr int kSlices = 3;

using Tensors = decltype(TensorsOf(std::declval<engine::Engine&>()));

// By how far they have come from the start.
void ExpectClose(const Tensors& tensors, const Tensors& expected, const Tensors& start) {
  for (const auto& [name, values] : tensors) {
    double error = 0, change = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      error += std::pow(values[i] - expected.at(name)[i], 2);
      change += std::pow(expected.at(name)[i] - start.at(name)[i], 2);
    }
    EXPECT_LE(std::sqrt(error), 1e-4 * std::sqrt(change) + 1e-7) << name;
  }
}

// A gang whose sums lie in memory of its own, not where the nodes are.
class CopyingSink : public engine::SumSink {
 public:
  explicit CopyingSink(const engine::Engine& engine) : memory_(engine.memory()) {
    for (const engine::SumInfo& info : engine.sums()) {
      copies_.emplace_back(memory_, static_cast<size_t>(info.size));
      sums_.push_back(copies_.back().span());
    }
  }

  absl::Status Ready(int sum, std::span<const float* const> nodes) override {
    if (absl::Status settled = memory_.Settle(); !settled.ok()) return settled;
    return memory_.Copy(nodes[0], copies_[sum].data(), copies_[sum].size());
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override { return sums_[sum]; }
  std::span<const std::span<const float>> sums() const { return sums_; }

 private:
  slices::VectorMemory& memory_;
  std::vector<slices::OwnedVector> copies_;
  std::vector<std::span<const float>> sums_;
};

class GpuEngineTest : public testing::Test {
 protected:
  GpuEngineTest() {
    job_.seed = 5;
    job_.dataset.name = "cifar10";
    job_.dataset.augment = {.flip = true, .crop = 2};
    job_.network.layers = {engine::Strided(Conv("a", 4, 3), 2),
                           engine::Norm("n", spec::Activation::kRelu),
                           engine::Pool("p", 3, 2),
                           engine::Drop("drop", 0.4),
                           engine::Untied("u", 3, 3),
                           engine::Biased(Dense("d", 7)),
                           Dense("out", 4, spec::Activation::kNone)};
    job_.learning.optimizer.momentum = 0.5;
    job_.learning.optimizer.clip_norm = 0.5;
  }

  absl::StatusOr<std::unique_ptr<GpuEngine>> Create() {
    engine::EngineOptions options;
    options.job = &job_;
    options.facts = facts_;
    options.share = {kSlices, {0, kSlices}, 10};
    ops_ = std::make_shared<HostOps>(device_);
    return GpuEngine::Create(options, ops_);
  }
  std::unique_ptr<GpuEngine> MustCreate() {
    absl::StatusOr<std::unique_ptr<GpuEngine>> engine = Create();
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }

  static absl::Status Step(engine::Engine& engine, std::span<const engine::Sample> samples,
                           int64_t step) {
    AloneSink sink(engine);
    return Step(engine, samples, step, sink);
  }
  template <typename Sink>
  static absl::Status Step(engine::Engine& engine, std::span<const engine::Sample> samples,
                           int64_t step, Sink& sink) {
    const auto rows = static_cast<int64_t>(samples.size());
    const StepContext context = {.seed = 5,
                                 .epoch = step / 2,
                                 .batch_size = rows,
                                 .step = step,
                                 .rate_factor = 1.0 / static_cast<double>(1 + step)};
    std::vector<engine::SliceTotals> totals(kSlices);
    const absl::Status status =
        engine.ComputeUpdates(context, engine::CutSlices(samples, kSlices), sink, totals);
    if (status.ok()) engine.Apply(context, sink.sums());
    return status;
  }

  spec::Job job_;
  const spec::DatasetFacts facts_ = {{3, 9, 9}, 4, 0, 0};
  const std::shared_ptr<HostDevice> device_ = std::make_shared<HostDevice>(/*is_guarded=*/true);
  std::shared_ptr<HostOps> ops_;
};

// Batches of two sizes, in turn: each is recorded at its second step and replayed from then on.
TEST_F(GpuEngineTest, ReplayedStepsAreTheStepsThemselves) {
  const RandomImages images(facts_, 20, 1);
  const std::span<const engine::Sample> all = images.samples();
  const std::unique_ptr<GpuEngine> recorded = MustCreate();
  const std::shared_ptr<HostOps> ops = ops_;
  for (int64_t step = 0; step < 8; ++step) {
    const std::unique_ptr<GpuEngine> fresh = MustCreate();  // has recorded nothing yet
    ASSERT_TRUE(fresh->Import(recorded->Export()).ok());
    const auto samples = step % 2 == 0 ? all : all.first(13);
    const int64_t before = ops->replays();
    ASSERT_TRUE(Step(*recorded, samples, step).ok());
    ASSERT_TRUE(Step(*fresh, samples, step).ok());
    EXPECT_EQ(TensorsOf(*recorded), TensorsOf(*fresh)) << "step " << step;
    EXPECT_EQ(ops->replays() > before, step >= 2) << "step " << step;
  }
}

// Records read sums where a gang has them. Another gang has them elsewhere.
TEST_F(GpuEngineTest, SumsOfAnotherGangAreReadWhereTheyLie) {
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> alone = MustCreate();
  const std::unique_ptr<GpuEngine> in_gangs = MustCreate();
  CopyingSink first(*in_gangs), second(*in_gangs);
  for (int64_t step = 0; step < 8; ++step) {
    ASSERT_TRUE(Step(*alone, images.samples(), step).ok());
    const int64_t before = ops_->replays();
    CopyingSink& gang = step < 4 ? first : second;
    ASSERT_TRUE(Step(*in_gangs, images.samples(), step, gang).ok());
    EXPECT_EQ(TensorsOf(*in_gangs), TensorsOf(*alone)) << "step " << step;
    EXPECT_EQ(ops_->replays() > before, step >= 1) << "step " << step;
  }
}

// What was recorded is of no use to a look, nor harmed by it.
TEST_F(GpuEngineTest, LooksBetweenReplayedStepsChangeNothing) {
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> looked_at = MustCreate();
  const std::unique_ptr<GpuEngine> left_alone = MustCreate();
  for (int64_t step = 0; step < 5; ++step) {
    ASSERT_TRUE(Step(*looked_at, images.samples(), step).ok());
    ASSERT_TRUE(Step(*left_alone, images.samples(), step).ok());
    ASSERT_TRUE(looked_at->Evaluate(images.samples()).ok());
    ASSERT_TRUE(looked_at->Diagnose({.batch_size = 20}, images.samples(), {}).ok());
    ASSERT_TRUE(looked_at->Audit({.batch_size = 20}, images.samples()).ok());
    EXPECT_EQ(TensorsOf(*looked_at), TensorsOf(*left_alone)) << "step " << step;
  }
}

// Augmentation and scaling are the CPU's to the last bit; the rest is the oracle's matter.
TEST_F(GpuEngineTest, TakesTheStepsOfTheCpusEngine) {
  job_.dataset.augment = {.flip = true, .crop = 2, .shift = 1};
  job_.dataset.normalize = spec::Normalize::kSigned;
  job_.learning.optimizer.clip_norm = 0;
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> gpu = MustCreate();
  const engine::EngineOptions options = {&job_, facts_, 1, {kSlices, {0, kSlices}, 10}};
  const auto cpu = engine::CreateCpuEngine(options);
  ASSERT_TRUE(cpu.ok()) << cpu.status();
  const auto start = TensorsOf(**cpu);
  EXPECT_EQ(TensorsOf(*gpu), start);
  ASSERT_TRUE(Step(*gpu, images.samples(), 0).ok());
  ASSERT_TRUE(Step(**cpu, images.samples(), 0).ok());
  ExpectClose(TensorsOf(*gpu), TensorsOf(**cpu), start);
}

// Convolutions that the library cannot do are done without it.
TEST_F(GpuEngineTest, ConvolutionsThatTheLibraryLacksAreUnfolded) {
  job_.network.layers.insert(job_.network.layers.begin() + 1, Conv("b", 4, 2));
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> by_library = MustCreate();
  const auto start = TensorsOf(*by_library);
  const std::unique_ptr<GpuEngine> unfolded = MustCreate();
  for (int64_t step = 0; step < 3; ++step) {  // run, recorded, replayed
    device_->convolves = true;
    ASSERT_TRUE(Step(*by_library, images.samples(), step).ok());
    device_->convolves = false;
    ASSERT_TRUE(Step(*unfolded, images.samples(), step).ok());
  }
  ExpectClose(TensorsOf(*unfolded), TensorsOf(*by_library), start);
}

TEST_F(GpuEngineTest, RecordsAreBroughtToTheDeviceOnce) {
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> engine = MustCreate();
  const auto uploaded_by = [&](int64_t step) {
    const int64_t before = ops_->uploaded();
    EXPECT_TRUE(Step(*engine, images.samples(), step).ok());
    return ops_->uploaded() - before;
  };
  const int64_t first = uploaded_by(0);
  EXPECT_EQ(uploaded_by(1), first - 20 * facts_.image.size());
}

// Where there is no room for records they are brought along with every step.
TEST_F(GpuEngineTest, RecordsThatFindNoRoomMakeNoDifference) {
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> wide = MustCreate();
  device_->total = device_->UsedNow() + (int64_t{3} << 20) / 2;
  const std::unique_ptr<GpuEngine> narrow = MustCreate();
  for (int64_t step = 0; step < 3; ++step) {
    ASSERT_TRUE(Step(*wide, images.samples(), step).ok());
    const int64_t before = ops_->uploaded();
    ASSERT_TRUE(Step(*narrow, images.samples(), step).ok());
    EXPECT_GE(ops_->uploaded() - before, 20 * facts_.image.size());
    EXPECT_EQ(TensorsOf(*narrow), TensorsOf(*wide));
  }
}

TEST_F(GpuEngineTest, GivesAllMemoryBack) {
  {
    const RandomImages images(facts_, 20, 1);
    const std::unique_ptr<GpuEngine> engine = MustCreate();
    ASSERT_TRUE(Step(*engine, images.samples(), 0).ok());
    ASSERT_TRUE(engine->Fit({5, {1, 3}, 4}).ok());
    EXPECT_GT(device_->UsedNow(), 0);
  }
  EXPECT_EQ(device_->UsedNow(), 0);
}

TEST_F(GpuEngineTest, TooLittleMemoryIsSaidAndGivenBack) {
  device_->total = 1 << 20;
  const absl::Status status = Create().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(status.message(), HasSubstr("free"));
  EXPECT_EQ(device_->UsedNow(), 0);
}

TEST_F(GpuEngineTest, ABrokenDeviceFailsTheStepWithItsOwnWords) {
  const RandomImages images(facts_, 20, 1);
  const std::unique_ptr<GpuEngine> engine = MustCreate();
  ASSERT_TRUE(Step(*engine, images.samples(), 0).ok());
  ops_->Break(absl::InternalError("cudaLaunchKernel: an illegal memory access was encountered"));
  for (int again = 0; again < 2; ++again) {
    const absl::Status status = Step(*engine, images.samples(), 1);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("illegal memory access"));
  }
  EXPECT_FALSE(engine->Evaluate(images.samples()).ok());
}

}  // namespace
}  // namespace hebb::gpu
