// SPDX-License-Identifier: Apache-2.0
// What the API says of one job beside the job itself: its log, its layers, its first filters.
#ifndef HEBB_SERVER_WEB_JOB_VIEWS_H_
#define HEBB_SERVER_WEB_JOB_VIEWS_H_

#include <string>

#include "common/metrics/http_server.h"
#include "server/rpc/local_calls.h"

namespace hebb::web {

// {"lines": [...]}: the last of the log, 500 unless the query's `tail` says otherwise (at most
// 5000); the query's other fields are those of LogsRequest, but for `follow`.
metrics::HttpResponse LogView(rpc::LocalCalls& calls, const metrics::HttpRequest& http,
                              const std::string& job);

// {"layers": [{name, kind, inputs, output, parameters, has_weights}]}
metrics::HttpResponse LayersView(rpc::LocalCalls& calls, const metrics::HttpRequest& http,
                                 const std::string& job);

// {"layer", "step", "weights_digest", "matrices": [...]} (FiltersToJson) of the last checkpoint;
// query: `layer`, `most` (64; at most 256).
metrics::HttpResponse FiltersView(rpc::LocalCalls& calls, const metrics::HttpRequest& http,
                                  const std::string& job);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_JOB_VIEWS_H_
