// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/epoch_record.h"

#include "absl/strings/str_format.h"

namespace hebb::runtime {

void FillMetrics(const train::EpochMetrics& from, v1::Metrics& to) {
  to.set_train_loss(from.train_loss);
  to.set_train_accuracy(from.train_accuracy);
  if (from.validation_accuracy) to.set_validation_accuracy(*from.validation_accuracy);
}

void FillMetrics(const train::FinalMetrics& from, v1::Metrics& to) {
  if (from.validation_accuracy) to.set_validation_accuracy(*from.validation_accuracy);
  if (from.test_accuracy) to.set_test_accuracy(*from.test_accuracy);
  if (from.test_loss) to.set_test_loss(*from.test_loss);
}

namespace {

v1::LayerState LayerStateOf(const engine::LayerDiagnostics& from) {
  v1::LayerState layer;
  layer.set_layer(from.layer);
  if (from.error_angle) layer.set_error_angle(*from.error_angle);
  if (from.saturated) layer.set_saturated(*from.saturated);
  if (from.sparsity) layer.set_sparsity(*from.sparsity);
  if (from.forward_update_norm) layer.set_forward_update_norm(*from.forward_update_norm);
  if (from.feedback_update_norm) layer.set_feedback_update_norm(*from.feedback_update_norm);
  return layer;
}

}  // namespace

v1::EpochRecord MakeEpochRecord(const train::EpochMetrics& metrics) {
  v1::EpochRecord record;
  record.set_epoch(metrics.epoch);
  record.set_step(metrics.step);
  FillMetrics(metrics, *record.mutable_metrics());
  for (const auto& [layer, cosine] : metrics.alignment) {
    v1::LayerAlignment& alignment = *record.add_alignment();
    alignment.set_layer(layer);
    alignment.set_cosine(cosine);
  }
  for (const engine::LayerDiagnostics& layer : metrics.layers) {
    *record.add_layers() = LayerStateOf(layer);
  }
  record.set_seconds(metrics.seconds);
  return record;
}

std::string EpochLine(const train::EpochMetrics& metrics, int64_t epochs) {
  std::string line =
      absl::StrFormat("epoch %d/%d: loss %.4f, train accuracy %.2f %%", metrics.epoch, epochs,
                      metrics.train_loss, 100 * metrics.train_accuracy);
  if (metrics.validation_accuracy) {
    absl::StrAppendFormat(&line, ", validation %.2f %%", 100 * *metrics.validation_accuracy);
  }
  if (!metrics.alignment.empty()) line += ", alignment";
  for (const auto& [layer, cosine] : metrics.alignment) {
    absl::StrAppendFormat(&line, " %s %.3f", layer, cosine);
  }
  absl::StrAppendFormat(&line, ", %.1f s", metrics.seconds);
  return line;
}

}  // namespace hebb::runtime
