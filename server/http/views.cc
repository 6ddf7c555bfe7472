// SPDX-License-Identifier: Apache-2.0
#include "server/http/views.h"

#include <nlohmann/json.hpp>

namespace hebb::http {

std::string ServiceDiscovery(const Fleet& fleet) {
  nlohmann::json groups = nlohmann::json::array();
  for (const FleetWorker& worker : fleet.workers) {
    if (worker.http_address.empty()) continue;
    groups.push_back({{"targets", {worker.http_address}},
                      {"labels",
                       {{"__meta_hebb_worker", worker.id},
                        {"__meta_hebb_host", worker.host},
                        {"__meta_hebb_device", worker.device}}}});
  }
  // Host names come from other machines: a byte that is no UTF-8 is replaced, never thrown over.
  return groups.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace hebb::http
