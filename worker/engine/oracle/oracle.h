// SPDX-License-Identifier: Apache-2.0
// What one training step should do, in float64 and plain loops, written from the paper's equations
// (paper, sections 1-4, 7, 8 and 11; docs/rules.md) and sharing no code with worker/. Slow, and
// meant to be read. run.h has its parts.
#ifndef HEBB_WORKER_ENGINE_ORACLE_ORACLE_H_
#define HEBB_WORKER_ENGINE_ORACLE_ORACLE_H_

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
using DoublesByName = std::map<std::string, Doubles>;

struct OracleStep {
  DoublesByName after;    // every tensor of Engine::Export after the step, by name, canonical
  DoublesByName updates;  // G by tensor: "<layer>.weight", ".bias", ".scale", ".shift"; of the
                          // removed connections too
  DoublesByName deltas;   // what arrives at each layer's output, [row][channel][y][x]
  DoublesByName outputs;  // the same order
  DoublesByName slopes;   // sigma' at each unit, of layers with an activation
  double loss = 0;        // sum over the rows
  int correct = 0;
  // The smallest distance of any gate, margin, maximum or sign from the place where it would flip.
  double edge = 0;
  // The smallest var / (var + mean^2) of what a batch normalisation saw.
  double spread = 1;
};

class Oracle {
 public:
  Oracle(const spec::Job& job, const spec::DatasetFacts& facts) : job_(job), facts_(facts) {}

  // Takes the weights; those of "optimizer/" and "state/" are left out, the oracle makes its own as
  // they are before the first step.
  void SetWeights(const std::vector<weights::Tensor>& tensors);
  DoublesByName& weights() { return weights_; }

  // `slices`: into how many the samples are cut, for batch normalisations that go by slice.
  OracleStep Step(const StepContext& context, const std::vector<Sample>& samples,
                  int slices = 1) const;
  // The same, and goes on from there.
  OracleStep Advance(const StepContext& context, const std::vector<Sample>& samples,
                     int slices = 1);
  // Without dropout and with running statistics; no step.
  OracleStep Evaluate(const std::vector<Sample>& samples) const;

  // Of Engine::Export before any step, but for "optimizer/" and "state/".
  DoublesByName InitialWeights(int draw = 0) const;

 private:
  friend class OracleRun;

  spec::Job job_;
  spec::DatasetFacts facts_;
  DoublesByName weights_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_ORACLE_H_
