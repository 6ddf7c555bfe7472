// SPDX-License-Identifier: Apache-2.0
#include "common/sweep/search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/random.h"
#include "common/sha256.h"
#include "common/spec/json_tree.h"
#include "common/spec/suggest.h"

namespace hebb::sweep {
namespace {

using spec::Problem;
using spec::Tree;

constexpr double kKeep = 1.0 / 3;
constexpr char kMetric[] = "validation_accuracy";

class Section {
 public:
  Section(const Tree& tree, const char* name, std::vector<std::string> keys,
          std::vector<Problem>& problems)
      : tree_(tree), name_(name), problems_(problems) {
    if (tree.kind != Tree::Kind::kMap) Report(tree, "is no map");
    for (const Tree& child : tree.children) {
      if (std::find(keys.begin(), keys.end(), child.key) != keys.end()) continue;
      problems_.push_back({child.key_place, "",
                           absl::StrCat("unknown key '", child.key, "' in ", name_, "; ",
                                        spec::Suggest(child.key, keys))});
    }
  }

  const Tree* Find(const char* key) const { return tree_.Find(key); }

  void Report(const Tree& place, const std::string& text) const {
    problems_.push_back({place.place, "", absl::StrCat(name_, " ", text)});
  }

  int64_t Whole(const char* key, int64_t otherwise, int64_t least, int64_t most) const {
    const Tree* value = Find(key);
    int64_t number = otherwise;
    if (value == nullptr) return otherwise;
    if (!absl::SimpleAtoi(value->text, &number) || number < least || number > most) {
      problems_.push_back(
          {value->place, "",
           absl::StrCat(name_, ".", key, " is no whole number from ", least, " to ", most)});
    }
    return number;
  }

 private:
  const Tree& tree_;
  const char* const name_;
  std::vector<Problem>& problems_;
};

// In [0, 1), of sample `index` of a key.
double Draw(uint64_t seed, const std::string& key, uint32_t index) {
  const uint32_t of_key =
      static_cast<uint32_t>(std::stoul(Sha256Hex(key).substr(0, 6), nullptr, 16));
  const auto words = RandomStream(seed, RandomPurpose::kSweep, of_key, 0, index).Block(0);
  return static_cast<double>((uint64_t{words[0]} << 32 | words[1]) >> 11) * 0x1p-53;
}

std::string Rounded(double value) { return absl::StrFormat("%.6g", value); }

// The value that `draw` in [0, 1) chooses; "" and a problem when the distribution is none.
std::string Choose(const Tree& distribution, double draw, std::vector<Problem>& problems) {
  const auto refuse = [&](const std::string& text) {
    problems.push_back({distribution.place, "", text});
    return std::string();
  };
  constexpr char kShape[] =
      "is no distribution; write {log_uniform: [0.001, 1]}, {uniform: [0, 1]}, {int_uniform: [1, "
      "9]} or {choice: [a, b]}";
  if (distribution.kind != Tree::Kind::kMap || distribution.children.size() != 1) {
    return refuse(absl::StrCat(distribution.key, " ", kShape));
  }
  const Tree& range = distribution.children[0];
  if (range.kind != Tree::Kind::kList || range.children.empty()) {
    return refuse(absl::StrCat(distribution.key, " ", kShape));
  }
  if (range.key == "choice") {
    const auto at = static_cast<size_t>(draw * static_cast<double>(range.children.size()));
    return OneLine(range.children[at]);
  }
  double low = 0, high = 0;
  const bool numbers = range.children.size() == 2 &&
                       absl::SimpleAtod(range.children[0].text, &low) &&
                       absl::SimpleAtod(range.children[1].text, &high) && low < high;
  if (!numbers) {
    return refuse(
        absl::StrCat(distribution.key, ".", range.key, " is no pair of a number and a larger one"));
  }
  if (range.key == "uniform") return Rounded(low + draw * (high - low));
  if (range.key == "int_uniform") return absl::StrCat(std::floor(low + draw * (high - low + 1)));
  if (range.key != "log_uniform") return refuse(absl::StrCat(distribution.key, " ", kShape));
  if (low <= 0) {
    return refuse(absl::StrCat(distribution.key, ".log_uniform begins at ", Rounded(low),
                               "; its numbers are larger than 0"));
  }
  return Rounded(std::exp(std::log(low) + draw * (std::log(high) - std::log(low))));
}

// Plain only where a plain scalar means the same within brackets as outside.
bool IsPlain(const Tree& scalar) {
  const auto plain = [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("_-+./", static_cast<char>(c));
  };
  const auto word = [](unsigned char c) { return absl::ascii_isalnum(c); };
  return !scalar.quoted && std::any_of(scalar.text.begin(), scalar.text.end(), word) &&
         std::all_of(scalar.text.begin(), scalar.text.end(), plain);
}

void QuoteScalars(Tree& tree) {
  if (tree.kind == Tree::Kind::kScalar) tree.quoted = !IsPlain(tree);
  for (Tree& child : tree.children) QuoteScalars(child);
}

}  // namespace

std::string OneLine(Tree tree) {
  QuoteScalars(tree);
  return spec::TreeToJson(tree);
}

std::vector<Axis> ReadRandom(const Tree& random, std::vector<Problem>& problems) {
  const Section section(random, "sweep.random", {"samples", "seed", "parameters"}, problems);
  const int64_t samples = section.Whole("samples", 0, 1, kMostRuns);
  const auto seed = static_cast<uint64_t>(section.Whole("seed", 0, 0, int64_t{1} << 53));
  const Tree* parameters = section.Find("parameters");
  std::vector<Axis> axes;
  if (section.Find("samples") == nullptr)
    section.Report(random, "has no samples; write samples: 20");
  if (parameters == nullptr || parameters->kind != Tree::Kind::kMap ||
      parameters->children.empty()) {
    section.Report(parameters == nullptr ? random : *parameters,
                   "has no map of parameters; write parameters: {learning.batch_size: {choice: "
                   "[100, 500]}}");
  }
  if (!problems.empty()) return axes;
  for (const Tree& parameter : parameters->children) {
    Axis& axis = axes.emplace_back(Axis{parameter.key, parameter.key_place, {}, true});
    for (int64_t i = 0; i < samples; ++i) {
      const double draw = Draw(seed, parameter.key, static_cast<uint32_t>(i));
      axis.values.push_back({Choose(parameter, draw, problems), parameter.place});
      if (!problems.empty()) return axes;
    }
  }
  return axes;
}

std::optional<Halving> ReadHalving(const Tree& tree, std::vector<Problem>& problems) {
  const std::vector<std::string> metrics = {kMetric, "train_accuracy", "train_loss"};
  const size_t before = problems.size();
  const Section section(tree, "sweep.halving", {"metric", "epochs", "keep"}, problems);
  Halving halving{kMetric, {}, kKeep, tree.key_place};
  if (const Tree* metric = section.Find("metric")) {
    halving.metric = metric->text;
    if (std::find(metrics.begin(), metrics.end(), metric->text) == metrics.end()) {
      section.Report(*metric, absl::StrCat("has no metric '", metric->text, "'; one of ",
                                           absl::StrJoin(metrics, ", ")));
    }
  }
  if (const Tree* keep = section.Find("keep")) {
    const bool share =
        absl::SimpleAtod(keep->text, &halving.keep) && halving.keep > 0 && halving.keep < 1;
    if (!share) section.Report(*keep, "keeps no share between 0 and 1; write keep: 0.33");
  }
  const Tree* epochs = section.Find("epochs");
  int64_t last = 0;
  for (const Tree& rung : epochs == nullptr ? std::vector<Tree>() : epochs->children) {
    int64_t epoch = 0;
    if (!absl::SimpleAtoi(rung.text, &epoch) || epoch <= last) {
      section.Report(rung, "has epochs that do not rise from 1 on; write epochs: [3, 9, 27]");
      break;
    }
    halving.epochs.push_back(last = epoch);
  }
  if (halving.epochs.empty() && problems.size() == before) {
    section.Report(epochs == nullptr ? tree : *epochs,
                   "has no epochs at which runs are stopped; write epochs: [3, 9, 27]");
  }
  if (problems.size() != before) return std::nullopt;
  return halving;
}

}  // namespace hebb::sweep
