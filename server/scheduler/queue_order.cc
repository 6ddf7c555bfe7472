// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>
#include <utility>

#include "server/scheduler/scheduler.h"

namespace hebb::scheduler {
namespace {

// What a job of unknown length is taken to cost for the turns of users: all are charged alike.
constexpr double kChargedSeconds = 600;

struct Line {  // one user's jobs of one priority, oldest first
  std::vector<const QueuedJob*> jobs;
  size_t next = 0;
};

double Weight(const View& view, const std::string& user) {
  const auto found = view.users.find(user);
  return found == view.users.end() || found->second.weight <= 0 ? 1 : found->second.weight;
}

// Usage beside weight, with what each user holds now.
std::map<std::string, double> Shares(const View& view) {
  std::map<std::string, double> shares;
  for (const auto& [name, user] : view.users) shares[name] = user.usage;
  for (const RunningJob& job : view.running) {
    shares[job.user] += kChargedSeconds * static_cast<double>(job.workers.size());
  }
  for (auto& [name, share] : shares) share /= Weight(view, name);
  return shares;
}

}  // namespace

std::vector<const QueuedJob*> QueueOrder(const View& view) {
  std::map<int64_t, std::map<std::string, Line>, std::greater<>> levels;
  for (const QueuedJob& job : view.jobs) levels[job.priority][job.user].jobs.push_back(&job);
  std::map<std::string, double> shares = Shares(view);
  std::vector<const QueuedJob*> order;
  order.reserve(view.jobs.size());
  for (auto& [priority, lines] : levels) {
    using Turn = std::tuple<double, absl::Time, std::string>;  // share, age of the next job, user
    std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
    for (auto& [user, line] : lines) {
      std::sort(line.jobs.begin(), line.jobs.end(), [](const QueuedJob* a, const QueuedJob* b) {
        return std::tie(a->created, a->id) < std::tie(b->created, b->id);
      });
      turns.emplace(shares[user], line.jobs.front()->created, user);
    }
    while (!turns.empty()) {
      const std::string user = std::get<2>(turns.top());
      turns.pop();
      Line& line = lines.at(user);
      const QueuedJob* job = line.jobs[line.next++];
      order.push_back(job);
      double& share = shares[user];
      share += kChargedSeconds * static_cast<double>(std::max<int64_t>(job->workers, 1)) /
               Weight(view, user);
      if (line.next < line.jobs.size()) {
        turns.emplace(share, line.jobs[line.next]->created, user);
      }
    }
  }
  return order;
}

}  // namespace hebb::scheduler
