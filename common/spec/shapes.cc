// SPDX-License-Identifier: Apache-2.0
#include "common/spec/shapes.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/infer.h"
#include "common/spec/suggest.h"
#include "common/status_macros.h"

namespace hebb::spec {
namespace {

constexpr int kImage = -1;
constexpr size_t kMostLayers = 1000;
constexpr int64_t kMostWeights = int64_t{1} << 31;  // of one network, in floats

struct NamedFacts {
  const char* name;
  DatasetFacts facts;
};

// Moments are computed from the files for MNIST, Fashion-MNIST and CIFAR-10; CIFAR-100's are those
// in common use.
constexpr PixelMoments kMnist = {{0.13066}, {0.30811}};
constexpr PixelMoments kFashionMnist = {{0.28604}, {0.35302}};
constexpr PixelMoments kCifar10 = {{0.49140, 0.48216, 0.44653}, {0.24703, 0.24349, 0.26159}};
constexpr PixelMoments kCifar100 = {{0.50707, 0.48655, 0.44092}, {0.26733, 0.25644, 0.27615}};

constexpr NamedFacts kKnownDatasets[] = {
    {"mnist", {{1, 28, 28}, 10, 60000, 10000, kMnist}},
    {"fashion_mnist", {{1, 28, 28}, 10, 60000, 10000, kFashionMnist}},
    {"cifar10", {{3, 32, 32}, 10, 50000, 10000, kCifar10}},
    {"cifar100", {{3, 32, 32}, 100, 50000, 10000, kCifar100}},
    {"glyphs", {{1, 28, 28}, 10, 10000, 2000}},
};

// A name becomes part of tensor names, metric labels and --set paths.
bool IsGoodName(absl::string_view name) {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), good) &&
         std::isalpha(static_cast<unsigned char>(name[0])) != 0;
}

// Walks the layers once. A layer with a problem stays unresolved, and the layers that read it are
// passed over, so that one cause is reported once.
class Resolver {
 public:
  Resolver(const Network& network, const DatasetFacts& facts, std::vector<LayerProblem>& problems)
      : network_(network), facts_(facts), problems_(problems) {}

  std::vector<ResolvedLayer> Run() {
    const size_t before = problems_.size();
    if (network_.layers.empty()) {
      problems_.push_back({-1, "the network has no layers; list them in network.layers"});
    } else if (network_.layers.size() > kMostLayers) {
      problems_.push_back({-1, absl::StrCat("the network has ", network_.layers.size(),
                                            " layers; at most ", kMostLayers, " are allowed")});
    } else {
      for (size_t i = 0; i < network_.layers.size(); ++i) ResolveLayer(i);
      CheckLast();
      if (problems_.size() == before) CheckReaders();  // else a broken reader is the cause
      CheckWeights();
    }
    std::vector<ResolvedLayer> result;
    if (problems_.size() > before) return result;
    for (std::optional<ResolvedLayer>& layer : resolved_) result.push_back(*std::move(layer));
    return result;
  }

 private:
  void Report(size_t index, absl::string_view text) {
    const Layer& layer = network_.layers[index];
    const std::string name = layer.name.empty() ? absl::StrCat("number ", index + 1) : layer.name;
    problems_.push_back({static_cast<int>(index), absl::StrCat("layer ", name, ": ", text)});
  }

  void ResolveLayer(size_t index) {
    const Layer& layer = network_.layers[index];
    resolved_.emplace_back();
    read_.push_back(false);
    CheckName(index);
    std::optional<std::vector<int>> inputs = FindInputs(index);
    if (!inputs) return;
    ResolvedLayer draft;
    draft.inputs = *std::move(inputs);
    for (int input : draft.inputs) {
      if (input != kImage && !resolved_[input]) return;  // reported there
    }
    draft.input = OutputOf(draft.inputs[0]);
    const std::string problem = Infer(layer.op, draft);
    if (problem.empty()) {
      resolved_[index] = std::move(draft);
    } else {
      Report(index, problem);
    }
  }

  void CheckName(size_t index) {
    const std::string& name = network_.layers[index].name;
    if (!IsGoodName(name)) {
      Report(index, absl::StrCat("'", name,
                                 "' is no layer name; use a letter, then letters, "
                                 "digits, '_' and '-', at most 64"));
    } else if (name == "input") {
      Report(index, "the name 'input' stands for the image; choose another");
    }
    for (size_t i = 0; i < index; ++i) {
      if (network_.layers[i].name != name) continue;
      Report(index, absl::StrCat("the name is taken by layer number ", i + 1,
                                 "; give every layer a name of its own"));
      return;
    }
  }

  std::optional<std::vector<int>> FindInputs(size_t index) {
    const Layer& layer = network_.layers[index];
    std::vector<int> inputs;
    for (const std::string& name : layer.inputs) {
      const std::optional<int> input = FindInput(index, name);
      if (!input) return std::nullopt;
      inputs.push_back(*input);
    }
    if (inputs.empty()) inputs.push_back(static_cast<int>(index) - 1);
    for (int input : inputs) {
      if (input != kImage) read_[input] = true;
    }
    const bool is_add = std::holds_alternative<Add>(layer.op);
    if (is_add && inputs.size() < 2) {
      Report(index, "add needs two or more inputs; name them, as in inputs: [a, b]");
      return std::nullopt;
    }
    if (!is_add && inputs.size() > 1) {
      Report(index, "only add takes more than one input; sum them in an add layer first");
      return std::nullopt;
    }
    return inputs;
  }

  std::optional<int> FindInput(size_t index, const std::string& name) {
    if (name == "input") return kImage;
    std::vector<std::string> earlier = {"input"};
    for (size_t i = 0; i < network_.layers.size(); ++i) {
      if (i >= index && network_.layers[i].name == name) {
        Report(index, absl::StrCat("input '", name, "' ", i == index ? "is" : "comes after",
                                   " this layer; a layer reads layers listed before it"));
        return std::nullopt;
      }
      if (i >= index) continue;
      if (network_.layers[i].name == name) return static_cast<int>(i);
      earlier.push_back(network_.layers[i].name);
    }
    Report(index, absl::StrCat("unknown input '", name, "'; ", Suggest(name, earlier)));
    return std::nullopt;
  }

  Shape OutputOf(int index) const {
    return index == kImage ? facts_.image : resolved_[index]->output;
  }

  std::string Infer(const LayerOp& op, ResolvedLayer& draft) const {
    std::vector<NamedShape> inputs;
    for (int input : draft.inputs) {
      inputs.push_back({input == kImage ? "input" : network_.layers[input].name, OutputOf(input)});
    }
    return InferLayer(op, inputs, draft);
  }

  void CheckReaders() {
    for (size_t i = 0; i + 1 < network_.layers.size(); ++i) {
      if (read_[i]) continue;
      Report(i, "no layer reads it; remove it, or name it in another layer's inputs");
    }
  }

  void CheckLast() {
    const size_t last = network_.layers.size() - 1;
    const Dense* dense = std::get_if<Dense>(&network_.layers[last].op);
    if (dense == nullptr) {
      Report(last,
             absl::StrCat("the last layer must be dense; end the network with ",
                          "{name: out, dense: {units: ", facts_.classes, ", activation: none}}"));
    } else if (resolved_[last] && dense->units != facts_.classes) {
      Report(last, absl::StrCat("the last layer has ", dense->units, " units but the data set has ",
                                facts_.classes, " classes; use units: ", facts_.classes));
    } else if (dense->connectivity < 1) {
      Report(last, "the last layer is always full; remove connectivity");
    }
  }

  void CheckWeights() {
    int64_t total = 0;
    for (size_t i = 0; i < resolved_.size(); ++i) {
      if (!resolved_[i]) continue;
      const int64_t weights = WeightsOf(network_.layers[i].op, *resolved_[i]);
      if (weights > kMostWeights || (total += weights) > kMostWeights) {
        Report(i, absl::StrCat("the network exceeds ", kMostWeights,
                               " weights here; make its layers smaller"));
        return;
      }
    }
  }

  // Saturates at kMostWeights + 1, so that no product overflows.
  static int64_t WeightsOf(const LayerOp& op, const ResolvedLayer& layer) {
    int64_t a = 0, b = 1, places = 1;
    if (const auto* conv = std::get_if<Conv>(&op)) {
      a = conv->kernel * conv->kernel * layer.input.channels;
      b = conv->filters;
      if (conv->untied) places = layer.output.height * layer.output.width;
    } else if (const auto* dense = std::get_if<Dense>(&op)) {
      a = layer.input.size();
      b = dense->units;
    }
    if (a > kMostWeights / b) return kMostWeights + 1;
    return a * b > kMostWeights / places ? kMostWeights + 1 : a * b * places;
  }

  const Network& network_;
  const DatasetFacts& facts_;
  std::vector<LayerProblem>& problems_;
  std::vector<std::optional<ResolvedLayer>> resolved_;
  std::vector<bool> read_;
};

}  // namespace

std::vector<std::string> DatasetNames() {
  std::vector<std::string> names;
  for (const NamedFacts& known : kKnownDatasets) names.push_back(known.name);
  return names;
}

absl::StatusOr<DatasetFacts> FactsOfDataset(absl::string_view name) {
  for (const NamedFacts& known : kKnownDatasets) {
    if (known.name == name) return known.facts;
  }
  return absl::NotFoundError(
      absl::StrCat("unknown data set '", name, "'; ", Suggest(name, DatasetNames())));
}

absl::StatusOr<DatasetFacts> FactsOfDataset(const Dataset& dataset) {
  HEBB_ASSIGN_OR_RETURN(DatasetFacts facts, FactsOfDataset(dataset.name));
  if (!dataset.path.empty()) facts.train_records = facts.test_records = 0;
  return facts;
}

absl::StatusOr<PixelMoments> ScalingOf(const Dataset& dataset) {
  switch (dataset.normalize) {
    case Normalize::kUnit:
      return PixelMoments{{0, 0, 0}, {1, 1, 1}};
    case Normalize::kSigned:
      return PixelMoments{{.5, .5, .5}, {.5, .5, .5}};
    case Normalize::kStandard:
      break;
  }
  HEBB_ASSIGN_OR_RETURN(const DatasetFacts facts, FactsOfDataset(dataset));
  if (facts.moments) return *facts.moments;
  return absl::InvalidArgumentError(
      absl::StrCat("dataset.normalize: no mean and deviation are known for ", dataset.name,
                   "; use normalize: unit or signed"));
}

std::vector<ResolvedLayer> ResolveNetwork(const Network& network, const DatasetFacts& facts,
                                          std::vector<LayerProblem>& problems) {
  return Resolver(network, facts, problems).Run();
}

absl::StatusOr<std::vector<ResolvedLayer>> ResolveNetwork(const Network& network,
                                                          const DatasetFacts& facts) {
  std::vector<LayerProblem> problems;
  std::vector<ResolvedLayer> layers = ResolveNetwork(network, facts, problems);
  if (problems.empty()) return layers;
  const auto text = [](std::string* out, const LayerProblem& problem) { *out += problem.text; };
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n", text));
}

}  // namespace hebb::spec
