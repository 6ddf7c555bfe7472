// SPDX-License-Identifier: Apache-2.0
// What each rule does to W and R, entry by entry (paper.md 1).
#include "worker/rules/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace hebb::rules {
namespace {

using testing::ElementsAre;

class RuleTest : public testing::Test {
 protected:
  void Apply(const Rule& rule) { rule.Update(g_, {0.5f, 0.25f}, {w_, FeedbackOf(rule)}); }
  std::span<float> FeedbackOf(const Rule& rule) {
    return rule.keeps_feedback() ? std::span<float>(r_) : std::span<float>();
  }
  std::vector<float> Next(const Rule& rule) {
    std::vector<float> next(3);
    rule.NextSignal(g_, {0.5f, 0.25f}, {w_, FeedbackOf(rule)}, next);
    return next;
  }

  std::vector<float> w_ = {1, 2, 3};
  std::vector<float> r_ = {10, 20, 30};
  const std::vector<float> g_ = {4, -4, 8};
};

TEST_F(RuleTest, BackpropSendsThroughWAndKeepsNoR) {
  const auto rule = MakeRule(spec::Rule::kBp);
  EXPECT_FALSE(rule->keeps_feedback());
  EXPECT_EQ(rule->Signal({w_, {}}).data(), w_.data());
  EXPECT_THAT(Next(*rule), ElementsAre(-1, 4, -1));
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 4, -1));
}

TEST_F(RuleTest, FixedFeedbackSendsThroughRAndChangesOnlyW) {
  const auto rule = MakeRule(spec::Rule::kFrfb);
  EXPECT_TRUE(rule->keeps_feedback());
  EXPECT_EQ(rule->Signal({w_, r_}).data(), r_.data());
  EXPECT_THAT(Next(*rule), ElementsAre(10, 20, 30));
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 4, -1));
  EXPECT_THAT(r_, ElementsAre(10, 20, 30));
}

TEST_F(RuleTest, UpdatedFeedbackGivesBothMatricesTheSameUpdate) {
  const auto rule = MakeRule(spec::Rule::kUrfb);
  EXPECT_TRUE(rule->keeps_feedback());
  EXPECT_EQ(rule->Signal({w_, r_}).data(), r_.data());
  EXPECT_THAT(Next(*rule), ElementsAre(9, 21, 28));
  Apply(*rule);
  EXPECT_THAT(w_, ElementsAre(-1, 4, -1));
  EXPECT_THAT(r_, ElementsAre(9, 21, 28));
}

// Parts of a matrix may be updated one by one, by any thread: long arrays, where the vector loop
// and its scalar rest both run, equal the entry-by-entry result to the bit.
TEST_F(RuleTest, PartsAddUpToTheWhole) {
  const size_t n = 1003;
  std::vector<float> g(n), whole(n), parts(n), r(n);
  for (size_t i = 0; i < n; ++i) {
    whole[i] = parts[i] = 0.1f * static_cast<float>(i) - 7;
    g[i] = 1.0f / static_cast<float>(i + 1);
  }
  const auto rule = MakeRule(spec::Rule::kUrfb);
  rule->Update(g, {0.3f, 0.3f}, {whole, r});
  for (size_t i = 0; i < n; ++i) {
    rule->Update(std::span(g).subspan(i, 1), {0.3f, 0.3f},
                 {std::span(parts).subspan(i, 1), std::span(r).subspan(i, 1)});
  }
  EXPECT_EQ(whole, parts);
}

}  // namespace
}  // namespace hebb::rules
