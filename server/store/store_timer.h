// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_SERVER_STORE_STORE_TIMER_H_
#define HEBB_SERVER_STORE_STORE_TIMER_H_

#include <functional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::store {

// Told how long each operation took with all its waits: "read", or "write" until it is durable.
// Called on the caller's thread, from several at once. May be empty.
using StoreTimer = std::function<void(absl::string_view operation, absl::Duration took)>;

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_STORE_TIMER_H_
