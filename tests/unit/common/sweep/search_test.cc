// SPDX-License-Identifier: Apache-2.0
// What is proven: random samples lie where they should, are the same whenever the file is read and
// whatever other keys it has, go with the grid, and every mistake is said at its place.
#include "common/sweep/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/sweep/grid.h"

namespace hebb::sweep {
namespace {

using ::testing::HasSubstr;

constexpr char kJob[] =
    "dataset: {name: glyphs, validation: 100}\n"
    "network: {layers: [{name: out, dense: {units: 10, activation: none}}]}\n"
    "learning: {epochs: 10}\n";

std::string Random(const std::string& parameters, int samples = 200) {
  return absl::StrCat("sweep:\n  random: {samples: ", samples, ", seed: 7, parameters: {",
                      parameters, "}}\n", kJob);
}

std::vector<double> Values(const std::string& parameters, size_t axis = 0) {
  const auto file = ReadSweepFile(Random(parameters), "s.yaml", {});
  EXPECT_TRUE(file.ok()) << file.status();
  std::vector<double> values;
  if (!file.ok()) return values;
  for (const Value& value : file->axes[axis].values) {
    EXPECT_TRUE(absl::SimpleAtod(value.text, &values.emplace_back()));
  }
  return values;
}

TEST(SearchTest, SamplesFillTheirRange) {
  const std::vector<double> rates = Values("learning.rate: {log_uniform: [0.001, 1]}");
  ASSERT_EQ(rates.size(), 200u);
  int decades[3] = {0, 0, 0};
  for (const double rate : rates) {
    ASSERT_GE(rate, 0.001);
    ASSERT_LE(rate, 1);
    ++decades[std::min(2, static_cast<int>(std::log10(rate) + 3))];
  }
  for (const int in_decade : decades) EXPECT_NEAR(in_decade, 67, 25);  // four deviations
  bool seen[4] = {false, false, false, false};
  for (const double value : Values("a: {int_uniform: [1, 3]}")) {
    ASSERT_EQ(value, std::round(value));
    ASSERT_TRUE(value >= 1 && value <= 3);
    seen[static_cast<int>(value)] = true;
  }
  EXPECT_TRUE(seen[1] && seen[2] && seen[3]);
  for (const double value : Values("a: {uniform: [-2, -1]}")) {
    ASSERT_TRUE(value >= -2 && value <= -1);
  }
}

TEST(SearchTest, ASampleDependsOnSeedKeyAndNumberAlone) {
  const std::vector<double> alone = Values("a: {uniform: [0, 1]}");
  EXPECT_EQ(Values("a: {uniform: [0, 1]}"), alone);
  EXPECT_EQ(Values("b: {choice: [1, 2]}, a: {uniform: [0, 1]}", 1), alone);
  EXPECT_NE(Values("b: {uniform: [0, 1]}"), alone);
}

TEST(SearchTest, SamplesGoTogetherAndWithEveryPointOfTheGrid) {
  const std::string file = absl::StrCat(
      "sweep:\n"
      "  random: {samples: 3, parameters: {learning.batch_size: {int_uniform: [10, 90]},"
      " learning.optimizer.sgd.learning_rate: {log_uniform: [0.01, 1]}}}\n"
      "  grid: {seed: [1, 2]}\n",
      kJob);
  const auto sweep = ParseSweep(file, "s.yaml", {});
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  ASSERT_EQ(sweep->runs.size(), 6u);
  for (int i = 0; i < 3; ++i) {
    const spec::Job& one = sweep->runs[i].job;
    const spec::Job& two = sweep->runs[i + 3].job;
    EXPECT_EQ(one.seed, 1u);
    EXPECT_EQ(two.seed, 2u) << "whole seeds first";
    EXPECT_EQ(one.learning.batch_size, two.learning.batch_size);
    EXPECT_EQ(sweep->runs[i].point[1].second, sweep->runs[i + 3].point[1].second);
  }
}

std::string Refusal(const std::string& section, const std::vector<std::string>& sets = {}) {
  const auto file = ReadSweepFile(absl::StrCat("sweep:\n", section, "\n", kJob), "s.yaml", sets);
  EXPECT_TRUE(absl::IsInvalidArgument(file.status())) << section << ": " << file.status();
  return std::string(file.status().message());
}

TEST(SearchTest, SetsMakeTheFilesSamples) {
  const std::string written = Random("learning.batch_size: {int_uniform: [10, 90]}", 5);
  const auto by_file = ReadSweepFile(written, "s.yaml", {});
  ASSERT_TRUE(by_file.ok()) << by_file.status();
  const std::vector<std::string> sets = {
      "sweep.random.samples=5", "sweep.random.seed=7",
      "sweep.random.parameters.learning.batch_size={int_uniform: [10, 90]}"};
  const auto by_sets = ReadSweepFile(kJob, "s.yaml", sets);
  ASSERT_TRUE(by_sets.ok()) << by_sets.status();
  ASSERT_EQ(by_sets->axes.size(), 1u);
  EXPECT_TRUE(by_sets->axes[0].drawn);
  EXPECT_EQ(by_sets->axes[0].key, "learning.batch_size");
  EXPECT_EQ(by_sets->axes[0].place.set, 2);
  EXPECT_TRUE(by_sets->job_sets.empty());
  ASSERT_EQ(by_sets->axes[0].values.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(by_sets->axes[0].values[i].text, by_file->axes[0].values[i].text);
  }
}

TEST(SearchTest, SetsReplaceAndTakeAwayWhatTheFileHas) {
  const std::string written = Random("a: {uniform: [0, 1]}", 3);
  const auto more =
      ReadSweepFile(written, "s.yaml", {"sweep.random.samples=4", "sweep.halving.epochs=[2, 6]"});
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->axes[0].values.size(), 4u);
  ASSERT_TRUE(more->halving.has_value());
  EXPECT_EQ(more->halving->epochs, (std::vector<int64_t>{2, 6}));
  const auto other = ReadSweepFile(written, "s.yaml", {"sweep.random.parameters.a={choice: [8]}"});
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->axes[0].values[0].text, "8");
  const auto grid = ReadSweepFile(written, "s.yaml", {"sweep.random=null", "sweep.grid.a=[1, 2]"});
  ASSERT_TRUE(grid.ok()) << grid.status();
  ASSERT_EQ(grid->axes.size(), 1u);
  EXPECT_FALSE(grid->axes[0].drawn);
}

TEST(SearchTest, MistakesInSetsAreSaidThere) {
  const std::string random = "  random: {samples: 2, parameters: {a: {uniform: [0, 1]}}}";
  EXPECT_THAT(
      Refusal(random, {"sweep.random.samples=none"}),
      HasSubstr("--set sweep.random.samples=none: sweep.random.samples is no whole number"));
  EXPECT_THAT(Refusal(random, {"sweep.random.sample=3"}), HasSubstr("did you mean 'samples'"));
  EXPECT_THAT(Refusal(random, {"sweep.random.parameters.a={normal: [0, 1]}"}),
              HasSubstr("={normal: [0, 1]}: a is no distribution"));
  EXPECT_THAT(Refusal(random, {"a=3"}),
              HasSubstr("--set a=3: a is a parameter of sweep.random; use --set "
                        "sweep.random.parameters.a={...}"));
  EXPECT_THAT(Refusal("  random: 3", {"sweep.random.samples=3"}),
              HasSubstr("sweep.random is '3', which has no 'samples'"));
}

TEST(SearchTest, MistakesAreSaidAtTheirPlace) {
  EXPECT_THAT(Refusal("  random: 3"), HasSubstr("s.yaml:2:11: sweep.random is no map"));
  EXPECT_THAT(Refusal("  random: {parameters: {a: {choice: [1]}}}"), HasSubstr("has no samples"));
  EXPECT_THAT(Refusal("  random: {samples: 0, parameters: {a: {choice: [1]}}}"),
              HasSubstr("s.yaml:2:21: sweep.random.samples is no whole number from 1 to 1000"));
  EXPECT_THAT(Refusal("  random: {samples: 2}"), HasSubstr("has no map of parameters"));
  EXPECT_THAT(Refusal("  random: {samples: 2, parameters: {a: {normal: [0, 1]}}}"),
              HasSubstr("a is no distribution"));
  EXPECT_THAT(Refusal("  random: {samples: 2, parameters: {a: {uniform: [2, 1]}}}"),
              HasSubstr("no pair of a number and a larger one"));
  EXPECT_THAT(Refusal("  random: {samples: 2, parameters: {a: {log_uniform: [0, 1]}}}"),
              HasSubstr("larger than 0"));
  EXPECT_THAT(Refusal("  random: {sample: 2, parameters: {a: {choice: [1]}}}"),
              HasSubstr("did you mean 'samples'"));
  EXPECT_THAT(Refusal("  random: {samples: 2, parameters: {seed: {choice: [1]}}}\n"
                      "  grid: {seed: [1]}"),
              HasSubstr("set the same thing"));
  EXPECT_THAT(Refusal("  random: {samples: 600, parameters: {a: {choice: [1]}}}\n"
                      "  grid: {seed: [1, 2]}"),
              HasSubstr("more than 1000 runs (600 of sweep.random times 2 of seed)"));
}

TEST(SearchTest, ReadsHalvingAndItsDefaults) {
  const auto file = ReadSweepFile(
      absl::StrCat("sweep:\n  grid: {seed: [1, 2]}\n  halving: {epochs: [2, 6]}\n", kJob), "s.yaml",
      {});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->halving.has_value());
  EXPECT_EQ(file->halving->metric, "validation_accuracy");
  EXPECT_EQ(file->halving->epochs, (std::vector<int64_t>{2, 6}));
  EXPECT_NEAR(file->halving->keep, 1.0 / 3, 1e-9);
}

TEST(SearchTest, HalvingMustFitTheRuns) {
  const std::string grid = "  grid: {seed: [1, 2]}\n";
  EXPECT_THAT(Refusal(grid + "  halving: {}"), HasSubstr("has no epochs"));
  EXPECT_THAT(Refusal(grid + "  halving: {epochs: [3, 3]}"), HasSubstr("do not rise"));
  EXPECT_THAT(Refusal(grid + "  halving: {epochs: [3], keep: 1}"), HasSubstr("no share"));
  EXPECT_THAT(Refusal(grid + "  halving: {epochs: [3], metric: luck}"),
              HasSubstr("no metric 'luck'"));
  const auto late =
      ParseSweep(absl::StrCat("sweep:\n", grid, "  halving: {epochs: [10]}\n", kJob), "s.yaml", {});
  EXPECT_THAT(
      std::string(late.status().message()),
      HasSubstr("s.yaml:3:3: sweep.halving.epochs has a rung at epoch 10, but a run has 10"));
  const auto blind = ParseSweep(absl::StrCat("sweep:\n", grid, "  halving: {epochs: [1]}\n", kJob),
                                "s.yaml", {"dataset.validation=0"});
  EXPECT_THAT(std::string(blind.status().message()), HasSubstr("dataset.validation is 0"));
}

}  // namespace
}  // namespace hebb::sweep
