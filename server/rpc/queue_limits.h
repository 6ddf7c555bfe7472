// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_SERVER_RPC_QUEUE_LIMITS_H_
#define HEBB_SERVER_RPC_QUEUE_LIMITS_H_

#include <cstdint>
#include <map>
#include <string>

#include "server/store/job_store.h"

namespace hebb::rpc {

// How many jobs of a user may wait at once.
struct QueueLimits {
  std::map<std::string, int64_t> of_user = {};
  int64_t others = store::JobStore::kAnyNumber;

  int64_t Of(const std::string& user) const {
    const auto own = of_user.find(user);
    return own == of_user.end() ? others : own->second;
  }
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_QUEUE_LIMITS_H_
