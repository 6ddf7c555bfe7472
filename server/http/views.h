// SPDX-License-Identifier: Apache-2.0
// What a browser and Prometheus' service discovery are shown, as pure functions.
#ifndef HEBB_SERVER_HTTP_VIEWS_H_
#define HEBB_SERVER_HTTP_VIEWS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/http/fleet_view.h"
#include "server/store/job_store.h"

namespace hebb::http {

// The page shows jobs that have not ended or ended within this time.
inline constexpr absl::Duration kShownAfterEnd = absl::Hours(7 * 24);

// The page at /: how many jobs are in each state, a table of the recent ones, a table of the
// workers. Every text from outside is escaped.
std::string StatusPage(const store::JobStore::Overview& overview, const Fleet& fleet,
                       absl::string_view version);

// JSON for Prometheus' http_sd: one group for each worker that serves metrics, with its id, host
// and device as __meta_hebb_* labels (dropped unless a relabelling keeps them).
std::string ServiceDiscovery(const Fleet& fleet);

// Makes text safe inside HTML elements and quoted attributes.
std::string EscapeHtml(absl::string_view text);

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_VIEWS_H_
