// SPDX-License-Identifier: Apache-2.0
#include "client/sweep/curves.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::client {
namespace {

// Beyond this ratio of the largest to the smallest loss a linear axis shows the largest alone.
constexpr double kLogFrom = 20;

plot::Point PointAt(int64_t epoch, const std::vector<double>& values) {
  const Estimate estimate = sweep::EstimateMean(values);
  plot::Point point{static_cast<double>(epoch), estimate.mean, std::nullopt};
  if (estimate.half_width) {
    point.band =
        plot::Band{estimate.mean - *estimate.half_width, estimate.mean + *estimate.half_width};
  }
  return point;
}

bool WantsLog(const std::vector<plot::Series>& all) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  for (const plot::Series& series : all) {
    for (const plot::Point& point : series.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  return low > 0 && std::isfinite(low) && high / low > kLogFrom;
}

std::string Description(const plot::Chart& chart) {
  std::string text =
      absl::StrCat(chart.title, " by epoch, mean over seeds with its 95 % interval.");
  for (const plot::Series& series : chart.series) {
    if (series.points.empty()) continue;
    const plot::Point& last = series.points.back();
    absl::StrAppend(&text, " ", series.name, ": ", last.y, " at epoch ", last.x, ".");
  }
  return text;
}

plot::Chart EpochChart(std::string title, std::string y_label, std::vector<plot::Series> series) {
  plot::Chart chart;
  chart.title = std::move(title);
  chart.x_label = "epoch";
  chart.y_label = std::move(y_label);
  chart.series = std::move(series);
  chart.description = Description(chart);
  return chart;
}

}  // namespace

std::vector<plot::Series> Curves(const SweepRecord& record, const std::vector<Group>& groups,
                                 const EpochValue& value) {
  std::vector<plot::Series> all;
  bool any = false;
  for (const Group& group : groups) {
    std::map<int64_t, std::vector<double>> by_epoch;
    for (const int run : group.runs) {
      for (const v1::EpochRecord& epoch : record.jobs[static_cast<size_t>(run)].epochs()) {
        const std::optional<double> found = value(epoch);
        if (found && std::isfinite(*found)) by_epoch[epoch.epoch()].push_back(*found);
      }
    }
    any = any || !by_epoch.empty();
    plot::Series& series = all.emplace_back();
    series.name = by_epoch.empty() ? absl::StrCat(group.label, " (none)") : group.label;
    for (const auto& [epoch, values] : by_epoch) series.points.push_back(PointAt(epoch, values));
  }
  if (!any) all.clear();
  return all;
}

plot::Chart MetricChart(const SweepRecord& record, const std::vector<Group>& groups,
                        const Metric& metric) {
  const auto value = [&metric](const v1::EpochRecord& epoch) {
    return ValueOf(epoch.metrics(), metric);
  };
  std::string title = metric.title;
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  plot::Chart chart =
      EpochChart(title, metric.is_accuracy ? absl::StrCat(metric.title, " (ratio)") : metric.title,
                 Curves(record, groups, value));
  if (!metric.is_accuracy && WantsLog(chart.series)) chart.y_scale = plot::Scale::kLog;
  return chart;
}

plot::Chart AlignmentChart(const SweepRecord& record, const std::vector<Group>& groups,
                           const std::string& layer) {
  const auto value = [&layer](const v1::EpochRecord& epoch) -> std::optional<double> {
    for (const v1::LayerAlignment& entry : epoch.alignment()) {
      if (entry.layer() == layer) return entry.cosine();
    }
    return std::nullopt;
  };
  return EpochChart(absl::StrCat("Alignment of ", layer), "cos(W, R)",
                    Curves(record, groups, value));
}

std::vector<std::string> AlignedLayers(const SweepRecord& record) {
  std::vector<std::string> layers;
  for (const v1::Job& job : record.jobs) {
    for (const v1::EpochRecord& epoch : job.epochs()) {
      for (const v1::LayerAlignment& entry : epoch.alignment()) {
        if (std::find(layers.begin(), layers.end(), entry.layer()) == layers.end()) {
          layers.push_back(entry.layer());
        }
      }
    }
  }
  return layers;
}

}  // namespace hebb::client
