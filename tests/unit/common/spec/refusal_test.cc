// SPDX-License-Identifier: Apache-2.0
// What is wrong with a job file is named by line and column, with the remedy, all at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/spec/parse.h"
#include "common/spec/shapes.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<std::string> Refused(absl::string_view yaml) {
  const absl::StatusOr<Job> job = ParseJob(yaml, "job.yaml", {});
  EXPECT_FALSE(job.ok());
  EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument);
  return absl::StrSplit(job.status().message(), '\n');
}

// kSmallJob with one text replaced by another.
std::vector<std::string> RefusedWith(absl::string_view from, absl::string_view to) {
  const std::string changed = absl::StrReplaceAll(kSmallJob, {{from, to}});
  EXPECT_NE(changed, kSmallJob) << from;
  return Refused(changed);
}

TEST(RefusalTest, UnknownKeyIsNamedWithItsPlaceAndANearKey) {
  EXPECT_THAT(
      RefusedWith("learning_rate", "learning_rte"),
      ElementsAre("job.yaml:13:7: unknown key 'learning_rte' in learning.optimizer.sgd; did "
                  "you mean 'learning_rate'?"));
  EXPECT_THAT(
      RefusedWith("seed: 7", "sede: 7"),
      ElementsAre("job.yaml:2:1: unknown key 'sede' in the job file; did you mean 'seed'?"));
  EXPECT_THAT(RefusedWith("kernel: 5", "kernel: 5, qqqqqq: 1")[0],
              HasSubstr("in network.layers.conv1.conv; expected one of filters, kernel,"));
}

TEST(RefusalTest, WrongTypesSayWhatToWrite) {
  EXPECT_THAT(RefusedWith("batch_size: 100", "batch_size: many"),
              ElementsAre("job.yaml:14:15: learning.batch_size is 'many'; write a whole number, 1 "
                          "to 1000000000"));
  EXPECT_THAT(RefusedWith("seed: 7", "seed: [7]")[0], HasSubstr("seed is a list; write"));
  EXPECT_THAT(RefusedWith("seed: 7", "seed: -7")[0], HasSubstr("seed is '-7'; write a whole"));
  EXPECT_THAT(RefusedWith("seed: 7", "seed: '7'")[0], HasSubstr("write a whole number"));
  EXPECT_THAT(RefusedWith("0.05", ".nan")[0], HasSubstr("write a number"));
  EXPECT_THAT(RefusedWith("{workers: 2}", "2")[0],
              StartsWith("job.yaml:15:12: resources is '2'; write a map"));
  EXPECT_THAT(RefusedWith("validation: 5000", "shuffle: maybe")[0],
              HasSubstr("dataset.shuffle is 'maybe'; write true or false"));
}

TEST(RefusalTest, RangesAreKept) {
  EXPECT_THAT(RefusedWith("batch_size: 100", "batch_size: 0"),
              ElementsAre("job.yaml:14:15: learning.batch_size is 0, which is out of range; use 1 "
                          "to 1000000000"));
  EXPECT_THAT(RefusedWith("0.05", "-1")[0], HasSubstr("out of range; use 0 to"));
  EXPECT_THAT(RefusedWith("workers: 2", "workers: 0")[0], HasSubstr("use 1 to 4096"));
  EXPECT_THAT(RefusedWith("batch_size: 100", "epochs: 0")[0], HasSubstr("learning.epochs is 0"));
}

TEST(RefusalTest, UnknownWordsListTheWords) {
  EXPECT_THAT(
      RefusedWith("rule: urfb", "rule: best"),
      ElementsAre("job.yaml:10:9: unknown word 'best' for learning.rule; expected one of bp, "
                  "frfb, urfb, urfb_sign, kolen_pollack, dfa, usf, brsf, frsf, weight_mirror"));
  EXPECT_THAT(RefusedWith("activation: none", "activation: non")[0],
              HasSubstr("did you mean 'none'? (one of ramp, none, tanh, relu, sigmoid)"));
}

TEST(RefusalTest, Tf32IsForGpus) {
  EXPECT_THAT(RefusedWith("batch_size: 100", "precision: tf32"),
              ElementsAre("job.yaml:14:14: learning.precision: tf32 is a GPU's and "
                          "resources.device is any; write resources.device: cuda, or float32"));
}

TEST(RefusalTest, MemoryOfAGpuIsAnAmountAndNotForACpu) {
  EXPECT_THAT(RefusedWith("{workers: 2}", "{device: cuda, gpu_memory: 8 gigs}"),
              ElementsAre("job.yaml:15:39: resources.gpu_memory: '8 gigs' is no amount of memory; "
                          "write 8GiB, 512MiB or bytes"));
  EXPECT_THAT(RefusedWith("{workers: 2}", "{device: cpu, gpu_memory: 8GiB}")[0],
              HasSubstr("resources.device is cpu; remove one of them"));
}

TEST(RefusalTest, MissingKeysAreNamed) {
  EXPECT_THAT(RefusedWith("filters: 8, ", "")[0],
              StartsWith("job.yaml:6:27: required key 'filters' is missing in "
                         "network.layers.conv1.conv; add filters: "));
  EXPECT_THAT(RefusedWith("name: mnist, ", "")[0],
              HasSubstr("required key 'name' is missing in dataset"));
  EXPECT_THAT(Refused("name: x\n").size(), 2u);  // dataset, network
  EXPECT_THAT(RefusedWith(", max_pool: {size: 2}", "")[0],
              HasSubstr("network.layers.pool1 names no kind; add one of conv, dense,"));
  EXPECT_THAT(RefusedWith("max_pool: {size: 2}", "max_pool: {size: 2}, add: {}")[0],
              HasSubstr("has max_pool and add; keep one of them"));
}

TEST(RefusalTest, EmptyAndMisshapenFilesAreRefused) {
  EXPECT_THAT(Refused("")[0], HasSubstr("the job file is empty"));
  EXPECT_THAT(Refused("# nothing\n")[0], HasSubstr("the job file is empty"));
  EXPECT_THAT(Refused("- a\n- b\n")[0], StartsWith("job.yaml:1:1: the job file is not a map"));
  EXPECT_THAT(Refused("just text")[0], HasSubstr("the job file is not a map"));
  EXPECT_THAT(Refused("a: 1\n---\nb: 2\n")[0], HasSubstr("a second YAML document"));
}

TEST(RefusalTest, SyntaxErrorsHaveTheirPlace) {
  EXPECT_THAT(Refused("name: x\nseed: [1, 2\n")[0], StartsWith("job.yaml:3:1: not valid YAML: "));
  EXPECT_THAT(Refused("name: x\n\tseed: 1\n")[0], StartsWith("job.yaml:2:"));
}

// Flow punctuation without a flow: yaml-cpp reads one document after the other from it, for ever.
TEST(RefusalTest, ATextOfWhichYamlNeverSeesTheEndIsRefused) {
  EXPECT_THAT(Refused(", bias: true}}\n")[0], StartsWith("job.yaml:1:1: not valid YAML"));
  EXPECT_THAT(Refused("a: 1}\n")[0], StartsWith("job.yaml:1:"));
}

TEST(RefusalTest, AnAliasStandsForWhatItNames) {
  const auto job = ParseJob(
      "dataset: {name: glyphs}\n"
      "network:\n"
      "  layers:\n"
      "    - {name: a, dense: &plain {units: 10, activation: none}}\n"
      "    - {name: b, dense: *plain}\n"
      "learning: {batch_size: 100, epochs: 1}\n",
      "job.yaml", {});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(std::get<Dense>(job->network.layers[1].op).units, 10);
  EXPECT_THAT(Refused("a: &a [*a]\n")[0], HasSubstr("too large or too deep"));
}

TEST(RefusalTest, DuplicateKeysAreRefused) {
  EXPECT_THAT(RefusedWith("seed: 7", "seed: 7\nseed: 8"),
              ElementsAre("job.yaml:3:1: duplicate key 'seed'; keep one of them"));
}

TEST(RefusalTest, AliasBombsAndDeepNestsAreBounded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&bomb, j ? ", " : "", "*a", i - 1);
    absl::StrAppend(&bomb, "]\n");
  }
  EXPECT_THAT(Refused(bomb)[0], HasSubstr("too large or too deep"));
  EXPECT_THAT(Refused(std::string(200, '[') + std::string(200, ']'))[0], HasSubstr("too deep"));
  EXPECT_THAT(Refused(std::string(2 << 20, ' '))[0], HasSubstr("bytes"));
}

// Whatever the bytes: an answer, and one line a problem, each with the file's name.
TEST(RefusalTest, DamagedFilesAreAnsweredNotCrashedOn) {
  std::minstd_rand random(1);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = kSmallJob;
    for (int edits = 0; edits < 3; ++edits) {
      constexpr absl::string_view kBytes = "{}[]:,-&*!|>'\"#%@\n\t ~?0a\xff";
      const char byte = kBytes[random() % kBytes.size()];
      const size_t at = random() % damaged.size();
      if (random() % 2 == 0) {
        damaged[at] = byte;
      } else {
        damaged.insert(at, 1, byte);
      }
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    const absl::StatusOr<Job> job = ParseJob(damaged, "job.yaml", {});
    if (job.ok()) continue;
    for (absl::string_view line : absl::StrSplit(job.status().message(), '\n')) {
      EXPECT_THAT(std::string(line), StartsWith("job.yaml:")) << damaged;
    }
  }
}

TEST(RefusalTest, AllProblemsAreReportedInTheFilesOrder) {
  const std::vector<std::string> lines = Refused(R"(seed: x
dataset: {name: mnist, validation: 70000}
network:
  layers:
    - {name: pool, max_pool: {size: 99}}
    - {name: out, dense: {units: 10, activation: none}}
learning: {rule: best}
resources: {workers: 9}
)");
  ASSERT_EQ(lines.size(), 5u) << absl::StrJoin(lines, "\n");
  EXPECT_THAT(lines[0], StartsWith("job.yaml:1:7: seed"));
  EXPECT_THAT(lines[1], StartsWith("job.yaml:2:36: dataset.validation is 70000"));
  EXPECT_THAT(lines[2], StartsWith("job.yaml:5:7: layer pool: pool size 99"));
  EXPECT_THAT(lines[3], StartsWith("job.yaml:7:18: unknown word 'best'"));
  EXPECT_THAT(lines[4], StartsWith("job.yaml:8:22: more workers than slices (9 and 8)"));
}

TEST(RefusalTest, ThingsThatDoNotGoTogetherAreRefused) {
  EXPECT_THAT(RefusedWith("name: mnist", "name: mnits")[0],
              HasSubstr("unknown data set 'mnits'; did you mean 'mnist'?"));
  EXPECT_THAT(RefusedWith("batch_size: 100", "batch_size: 60000")[0],
              HasSubstr("but 55000 records are left to train on"));
  EXPECT_THAT(RefusedWith("workers: 2", "workers: 2, min_workers: 3")[0],
              HasSubstr("resources.min_workers is 3 but resources.workers is 2"));
  EXPECT_THAT(RefusedWith("workers: 2", "workers: 2, slurm: {partition: \"a\\n#SBATCH -p b\"}")[0],
              HasSubstr("resources.slurm.partition is no word of SLURM; use at most 200 letters"));
  EXPECT_THAT(RefusedWith(", activation: none", "")[0],
              HasSubstr("layer out: its activation is ramp but the loss hinge takes the plain "
                        "outputs; write activation: none"));
  EXPECT_THAT(
      RefusedWith("rule: urfb\n  optimizer:\n    sgd:",
                  "rule: frfb\n  optimizer:\n    sgd:\n      feedback_learning_rate: 0.1")[0],
      HasSubstr("rule frfb does not update its feedback weights"));
  EXPECT_THAT(RefusedWith("seed: 7", "kind: evaluate")[0], HasSubstr("hebb evaluate"));
  EXPECT_THAT(RefusedWith("seed: 7", "kind: verify")[0], HasSubstr("hebb verify"));
  EXPECT_THAT(RefusedWith("seed: 7", "verification: {job: j-1}")[0], HasSubstr("hebb verify"));
  EXPECT_THAT(RefusedWith("name: mnist", "name: glyphs, path: /tmp")[0],
              HasSubstr("glyphs is generated"));
}

TEST(RefusalTest, StandardNormalizationNeedsKnownMoments) {
  EXPECT_THAT(RefusedWith("name: mnist, validation: 5000", "name: glyphs, normalize: standard"),
              ElementsAre("job.yaml:3:36: dataset.normalize is standard but no mean and deviation "
                          "are known for glyphs; use unit or signed"));
  for (const std::string& name : DatasetNames()) {
    const std::string yaml = absl::StrReplaceAll(
        kSmallJob,
        {{"name: mnist, validation: 5000", absl::StrCat("name: ", name, ", normalize: standard")},
         {"units: 10", name == "cifar100" ? "units: 100" : "units: 10"}});
    EXPECT_EQ(ParseJob(yaml, "job.yaml", {}).ok(), name != "glyphs") << name;
  }
}

TEST(RefusalTest, RecordCountsOfAPathAreLeftToTheWorker) {
  const std::string yaml = absl::StrReplaceAll(
      kSmallJob,
      {{"name: mnist", "name: mnist, path: /data/mine"}, {"batch_size: 100", "batch_size: 70000"}});
  EXPECT_TRUE(ParseJob(yaml, "job.yaml", {}).ok());
}

}  // namespace
}  // namespace hebb::spec
