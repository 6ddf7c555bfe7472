// SPDX-License-Identifier: Apache-2.0
// Every metric that the programs serve, in one table: what they give Prometheus as type and help
// comes from here, and docs/metrics.md is made of it.
#ifndef HEBB_COMMON_METRICS_CATALOG_H_
#define HEBB_COMMON_METRICS_CATALOG_H_

#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace hebb::metrics {

enum class MetricKind { kGauge, kCounter, kHistogram };
enum class ServedBy { kCoordinator, kWorker, kBoth };

struct MetricInfo {
  ServedBy served_by;
  const char* name;
  MetricKind kind;
  const char* labels;  // names with ", " between them; "" for none
  const char* unit;    // "" for a plain number
  const char* help;    // one line
};

// In the order of the document.
std::span<const MetricInfo> Catalog();

// REQUIRES: it is in the catalog. `name` may be any text; a missing one ends the process.
const MetricInfo& MetricOf(absl::string_view name);

// The tables of docs/metrics.md: one for the coordinator, one for workers, one for both.
std::string MetricsReference();

}  // namespace hebb::metrics

#endif  // HEBB_COMMON_METRICS_CATALOG_H_
