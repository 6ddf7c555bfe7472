// SPDX-License-Identifier: Apache-2.0
// The page at / and its files below /page/. They hold nothing secret and are open to everybody:
// what they show they ask the API for.
#ifndef HEBB_SERVER_WEB_PAGE_H_
#define HEBB_SERVER_WEB_PAGE_H_

#include "common/metrics/http_server.h"

namespace hebb::web {

// REQUIRES: before server.Start.
void RegisterPage(metrics::HttpServer& server);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_PAGE_H_
