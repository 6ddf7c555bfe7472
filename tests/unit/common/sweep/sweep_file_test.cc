// SPDX-License-Identifier: Apache-2.0
// What is proven: the sweep section is read with its places, the job's text keeps its lines, and
// every mistake in the section is said at its place with a remedy.
#include "common/sweep/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace hebb::sweep {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Texts(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Value& value : axis.values) texts.push_back(value.text);
  return texts;
}

std::string Refusal(absl::string_view yaml, const std::vector<std::string>& sets = {}) {
  const auto file = ReadSweepFile(yaml, "s.yaml", sets);
  EXPECT_TRUE(absl::IsInvalidArgument(file.status())) << file.status();
  return std::string(file.status().message());
}

TEST(SweepFileTest, ReadsNameKeysAndValuesWithTheirPlaces) {
  const auto file = ReadSweepFile(
      "name: n\n"
      "sweep:\n"
      "  name: rules\n"
      "  grid:\n"
      "    learning.rule: [bp, urfb]\n"
      "    seed: [1, 2]\n"
      "dataset: {name: glyphs}\n",
      "s.yaml", {"learning.epochs=3"});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->name, "rules");
  EXPECT_EQ(file->job_yaml, "name: n\n\n\n\n\n\ndataset: {name: glyphs}\n");
  EXPECT_EQ(file->job_sets, std::vector<std::string>{"learning.epochs=3"});
  ASSERT_EQ(file->axes.size(), 2u);
  EXPECT_EQ(file->axes[0].key, "learning.rule");
  EXPECT_EQ(Texts(file->axes[0]), (std::vector<std::string>{"bp", "urfb"}));
  EXPECT_EQ(file->axes[1].place.line, 6);
  EXPECT_EQ(file->axes[0].values[1].place.line, 5);
  EXPECT_EQ(file->axes[0].values[1].place.column, 25);
}

TEST(SweepFileTest, ValuesAreYamlOnOneLine) {
  const auto file = ReadSweepFile(
      "sweep:\n"
      "  grid:\n"
      "    a: [-1.5e-3, null, 'x', \"1\", true]\n"
      "    b:\n"
      "      - {cross_entropy: {}}\n"
      "      - a, b\n"
      "      - |\n"
      "        two\n"
      "        lines\n"
      "      - [1, '-', '']\n",
      "s.yaml", {});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(Texts(file->axes[0]),
            (std::vector<std::string>{"-1.5e-3", "null", "\"x\"", "\"1\"", "true"}));
  EXPECT_EQ(Texts(file->axes[1]),
            (std::vector<std::string>{"{\"cross_entropy\":{}}", "\"a, b\"", "\"two\\nlines\\n\"",
                                      "[1,\"-\",\"\"]"}));
}

TEST(SweepFileTest, TheSectionMayStandAnywhereAndBeOneLine) {
  for (const char* yaml :
       {"sweep: {grid: {seed: [1]}}\nname: n\n", "name: n\nsweep: {grid: {seed: [1]}}",
        "{\n  sweep: {grid: {seed: [1]}},\n  name: n\n}\n"}) {
    const auto file = ReadSweepFile(yaml, "s.yaml", {});
    EXPECT_TRUE(file.ok()) << yaml << file.status();
  }
}

TEST(SweepFileTest, SetsMakeAndReplaceGridKeys) {
  const auto file =
      ReadSweepFile("sweep: {grid: {seed: [1]}}\n", "s.yaml",
                    {"sweep.grid.seed=[4, 5]", "sweep.grid.learning.rule=[bp]", "sweep.name=x"});
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->name, "x");
  EXPECT_TRUE(file->job_sets.empty());
  EXPECT_EQ(Texts(file->axes[0]), (std::vector<std::string>{"4", "5"}));
  EXPECT_EQ(file->axes[0].place.set, 0);
  EXPECT_EQ(file->axes[1].key, "learning.rule");
  EXPECT_TRUE(ReadSweepFile("name: n\n", "s.yaml", {"sweep.grid.seed=[1]"}).ok());
}

TEST(SweepFileTest, MistakesAreSaidAtTheirPlaces) {
  const auto in_grid = [](const std::string& entry) {
    return Refusal(absl::StrCat("sweep:\n  grid:\n    ", entry, "\n"));
  };
  EXPECT_EQ(in_grid("seed: 3"),
            "s.yaml:3:11: sweep.grid.seed is no list of values; write seed: [1, 2, 3], with one "
            "value or more");
  EXPECT_THAT(in_grid("seed: []"), HasSubstr("s.yaml:3:11: "));
  EXPECT_THAT(in_grid("seed: [1, 2, 1]"), HasSubstr("s.yaml:3:18: sweep.grid.seed has 1 twice"));
  EXPECT_THAT(in_grid("name: [a, b]"), HasSubstr("s.yaml:3:5: name cannot be a grid key"));
  EXPECT_THAT(in_grid("init.from: [a]"), HasSubstr("cannot be a grid key"));
  EXPECT_THAT(in_grid("a..b: [1]"), HasSubstr("is no key of the job file"));
  EXPECT_THAT(in_grid("{a.b: [1], a.b.c: [2]}"),
              HasSubstr("sweep keys a.b and a.b.c set the same"));
  EXPECT_THAT(Refusal("sweep: {gird: {}}\n"), HasSubstr("did you mean 'grid'?"));
  EXPECT_THAT(Refusal("sweep: 3\n"), HasSubstr("s.yaml:1:8: sweep is no map"));
  EXPECT_THAT(Refusal("sweep: {grid: [1]}\n"), HasSubstr("s.yaml:1:15: sweep.grid is no map"));
  EXPECT_THAT(Refusal("sweep: {name: [1]}\n"), HasSubstr("sweep.name is no text"));
  EXPECT_THAT(Refusal("name: n\n"), HasSubstr("there is no grid"));
  EXPECT_THAT(Refusal("{sweep: {grid: {seed: [1]}}, name: n}\n"), HasSubstr("lines of its own"));
  EXPECT_THAT(Refusal("sweep: {grid: {seed: &a [1]}}\nx: *a\n"), HasSubstr("lines of its own"));
  EXPECT_THAT(Refusal("sweep: [\n"), HasSubstr("not valid YAML"));
}

TEST(SweepFileTest, SetsThatTheGridWouldUndoAreRefused) {
  const std::string yaml = "sweep: {grid: {learning.loss: [{squared: {}}]}}\n";
  EXPECT_EQ(Refusal(yaml, {"learning.loss.hinge={}"}),
            "--set learning.loss.hinge={}: learning.loss is a key of the grid; use --set "
            "sweep.grid.learning.loss=[...]");
  EXPECT_TRUE(ReadSweepFile(yaml, "s.yaml", {"learning.epochs=2"}).ok());
  EXPECT_THAT(
      Refusal(yaml, {"sweep.gird.x=[1]"}),
      HasSubstr("--set sweep.gird.x=[1]: unknown key 'gird' in sweep; did you mean 'grid'?"));
  for (const char* set : {"sweep", "sweep={}", "sweep.grid.seed", "sweep.grid.=[1]"}) {
    EXPECT_THAT(Refusal(yaml, {set}), HasSubstr("names no part of the section sweep")) << set;
  }
}

TEST(SweepFileTest, AGridOfMoreThanAThousandRunsIsRefused) {
  std::string values = "0";
  for (int i = 1; i < 100; ++i) absl::StrAppend(&values, ", ", i);
  const auto yaml = [&](const char* more) {
    return absl::StrCat("sweep:\n  grid:\n    seed: [", values, "]\n    a: [", more, "]\n");
  };
  EXPECT_TRUE(ReadSweepFile(yaml("0,1,2,3,4,5,6,7,8,9"), "s.yaml", {}).ok());
  EXPECT_EQ(Refusal(yaml("0,1,2,3,4,5,6,7,8,9,10")),
            "s.yaml:3:5: the grid has more than 1000 runs (100 of seed times 11 of a); leave some "
            "values out or make several sweeps");
}

TEST(SweepFileTest, ALongSetIsCutInMessages) {
  const std::string set = "sweep.grid.seed=[" + std::string(200, '1') + ", 'µ', 'µ']";
  const std::string message = Refusal("name: n\n", {set});
  EXPECT_THAT(message, ::testing::StartsWith("--set " + set.substr(0, 100) + "...: "));
}

TEST(SweepFileTest, ALargeFileTimesManyRunsIsRefused) {
  const std::string comment = "# " + std::string(900'000, 'x') + "\n";
  std::string values = "0";
  for (int i = 1; i < 100; ++i) absl::StrAppend(&values, ", ", i);
  EXPECT_THAT(Refusal(absl::StrCat(comment, "sweep: {grid: {seed: [", values, "]}}\n")),
              HasSubstr("more than 32 MiB"));
}

TEST(SweepFileTest, KnowsASweepFile) {
  EXPECT_TRUE(HasSweepSection("a: 1\nsweep: {}\n"));
  EXPECT_FALSE(HasSweepSection("a: {sweep: 1}\n"));
  EXPECT_FALSE(HasSweepSection("]"));
}

}  // namespace
}  // namespace hebb::sweep
