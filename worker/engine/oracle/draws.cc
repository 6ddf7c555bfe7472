// SPDX-License-Identifier: Apache-2.0
// The oracle's random numbers: one word of a keyed stream for each entry (common/random.h).
#include <cmath>
#include <numbers>

#include "common/random.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {
namespace {

uint32_t Layer(const OracleNode& node) { return static_cast<uint32_t>(node.index); }

struct Fans {
  double in = 0, out = 0;
};

Fans FansOf(const OracleNode& node) {
  return {static_cast<double>(FanIn(node)), static_cast<double>(FanOut(node))};
}

// Normal: Box and Muller, words 2j and 2j + 1 make entries 2j and 2j + 1.
double Draw(spec::Distribution distribution, const RandomStream& stream, int64_t index, Fans fans) {
  const auto i = static_cast<uint64_t>(index);
  if (distribution == spec::Distribution::kNormal) {
    const double radius = std::sqrt(-2 * std::log((stream.Word(i / 2 * 2) + 0.5) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * stream.Word(i / 2 * 2 + 1) * 0x1p-32;
    return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle)) /
           std::sqrt(fans.in + fans.out);
  }
  const bool glorot = distribution == spec::Distribution::kGlorotUniform;
  const double limit = glorot ? std::sqrt(6 / (fans.in + fans.out)) : 1 / std::sqrt(fans.in);
  return limit * (2.0 * RandomStream::ToUnit(stream.Word(i)) - 1);
}

double ConnectivityOf(const OracleNode& node) {
  if (const auto* conv = node.As<spec::Conv>()) return conv->connectivity;
  return node.As<spec::Dense>()->connectivity;
}

// By canonical index: 1 where there is a pixel behind the tap.
Doubles ExistingTaps(const OracleNode& node) {
  Doubles exists(WeightCount(node));
  for (const Connection& c : ConnectionsOf(node)) exists[c.weight] = 1;
  return exists;
}

}  // namespace

Doubles MaskOf(const spec::Job& job, const OracleNode& node, Side side) {
  const bool own =
      side == Side::kFeedback && job.learning.feedback_init == spec::FeedbackInit::kIndependent;
  const RandomStream stream(job.seed, RandomPurpose::kConnectivity, Layer(node), 0, own ? 1 : 0);
  Doubles mask(WeightCount(node), 1);
  for (size_t i = 0; i < mask.size(); ++i) {
    if (RandomStream::ToUnit(stream.Word(i)) >= ConnectivityOf(node)) mask[i] = 0;
  }
  return mask;
}

Doubles DrawnMatrix(const spec::Job& job, const OracleNode& node, RandomPurpose purpose,
                    uint32_t epoch, Side side) {
  const RandomStream stream(job.seed, purpose, Layer(node), epoch, 0);
  const auto* conv = node.As<spec::Conv>();
  // An untied layer begins with one filter bank everywhere (paper 3), unless asked otherwise.
  const bool shared = node.IsUntied() && conv->untied_start == spec::UntiedStart::kShared;
  const int64_t bank = shared ? WeightCount(node) / node.places() : WeightCount(node);
  const Doubles mask = MaskOf(job, node, side), exists = ExistingTaps(node);
  Doubles values(WeightCount(node));
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask[i] == 0 || (node.IsUntied() && exists[i] == 0)) continue;
    values[i] = Draw(job.init.distribution, stream, static_cast<int64_t>(i) % bank, FansOf(node));
  }
  return values;
}

std::vector<bool> KeptUnits(const OracleNode& node, const StepContext& context, int64_t sample) {
  const auto& dropout = *node.As<spec::Dropout>();
  const RandomStream stream(context.seed, RandomPurpose::kDropout, Layer(node),
                            static_cast<uint32_t>(context.epoch), static_cast<uint32_t>(sample));
  std::vector<bool> kept;
  for (int64_t i = 0; i < node.shape.size(); ++i) {
    const int64_t word = dropout.per_channel ? i / node.places() : i;
    kept.push_back(RandomStream::ToUnit(stream.Word(static_cast<uint64_t>(word))) >= dropout.rate);
  }
  return kept;
}

Doubles MirrorNoise(const spec::Job& job, const OracleNode& node, const StepContext& context,
                    int64_t sample) {
  const RandomStream stream(context.seed, RandomPurpose::kMirror, Layer(node),
                            static_cast<uint32_t>(context.step), static_cast<uint32_t>(sample));
  const spec::Shape& in = node.in;
  Doubles noise(in.size());
  for (int64_t c = 0; c < in.channels; ++c)
    for (int64_t p = 0; p < in.height * in.width; ++p) {
      const double u =
          RandomStream::ToUnit(stream.Word(static_cast<uint64_t>(p * in.channels + c)));
      noise[c * in.height * in.width + p] = job.learning.rule_options.mirror_noise * (u - 0.5);
    }
  return noise;
}

DoublesByName Oracle::InitialWeights(int draw) const {
  const spec::Distribution distribution = job_.init.distribution;
  DoublesByName initial;
  const auto epoch = static_cast<uint32_t>(draw);
  const std::vector<OracleNode> nodes = OracleNetwork(job_, facts_);
  const bool same = job_.learning.feedback_init == spec::FeedbackInit::kSame;
  for (const OracleNode& node : nodes) {
    if (node.As<spec::BatchNorm>() != nullptr) {
      initial[node.Name(".scale")] = Doubles(node.shape.channels, 1);
      initial[node.Name(".shift")] = Doubles(node.shape.channels, 0);
      initial[node.Name(".running_mean")] = Doubles(node.shape.channels, 0);
      initial[node.Name(".running_var")] = Doubles(node.shape.channels, 1);
    }
    if (!node.IsWeighted()) continue;
    initial[node.Name(".weight")] =
        DrawnMatrix(job_, node, RandomPurpose::kWeight, epoch, Side::kForward);
    const spec::Rule rule = RuleOf(job_, node, &node == &nodes.back());
    if (rule == spec::Rule::kDfa) {
      const int64_t units = node.shape.size(), classes = nodes.back().shape.channels;
      // Uniform under every distribution (docs/rules.md).
      const Fans fans = {static_cast<double>(classes), static_cast<double>(units)};
      const RandomStream stream(job_.seed, RandomPurpose::kFeedback, Layer(node), epoch, 0);
      Doubles& feedback = initial[node.Name(".feedback")];
      for (int64_t i = 0; i < units * classes; ++i) {
        feedback.push_back(Draw(spec::Distribution::kGlorotUniform, stream, i, fans));
      }
    } else if (rule != spec::Rule::kBp && rule != spec::Rule::kUsf && rule != spec::Rule::kBrsf) {
      initial[node.Name(".feedback")] =
          DrawnMatrix(job_, node, same ? RandomPurpose::kWeight : RandomPurpose::kFeedback, epoch,
                      Side::kFeedback);
    }
    if (BiasCount(node) == 0) continue;
    const bool zero = distribution == spec::Distribution::kGlorotUniform;
    const RandomStream stream(job_.seed, RandomPurpose::kBias, Layer(node), epoch, 0);
    Doubles& bias = initial[node.Name(".bias")];
    for (int64_t i = 0; i < BiasCount(node); ++i) {
      bias.push_back(zero ? 0 : Draw(distribution, stream, i, FansOf(node)));
    }
  }
  return initial;
}

}  // namespace hebb::engine
