// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/variants.h"

#include <utility>

#include "common/spec/words.h"
#include "worker/engine/oracle/layers.h"

namespace hebb::engine {
namespace {

using spec::Activation;
using spec::Rule;

spec::Layer Out() { return Biased(Dense("out", 4, Activation::kNone)); }

// Blocks that begin with an untied layer (paper 7).
OracleCase Blocks() {
  return {"blocks",
          {Untied("a", 3, 3), Untied("b", 3, 3), AddOf("s", {"a", "b"}), Untied("e", 3, 2),
           Conv("f", 3, 2), Conv("g", 3, 2), AddOf("t", {"s", "e", "g"}), Out()},
          {{2, 5, 5}, 4, 0, 0}};
}

OracleCase Normed() {
  return {"normed",
          {Conv("a", 4, 3, Activation::kNone), Norm("n", Activation::kRamp),
           Sparse(Biased(Untied("b", 4, 3)), 0.7), AddOf("s", {"n", "b"}),
           Norm("m", Activation::kNone, spec::Statistics::kSlice), Biased(Dense("d", 8)), Out()},
          {{2, 6, 6}, 4, 0, 0},
          2};
}

std::function<void(spec::Job&)> With(Rule rule) {
  return [rule](spec::Job& job) {
    job.learning.rule = rule;
    // Large enough for float32 to tell R's change from R's own rounding.
    job.learning.rule_options.mirror_noise = 2;
    job.learning.rule_options.mirror_rate = 0.05;
    if (rule == Rule::kKolenPollack) job.learning.rule_options.decay = 0.9;
  };
}

template <typename Change>
std::function<void(spec::Job&)> With(Rule rule, Change change) {
  return [rule, change](spec::Job& job) {
    With(rule)(job);
    change(job);
  };
}

void LagByEpoch(spec::Job& job) {
  job.learning.rule_options.feedback_lag = spec::FeedbackLag::kEpoch;
}
void DropSkips(spec::Job& job) {
  job.learning.rule_options.skip_gradient = spec::SkipGradient::kDropped;
}
void LastByBp(spec::Job& job) { job.learning.rule_options.last_layer = spec::LastLayer::kBp; }
void Asymmetric(spec::Job& job) { job.learning.rule_options.asymmetric = true; }
void ClipUntied(spec::Job& job) { job.learning.rule_options.clip_untied = true; }

void Freeze(spec::Job& job, const char* name) {
  for (spec::Layer& layer : job.network.layers) layer.frozen |= layer.name == name;
}

void MomentumAndDecay(spec::Job& job) {
  job.learning.optimizer.momentum = 0.9;
  job.learning.optimizer.weight_decay = 0.1;
}

std::function<void(spec::Job&)> ClipAt(double norm) {
  return [norm](spec::Job& job) { job.learning.optimizer.clip_norm = norm; };
}

std::function<void(spec::Job&)> FrozenOnes(std::vector<const char*> names) {
  return [names = std::move(names)](spec::Job& job) {
    for (const char* name : names) Freeze(job, name);
  };
}

template <typename... Changes>
std::function<void(spec::Job&)> All(Changes... changes) {
  return [=](spec::Job& job) { (changes(job), ...); };
}

}  // namespace

OracleCase MixedCase() {
  return {
      "mixed",
      {Sparse(Biased(Conv("a", 4, 3)), 0.8), Biased(Untied("b", 4, 3)), AddOf("s", {"a", "b"}),
       Pool("p", 3, 2), Sparse(Untied("e", 5, 2), 0.6), Sparse(Biased(Dense("d", 9)), 0.7), Out()},
      {{2, 6, 6}, 4, 0, 0}};
}

spec::Job JobOf(const Variant& variant, spec::Propagate order) {
  spec::Job job = JobOf(variant.network, Rule::kUrfb, spec::Hinge{1.0}, order);
  job.learning.optimizer = {0.5, 0.4};
  variant.change(job);
  return job;
}

std::vector<Variant> RuleVariants() {
  std::vector<Variant> variants;
  for (const auto& [name, rule] : spec::Words<Rule>::kNow) {
    const bool both = rule != Rule::kWeightMirror;
    variants.push_back({name, With(rule), MixedCase(), both});
    if (rule != Rule::kDfa) {
      variants.push_back({std::string(name) + "_normed", With(rule), Normed(), both});
    }
    variants.push_back(
        {std::string(name) + "_same",
         With(rule, [](spec::Job& job) { job.learning.feedback_init = spec::FeedbackInit::kSame; }),
         MixedCase(), both});
    const auto inert = [](spec::Job& job) {
      job.learning.optimizer.momentum = 0.9;
      // A shrinking W is another order of operations under kolen_pollack; momentum alone is not.
      if (job.learning.rule != Rule::kKolenPollack) job.learning.optimizer.weight_decay = 0.05;
    };
    variants.push_back({std::string(name) + "_momentum", With(rule, inert), MixedCase(), both});
  }
  return variants;
}

std::vector<Variant> OptionVariants() {
  std::vector<Variant> variants;
  for (const auto& [name, rule] : spec::Words<Rule>::kNow) {
    const bool both = rule != Rule::kWeightMirror;
    const auto add = [&, n = std::string(name), r = rule](const char* option, auto change,
                                                          OracleCase network, bool orders = true) {
      variants.push_back({n + option, With(r, change), network, orders && both});
    };
    const bool updates =
        rule == Rule::kUrfb || rule == Rule::kUrfbSign || rule == Rule::kKolenPollack;
    if (updates) add("_asymmetric", Asymmetric, MixedCase());
    if (rule != Rule::kDfa) {
      add("_lag", LagByEpoch, Blocks(), false);
      add("_skips_dropped", DropSkips, Blocks());
      // Each layer multiplies what it passes down, and its rounding, by b B; B = +-1 is large.
      const double b = rule == Rule::kUrfbSign ? 4 : 20;
      add(
          "_saturated", [b](spec::Job& job) { job.learning.rule_options.saturated_feedback = b; },
          MixedCase());
      // Small steps: weights that grow fast bring fields with more rounding than 1e-5.
      add(
          "_saturated_normed",
          [](spec::Job& job) {
            job.learning.rule_options.saturated_feedback = 4;
            job.learning.optimizer = {0.05, 0.05};
          },
          Normed());
      add("_last_bp", LastByBp, MixedCase());
    }
    add("_clip_untied", ClipUntied, Blocks());
  }
  const auto half = [](spec::Job& job) { job.learning.rule_options.bias_mean_twice = true; };
  variants.push_back({"bias_mean_twice", With(Rule::kUrfb, half)});
  variants.push_back({"bias_mean_twice_momentum", With(Rule::kUrfb, [half](spec::Job& job) {
                        half(job);
                        job.learning.optimizer.momentum = 0.5;
                      })});
  return variants;
}

std::vector<Variant> ClipVariants() {
  const auto clip = [](const char* name, Rule rule, auto change, OracleCase network) {
    return Variant{name, With(rule, change), std::move(network), false};
  };
  return {
      clip("clip", Rule::kUrfb, ClipAt(0.3), MixedCase()),
      clip("clip_normed", Rule::kBp, ClipAt(0.3), Normed()),
      clip("clip_that_is_never_reached", Rule::kUrfb, ClipAt(1000), MixedCase()),
      clip("clip_mirrors", Rule::kWeightMirror, ClipAt(0.3), MixedCase()),
      clip("clip_momentum", Rule::kKolenPollack,
           All(ClipAt(0.3), [](spec::Job& job) { job.learning.optimizer.momentum = 0.9; }),
           MixedCase()),
      // What does not change has no part in the norm.
      clip("clip_frozen", Rule::kUrfb, All(ClipAt(0.3), FrozenOnes({"d", "out"})), MixedCase()),
      clip(
          "clip_everything", Rule::kUrfb,
          All(MomentumAndDecay, ClipAt(0.5), Asymmetric, LagByEpoch, DropSkips, LastByBp,
              ClipUntied, [](spec::Job& job) { job.learning.rule_options.saturated_feedback = 2; }),
          Blocks()),
  };
}

std::vector<Variant> OptimizerVariants() {
  return {
      {"normed_momentum_decay", With(Rule::kUrfb, MomentumAndDecay), Normed()},
      {"frozen", With(Rule::kUrfb, All(MomentumAndDecay, FrozenOnes({"b", "d"}))), MixedCase()},
      {"frozen_normed", With(Rule::kBp, All(MomentumAndDecay, FrozenOnes({"a", "n"}))), Normed()},
      {"frozen_mirror", With(Rule::kWeightMirror, FrozenOnes({"b"})), MixedCase(), false},
      {"frozen_clip_untied", With(Rule::kUrfb, All(ClipUntied, FrozenOnes({"b"}))), Blocks()},
  };
}

std::vector<Variant> InputVariants() {
  const auto seen = [](const char* name, auto change) {
    return Variant{name, With(Rule::kUrfb, [change](spec::Job& job) { change(job.dataset); })};
  };
  std::vector<Variant> variants = {
      seen("normalize_signed", [](spec::Dataset& d) { d.normalize = spec::Normalize::kSigned; }),
      seen("normalize_standard",
           [](spec::Dataset& d) { d.normalize = spec::Normalize::kStandard; }),
      seen("flip", [](spec::Dataset& d) { d.augment.flip = true; }),
      seen("crop", [](spec::Dataset& d) { d.augment.crop = 2; }),
      seen("shift", [](spec::Dataset& d) { d.augment.shift = 3; }),
      seen("augment_signed",
           [](spec::Dataset& d) {
             d.augment = {.flip = true, .crop = 1, .shift = 8};
             d.normalize = spec::Normalize::kSigned;
           }),
  };
  for (const auto& [name, distribution] :
       {std::pair("init_kaiming_uniform", spec::Distribution::kKaimingUniform),
        std::pair("init_normal", spec::Distribution::kNormal)}) {
    variants.push_back({name, With(Rule::kUrfb, [d = distribution](spec::Job& job) {
                          job.init.distribution = d;
                        })});
  }
  return variants;
}

}  // namespace hebb::engine
