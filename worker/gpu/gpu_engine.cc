// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/gpu_engine.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/gpu/device_memory.h"

namespace hebb::gpu {
namespace {

// Of the memory that is free when an engine is made, what records may take.
constexpr int64_t kRecordShare = 2;

Precision PrecisionOf(spec::Precision precision) {
  // Numbers that were rounded to bfloat16 are numbers of tf32 too.
  return precision == spec::Precision::kFloat32 ? Precision::kFloat32 : Precision::kTf32;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GpuEngine>> GpuEngine::Create(const engine::EngineOptions& options,
                                                             std::shared_ptr<Ops> ops) {
  HEBB_CHECK(options.job != nullptr && ops != nullptr);
  HEBB_ASSIGN_OR_RETURN(engine::Plan plan, engine::MakePlan(*options.job, options.facts));
  HEBB_ASSIGN_OR_RETURN(nn::ImageScaler scaler,
                        nn::ImageScaler::Create(options.job->dataset, options.facts.image));
  std::unique_ptr<GpuEngine> engine(
      new GpuEngine(options, std::move(plan), std::move(scaler), std::move(ops)));
  HEBB_RETURN_IF_ERROR(engine->MakeShared());
  HEBB_RETURN_IF_ERROR(engine->MakeWeights(options));
  HEBB_RETURN_IF_ERROR(engine->Fit(options.share));
  return engine;
}

GpuEngine::GpuEngine(const engine::EngineOptions& options, engine::Plan plan,
                     nn::ImageScaler scaler, std::shared_ptr<Ops> ops)
    : ops_(std::move(ops)),
      job_(*options.job),
      plan_(std::move(plan)),
      scaler_(std::move(scaler)),
      augmenter_(job_.dataset.augment, plan_.image, job_.seed),
      work_(*ops_),
      pool_(*ops_),
      host_pool_(1),
      recorder_(work_) {
  PlanPieces();
}

// ---- making ------------------------------------------------------------------------------------

void GpuEngine::PlanPieces() {
  const int layers = static_cast<int>(plan_.layers.size());
  int begin = 0;
  for (int layer = 0; layer < layers; ++layer) {
    if (!plan_.layers[layer].over_batch) continue;
    pieces_up_.push_back({begin, layer});
    begin = layer;
  }
  pieces_up_.push_back({begin, layers});
  for (int layer = layers - 1; layer >= 0; --layer) {
    if (plan_.layers[layer].parameter >= 0) learning_.push_back(layer);
  }
}

absl::Status GpuEngine::MakeShared() {
  ops_->SetPrecision(PrecisionOf(job_.learning.precision));
  HEBB_ASSIGN_OR_RETURN(memory_, DeviceMemory::Create(*ops_));
  HEBB_ASSIGN_OR_RETURN(const MemoryInfo memory, ops_->memory());
  step_ = pool_.Take<kernels::StepValues>(1);
  std::vector<float> table;
  for (const auto& of_channel : scaler_.table()) {
    table.insert(table.end(), of_channel.begin(), of_channel.end());
  }
  image_table_ = pool_.Take<float>(static_cast<int64_t>(table.size()));
  HEBB_RETURN_IF_ERROR(pool_.status());
  work_.Upload(std::span<const float>(table), image_table_);
  records_ = std::make_unique<RecordTable>(plan_.image.size(), memory.free / kRecordShare, work_);
  return work_.status();
}

absl::Status GpuEngine::MakeWeights(const engine::EngineOptions& options) {
  absl::Status drawn;
  host_pool_.ParallelFor(1, [&](int, int) {
    absl::StatusOr<std::unique_ptr<engine::Parameters>> host =
        engine::Parameters::Create(plan_, job_, options.draw, 1);
    drawn = host.status();
    if (host.ok()) host_ = *std::move(host);
  });
  HEBB_RETURN_IF_ERROR(drawn);
  for (size_t p = 0; p < plan_.parameters.size(); ++p) {
    weights_.push_back(std::make_unique<DeviceWeights>(host_->layer(static_cast<int>(p)), job_,
                                                       plan_, step_, work_));
    HEBB_RETURN_IF_ERROR(weights_.back()->status());
    square_parts_ += weights_.back()->square_parts();
  }
  if (job_.learning.optimizer.clip_norm > 0) {
    squares_ = pool_.Take<double>(WithGroups(square_parts_));
  }
  HEBB_RETURN_IF_ERROR(pool_.status());
  return work_.status();
}

absl::Status GpuEngine::Fit(const engine::SliceShare& share) {
  HEBB_CHECK(share.owned.size() >= 1 && share.max_rows >= 1);
  recorder_.Forget();
  sums_.assign(plan_.sums.size(), nullptr);
  network_.reset();
  const slices::Fold fold = slices::Fold::OfRank(share.slices, share.owned);
  const int64_t rows = std::max(share.owned.size() * share.max_rows, kChunkRows);
  records_->Fit(rows);
  HEBB_RETURN_IF_ERROR(records_->status());
  const NetworkParts parts = {.plan = plan_,
                              .weights = weights_,
                              .records = *records_,
                              .augmenter = augmenter_,
                              .loss = job_.learning.loss,
                              .image_table = image_table_,
                              .step = step_,
                              .seed = job_.seed,
                              .mirror_noise = job_.learning.rule_options.mirror_noise};
  network_ =
      std::make_unique<Network>(parts, fold, rows, std::max(share.max_rows, kChunkRows), work_);
  HEBB_RETURN_IF_ERROR(network_->status());
  return work_.status();
}

// ---- from and to the outside -------------------------------------------------------------------

// The host's tensors, brought up to date as they are read.
std::vector<weights::TensorSource> GpuEngine::Tensors() const {
  std::vector<weights::TensorSource> sources;
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) {
    for (const engine::LayerTensor& tensor : layer->host_tensors()) {
      sources.push_back(
          {tensor.name, tensor.shape, [this, from = layer.get(), tensor](std::span<float> values) {
             from->ToHost(tensor);
             HEBB_CHECK(work_.status().ok());  // nothing true could be given
             from->host().ToCanonical(tensor, values.data());
           }});
    }
  }
  return sources;
}

absl::Status GpuEngine::Import(const std::vector<weights::TensorSource>& tensors) {
  HEBB_RETURN_IF_ERROR(host_->Import(tensors));
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->FromHost();
  return work_.status();
}

std::vector<std::pair<std::string, double>> GpuEngine::Alignment() const {
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->ToHost();
  HEBB_CHECK(work_.status().ok());
  return host_->Alignment();
}

absl::StatusOr<std::unique_ptr<engine::Engine>> CreateGpuEngine(
    const engine::EngineOptions& options, std::shared_ptr<Ops> ops) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<GpuEngine> engine,
                        GpuEngine::Create(options, std::move(ops)));
  return std::unique_ptr<engine::Engine>(std::move(engine));
}

}  // namespace hebb::gpu
