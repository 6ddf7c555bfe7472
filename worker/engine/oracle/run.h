// SPDX-License-Identifier: Apache-2.0
// The oracle's parts: its network, and one step's numbers on their way through it.
#ifndef HEBB_WORKER_ENGINE_ORACLE_RUN_H_
#define HEBB_WORKER_ENGINE_ORACLE_RUN_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/random.h"
#include "worker/engine/oracle/oracle.h"

namespace hebb::engine {

// One layer and its numbers, [row][channel][y][x].
struct OracleNode {
  const spec::Layer* layer = nullptr;
  int index = 0;
  std::vector<int> inputs;  // -1: the image
  spec::Shape in;           // of the first input
  spec::Shape shape;
  Doubles field;   // before the activation
  Doubles output;  // x = sigma(field)
  Doubles delta;   // dLoss/dx as the rule has it
  Doubles d;       // sigma' .* delta
  // Of batch_norm, by row and channel: what the row was normalised with.
  Doubles mean, variance;

  template <typename Op>
  const Op* As() const {
    return std::get_if<Op>(&layer->op);
  }
  bool IsWeighted() const { return As<spec::Conv>() != nullptr || As<spec::Dense>() != nullptr; }
  bool IsUntied() const { return As<spec::Conv>() != nullptr && As<spec::Conv>()->untied; }
  int64_t places() const { return shape.height * shape.width; }
  std::string Name(const char* suffix) const { return layer->name + suffix; }
};

// ---- network.cc: geometry ---------------------------------------------------------------

// How windows lie along one axis.
struct OracleWindows {
  int64_t out = 0;
  int64_t before = 0;  // of the image's first pixel, in the first window
};
OracleWindows WindowsOf(spec::Padding padding, int64_t pixels, int64_t size, int64_t stride);

// Without numbers.
std::vector<OracleNode> OracleNetwork(const spec::Job& job, const spec::DatasetFacts& facts);

int64_t WeightCount(const OracleNode& node);
int64_t BiasCount(const OracleNode& node);  // 0 without one
int64_t FanIn(const OracleNode& node);
int64_t FanOut(const OracleNode& node);

struct Connection {
  int64_t in = 0, weight = 0, out = 0;
};
// The connections of one row, canonical indices. Taps outside the image are none.
std::vector<Connection> ConnectionsOf(const OracleNode& node);

// The bias that output `out` of a row has.
int64_t BiasIndex(const OracleNode& node, int64_t out);

spec::Activation ActivationOf(const OracleNode& node);
double Activated(spec::Activation activation, double field);
double Slope(spec::Activation activation, double field);
double EdgeOf(spec::Activation activation, double field);

// ---- draws.cc: random numbers -----------------------------------------------------------

enum class Side { kForward, kFeedback };

// By canonical index: 1 where the connection was kept.
Doubles MaskOf(const spec::Job& job, const OracleNode& node, Side side);
// An initial matrix of W's shape with its removed entries at 0.
Doubles DrawnMatrix(const spec::Job& job, const OracleNode& node, RandomPurpose purpose,
                    uint32_t epoch, Side side);
// Which units of the row are kept, canonical.
std::vector<bool> KeptUnits(const OracleNode& node, const StepContext& context, int64_t sample);
// What a mirror sends into the layer.
Doubles MirrorNoise(const spec::Job& job, const OracleNode& node, const StepContext& context,
                    int64_t sample);

// ---- images.cc: what of a record the network sees
// ------------------------------------------------

// Looked at (training only: docs/job_file.md, augment) and scaled, [channel][y][x].
Doubles ImageOf(const spec::Job& job, const spec::Shape& image, const StepContext& context,
                const Sample& sample, bool training);

// ---- rules.cc: what a step does to the weights ------------------------------------------

// The rule that the layer follows.
spec::Rule RuleOf(const spec::Job& job, const OracleNode& node, bool last);

// The standard deviation of the values of existing connections.
double DeviationOf(const OracleNode& node, const Doubles& mask, const Doubles& values);

// ---- one step ----------------------------------------------------------------------------------

class OracleRun {
 public:
  OracleRun(const Oracle& oracle, const StepContext& context, const std::vector<Sample>& samples,
            int slices, bool training);

  OracleStep Train();
  OracleStep Evaluate();

 private:
  const spec::Learning& learning() const { return oracle_.job_.learning; }
  const Doubles& weights(const std::string& name) const { return oracle_.weights_.at(name); }
  bool IsLast(const OracleNode& node) const { return &node == &nodes_.back(); }
  spec::Rule Rule(const OracleNode& node) const { return RuleOf(oracle_.job_, node, IsLast(node)); }
  const Doubles& Input(const OracleNode& node, size_t which = 0) const {
    return node.inputs[which] < 0 ? image_ : nodes_[node.inputs[which]].output;
  }
  Doubles* InputDelta(const OracleNode& node, size_t which = 0) {
    return node.inputs[which] < 0 ? nullptr : &nodes_[node.inputs[which]].delta;
  }
  void Edge(double distance) { result_.edge = std::min(result_.edge, distance); }

  // forward.cc
  void Forward();
  void ForwardWeighted(OracleNode& node);
  void ForwardNorm(OracleNode& node);
  void Moments(OracleNode& node, int64_t begin, int64_t end);
  void ForwardMaxPool(OracleNode& node);
  void ForwardAvgPool(OracleNode& node);
  void ForwardDropout(OracleNode& node);
  void ForwardAdd(OracleNode& node);
  void Activate(OracleNode& node);
  void Loss();
  double Term(int64_t row, int64_t j, double& slope);

  // backward.cc
  void Backward();
  void GateDelta(OracleNode& node);
  void WeightedUpdate(OracleNode& node);
  void BackwardWeighted(OracleNode& node);
  void BackwardNorm(OracleNode& node);
  void BackwardMaxPool(OracleNode& node);
  void BackwardAvgPool(OracleNode& node);
  void BackwardDropout(OracleNode& node);
  void BackwardAdd(OracleNode& node);
  bool DependsOn(int reader, int layer) const;
  void DirectDelta(OracleNode& node);

  // rules.cc
  Doubles SignalOf(const OracleNode& node, const DoublesByName& matrices);
  void Mirror(const OracleNode& node);
  double ClipFactor() const;
  void UpdateWeighted(const OracleNode& node, double clip);
  void UpdateNorm(const OracleNode& node, double clip);
  void UpdateRest(double clip);
  void ClipUntied(const OracleNode& node);
  void Descend(const std::string& tensor, const Doubles& gradient, double rate, double scale);

  const Oracle& oracle_;
  const StepContext& context_;
  const std::vector<Sample>& samples_;
  const int slices_;
  const bool training_;
  const int64_t rows_;
  Doubles image_;
  std::vector<OracleNode> nodes_;
  std::map<std::string, Doubles> feedback_updates_;  // by layer, where R's increment is another
  OracleStep result_;
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_RUN_H_
