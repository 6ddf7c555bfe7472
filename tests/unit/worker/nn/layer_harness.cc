// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/nn/layer_harness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <numeric>

#include "common/random.h"
#include "common/spec/infer.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/nn/bf16.h"

namespace hebb::nn {
namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

RandomStream Stream(uint32_t seed) { return {seed, RandomPurpose::kWeight, 0, 0, 0}; }

// Aligned like the engine's memory.
device::FloatBuffer Poisoned(int64_t size) {
  device::FloatBuffer buffer(size);
  std::fill_n(buffer.data(), size, kPoison);
  return buffer;
}

device::FloatBuffer CopyOf(const Values& values) {
  device::FloatBuffer buffer(static_cast<int64_t>(values.size()));
  std::copy(values.begin(), values.end(), buffer.data());
  return buffer;
}

Values ToValues(const device::FloatBuffer& buffer) {
  return {buffer.span().begin(), buffer.span().end()};
}

}  // namespace

Values WholeNumbers(int64_t size, int most, uint32_t seed) {
  Values values(size);
  for (int64_t i = 0; i < size; ++i) {
    const uint32_t word = Stream(seed).Word(static_cast<uint64_t>(i));
    values[i] = static_cast<float>(static_cast<int>(word % (2 * most + 1)) - most);
  }
  return values;
}

Values Uniform(int64_t size, uint32_t seed) {
  Values values(size);
  for (int64_t i = 0; i < size; ++i) {
    values[i] = 2 * RandomStream::ToUnit(Stream(seed).Word(static_cast<uint64_t>(i))) - 1;
  }
  return values;
}

Values AsBf16(const Values& values) {
  std::vector<uint16_t> rounded(values.size());
  RoundToBf16(static_cast<int64_t>(values.size()), values.data(), rounded.data());
  Values back;
  for (const uint32_t upper : rounded) back.push_back(std::bit_cast<float>(upper << 16));
  return back;
}

spec::ResolvedLayer Resolve(const spec::LayerOp& op, const spec::Shape& input,
                            std::string* refusal) {
  spec::ResolvedLayer resolved;
  resolved.input = input;
  const std::string problem = spec::InferLayer(op, {{"input", input}}, resolved);
  if (refusal != nullptr) {
    *refusal = problem;
  } else {
    EXPECT_EQ(problem, "");
  }
  return resolved;
}

void OnComputeThread(const std::function<void()>& body) {
  device::ComputePool pool(1);
  pool.ParallelFor(1, [&](int, int) { body(); });
}

JointOptions Joint(spec::Activation activation, bool asymmetric, int slices) {
  static device::ComputePool pool(2);
  static std::map<int, slices::Fold> folds;
  const auto fold = folds.try_emplace(slices, slices::Fold::OfRank(slices, {0, slices})).first;
  return {activation, asymmetric, &pool, &fold->second};
}

RunOutput RunLayer(Layer& layer, const RunInput& run) {
  const device::FloatBuffer input = CopyOf(run.input);
  device::FloatBuffer output = Poisoned(static_cast<int64_t>(run.delta.size()));
  device::FloatBuffer delta = CopyOf(run.delta);
  device::FloatBuffer forward = Poisoned(run.forward), feedback = Poisoned(run.feedback),
                      bias = Poisoned(run.bias);
  device::FloatBuffer input_delta = Poisoned(static_cast<int64_t>(run.input.size()));
  std::vector<int64_t> ids(run.rows);
  std::iota(ids.begin(), ids.end(), 0);
  const float* const from = input.data();
  EXPECT_EQ(layer.Prepare(run.rows), absl::OkStatus());
  EXPECT_EQ(layer.Forward({run.rows, run.training, 1, 0, ids}, {&from, 1}, output.data()),
            absl::OkStatus());
  const Layer::Trace trace = {run.rows, {&from, 1}, output.data(), run.offsets};
  layer.Gate(trace, delta.data());
  if (run.forward + run.feedback + run.bias > 0) {
    const UpdateParts parts = {run.forward > 0 ? forward.data() : nullptr,
                               run.feedback > 0 ? feedback.data() : nullptr,
                               run.bias > 0 ? bias.data() : nullptr};
    EXPECT_EQ(run.offsets.empty() ? layer.LocalUpdate(trace, delta.data(), parts)
                                  : layer.JointUpdate(trace, delta.data(), {&parts, 1}),
              absl::OkStatus());
  }
  EXPECT_EQ(layer.Backward(trace, delta.data(), 0, input_delta.data()), absl::OkStatus());
  return {ToValues(output),   ToValues(delta), ToValues(forward),
          ToValues(feedback), ToValues(bias),  ToValues(input_delta)};
}

void ExpectEqual(const Values& actual, const Values& expected, const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i], expected[i]) << what << " at " << i;
  }
}

void ExpectNear(const Values& actual, const Values& expected, double tolerance, const char* what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << what << " at " << i;
  }
}

}  // namespace hebb::nn
