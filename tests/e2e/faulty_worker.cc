// SPDX-License-Identifier: Apache-2.0
// A hebb-worker whose memory fails once: after step $HEBB_TEST_FLIP_STEP one bit of one weight is
// another. worker/main.cc is linked to it unchanged; this file stands in for the library's
// Trainer::Create, so nothing of it is in the product.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/check.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/train/gang_trainer.h"

namespace hebb::train {
namespace {

int64_t FlipStep() {
  int64_t step = 0;
  const char* const text = std::getenv("HEBB_TEST_FLIP_STEP");
  HEBB_CHECK(text != nullptr && absl::SimpleAtoi(text, &step));
  return step;
}

class FaultyEngine final : public engine::Engine {
 public:
  explicit FaultyEngine(std::unique_ptr<engine::Engine> inner) : inner_(std::move(inner)) {}

  std::span<const engine::ParameterInfo> parameters() const override {
    return inner_->parameters();
  }
  std::span<const engine::SumInfo> sums() const override { return inner_->sums(); }
  std::vector<weights::TensorSource> Tensors() const override { return inner_->Tensors(); }
  using engine::Engine::Import;
  absl::Status Import(const std::vector<weights::TensorSource>& tensors) override {
    return inner_->Import(tensors);
  }
  absl::Status Fit(const engine::SliceShare& share) override { return inner_->Fit(share); }
  absl::Status ComputeUpdates(const engine::StepContext& context,
                              std::span<const std::span<const engine::Sample>> slices,
                              engine::SumSink& sink,
                              std::span<engine::SliceTotals> totals) override {
    return inner_->ComputeUpdates(context, slices, sink, totals);
  }
  void Apply(const engine::StepContext& context,
             std::span<const std::span<const float>> sums) override {
    inner_->Apply(context, sums);
    if (context.step + 1 == FlipStep()) FlipOneBit();
  }
  absl::StatusOr<engine::SliceTotals> Evaluate(std::span<const engine::Sample> samples) override {
    return inner_->Evaluate(samples);
  }
  std::vector<std::pair<std::string, double>> Alignment() const override {
    return inner_->Alignment();
  }
  absl::StatusOr<std::vector<engine::LayerDiagnostics>> Diagnose(
      const engine::StepContext& context, std::span<const engine::Sample> samples,
      std::span<const std::span<const float>> sums) override {
    return inner_->Diagnose(context, samples, sums);
  }
  absl::StatusOr<engine::AuditReport> Audit(const engine::StepContext& context,
                                            std::span<const engine::Sample> samples) override {
    return inner_->Audit(context, samples);
  }
  std::string kernel_family() const override { return inner_->kernel_family(); }

 private:
  // Of the first weight of the last layer. Not its lowest bit: later steps may round that away.
  void FlipOneBit() {
    std::vector<weights::Tensor> tensors = inner_->Export();
    for (weights::Tensor& tensor : tensors) {
      if (tensor.name != "out.weight") continue;
      uint32_t bits = 0;
      std::memcpy(&bits, tensor.values.data(), sizeof(bits));
      bits ^= 1U << 18;
      std::memcpy(tensor.values.data(), &bits, sizeof(bits));
      LogWarning("a bit was flipped");
    }
    HEBB_CHECK(inner_->Import(tensors).ok());
  }

  std::unique_ptr<engine::Engine> inner_;
};

absl::StatusOr<std::unique_ptr<engine::Engine>> MakeFaultyEngine(
    const engine::EngineOptions& options) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<engine::Engine> inner, engine::CreateCpuEngine(options));
  return std::make_unique<FaultyEngine>(std::move(inner));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(const TrainerOptions& options,
                                                         const data::Dataset& dataset) {
  return MakeGangTrainer(options, dataset, MakeFaultyEngine);
}

}  // namespace hebb::train
