// SPDX-License-Identifier: Apache-2.0
// Why a job waits, in words. Internal to the scheduler. Pure.
#ifndef HEBB_SERVER_SCHEDULER_EXPLAIN_H_
#define HEBB_SERVER_SCHEDULER_EXPLAIN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/scheduler/pool.h"
#include "server/scheduler/scheduler.h"

namespace hebb::scheduler {

// Of a job that got nothing from `pool`, before it keeps anything itself.
Wait ExplainTooFew(const QueuedJob& job, const Pool& pool);
Wait ExplainPause(const QueuedJob& job, absl::Time now);
Wait ExplainQuota(const QueuedJob& job, int64_t held, int64_t max_workers);
Wait ExplainPreempting(const QueuedJob& job, const std::vector<std::string>& victims);

// Who holds workers of a device, asked for once a decision and device.
class Holders {
 public:
  explicit Holders(const View& view) : view_(view) {}
  const std::vector<Holder>& Of(const std::string& device);

 private:
  const View& view_;
  std::map<std::string, std::vector<Holder>> by_device_;
};

}  // namespace hebb::scheduler

#endif  // HEBB_SERVER_SCHEDULER_EXPLAIN_H_
