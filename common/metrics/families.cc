// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/families.h"

#include <iterator>

#include "common/check.h"
#include "common/metrics/catalog.h"

namespace hebb::metrics {

prometheus::MetricFamily MakeFamily(absl::string_view name) {
  const MetricInfo& metric = MetricOf(name);
  HEBB_CHECK(metric.kind != MetricKind::kHistogram);
  prometheus::MetricFamily family;
  family.name = metric.name;
  family.help = metric.help;
  family.type = metric.kind == MetricKind::kCounter ? prometheus::MetricType::Counter
                                                    : prometheus::MetricType::Gauge;
  return family;
}

std::vector<prometheus::MetricFamily> CollectAll(
    const std::vector<const prometheus::Collectable*>& parts) {
  std::vector<prometheus::MetricFamily> all;
  for (const prometheus::Collectable* part : parts) {
    std::vector<prometheus::MetricFamily> families = part->Collect();
    std::move(families.begin(), families.end(), std::back_inserter(all));
  }
  return all;
}

void AddSeries(prometheus::MetricFamily& family, const Labels& labels, double value) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

}  // namespace hebb::metrics
