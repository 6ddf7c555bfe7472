// SPDX-License-Identifier: Apache-2.0
// Batch normalisation of a batch in several slices, against the formula in double and its
// derivatives by differences.
#include "worker/nn/batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

using spec::Activation;
using spec::Statistics;

constexpr double kEpsilon = 1e-3;

spec::BatchNorm Norm(Statistics statistics, Activation activation) {
  spec::BatchNorm norm;
  norm.epsilon = kEpsilon;
  norm.statistics = statistics;
  norm.activation = activation;
  return norm;
}

struct Parameters {
  explicit Parameters(int64_t channels)
      : scale(Uniform(channels, 101)),
        shift(Uniform(channels, 102)),
        mean(Uniform(channels, 103)),
        variance(Uniform(channels, 104)) {
    for (float& value : scale) value += value < 0 ? -0.5f : 0.5f;
    for (float& value : variance) value = std::abs(value) + 0.1f;
    matrices.forward = scale.data();
    matrices.bias = shift.data();
    matrices.running_mean = mean.data();
    matrices.running_variance = variance.data();
  }
  Values scale, shift, mean, variance;
  LayerMatrices matrices;
};

struct Slice {
  int64_t rows = 0;
  Values input, delta;
  Values output, d, input_delta, update;  // update: scale's, then shift's
};

std::vector<Slice> MakeSlices(const spec::Shape& shape, const std::vector<int64_t>& rows) {
  std::vector<Slice> slices;
  uint32_t seed = 1;
  for (int64_t count : rows) {
    Slice slice;
    slice.rows = count;
    slice.input = Uniform(count * shape.size(), seed++);
    slice.delta = Uniform(count * shape.size(), seed++);
    for (float& x : slice.input) x = 1.5f * x + 0.4f;
    slices.push_back(std::move(slice));
  }
  return slices;
}

Values SumOf(const std::vector<Values>& parts) {
  Values sum = parts[0];
  for (size_t s = 1; s < parts.size(); ++s) {
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += parts[s][i];
  }
  return sum;
}

// One training step of the layer over all slices, as the engine does it.
void Step(const spec::BatchNorm& norm, const spec::Shape& shape, const LayerMatrices& matrices,
          std::vector<Slice>& slices) {
  const float nan = std::nanf("");
  const size_t sums = 2 * static_cast<size_t>(shape.channels);
  std::vector<std::unique_ptr<Layer>> layers;
  std::vector<Values> parts, updates;
  int64_t places = 0;
  for (const Slice& slice : slices) {
    layers.push_back(MakeBatchNorm(norm, shape, matrices));
    ASSERT_TRUE(layers.back()->Prepare(slice.rows).ok());
    parts.emplace_back(sums, nan);
    layers.back()->batch_statistics()->Part({slice.rows, true, 0, 0, {}}, slice.input.data(),
                                            parts.back().data());
    places += slice.rows * shape.height * shape.width;
  }
  const bool over_batch = layers[0]->batch_statistics()->over_batch();
  ASSERT_EQ(over_batch, norm.statistics == Statistics::kBatch);
  for (size_t s = 0; s < slices.size(); ++s) {
    Slice& slice = slices[s];
    const float* const from = slice.input.data();
    slice.output.assign(slice.input.size(), nan);
    if (over_batch) layers[s]->batch_statistics()->Take(SumOf(parts), places);
    ASSERT_TRUE(
        layers[s]->Forward({slice.rows, true, 0, 0, {}}, {&from, 1}, slice.output.data()).ok());
    const Layer::Trace trace = {slice.rows, {&from, 1}, slice.output.data()};
    slice.d = slice.delta;
    layers[s]->Gate(trace, slice.d.data());
    slice.update.assign(sums, nan);
    const UpdateParts update = {slice.update.data(), nullptr, slice.update.data() + shape.channels};
    ASSERT_TRUE(layers[s]->LocalUpdate(trace, slice.d.data(), update).ok());
    updates.push_back(slice.update);
  }
  for (size_t s = 0; s < slices.size(); ++s) {
    Slice& slice = slices[s];
    const float* const from = slice.input.data();
    slice.input_delta.assign(slice.input.size(), nan);
    if (over_batch) layers[s]->batch_statistics()->TakeUpdate(SumOf(updates));
    ASSERT_TRUE(layers[s]
                    ->Backward({slice.rows, {&from, 1}, slice.output.data()}, slice.d.data(), 0,
                               slice.input_delta.data())
                    .ok());
  }
}

double Apply(Activation activation, double h) {
  switch (activation) {
    case Activation::kRamp:
      return std::clamp(h / 2, -1.0, 1.0);
    case Activation::kNone:
      return h;
    case Activation::kTanh:
      return std::tanh(h);
    case Activation::kRelu:
      return std::max(h, 0.0);
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-h));
  }
  return 0;
}

// One channel of what is normalised together, in double.
struct Channel {
  std::vector<double> x, weight;  // weight: delta, so that the loss is the sum of weight y
  double scale, shift;

  std::vector<double> Outputs(Activation activation) const {
    double mean = 0, variance = 0;
    for (double v : x) mean += v / static_cast<double>(x.size());
    for (double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
    std::vector<double> y;
    for (double v : x) {
      y.push_back(Apply(activation, scale * (v - mean) / std::sqrt(variance + kEpsilon) + shift));
    }
    return y;
  }
  double Loss(Activation activation) const {
    const std::vector<double> y = Outputs(activation);
    double loss = 0;
    for (size_t i = 0; i < y.size(); ++i) loss += weight[i] * y[i];
    return loss;
  }
  // dLoss / dwhere.
  double Difference(Activation activation, double& where) {
    const double middle = where, step = 1e-5;
    where = middle + step;
    const double above = Loss(activation);
    where = middle - step;
    const double below = Loss(activation);
    where = middle;
    return (above - below) / (2 * step);
  }
};

// The values of channel c of these slices, in order; `of` chooses which.
std::vector<double> Gather(const std::vector<Slice>& slices, Values Slice::*of, int64_t c,
                           int64_t channels) {
  std::vector<double> values;
  for (const Slice& slice : slices) {
    for (size_t i = c; i < (slice.*of).size(); i += channels) values.push_back((slice.*of)[i]);
  }
  return values;
}

// Slices that share their statistics.
void CheckTogether(const std::vector<Slice>& slices, const spec::Shape& shape,
                   const Parameters& parameters, Activation activation) {
  for (int64_t c = 0; c < shape.channels; ++c) {
    Channel channel = {Gather(slices, &Slice::input, c, shape.channels),
                       Gather(slices, &Slice::delta, c, shape.channels), parameters.scale[c],
                       parameters.shift[c]};
    const std::vector<double> y = channel.Outputs(activation);
    const std::vector<double> output = Gather(slices, &Slice::output, c, shape.channels);
    const std::vector<double> below = Gather(slices, &Slice::input_delta, c, shape.channels);
    ASSERT_EQ(output.size(), y.size());
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(output[i], y[i], 3e-6) << "output of channel " << c;
      const double delta = channel.Difference(activation, channel.x[i]);
      ASSERT_NEAR(below[i], delta, 1e-5 * (1 + std::abs(delta))) << "delta of channel " << c;
    }
    double scale = 0, shift = 0;
    for (const Slice& slice : slices) {
      scale += slice.update[c];
      shift += slice.update[c + shape.channels];
    }
    ASSERT_NEAR(scale, channel.Difference(activation, channel.scale), 3e-5);
    ASSERT_NEAR(shift, channel.Difference(activation, channel.shift), 3e-5);
  }
}

struct TrainingCase {
  Statistics statistics;
  Activation activation;
};

class BatchNormTest : public testing::TestWithParam<TrainingCase> {};

TEST_P(BatchNormTest, OutputsUpdatesAndDeltasAreTheFormulas) {
  const auto [statistics, activation] = GetParam();
  for (const spec::Shape& shape : {spec::Shape{5, 2, 2}, {70, 1, 1}, {16, 3, 3}, {1, 4, 4}}) {
    SCOPED_TRACE(absl::StrCat(shape.channels, " channels"));
    const Parameters parameters(shape.channels);
    std::vector<Slice> slices = MakeSlices(shape, {3, 2, 4});
    Step(Norm(statistics, activation), shape, parameters.matrices, slices);
    if (statistics == Statistics::kBatch) {
      CheckTogether(slices, shape, parameters, activation);
    } else {
      for (const Slice& slice : slices) CheckTogether({slice}, shape, parameters, activation);
    }
  }
}

std::vector<TrainingCase> TrainingCases() {
  std::vector<TrainingCase> cases;
  for (const auto statistics : {Statistics::kBatch, Statistics::kSlice}) {
    for (const auto activation : {Activation::kNone, Activation::kRelu, Activation::kRamp,
                                  Activation::kTanh, Activation::kSigmoid}) {
      cases.push_back({statistics, activation});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Training, BatchNormTest, testing::ValuesIn(TrainingCases()));

// Thousands of places in several chunks, so that sums, memory and the record of gates matter.
TEST(BatchNormSizeTest, LargeSlicesAreNormalisedAndGated) {
  const spec::Shape shape = {16, 32, 32};
  const Parameters parameters(shape.channels);
  std::vector<Slice> slices = MakeSlices(shape, {7, 6});
  Step(Norm(Statistics::kBatch, Activation::kRamp), shape, parameters.matrices, slices);
  int64_t shut = 0;
  for (int64_t c = 0; c < shape.channels; ++c) {
    const Channel channel = {Gather(slices, &Slice::input, c, shape.channels),
                             {},
                             parameters.scale[c],
                             parameters.shift[c]};
    const std::vector<double> field = channel.Outputs(Activation::kNone);
    const std::vector<double> output = Gather(slices, &Slice::output, c, shape.channels);
    const std::vector<double> delta = Gather(slices, &Slice::delta, c, shape.channels);
    const std::vector<double> d = Gather(slices, &Slice::d, c, shape.channels);
    for (size_t i = 0; i < field.size(); ++i) {
      ASSERT_NEAR(output[i], Apply(Activation::kRamp, field[i]), 3e-6);
      if (std::abs(std::abs(field[i]) - 2) < 1e-4) continue;  // too near the edge to tell
      const bool open = std::abs(field[i]) < 2;
      shut += !open;
      ASSERT_EQ(d[i], open ? delta[i] / 2 : 0);
    }
  }
  EXPECT_GT(shut, 1000);
}

// What the header promises where the mean is far from 0.
TEST(BatchNormAccuracyTest, AMeanOfTenDeviationsCostsTheFifthDigit) {
  const spec::Shape shape = {8, 8, 8};
  Parameters parameters(shape.channels);
  parameters.scale.assign(shape.channels, 1);
  parameters.shift.assign(shape.channels, 0);
  for (const auto& [statistics, tolerance] :
       {std::pair{Statistics::kBatch, 3e-5}, {Statistics::kSlice, 3e-6}}) {
    std::vector<Slice> slices = MakeSlices(shape, {8, 8});
    slices[1] = slices[0];
    for (Slice& slice : slices) {
      for (float& x : slice.input) x = 0.5f * x + 4.3f;
    }
    Step(Norm(statistics, Activation::kNone), shape, parameters.matrices, slices);
    for (int64_t c = 0; c < shape.channels; ++c) {
      const Channel channel = {Gather({slices[0]}, &Slice::input, c, shape.channels), {}, 1, 0};
      const std::vector<double> y = channel.Outputs(Activation::kNone);
      const std::vector<double> output = Gather({slices[0]}, &Slice::output, c, shape.channels);
      for (size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(output[i], y[i], tolerance);
    }
  }
}

// Rounded sums make a variance of a little more or less than 0, here by more than epsilon.
TEST(BatchNormAccuracyTest, AConstantChannelGivesItsShift) {
  const spec::Shape shape = {37, 7, 7};
  const Parameters parameters(shape.channels);
  for (const auto statistics : {Statistics::kBatch, Statistics::kSlice}) {
    std::vector<Slice> slices = MakeSlices(shape, {3, 3});
    for (Slice& slice : slices) {
      for (size_t i = 0; i < slice.input.size(); ++i) {
        slice.input[i] = 200.0f * std::sin(1.0f + static_cast<float>(i % shape.channels));
      }
    }
    Step(Norm(statistics, Activation::kNone), shape, parameters.matrices, slices);
    for (size_t i = 0; i < slices[0].output.size(); ++i) {
      ASSERT_NEAR(slices[0].output[i], parameters.shift[i % shape.channels], 5e-3);
      ASSERT_TRUE(std::isfinite(slices[0].input_delta[i]));
    }
  }
}

TEST(BatchNormEvaluationTest, RunningStatisticsAreUsedAsTheyAre) {
  const spec::Shape shape = {5, 3, 3};
  const Parameters parameters(shape.channels);
  for (const auto statistics : {Statistics::kBatch, Statistics::kSlice}) {
    RunInput run;
    run.rows = 4;
    run.training = false;
    run.input = Uniform(4 * shape.size(), 1);
    run.delta = Uniform(4 * shape.size(), 2);
    const RunOutput result = RunLayer(
        *MakeBatchNorm(Norm(statistics, Activation::kRelu), shape, parameters.matrices), run);
    Values output, below;
    for (size_t i = 0; i < run.input.size(); ++i) {
      const size_t c = i % shape.channels;
      const double factor = parameters.scale[c] / std::sqrt(parameters.variance[c] + kEpsilon);
      const double h = factor * (double{run.input[i]} - parameters.mean[c]) + parameters.shift[c];
      output.push_back(static_cast<float>(std::max(h, 0.0)));
      below.push_back(static_cast<float>(h > 0 ? factor * run.delta[i] : 0));
    }
    ExpectNear(result.output, output, 2e-6, "output");
    ExpectNear(result.input_delta, below, 2e-6, "delta below");
  }
}

// A training step before must not be left in the statistics, nor the other way round.
TEST(BatchNormEvaluationTest, TrainingAndEvaluationTakeTurns) {
  const spec::Shape shape = {5, 3, 3};
  const Parameters parameters(shape.channels);
  const auto make = [&] {
    return MakeBatchNorm(Norm(Statistics::kSlice, Activation::kTanh), shape, parameters.matrices);
  };
  RunInput run;
  run.rows = 4;
  run.input = Uniform(4 * shape.size(), 1);
  run.delta = Uniform(4 * shape.size(), 2);
  run.forward = run.bias = shape.channels;
  RunInput evaluation = run;
  evaluation.training = false;
  const RunOutput fresh = RunLayer(*make(), run), fresh_evaluation = RunLayer(*make(), evaluation);
  const auto layer = make();
  for (int turn = 0; turn < 2; ++turn) {
    const RunOutput trained = RunLayer(*layer, run), evaluated = RunLayer(*layer, evaluation);
    ExpectEqual(trained.output, fresh.output, "output");
    ExpectEqual(trained.input_delta, fresh.input_delta, "delta below");
    ExpectEqual(evaluated.output, fresh_evaluation.output, "output of evaluation");
    ExpectEqual(evaluated.input_delta, fresh_evaluation.input_delta, "delta of evaluation");
  }
}

// A part that is not asked for, as of a frozen layer: the delta is the same.
TEST(BatchNormFrozenTest, BackwardNeedsNoPartsOfItsOwnSlice) {
  const spec::Shape shape = {5, 3, 3};
  const Parameters parameters(shape.channels);
  const auto layer =
      MakeBatchNorm(Norm(Statistics::kSlice, Activation::kNone), shape, parameters.matrices);
  RunInput run;
  run.rows = 4;
  run.input = Uniform(4 * shape.size(), 1);
  run.delta = Uniform(4 * shape.size(), 2);
  run.forward = run.bias = shape.channels;
  const RunOutput whole = RunLayer(*layer, run);
  run.forward = 0;
  ExpectEqual(RunLayer(*layer, run).input_delta, whole.input_delta, "delta below");
}

TEST(BatchNormBrokenTest, ABrokenValueBreaksItsChannelAndNoOther) {
  const spec::Shape shape = {4, 3, 3};
  const Parameters parameters(shape.channels);
  for (const float broken : {std::nanf(""), std::numeric_limits<float>::infinity(), 3e38f}) {
    for (const auto activation : {Activation::kRelu, Activation::kTanh}) {
      std::vector<Slice> slices = MakeSlices(shape, {2, 2});
      slices[0].input[2] = broken;  // of channel 2
      Step(Norm(Statistics::kBatch, activation), shape, parameters.matrices, slices);
      for (const Slice& slice : slices) {
        for (size_t i = 0; i < slice.output.size(); ++i) {
          ASSERT_EQ(std::isnan(slice.output[i]), i % 4 == 2) << broken;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hebb::nn
