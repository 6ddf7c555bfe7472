// SPDX-License-Identifier: Apache-2.0
// Series made anew at a scrape, for what is kept elsewhere; type and help come from the catalog.
#ifndef HEBB_COMMON_METRICS_FAMILIES_H_
#define HEBB_COMMON_METRICS_FAMILIES_H_

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// A family without series. REQUIRES: `name` is in the catalog, and no histogram.
prometheus::MetricFamily MakeFamily(absl::string_view name);

// The families of all, one after the other.
std::vector<prometheus::MetricFamily> CollectAll(
    const std::vector<const prometheus::Collectable*>& parts);

void AddSeries(prometheus::MetricFamily& family, const Labels& labels, double value);

}  // namespace hebb::metrics

#endif  // HEBB_COMMON_METRICS_FAMILIES_H_
