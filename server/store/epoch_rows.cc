// SPDX-License-Identifier: Apache-2.0
#include "server/store/epoch_rows.h"

#include <map>
#include <utility>

#include "common/status_macros.h"

namespace hebb::store {

void BindMetrics(Statement& row, const job::Metrics& metrics) {
  row.Bind(metrics.train_loss).Bind(metrics.train_accuracy).Bind(metrics.validation_accuracy);
  row.Bind(metrics.test_accuracy).Bind(metrics.test_loss);
}

job::Metrics TakeMetrics(Statement& row) {
  job::Metrics metrics;
  metrics.train_loss = row.TakeOptionalReal();
  metrics.train_accuracy = row.TakeOptionalReal();
  metrics.validation_accuracy = row.TakeOptionalReal();
  metrics.test_accuracy = row.TakeOptionalReal();
  metrics.test_loss = row.TakeOptionalReal();
  return metrics;
}

namespace {

absl::Status WriteLayers(Database& database, absl::string_view id, const job::EpochRecord& record) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("INSERT INTO layer_state VALUES (?,?,?,?,?,?,?,?,?)"));
  int64_t position = 0;
  for (const job::LayerState& layer : record.layers) {
    row.Bind(id).Bind(record.epoch).Bind(position++).Bind(layer.layer);
    row.Bind(layer.error_angle).Bind(layer.saturated).Bind(layer.sparsity);
    row.Bind(layer.forward_update_norm).Bind(layer.feedback_update_norm);
    HEBB_RETURN_IF_ERROR(row.Run());
    row.Reset();
  }
  return absl::OkStatus();
}

absl::Status ReadLayers(Database& database, absl::string_view id,
                        std::map<int64_t, job::EpochRecord>& epochs) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("SELECT epoch, layer, error_angle, saturated, sparsity, "
                                      "forward_update_norm, feedback_update_norm FROM layer_state "
                                      "WHERE job = ? ORDER BY epoch, position"));
  row.Bind(id);
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    job::LayerState& layer = epochs.at(row.TakeInt()).layers.emplace_back();
    layer.layer = row.TakeText();
    for (std::optional<double>* value : {&layer.error_angle, &layer.saturated, &layer.sparsity,
                                         &layer.forward_update_norm, &layer.feedback_update_norm}) {
      *value = row.TakeOptionalReal();
    }
  }
}

}  // namespace

absl::Status WriteEpoch(Database& database, absl::string_view id, const job::EpochRecord& record) {
  // Replacing the epoch's row takes its old alignment with it.
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("INSERT OR REPLACE INTO epoch VALUES (?,?,?,?,?,?,?,?,?)"));
  row.Bind(id).Bind(record.epoch).Bind(record.step).Bind(record.seconds);
  BindMetrics(row, record.metrics);
  HEBB_RETURN_IF_ERROR(row.Run());
  HEBB_ASSIGN_OR_RETURN(Statement layer_row,
                        database.Prepare("INSERT INTO alignment VALUES (?,?,?,?,?)"));
  int64_t position = 0;
  for (const auto& [layer, cosine] : record.alignment) {
    layer_row.Bind(id).Bind(record.epoch).Bind(position++).Bind(layer).Bind(cosine);
    HEBB_RETURN_IF_ERROR(layer_row.Run());
    layer_row.Reset();
  }
  return WriteLayers(database, id, record);
}

absl::StatusOr<std::vector<job::EpochRecord>> ReadEpochs(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("SELECT epoch, step, seconds, train_loss, train_accuracy, "
                                         "validation_accuracy, test_accuracy, test_loss FROM epoch "
                                         "WHERE job = ? ORDER BY epoch"));
  row.Bind(id);
  std::map<int64_t, job::EpochRecord> epochs;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    const int64_t number = row.TakeInt();
    job::EpochRecord& record = epochs[number];
    record.epoch = number;
    record.step = row.TakeInt();
    record.seconds = row.TakeReal();
    record.metrics = TakeMetrics(row);
  }
  HEBB_ASSIGN_OR_RETURN(Statement layer_row,
                        database.Prepare("SELECT epoch, layer, cosine FROM alignment "
                                         "WHERE job = ? ORDER BY epoch, position"));
  layer_row.Bind(id);
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, layer_row.Step());
    if (!more) break;
    job::EpochRecord& record = epochs.at(layer_row.TakeInt());
    std::string layer = layer_row.TakeText();
    record.alignment.emplace_back(std::move(layer), layer_row.TakeReal());
  }
  HEBB_RETURN_IF_ERROR(ReadLayers(database, id, epochs));
  std::vector<job::EpochRecord> result;
  for (auto& [number, record] : epochs) result.push_back(std::move(record));
  return result;
}

absl::Status InsertEvent(Database& database, absl::string_view id, const job::Event& event) {
  HEBB_ASSIGN_OR_RETURN(Statement row,
                        database.Prepare("INSERT INTO event (job, time_ns, text, actor, kind) "
                                         "VALUES (?,?,?,?,?)"));
  row.Bind(id).Bind(event.time).Bind(event.text).Bind(event.actor).Bind(event.kind.word());
  return row.Run();
}

absl::StatusOr<std::vector<job::Event>> ReadEvents(Database& database, absl::string_view id) {
  HEBB_ASSIGN_OR_RETURN(
      Statement row, database.Prepare("SELECT time_ns, text, actor, kind FROM event WHERE job = ? "
                                      "ORDER BY sequence"));
  row.Bind(id);
  std::vector<job::Event> events;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return events;
    job::Event& event = events.emplace_back();
    event.time = row.TakeTime(absl::InfinitePast());
    event.text = row.TakeText();
    event.actor = row.TakeText();
    event.kind = job::EventKind::FromWord(row.TakeText()).value_or(job::EventKind());
  }
}

}  // namespace hebb::store
