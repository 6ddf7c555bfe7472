// SPDX-License-Identifier: Apache-2.0
// What is proven: a grid becomes all combinations in the documented order, each a checked job, and
// what is wrong with some of them is said once, at the value that causes it.
#include "common/sweep/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/spec/parse.h"

namespace hebb::sweep {
namespace {

using ::testing::HasSubstr;

std::string File(const std::string& grid) {
  return absl::StrCat(
      "name: small\n"
      "sweep:\n"
      "  grid:\n"
      "    ",
      grid,
      "\n"
      "dataset: {name: glyphs}\n"
      "network:\n"
      "  layers:\n"
      "    - {name: out, dense: {units: 10, activation: none}}\n"
      "learning: {batch_size: 100, epochs: 1}\n"
      "resources: {workers: 4}\n");
}

std::vector<std::string> Lines(const std::string& grid) {
  const auto sweep = ParseSweep(File(grid), "s.yaml", {});
  EXPECT_TRUE(absl::IsInvalidArgument(sweep.status())) << sweep.status();
  return absl::StrSplit(sweep.status().message(), '\n');
}

TEST(GridTest, TheLastKeyChangesFastestButSeedSlowest) {
  const auto sweep = ParseSweep(
      File("{learning.rule: [bp, urfb], seed: [1, 2], learning.optimizer.sgd.learning_rate: "
           "[0.1, 0.05]}"),
      "s.yaml", {"learning.epochs=2"});
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(sweep->name, "small");
  std::vector<std::string> names;
  for (const auto& run : sweep->runs) names.push_back(run.job.name);
  EXPECT_THAT(
      names,
      ::testing::ElementsAre(
          "small/rule=bp,seed=1,learning_rate=0.1", "small/rule=bp,seed=1,learning_rate=0.05",
          "small/rule=urfb,seed=1,learning_rate=0.1", "small/rule=urfb,seed=1,learning_rate=0.05",
          "small/rule=bp,seed=2,learning_rate=0.1", "small/rule=bp,seed=2,learning_rate=0.05",
          "small/rule=urfb,seed=2,learning_rate=0.1", "small/rule=urfb,seed=2,learning_rate=0.05"));
  const spec::Job& last = sweep->runs.back().job;
  EXPECT_EQ(last.learning.rule, spec::Rule::kUrfb);
  EXPECT_EQ(last.seed, 2u);
  EXPECT_EQ(last.learning.optimizer.learning_rate, 0.05);
  EXPECT_EQ(last.learning.epochs, 2);
  EXPECT_EQ(sweep->runs.back().point, (Point{{"learning.rule", "urfb"},
                                             {"seed", "2"},
                                             {"learning.optimizer.sgd.learning_rate", "0.05"}}));
}

TEST(GridTest, ARunIsTheJobThatItsValuesMakeByHand) {
  const auto sweep = ParseSweep(
      File("{learning.loss: [{squared: {}}, {hinge: {off_class_weight: 2}}]}"), "s.yaml", {});
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  const std::string job_file = ReadSweepFile(File("{seed: [1]}"), "s.yaml", {})->job_yaml;
  for (const auto& run : sweep->runs) {
    const auto by_hand = spec::ParseJob(
        job_file, "s.yaml", {absl::StrCat(run.point[0].first, "=", run.point[0].second)});
    ASSERT_TRUE(by_hand.ok()) << by_hand.status();
    EXPECT_EQ(spec::SpecDigest(run.job), spec::SpecDigest(*by_hand));
  }
}

TEST(GridTest, ABadValueIsNamedOnceWithItsPlaceAndKey) {
  EXPECT_THAT(Lines("{seed: [1, 2, 3], learning.rule: [bp, urbf]}"),
              ::testing::ElementsAre(
                  "s.yaml:4:43: grid key learning.rule: unknown word 'urbf' for learning.rule; did "
                  "you mean 'urfb'? (one of bp, frfb, urfb, "
                  "urfb_sign, kolen_pollack, dfa, usf, brsf, frsf, weight_mirror)"));
}

TEST(GridTest, AKeyThatDoesNotExistIsNamedAtTheKey) {
  const std::vector<std::string> lines = Lines("{learning.rul: [bp, urfb]}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("s.yaml:4:6: grid key learning.rul: unknown key 'rul'"));
  EXPECT_THAT(lines[0], HasSubstr("did you mean 'rule'?"));
}

TEST(GridTest, WhatOnlySomeRunsHaveNamesTheFirst) {
  // The file has 4 workers: more than 2 slices.
  const std::vector<std::string> lines = Lines("{seed: [1, 2], data_parallel.slices: [2, 8]}");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("more workers than slices (4 and 2)"));
  EXPECT_THAT(lines[0], HasSubstr("(in the run seed=1,slices=2 and 1 more)"));
  EXPECT_THAT(lines[0], HasSubstr("s.yaml:"));
}

TEST(GridTest, WhatAllRunsHaveIsSaidPlainly) {
  const auto sweep = ParseSweep(File("{seed: [1, 2]}"), "s.yaml", {"learning.epoch=3"});
  EXPECT_EQ(sweep.status().message(),
            "--set learning.epoch=3: unknown key 'epoch' in learning; did you mean 'epochs'?");
}

TEST(GridTest, AValueOfASetIsPlacedThere) {
  const auto sweep =
      ParseSweep(File("{learning.rule: [bp]}"), "s.yaml", {"sweep.grid.seed=[1, many]"});
  EXPECT_THAT(std::string(sweep.status().message()),
              HasSubstr("--set sweep.grid.seed=[1, many]: grid key seed: seed is 'many'"));
}

TEST(GridTest, ManyFaultsAreCutToWhatCanBeRead) {
  std::string values = "bad0";
  for (int i = 1; i < 200; ++i) absl::StrAppend(&values, ", bad", i);
  const std::vector<std::string> lines = Lines(absl::StrCat("{learning.rule: [", values, "]}"));
  EXPECT_EQ(lines.size(), 21u);
  EXPECT_EQ(lines.back(), "s.yaml: and 180 more; correct these first");
}

TEST(GridTest, LongNamesBecomeNumbers) {
  const auto sweep = ParseSweep(
      File("{seed: [1, 2], learning.optimizer.sgd.learning_rate: [0.1],"
           " learning.optimizer.sgd.feedback_learning_rate: [0.1], learning.rule: [urfb],"
           " network.layers.out.dense.units: [10], learning.feedback_init: [independent]}"),
      "s.yaml", {"sweep.name=" + std::string(120, 'n')});
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(sweep->runs[1].job.name, std::string(120, 'n') + "/2");
}

TEST(GridTest, TheExampleIsASweep) {
  const char* source = std::getenv("HEBB_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const auto yaml = ReadFile(absl::StrCat(source, "/examples/sweep-rules.yaml"));
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  const auto sweep = ParseSweep(*yaml, "sweep-rules.yaml", {});
  ASSERT_TRUE(sweep.ok()) << sweep.status();
  EXPECT_EQ(sweep->runs.size(), 9u);
  std::set<std::string> digests;
  for (const auto& run : sweep->runs) digests.insert(spec::SpecDigest(run.job));
  EXPECT_EQ(digests.size(), 9u);
}

}  // namespace
}  // namespace hebb::sweep
