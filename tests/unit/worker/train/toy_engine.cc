// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/train/toy_engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/random.h"
#include "common/status_macros.h"
#include "worker/slices/vector_fold.h"

namespace hebb::train {
namespace {

constexpr int kHidden = 0;
constexpr int kOut = 1;
constexpr int kOutSum = 0;  // sums start from the last layer
constexpr int kHiddenSum = 1;
constexpr std::array<int64_t, 2> kSizes = {7, 5};

struct Matrices {
  std::array<std::vector<float>, 2> weight;
  std::array<std::vector<float>, 2> feedback;
};

class ToyEngine final : public engine::Engine {
 public:
  ToyEngine(const engine::EngineOptions& options, const ToyFaults* faults)
      : after_update_(options.job->learning.propagate == spec::Propagate::kAfterUpdate),
        rate_(static_cast<float>(options.job->learning.optimizer.learning_rate)),
        faults_(faults) {
    for (int p : {kHidden, kOut}) {
      infos_.push_back(
          {p == kHidden ? "hidden" : "out", p, {1, kSizes[p]}, kSizes[p], true, 1 - p});
      Draw(options.job->seed, RandomPurpose::kWeight, p, matrices_.weight[p]);
      Draw(options.job->seed, RandomPurpose::kFeedback, p, matrices_.feedback[p]);
    }
    HEBB_CHECK(Fit(options.share).ok());
  }

  absl::Status Fit(const engine::SliceShare& share) override {
    local_slices_ = share.owned.size();
    max_slice_rows_ = share.max_rows;
    fold_.emplace(slices::Fold::OfRank(share.slices, share.owned));
    for (int p : {kHidden, kOut}) {
      leaf_pointers_[p].clear();
      node_pointers_[p].clear();
      leaves_[p].assign(local_slices_, std::vector<float>(kSizes[p]));
      for (const std::vector<float>& leaf : leaves_[p]) leaf_pointers_[p].push_back(leaf.data());
      nodes_[p].assign(fold_->fold().roots(), std::vector<float>(kSizes[p]));
      for (std::vector<float>& node : nodes_[p]) node_pointers_[p].push_back(node.data());
    }
    errors_.resize(local_slices_);
    return absl::OkStatus();
  }

  std::span<const engine::ParameterInfo> parameters() const override { return infos_; }
  std::span<const engine::SumInfo> sums() const override { return sums_; }

  std::vector<weights::TensorSource> Tensors() const override {
    std::vector<weights::TensorSource> sources;
    const auto add = [&](const std::string& name, const std::vector<int64_t>& shape,
                         const std::vector<float>& from) {
      sources.push_back({name, shape, [&from](std::span<float> values) {
                           std::copy(from.begin(), from.end(), values.begin());
                         }});
    };
    for (const engine::ParameterInfo& info : infos_) {
      add(info.layer + ".weight", info.shape, matrices_.weight[info.layer_index]);
      add(info.layer + ".feedback", info.shape, matrices_.feedback[info.layer_index]);
    }
    return sources;
  }

  using engine::Engine::Import;
  absl::Status Import(const std::vector<weights::TensorSource>& tensors) override {
    Matrices taken;
    size_t count = 0;
    for (const weights::Tensor& tensor : weights::ReadAll(tensors)) {
      for (const engine::ParameterInfo& info : infos_) {
        const int p = info.layer_index;
        if (tensor.shape != info.shape) continue;
        if (tensor.name == info.layer + ".weight") taken.weight[p] = tensor.values, ++count;
        if (tensor.name == info.layer + ".feedback") taken.feedback[p] = tensor.values, ++count;
      }
    }
    if (count != 4 || tensors.size() != 4) return absl::InvalidArgumentError("not toy tensors");
    matrices_ = std::move(taken);
    return absl::OkStatus();
  }

  absl::Status ComputeUpdates(const engine::StepContext& context,
                              std::span<const std::span<const engine::Sample>> slices,
                              engine::SumSink& sink,
                              std::span<engine::SliceTotals> totals) override {
    HEBB_CHECK(static_cast<int>(slices.size()) == local_slices_);
    absl::Status broken;
    for (int i = 0; i < local_slices_; ++i) {
      HEBB_CHECK(static_cast<int64_t>(slices[i].size()) <= max_slice_rows_);
      totals[i] = ForwardSlice(context, slices[i], i);
      for (const engine::Sample& sample : slices[i]) {
        if (faults_ != nullptr && sample.id == faults_->not_finite_sample) {
          broken = absl::FailedPreconditionError("layer out: the loss is not finite");
        }
      }
    }
    if (faults_ != nullptr) {
      const absl::Time end = absl::Now() + absl::Milliseconds(faults_->forward_takes_ms.load());
      while (absl::Now() < end) {  // it computes, it does not wait
      }
    }
    if (!broken.ok() && !faults_->after_first_layer) return broken;
    sink.ForwardDone();
    HEBB_RETURN_IF_ERROR(Tell(kOut, kOutSum, sink));
    if (!broken.ok()) return broken;
    float carried = matrices_.weight[kOut][0];
    if (after_update_) {
      HEBB_ASSIGN_OR_RETURN(const std::span<const float> sum, sink.WaitForSum(kOutSum));
      carried -= rate_ * sum[0];
    }
    for (int i = 0; i < local_slices_; ++i) BackwardSlice(slices[i], i, carried);
    return Tell(kHidden, kHiddenSum, sink);
  }

  void Apply(const engine::StepContext&, std::span<const std::span<const float>> sums) override {
    for (const int p : {kHidden, kOut}) {
      for (int64_t j = 0; j < kSizes[p]; ++j) {
        matrices_.weight[p][j] -= rate_ * sums[1 - p][j];
        matrices_.feedback[p][j] -= rate_ * sums[1 - p][j];
      }
    }
  }

  absl::StatusOr<engine::SliceTotals> Evaluate(std::span<const engine::Sample> samples) override {
    engine::SliceTotals totals;
    for (const engine::Sample& sample : samples) {
      const float error = Output(sample) - static_cast<float>(sample.label);
      totals.loss += error * error;
      totals.correct += std::fabs(error) < 0.5F ? 1.0F : 0.0F;
    }
    return totals;
  }

  std::vector<std::pair<std::string, double>> Alignment() const override {
    return {{"hidden", matrices_.weight[0][0]}, {"out", matrices_.weight[1][0]}};
  }
  absl::StatusOr<std::vector<engine::LayerDiagnostics>> Diagnose(
      const engine::StepContext&, std::span<const engine::Sample>,
      std::span<const std::span<const float>>) override {
    return std::vector<engine::LayerDiagnostics>{};
  }
  absl::StatusOr<engine::AuditReport> Audit(const engine::StepContext&,
                                            std::span<const engine::Sample>) override {
    return engine::AuditReport{{"layer hidden reads W"}, {}};
  }
  std::string kernel_family() const override { return "toy"; }

 private:
  static void Draw(uint64_t seed, RandomPurpose purpose, int layer, std::vector<float>& values) {
    const RandomStream stream(seed, purpose, static_cast<uint32_t>(layer), 0, 0);
    values.resize(kSizes[layer]);
    for (size_t j = 0; j < values.size(); ++j) {
      values[j] = RandomStream::ToUnit(stream.Word(j)) - 0.5F;
    }
  }

  static float Input(const engine::Sample& sample, int64_t j) {
    return static_cast<float>(sample.pixels[j % 4]) / (100.0F + static_cast<float>(j));
  }

  float Output(const engine::Sample& sample) const {
    float sum = 0;
    for (int64_t j = 0; j < kSizes[kHidden]; ++j) {
      sum += matrices_.weight[kHidden][j] * Input(sample, j);
    }
    for (int64_t j = 0; j < kSizes[kOut]; ++j) {
      sum += matrices_.weight[kOut][j] * Input(sample, j + 1);
    }
    return sum;
  }

  engine::SliceTotals ForwardSlice(const engine::StepContext& context,
                                   std::span<const engine::Sample> samples, int slice) {
    engine::SliceTotals totals;
    std::vector<float>& leaf = leaves_[kOut][slice];
    std::fill(leaf.begin(), leaf.end(), 0.0F);
    errors_[slice].resize(max_slice_rows_);
    for (size_t row = 0; row < samples.size(); ++row) {
      const engine::Sample& sample = samples[row];
      const RandomStream noise(context.seed, RandomPurpose::kDropout, 1,
                               static_cast<uint32_t>(context.epoch),
                               static_cast<uint32_t>(sample.id));
      const float error = Output(sample) - static_cast<float>(sample.label) +
                          0.1F * RandomStream::ToUnit(noise.Word(0));
      errors_[slice][row] = error / static_cast<float>(context.batch_size);
      for (int64_t j = 0; j < kSizes[kOut]; ++j) {
        leaf[j] += errors_[slice][row] * Input(sample, j + 1);
      }
      totals.loss += error * error;
      totals.correct += std::fabs(error) < 0.5F ? 1.0F : 0.0F;
    }
    return totals;
  }

  void BackwardSlice(std::span<const engine::Sample> samples, int slice, float carried) {
    std::vector<float>& leaf = leaves_[kHidden][slice];
    std::fill(leaf.begin(), leaf.end(), 0.0F);
    for (size_t row = 0; row < samples.size(); ++row) {
      for (int64_t j = 0; j < kSizes[kHidden]; ++j) {
        leaf[j] += errors_[slice][row] * Input(samples[row], j) * (1.0F + 0.1F * carried);
      }
    }
  }

  absl::Status Tell(int p, int sum, engine::SumSink& sink) {
    fold_->Run(leaf_pointers_[p], node_pointers_[p], static_cast<size_t>(kSizes[p]));
    return sink.Ready(sum, node_pointers_[p]);
  }

  const bool after_update_;
  const float rate_;
  int local_slices_ = 0;
  int64_t max_slice_rows_ = 0;
  const ToyFaults* const faults_;
  std::optional<slices::VectorFold> fold_;
  std::vector<engine::ParameterInfo> infos_;
  const std::vector<engine::SumInfo> sums_ = {{"out", kSizes[kOut]}, {"hidden", kSizes[kHidden]}};
  Matrices matrices_;
  std::array<std::vector<std::vector<float>>, 2> leaves_;
  std::array<std::vector<std::vector<float>>, 2> nodes_;
  std::array<std::vector<const float*>, 2> leaf_pointers_;
  std::array<std::vector<float*>, 2> node_pointers_;
  std::vector<std::vector<float>> errors_;
};

}  // namespace

ToyDataset::ToyDataset(int64_t train, int64_t validation, int64_t test)
    : train_(train), validation_(validation), test_(test) {
  facts_ = {
      .image = {1, 2, 2}, .classes = 2, .train_records = train + validation, .test_records = test};
  const RandomStream stream(1, RandomPurpose::kGlyphs, 0, 0, 0);
  for (int64_t i = 0; i < (train + validation + test) * kPixels; ++i) {
    pixels_.push_back(static_cast<uint8_t>(stream.Word(i)));
  }
}

int64_t ToyDataset::size(data::Split split) const {
  if (split == data::Split::kTrain) return train_;
  return split == data::Split::kValidation ? validation_ : test_;
}

data::Record ToyDataset::Get(data::Split split, int64_t index) const {
  HEBB_CHECK(index >= 0 && index < size(split));
  if (split == data::Split::kValidation) index += train_;
  if (split == data::Split::kTest) index += train_ + validation_;
  const uint8_t* const pixels = pixels_.data() + index * kPixels;
  return {pixels, pixels[0] > 127 ? 1 : 0};
}

EngineFactory ToyEngines(const ToyFaults* faults) {
  return
      [faults](
          const engine::EngineOptions& options) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
        return std::make_unique<ToyEngine>(options, faults);
      };
}

spec::Job ToyJob(int64_t batch_size, int64_t epochs, int64_t slices) {
  spec::Job job;
  job.name = "toy";
  job.seed = 3;
  job.dataset.name = "glyphs";
  job.learning.batch_size = batch_size;
  job.learning.epochs = epochs;
  job.learning.optimizer.learning_rate = 0.01;
  job.data_parallel.slices = slices;
  job.checkpoint.every_steps = 0;
  return job;
}

}  // namespace hebb::train
