// SPDX-License-Identifier: Apache-2.0
#include "client/compare/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace hebb::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ComparedJob Sample(const std::string& id) {
  ComparedJob compared;
  v1::Job& job = compared.job;
  job.set_id(id);
  job.set_name("n<" + id + ">");
  job.mutable_spec()->set_seed(1);
  job.mutable_spec()->mutable_learning()->set_rule("urfb");
  for (const char* name : {"conv1", "out"}) {
    job.mutable_spec()->mutable_network()->add_layers()->set_name(name);
  }
  job.mutable_metrics()->set_test_accuracy(0.5);
  v1::EpochRecord& record = *job.add_epochs();
  record.set_epoch(1);
  record.mutable_metrics()->set_train_loss(1.5);
  for (const auto& [step, digest] : {std::pair(10, "x"), std::pair(20, "y"), std::pair(30, "z")}) {
    v1::StepDigest& link = compared.digests.emplace_back();
    link.set_step(step);
    link.set_weights_digest(digest);
  }
  return compared;
}

TEST(ComparisonTest, EqualJobsDifferInNothing) {
  const Comparison comparison = Compare(Sample("j-a"), Sample("j-b"));
  EXPECT_TRUE(comparison.spec.empty());
  EXPECT_TRUE(comparison.results.empty());
  EXPECT_EQ(comparison.first_different_step, std::nullopt);
  EXPECT_EQ(DigestVerdict(comparison), "the weights are the same at all 3 steps on record in both");
}

TEST(ComparisonTest, NamesKeysAndResultsThatDifferAndThoseOfOneOnly) {
  ComparedJob b = Sample("j-b");
  b.job.mutable_spec()->mutable_learning()->set_rule("bp");
  b.job.mutable_metrics()->clear_test_accuracy();
  // A layer in between: the layers after it are still compared by name.
  b.job.mutable_spec()->mutable_network()->mutable_layers(1)->set_name("pool1");
  b.job.mutable_spec()->mutable_network()->add_layers()->set_name("out");
  const Comparison comparison = Compare(Sample("j-a"), b);
  bool rule = false;
  for (const Difference& one : comparison.spec) {
    EXPECT_THAT(one.what, Not(HasSubstr("layers.out")));
    if (one.what != "learning.rule") continue;
    rule = true;
    EXPECT_EQ(one.a, "urfb");
    EXPECT_EQ(one.b, "bp");
  }
  EXPECT_TRUE(rule);
  ASSERT_EQ(comparison.results.size(), 1U);
  EXPECT_EQ(comparison.results[0].what, "test_accuracy");
  EXPECT_EQ(comparison.results[0].a, "0.5");
  EXPECT_EQ(comparison.results[0].b, "");
}

TEST(ComparisonTest, ShowsOtherDataAndProgramsAndWorkersOnceEach) {
  ComparedJob a = Sample("j-a"), b = Sample("j-b");
  for (ComparedJob* job : {&a, &b}) {
    v1::DataDigest& digest = *job->job.mutable_provenance()->add_data();
    digest.set_file("train.bin");
    digest.set_sha256(job == &a ? "aa" : "bb");
    for (const char* processor : {"EPYC", "EPYC", "Xeon"}) {
      v1::Software& software = *job->job.mutable_provenance()->add_software();
      software.set_build("1");
      software.set_processor(job == &a ? processor : "EPYC");
      (*software.mutable_libraries())["oneDNN"] = "2.6";
    }
  }
  const Comparison comparison = Compare(a, b);
  ASSERT_EQ(comparison.sources.size(), 2U);
  EXPECT_EQ(comparison.sources[0].what, "data train.bin");
  EXPECT_EQ(comparison.sources[0].b, "bb");
  EXPECT_EQ(comparison.sources[1].what, "processor");
  EXPECT_EQ(comparison.sources[1].a, "EPYC, Xeon");
  EXPECT_EQ(comparison.sources[1].b, "EPYC");
}

TEST(ComparisonTest, FindsTheFirstStepOfOtherWeights) {
  ComparedJob b = Sample("j-b");
  b.digests[1].set_weights_digest("other");
  b.digests[2].set_step(35);  // not on record in a
  const Comparison comparison = Compare(Sample("j-a"), b);
  EXPECT_EQ(comparison.steps_compared, 2);
  EXPECT_EQ(comparison.last_same_step, 10);
  EXPECT_EQ(comparison.first_different_step, 20);
  EXPECT_EQ(ToJson(Sample("j-a"), b, comparison)["first_different_step"], 20);
  b.digests.clear();
  EXPECT_THAT(DigestVerdict(Compare(Sample("j-a"), b)), HasSubstr("no step"));
}

TEST(ComparisonTest, TheHtmlStandsAloneAndEscapesNames) {
  const ComparedJob a = Sample("j-a"), b = Sample("j-b");
  const std::string html = ComparisonHtml(a, b, Compare(a, b));
  EXPECT_THAT(html, HasSubstr("n&lt;j-a&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("n<j-a>")));
  EXPECT_THAT(html, HasSubstr("<svg"));
  EXPECT_THAT(html, HasSubstr("train loss"));
  EXPECT_THAT(html, Not(HasSubstr("validation accuracy"))) << "neither has it";
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
}

}  // namespace
}  // namespace hebb::client
