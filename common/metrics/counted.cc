// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/counted.h"

#include "common/check.h"
#include "common/metrics/catalog.h"

namespace hebb::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

const char* HelpOf(const char* name, MetricKind kind) {
  const MetricInfo& metric = MetricOf(name);
  HEBB_CHECK(metric.kind == kind);
  return metric.help;
}

}  // namespace

Family<Counter>& CounterFamily(Registry& registry, const char* name) {
  const char* help = HelpOf(name, MetricKind::kCounter);
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& GaugeFamily(Registry& registry, const char* name) {
  const char* help = HelpOf(name, MetricKind::kGauge);
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& HistogramFamily(Registry& registry, const char* name) {
  const char* help = HelpOf(name, MetricKind::kHistogram);
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

Counter& MakeCounter(Registry& registry, const char* name) {
  return CounterFamily(registry, name).Add({});
}

Gauge& MakeGauge(Registry& registry, const char* name) {
  return GaugeFamily(registry, name).Add({});
}

Histogram& MakeHistogram(Registry& registry, const char* name,
                         const Histogram::BucketBoundaries& buckets) {
  return HistogramFamily(registry, name).Add({}, buckets);
}

}  // namespace hebb::metrics
