// SPDX-License-Identifier: Apache-2.0
#include "common/spec/check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/byte_size.h"
#include "common/spec/check_learning.h"
#include "common/spec/schema.h"
#include "common/spec/shapes.h"
#include "common/spec/words.h"

namespace hebb::spec {
namespace {

constexpr size_t kSlurmWordMax = 200;

class Checker {
 public:
  Checker(const Job& job, const Tree& root, std::vector<Problem>& problems)
      : job_(job), root_(root), problems_(problems), read_problems_(problems.size()) {}

  void Run() {
    CheckTop();
    const std::optional<DatasetFacts> facts = CheckDataset();
    if (facts && Clean("network")) CheckNetwork(*facts);
    if (facts && Clean("learning")) CheckBatch(*facts);
    if (Clean("network") && Clean("learning")) CheckLoss();
    if (Clean("network") && Clean("learning")) {
      for (LearningProblem& problem : CheckLearning(job_)) {
        Report(problem.path, std::move(problem.text));
      }
    }
    CheckResources();
  }

 private:
  // Whether the reader found nothing wrong within a top-level section.
  bool Clean(absl::string_view section) const {
    for (size_t i = 0; i < read_problems_; ++i) {
      const absl::string_view path = problems_[i].path;
      if (path == section || absl::StartsWith(path, absl::StrCat(section, "."))) return false;
    }
    return true;
  }

  void Report(const std::string& path, std::string text) {
    problems_.push_back({PlaceOf(root_, path), path, std::move(text)});
  }

  void CheckTop() {
    if (job_.kind == Kind::kEvaluate) {
      Report("kind", "kind: evaluate is not for job files; use hebb evaluate JOB");
    }
    if (job_.kind == Kind::kVerify) {
      Report("kind", "kind: verify is not for job files; use hebb verify JOB");
    }
    if (root_.Find("verification") != nullptr) {
      Report("verification", "verification is not for job files; use hebb verify JOB");
    }
    if (job_.name.size() > 200) Report("name", "the name is longer than 200 bytes; shorten it");
    const std::string& sha = job_.init.sha256;
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!sha.empty() && (sha.size() != 64 || !std::all_of(sha.begin(), sha.end(), is_hex))) {
      Report("init.sha256", "init.sha256 is no SHA-256 in lower-case hex; leave it out");
    }
  }

  std::optional<DatasetFacts> CheckDataset() {
    if (!Clean("dataset")) return std::nullopt;
    const Dataset& dataset = job_.dataset;
    absl::StatusOr<DatasetFacts> facts = FactsOfDataset(dataset);
    if (!facts.ok()) {
      Report("dataset.name", std::string(facts.status().message()));
      return std::nullopt;
    }
    if (dataset.name == "glyphs" && !dataset.path.empty()) {
      Report("dataset.path", "glyphs is generated and has no files; remove dataset.path");
    }
    if (dataset.normalize == Normalize::kStandard && !facts->moments) {
      Report("dataset.normalize",
             absl::StrCat("dataset.normalize is standard but no mean and deviation are known for ",
                          dataset.name, "; use unit or signed"));
    }
    if (facts->train_records > 0 && dataset.validation >= facts->train_records) {
      Report(
          "dataset.validation",
          absl::StrCat("dataset.validation is ", dataset.validation, " but ", dataset.name, " has ",
                       facts->train_records, " training records; use fewer for validation"));
    }
    return *facts;
  }

  void CheckNetwork(const DatasetFacts& facts) {
    std::vector<LayerProblem> found;
    ResolveNetwork(job_.network, facts, found);
    for (LayerProblem& problem : found) {
      std::string path = "network.layers";
      if (problem.layer >= 0) absl::StrAppend(&path, ".", problem.layer);
      Report(path, std::move(problem.text));
    }
  }

  void CheckBatch(const DatasetFacts& facts) {
    const int64_t records = facts.train_records - job_.dataset.validation;
    if (records <= 0) return;  // or said already
    const auto check = [&](const std::string& path, int64_t batch) {
      if (batch <= records) return;
      Report(path, absl::StrCat(path, " is ", batch, " but ", records,
                                " records are left to train on; use ", records, " or less"));
    };
    check("learning.batch_size", job_.learning.batch_size);
    check("learning.second_stage.batch_size", job_.learning.second_stage.batch_size.value_or(1));
  }

  // Losses take the last layer's field; only binary cross-entropy may find a sigmoid there.
  void CheckLoss() {
    if (job_.network.layers.empty()) return;
    const Layer& last = job_.network.layers.back();
    const Dense* dense = std::get_if<Dense>(&last.op);
    if (dense == nullptr || dense->activation == Activation::kNone) return;
    const Loss& loss = job_.learning.loss;
    const bool binary = std::holds_alternative<BinaryCrossEntropy>(loss);
    if (binary && dense->activation == Activation::kSigmoid) return;
    const std::string loss_key = AlternativeKeys(loss)[loss.index()];
    const size_t index = job_.network.layers.size() - 1;
    Report(absl::StrCat("network.layers.", index),
           absl::StrCat("layer ", last.name, ": its activation is ", ToWord(dense->activation),
                        " but the loss ", loss_key, " takes the plain outputs; write activation: ",
                        binary ? "none or sigmoid" : "none"));
  }

  void CheckResources() {
    if (!Clean("resources")) return;
    const Resources& resources = job_.resources;
    if (resources.min_workers > resources.workers) {
      Report("resources.min_workers",
             absl::StrCat("resources.min_workers is ", resources.min_workers,
                          " but resources.workers is ", resources.workers,
                          "; ask for at least as many workers"));
    }
    const int64_t slices = job_.data_parallel.slices;
    if (Clean("data_parallel") && slices > 0 && slices < resources.workers) {
      Report("resources.workers",
             absl::StrCat("more workers than slices (", resources.workers, " and ", slices,
                          "); use at most ", slices, " workers or raise data_parallel.slices"));
    }
    CheckGpu();
    CheckSlurm();
  }

  void CheckGpu() {
    const Resources& resources = job_.resources;
    if (Clean("learning") && job_.learning.precision == Precision::kTf32 &&
        resources.device != Device::kCuda) {
      Report("learning.precision",
             absl::StrCat("learning.precision: tf32 is a GPU's and resources.device is ",
                          ToWord(resources.device), "; write resources.device: cuda, or float32"));
    }
    if (resources.gpu_memory.empty()) return;
    const absl::Status memory = ParseByteSize(resources.gpu_memory).status();
    if (!memory.ok()) {
      Report("resources.gpu_memory", absl::StrCat("resources.gpu_memory: ", memory.message()));
    } else if (resources.device == Device::kCpu) {
      Report("resources.gpu_memory",
             "resources.gpu_memory is asked for but resources.device is cpu; remove one of them");
    }
  }

  // They become words of a command and lines of a script.
  void CheckSlurm() {
    const Slurm& slurm = job_.resources.slurm;
    for (const SlurmWord& each : kSlurmWords) {
      const std::string& word = slurm.*each.word;
      const bool plain = std::all_of(word.begin(), word.end(), [](char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("_.,:;&|*()[]+-", std::string(1, c));
      });
      if (plain && word.size() <= kSlurmWordMax) continue;
      Report(absl::StrCat("resources.slurm.", each.key),
             absl::StrCat("resources.slurm.", each.key, " is no word of SLURM; use at most ",
                          kSlurmWordMax, " letters, digits and _ . , : ; & | * ( ) [ ] + -"));
    }
  }

  const Job& job_;
  const Tree& root_;
  std::vector<Problem>& problems_;
  const size_t read_problems_;
};

}  // namespace

void CheckJob(const Job& job, const Tree& root, std::vector<Problem>& problems) {
  Checker(job, root, problems).Run();
}

}  // namespace hebb::spec
