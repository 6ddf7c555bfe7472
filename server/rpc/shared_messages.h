// SPDX-License-Identifier: Apache-2.0
// Messages that many streams send at the same time, made once.
#ifndef HEBB_SERVER_RPC_SHARED_MESSAGES_H_
#define HEBB_SERVER_RPC_SHARED_MESSAGES_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace hebb::rpc {

// Keeps nothing that no stream holds. Thread-safe.
template <typename Message>
class SharedMessages {
 public:
  // The message of `key` as of `version` or a later one; `make` (absl::StatusOr<Message>()) makes
  // it if need be.
  template <typename Make>
  absl::StatusOr<std::shared_ptr<const Message>> Get(const std::string& key, uint64_t version,
                                                     const Make& make) {
    {
      absl::MutexLock lock(&mutex_);
      const auto found = kept_.find(key);
      if (found != kept_.end() && found->second.version >= version) {
        if (auto message = found->second.message.lock()) return message;
      }
    }
    absl::StatusOr<Message> made = make();
    if (!made.ok()) return made.status();
    auto message = std::make_shared<const Message>(*std::move(made));
    absl::MutexLock lock(&mutex_);
    Kept& kept = kept_[key];
    if (kept.version <= version) kept = {version, message};
    if (kept_.size() > look_at_) {
      std::erase_if(kept_, [](const auto& item) { return item.second.message.expired(); });
      look_at_ = std::max<size_t>(64, 2 * kept_.size());
    }
    return message;
  }

 private:
  struct Kept {
    uint64_t version = 0;
    std::weak_ptr<const Message> message = {};
  };
  absl::Mutex mutex_;
  std::map<std::string, Kept> kept_ ABSL_GUARDED_BY(mutex_);
  size_t look_at_ ABSL_GUARDED_BY(mutex_) = 64;  // at that size what nobody holds is thrown away
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_SHARED_MESSAGES_H_
