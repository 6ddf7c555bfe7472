// SPDX-License-Identifier: Apache-2.0
#include "common/spec/check_learning.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/spec/suggest.h"
#include "common/spec/words.h"

namespace hebb::spec {
namespace {

bool UpdatesFeedback(Rule rule) {
  return rule == Rule::kUrfb || rule == Rule::kUrfbSign || rule == Rule::kKolenPollack;
}

bool HasMatrix(const LayerOp& op) {
  return std::holds_alternative<Conv>(op) || std::holds_alternative<Dense>(op);
}

class Checker {
 public:
  explicit Checker(const Job& job) : job_(job), learning_(job.learning) {}

  std::vector<LearningProblem> Run() && {
    CheckRates();
    CheckRuleOptions();
    CheckUntiedOptions();
    CheckOrders();
    CheckSecondStage();
    return std::move(problems_);
  }

 private:
  void Report(std::string path, std::string text) {
    problems_.push_back({std::move(path), std::move(text)});
  }
  void ReportOption(const std::string& key, const std::string& text) {
    const std::string path = absl::StrCat("learning.rule_options.", key);
    Report(path, absl::StrCat(path, " ", text));
  }
  const char* rule() const { return ToWord(learning_.rule); }

  void CheckRates() {
    const Sgd& sgd = learning_.optimizer;
    const std::string path = "learning.optimizer.sgd";
    if (sgd.feedback_learning_rate && !UpdatesFeedback(learning_.rule)) {
      const bool none = learning_.rule == Rule::kBp || learning_.rule == Rule::kUsf ||
                        learning_.rule == Rule::kBrsf;
      Report(absl::StrCat(path, ".feedback_learning_rate"),
             absl::StrCat("rule ", rule(),
                          none ? " has no feedback weights"
                               : " does not update its feedback weights by the learning rate",
                          "; remove feedback_learning_rate or use rule: urfb"));
    }
    if (sgd.momentum >= 1) {
      Report(absl::StrCat(path, ".momentum"), "momentum must be below 1; 0.9 is usual");
    }
    if (const auto* step = std::get_if<StepRate>(&sgd.schedule)) {
      const bool rises = std::adjacent_find(step->epochs.begin(), step->epochs.end(),
                                            std::greater_equal<>()) == step->epochs.end();
      if (step->epochs.empty() || step->epochs.front() < 1 || !rises) {
        Report(absl::StrCat(path, ".schedule.step.epochs"),
               "schedule.step.epochs must be rising numbers from 1 on, as in [100, 150]");
      }
    }
  }

  // Options that the rule does not know would be passed over in silence.
  void CheckRuleOptions() {
    const RuleOptions& options = learning_.rule_options;
    const RuleOptions defaults;
    if (options.decay <= 0) ReportOption("decay", "must be above 0; 1 is urfb");
    if (options.decay != defaults.decay && learning_.rule != Rule::kKolenPollack) {
      ReportOption("decay", "has no effect; use rule: kolen_pollack, or remove it");
    }
    if (options.asymmetric && !UpdatesFeedback(learning_.rule)) {
      ReportOption("asymmetric", absl::StrCat("has no effect: rule ", rule(),
                                              " does not update R; use rule: urfb, or remove it"));
    }
    const bool mirror = learning_.rule == Rule::kWeightMirror;
    if (options.mirror_noise != defaults.mirror_noise && !mirror) {
      ReportOption("mirror_noise", "has no effect; use rule: weight_mirror, or remove it");
    }
    if (options.mirror_rate != defaults.mirror_rate && !mirror) {
      ReportOption("mirror_rate", "has no effect; use rule: weight_mirror, or remove it");
    }
    if (options.saturated_feedback > 0 && learning_.rule == Rule::kDfa) {
      ReportOption("saturated_feedback",
                   "has no effect under dfa, where no error passes from layer to layer; remove it");
    }
  }

  bool AnyUntied() const {
    const std::vector<std::string>& untie = learning_.second_stage.untie;
    return !untie.empty() ||
           std::any_of(job_.network.layers.begin(), job_.network.layers.end(), [](const Layer& l) {
             const Conv* conv = std::get_if<Conv>(&l.op);
             return conv != nullptr && conv->untied;
           });
  }

  void CheckUntiedOptions() {
    if (AnyUntied()) return;
    const RuleOptions& options = learning_.rule_options;
    const char* const text = "has no effect: no layer is untied; remove it";
    if (options.feedback_lag != FeedbackLag::kStep) ReportOption("feedback_lag", text);
    if (options.skip_gradient != SkipGradient::kKept) ReportOption("skip_gradient", text);
    if (options.clip_untied) ReportOption("clip_untied", text);
  }

  void CheckOrders() {
    const bool norm =
        std::any_of(job_.network.layers.begin(), job_.network.layers.end(),
                    [](const Layer& l) { return std::holds_alternative<BatchNorm>(l.op); });
    if (learning_.rule == Rule::kDfa && norm) {
      Report("learning.rule",
             "rule dfa brings the output error to weighted layers only, and batch_norm would not "
             "learn; remove the batch_norm layers or use another rule");
    }
    if (learning_.propagate != Propagate::kAfterUpdate) return;
    const std::string path = "learning.propagate";
    const auto refuse = [&](bool used, const char* what) {
      if (!used) return;
      Report(path, absl::StrCat("propagate: after_update does not go with ", what,
                                "; use before_update"));
    };
    refuse(learning_.optimizer.clip_norm > 0, "clip_norm, which needs all layers' updates");
    refuse(learning_.rule == Rule::kWeightMirror, "rule weight_mirror");
    refuse(learning_.rule_options.feedback_lag == FeedbackLag::kEpoch, "feedback_lag: epoch");
  }

  const Layer* Find(const std::string& name) const {
    const auto& layers = job_.network.layers;
    const auto found = std::find_if(layers.begin(), layers.end(),
                                    [&](const Layer& layer) { return layer.name == name; });
    return found == layers.end() ? nullptr : &*found;
  }

  template <typename Fits>
  void CheckNames(const std::string& key, const std::vector<std::string>& names, Fits fits,
                  const char* wanted) {
    const std::string path = absl::StrCat("learning.second_stage.", key);
    std::vector<std::string> known;
    for (const Layer& layer : job_.network.layers) known.push_back(layer.name);
    for (const std::string& name : names) {
      const Layer* layer = Find(name);
      if (layer == nullptr) {
        Report(path,
               absl::StrCat(path, ": no layer is called '", name, "'; ", Suggest(name, known)));
      } else if (!fits(*layer)) {
        Report(path, absl::StrCat(path, ": layer ", name, " is no ", wanted, "; remove it"));
      }
    }
  }

  void CheckSecondStage() {
    const SecondStage& second = learning_.second_stage;
    const bool any = second.batch_size || second.learning_rate || !second.untie.empty() ||
                     !second.redraw.empty() || !second.freeze.empty();
    if (second.epochs == 0) {
      if (any) {
        Report("learning.second_stage",
               "learning.second_stage has no epochs and would never begin; add epochs: N");
      }
      return;
    }
    CheckNames(
        "untie", second.untie,
        [](const Layer& layer) {
          const Conv* conv = std::get_if<Conv>(&layer.op);
          return conv != nullptr && !conv->untied;
        },
        "tied convolution");
    const auto has_matrix = [](const Layer& layer) { return HasMatrix(layer.op); };
    CheckNames("redraw", second.redraw, has_matrix, "conv or dense layer");
    const auto learns = [](const Layer& layer) {
      return HasMatrix(layer.op) || std::holds_alternative<BatchNorm>(layer.op);
    };
    CheckNames("freeze", second.freeze, learns, "layer that learns");
  }

  const Job& job_;
  const Learning& learning_;
  std::vector<LearningProblem> problems_;
};

}  // namespace

std::vector<LearningProblem> CheckLearning(const Job& job) { return Checker(job).Run(); }

}  // namespace hebb::spec
