// SPDX-License-Identifier: Apache-2.0
// What an engine starts from, against the oracle's own draws: distributions, untied starts, removed
// connections, dfa's matrices, the second stage's draw.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"
#include "worker/engine/oracle/oracle.h"

namespace hebb::engine {
namespace {

using spec::Distribution;
using spec::FeedbackInit;
using spec::Rule;

spec::Layer Independent(spec::Layer layer) {
  std::get<spec::Conv>(layer.op).untied_start = spec::UntiedStart::kIndependent;
  return layer;
}

EngineSetup SetupFor(Rule rule, Distribution distribution, FeedbackInit init) {
  EngineSetup setup;
  setup.facts = {{3, 7, 7}, 4, 0, 0};
  setup.job.seed = 19;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Sparse(Biased(Conv("a", 5, 3)), 0.5),
                              Norm("n"),
                              Biased(Untied("b", 3, 3)),
                              Sparse(Independent(Untied("c", 5, 2)), 0.4),
                              Sparse(Biased(Dense("d", 11)), 0.6),
                              Biased(Dense("out", 4, spec::Activation::kNone))};
  if (rule == Rule::kDfa) setup.job.network.layers.erase(setup.job.network.layers.begin() + 1);
  setup.job.learning.rule = rule;
  setup.job.learning.feedback_init = init;
  setup.job.init.distribution = distribution;
  return setup;
}

void ExpectDrawnAsByOracle(const EngineSetup& setup, int draw) {
  EngineOptions options;
  options.job = &setup.job;
  options.facts = setup.facts;
  options.share.max_rows = 1;
  options.draw = draw;
  const auto engine = CreateCpuEngine(options);
  ASSERT_TRUE(engine.ok()) << engine.status();
  const DoublesByName wanted = Oracle(setup.job, setup.facts).InitialWeights(draw);
  const auto got = TensorsOf(**engine);
  EXPECT_EQ(got.size(), wanted.size());
  for (const auto& [name, values] : got) {
    ASSERT_TRUE(wanted.contains(name)) << name;
    ASSERT_EQ(values.size(), wanted.at(name).size()) << name;
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_FLOAT_EQ(values[i], static_cast<float>(wanted.at(name)[i])) << name << " " << i;
    }
  }
}

TEST(FirstWeightsTest, AreTheOraclesDraws) {
  for (const Rule rule : {Rule::kBp, Rule::kUrfb, Rule::kUrfbSign, Rule::kDfa, Rule::kUsf,
                          Rule::kBrsf, Rule::kFrsf, Rule::kWeightMirror}) {
    for (const auto distribution :
         {Distribution::kGlorotUniform, Distribution::kKaimingUniform, Distribution::kNormal}) {
      for (const auto init : {FeedbackInit::kIndependent, FeedbackInit::kSame}) {
        for (const int draw : {0, 1}) {
          SCOPED_TRACE(testing::Message() << "rule " << static_cast<int>(rule) << " distribution "
                                          << static_cast<int>(distribution) << " init "
                                          << static_cast<int>(init) << " draw " << draw);
          ExpectDrawnAsByOracle(SetupFor(rule, distribution, init), draw);
        }
      }
    }
  }
}

std::vector<float> MatrixOf(Distribution distribution, const char* name) {
  EngineSetup setup;
  setup.facts = {{3, 8, 8}, 100, 0, 0};
  setup.job.seed = 3;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Dense("d", 300), Dense("out", 100, spec::Activation::kNone)};
  setup.job.init.distribution = distribution;
  return TensorsOf(*MakeEngine(setup)).at(name);
}

// The largest distance between the values' distribution and N(0, deviation^2).
double DistanceFromNormal(std::vector<float> values, double deviation) {
  std::sort(values.begin(), values.end());
  const double count = static_cast<double>(values.size());
  double largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double wanted = 0.5 * std::erfc(-values[i] / deviation / std::sqrt(2.0));
    largest = std::max({largest, std::abs(wanted - static_cast<double>(i) / count),
                        std::abs(wanted - static_cast<double>(i + 1) / count)});
  }
  return largest;
}

// Kolmogorov and Smirnov: above 1.95 / sqrt(count) in one of 1000 samples.
TEST(FirstWeightsTest, NormalOnesAreNormal) {
  const double deviation = 1 / std::sqrt(192.0 + 300.0);
  for (const char* name : {"d.weight", "d.feedback"}) {
    const std::vector<float> values = MatrixOf(Distribution::kNormal, name);
    EXPECT_LT(DistanceFromNormal(values, deviation),
              1.95 / std::sqrt(static_cast<double>(values.size())))
        << name;
  }
}

TEST(FirstWeightsTest, WAndRAreIndependent) {
  for (const auto distribution :
       {Distribution::kGlorotUniform, Distribution::kKaimingUniform, Distribution::kNormal}) {
    const std::vector<float> w = MatrixOf(distribution, "d.weight");
    const std::vector<float> r = MatrixOf(distribution, "d.feedback");
    double product = 0, ww = 0, rr = 0;
    for (size_t i = 0; i < w.size(); ++i) {
      product += double{w[i]} * r[i];
      ww += double{w[i]} * w[i];
      rr += double{r[i]} * r[i];
    }
    EXPECT_LT(std::abs(product) / std::sqrt(ww * rr),
              3.3 / std::sqrt(static_cast<double>(w.size())));
  }
}

}  // namespace
}  // namespace hebb::engine
