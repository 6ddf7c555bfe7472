// SPDX-License-Identifier: Apache-2.0
// What one training step should do, in float64 and plain loops, written from the paper's equations
// (docs: paper, sections 1-4) and sharing no code with worker/. Slow, and meant to be read.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

using Doubles = std::vector<double>;

struct OracleStep {
  std::map<std::string, Doubles> after;    // tensors after the step, by name, canonical
  std::map<std::string, Doubles> updates;  // G by layer name, canonical
  double loss = 0;                         // sum over the rows
  int correct = 0;
  // The smallest distance of any gate, margin or maximum from the place where it would flip.
  double edge = 0;
};

class Oracle {
 public:
  Oracle(const spec::Job& job, const spec::DatasetFacts& facts) : job_(job), facts_(facts) {}

  void SetWeights(const std::vector<weights::Tensor>& tensors);
  std::map<std::string, Doubles>& weights() { return weights_; }

  OracleStep Step(const StepContext& context, const std::vector<Sample>& samples) const;

 private:
  struct Node {  // one layer's numbers, [row][channel][y][x]
    const spec::Layer* layer = nullptr;
    std::vector<int> inputs;  // -1: the image
    spec::Shape shape;
    Doubles field, output, delta;
  };
  struct Run;

  spec::Job job_;
  spec::DatasetFacts facts_;
  std::map<std::string, Doubles> weights_;
};

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_H_
