// SPDX-License-Identifier: Apache-2.0
// Whether a request comes from the page, or from a page of somebody else in the same browser. Pure.
#ifndef HEBB_SERVER_WEB_ORIGIN_H_
#define HEBB_SERVER_WEB_ORIGIN_H_

#include "absl/status/status.h"
#include "common/metrics/http_server.h"

namespace hebb::web {

// A read. PERMISSION_DENIED where callers are not authenticated and the Host is neither an IP
// address nor localhost: another site may have given its own name our address.
absl::Status CheckHost(const metrics::HttpRequest& request, bool authenticates);

// A write, besides. PERMISSION_DENIED unless the Origin, if there is one, is this server;
// INVALID_ARGUMENT unless the body is JSON, which no site can send here unasked.
absl::Status CheckWrite(const metrics::HttpRequest& request, bool authenticates);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_ORIGIN_H_
