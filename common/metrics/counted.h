// SPDX-License-Identifier: Apache-2.0
// Families that are kept and counted up; type and help come from the catalog.
#ifndef HEBB_COMMON_METRICS_COUNTED_H_
#define HEBB_COMMON_METRICS_COUNTED_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace hebb::metrics {

// REQUIRES of each: `name` is in the catalog, with that type.
prometheus::Family<prometheus::Counter>& CounterFamily(prometheus::Registry& registry,
                                                       const char* name);
prometheus::Family<prometheus::Gauge>& GaugeFamily(prometheus::Registry& registry,
                                                   const char* name);
prometheus::Family<prometheus::Histogram>& HistogramFamily(prometheus::Registry& registry,
                                                           const char* name);

// The one series of a family without labels.
prometheus::Counter& MakeCounter(prometheus::Registry& registry, const char* name);
prometheus::Gauge& MakeGauge(prometheus::Registry& registry, const char* name);
prometheus::Histogram& MakeHistogram(prometheus::Registry& registry, const char* name,
                                     const prometheus::Histogram::BucketBoundaries& buckets);

}  // namespace hebb::metrics

#endif  // HEBB_COMMON_METRICS_COUNTED_H_
