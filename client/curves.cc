// SPDX-License-Identifier: Apache-2.0
#include "client/curves.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::client {
namespace {

using Value = std::function<std::optional<double>(const v1::EpochRecord&)>;

std::optional<double> TrainLoss(const v1::EpochRecord& record) {
  if (!record.metrics().has_train_loss()) return std::nullopt;
  return record.metrics().train_loss();
}

std::optional<double> TrainAccuracy(const v1::EpochRecord& record) {
  if (!record.metrics().has_train_accuracy()) return std::nullopt;
  return record.metrics().train_accuracy();
}

std::optional<double> ValidationAccuracy(const v1::EpochRecord& record) {
  if (!record.metrics().has_validation_accuracy()) return std::nullopt;
  return record.metrics().validation_accuracy();
}

Value AlignmentOf(const std::string& layer) {
  return [layer](const v1::EpochRecord& record) -> std::optional<double> {
    for (const v1::LayerAlignment& entry : record.alignment()) {
      if (entry.layer() == layer) return entry.cosine();
    }
    return std::nullopt;
  };
}

plot::Series SeriesOf(const v1::Job& job, std::string name, const Value& value) {
  plot::Series series{std::move(name), {}};
  for (const v1::EpochRecord& record : job.epochs()) {
    const std::optional<double> y = value(record);
    if (y) series.points.push_back({static_cast<double>(record.epoch()), *y});
  }
  return series;
}

std::vector<std::string> AlignedLayers(const std::vector<v1::Job>& jobs) {
  std::vector<std::string> layers;
  for (const v1::Job& job : jobs) {
    for (const v1::EpochRecord& record : job.epochs()) {
      for (const v1::LayerAlignment& entry : record.alignment()) {
        if (std::find(layers.begin(), layers.end(), entry.layer()) == layers.end()) {
          layers.push_back(entry.layer());
        }
      }
    }
  }
  return layers;
}

// Nothing when all series are empty.
void Add(std::string title, std::string y_label, std::vector<plot::Series> series,
         std::vector<plot::Chart>& charts) {
  const auto has_points = [](const plot::Series& one) { return !one.points.empty(); };
  if (std::none_of(series.begin(), series.end(), has_points)) return;
  plot::Chart& chart = charts.emplace_back();
  chart.title = std::move(title);
  chart.x_label = "epoch";
  chart.y_label = std::move(y_label);
  chart.series = std::move(series);
  chart.height = 320;
}

std::string NameOf(const v1::Job& job) { return absl::StrCat(job.name(), " (", job.id(), ")"); }

std::vector<plot::Chart> ChartsOfOne(const v1::Job& job) {
  std::vector<plot::Chart> charts;
  Add(absl::StrCat("Training loss of ", NameOf(job)), "loss",
      {SeriesOf(job, "training", TrainLoss)}, charts);
  Add("Accuracy", "accuracy (ratio)",
      {SeriesOf(job, "training", TrainAccuracy), SeriesOf(job, "validation", ValidationAccuracy)},
      charts);
  std::vector<plot::Series> layers;
  for (const std::string& layer : AlignedLayers({job})) {
    layers.push_back(SeriesOf(job, layer, AlignmentOf(layer)));
  }
  Add("Alignment of the feedback", "cos(W, R)", std::move(layers), charts);
  return charts;
}

std::vector<plot::Chart> ChartsOfSeveral(const std::vector<v1::Job>& jobs) {
  std::vector<plot::Chart> charts;
  const auto add = [&](std::string title, std::string y_label, const Value& value) {
    std::vector<plot::Series> series;
    for (const v1::Job& job : jobs) {
      series.push_back(SeriesOf(job, NameOf(job), value));
    }
    Add(std::move(title), std::move(y_label), std::move(series), charts);
  };
  add("Training loss", "loss", TrainLoss);
  add("Training accuracy", "accuracy (ratio)", TrainAccuracy);
  add("Validation accuracy", "accuracy (ratio)", ValidationAccuracy);
  for (const std::string& layer : AlignedLayers(jobs)) {
    add(absl::StrCat("Alignment of ", layer), "cos(W, R)", AlignmentOf(layer));
  }
  return charts;
}

}  // namespace

std::vector<plot::Chart> JobCharts(const std::vector<v1::Job>& jobs) {
  return jobs.size() == 1 ? ChartsOfOne(jobs.front()) : ChartsOfSeveral(jobs);
}

}  // namespace hebb::client
