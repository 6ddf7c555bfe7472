// SPDX-License-Identifier: Apache-2.0
// What Prometheus' service discovery is shown, as a pure function.
#ifndef HEBB_SERVER_HTTP_VIEWS_H_
#define HEBB_SERVER_HTTP_VIEWS_H_

#include <string>

#include "server/http/fleet_view.h"

namespace hebb::http {

// JSON for Prometheus' http_sd: one group for each worker that serves metrics, with its id, host
// and device as __meta_hebb_* labels (dropped unless a relabelling keeps them).
std::string ServiceDiscovery(const Fleet& fleet);

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_VIEWS_H_
