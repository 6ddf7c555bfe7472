// SPDX-License-Identifier: Apache-2.0
#include "common/spec/stages.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <variant>

namespace hebb::spec {
namespace {

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct FactorAt {
  int64_t epoch;
  int64_t epochs;

  double operator()(const ConstantRate&) const { return 1; }
  double operator()(const StepRate& step) const {
    const auto falls = std::count_if(step.epochs.begin(), step.epochs.end(),
                                     [this](int64_t at) { return at <= epoch; });
    return std::pow(step.factor, static_cast<double>(falls));
  }
  double operator()(const CosineRate&) const {
    const double share = static_cast<double>(epoch) / static_cast<double>(epochs);
    return 0.5 * (1 + std::cos(std::numbers::pi * share));
  }
};

}  // namespace

std::vector<Job> StagesOf(const Job& job) {
  const SecondStage& second = job.learning.second_stage;
  if (second.epochs == 0) return {job};
  Job later = job;
  later.learning.epochs = second.epochs;
  if (second.batch_size) later.learning.batch_size = *second.batch_size;
  if (second.learning_rate) {
    later.learning.optimizer.learning_rate = *second.learning_rate;
    later.learning.optimizer.feedback_learning_rate.reset();
  }
  for (Layer& layer : later.network.layers) {
    if (Conv* conv = std::get_if<Conv>(&layer.op); conv != nullptr && Has(second.untie, layer.name))
      conv->untied = true;
    if (Has(second.freeze, layer.name)) layer.frozen = true;
  }
  return {job, later};
}

int64_t StepsPerEpoch(const Job& stage, int64_t records) {
  const int64_t batch = stage.learning.batch_size;
  return (stage.learning.drop_last ? records : records + batch - 1) / batch;
}

int64_t TotalEpochs(const Job& job) {
  return job.learning.epochs + job.learning.second_stage.epochs;
}

double RateFactor(const Schedule& schedule, int64_t epoch, int64_t epochs) {
  return std::visit(FactorAt{epoch, epochs}, schedule);
}

}  // namespace hebb::spec
