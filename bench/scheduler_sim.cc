// SPDX-License-Identifier: Apache-2.0
// The real scheduler on a simulated cluster: seeded bursts of jobs, most of them small and a few
// very long, workers that fail and come back.
//   scheduler_sim [JOBS, default 10000] [WORKERS, 1000] [SEED, 1]
//
// One line per policy: utilisation, waiting times in minutes, bounded slowdown, the users' fairness
// (Jain's index of their mean slowdowns), preemptions, promised starts that were not kept.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/scheduler/scheduler.h"

namespace hebb {
namespace {

using scheduler::Decision;
using scheduler::View;

const absl::Time kStart = absl::UnixEpoch();

struct SimJob {
  scheduler::QueuedJob queued;
  double work = 0;    // worker-seconds that are left
  double length = 0;  // seconds with all its workers
  int64_t size = 0;   // of its gang, while it runs
  absl::Time began;
  absl::Time submitted;
  absl::Time first_start = absl::InfiniteFuture();
  absl::Time promised = absl::InfiniteFuture();  // the earliest start it was told
  absl::Time ended;
  int attempt = 0;
};

struct Setup {
  const char* name;
  bool users, priorities, failures;
  scheduler::Policy policy;
};

std::vector<SimJob> Trace(int count, int workers, uint32_t seed) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> length(6.0, 1.4);  // median 7 minutes, a long tail
  std::exponential_distribution<double> gap(1);
  const int64_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 8, 16, 32, 64};
  std::vector<SimJob> jobs;
  double mean_work = 0;
  absl::Time now = kStart;
  for (int i = 0; i < count; ++i) {
    SimJob& job = jobs.emplace_back();
    job.queued.id = absl::StrCat("j", 100000 + i);
    job.queued.device = "cpu";
    job.queued.workers = job.queued.min_workers =
        std::min<int64_t>(sizes[random() % std::size(sizes)], workers);
    job.length = std::min(length(random), 40000.0);
    job.queued.user = absl::StrCat("u", std::min(random() % 12, random() % 12));
    job.queued.priority = random() % 10 == 0 ? 1 : 0;
    job.queued.runs_at_most = absl::Seconds(job.length);
    job.work = job.length * static_cast<double>(job.queued.workers);
    mean_work += job.work / count;
  }
  // 95 % of what the workers can do, in bursts: half of the jobs come together with the one before.
  const double mean_gap = mean_work / (0.95 * workers);
  for (SimJob& job : jobs) {
    if (random() % 2 == 0) now += absl::Seconds(2 * mean_gap * gap(random));
    job.queued.created = job.submitted = now;
  }
  return jobs;
}

class Simulation {
 public:
  Simulation(const Setup& setup, std::vector<SimJob> jobs, int workers, uint32_t seed)
      : setup_(setup), jobs_(std::move(jobs)), workers_(workers), random_(seed) {
    for (int i = 0; i < workers; ++i) {
      idle_.insert(i);
      if (setup.failures) Push(Next(30 * 86400), kFail, i, 0);
    }
    for (size_t i = 0; i < jobs_.size(); ++i) Push(jobs_[i].submitted, kSubmit, i, 0);
  }

  void Run() {
    size_t ended = 0;
    while (ended < jobs_.size() && !events_.empty()) {
      now_ = std::get<0>(events_.top());
      while (!events_.empty() && std::get<0>(events_.top()) == now_) {
        const auto [time, kind, index, attempt] = events_.top();
        events_.pop();
        ended += Handle(kind, index, attempt) ? 1 : 0;
      }
      Decide();
    }
  }

  void Print(double seconds) {
    std::vector<double> waits, slowdowns;
    std::map<std::string, std::pair<double, int>> by_user;
    double work = 0;
    absl::Time last = kStart;
    for (const SimJob& job : jobs_) {
      const double wait = absl::ToDoubleSeconds(job.first_start - job.submitted);
      const double total = absl::ToDoubleSeconds(job.ended - job.submitted);
      waits.push_back(wait / 60);
      slowdowns.push_back(std::max(1.0, total / std::max(job.length, 60.0)));
      auto& [sum, number] = by_user[job.queued.user];
      sum += slowdowns.back();
      ++number;
      work += job.length * static_cast<double>(job.queued.workers);
      last = std::max(last, job.ended);
    }
    double sum = 0, squares = 0;
    for (const auto& [user, mean] : by_user) {
      const double x = mean.first / mean.second;
      sum += x;
      squares += x * x;
    }
    const double jain = sum * sum / (static_cast<double>(by_user.size()) * squares);
    std::sort(waits.begin(), waits.end());
    const auto at = [&](double q) { return waits[static_cast<size_t>(q * (waits.size() - 1))]; };
    std::printf("%-26s %5.1f %8.1f %7.1f %8.1f %8.1f %8.1f %5.2f %6d %6d %7.2f %7.2f\n",
                setup_.name, 100 * work / (workers_ * absl::ToDoubleSeconds(last - kStart)),
                Mean(waits), at(0.5), at(0.95), at(0.99), Mean(slowdowns), jain, preemptions_,
                broken_promises_, 1e3 * seconds / decisions_, 1e3 * longest_);
    std::fflush(stdout);
  }

 private:
  enum Kind { kEnd, kFail, kRepair, kSubmit, kStopped };
  using Event = std::tuple<absl::Time, Kind, size_t, int>;

  static double Mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  void Push(absl::Time time, Kind kind, size_t index, int attempt) {
    events_.emplace(time, kind, index, attempt);
  }
  absl::Time Next(double mean_seconds) {
    return now_ + absl::Seconds(std::exponential_distribution<double>(1 / mean_seconds)(random_));
  }

  // What has been done is kept (a checkpoint); its workers are idle again.
  void Leave(size_t index) {
    SimJob& job = jobs_[index];
    job.work -= absl::ToDoubleSeconds(now_ - job.began) * static_cast<double>(job.size);
    ++job.attempt;
    for (const int worker : gang_.at(index)) idle_.insert(worker);
    gang_.erase(index);
    stopping_.erase(index);
  }
  void Queue(size_t index) {
    SimJob& job = jobs_[index];
    job.queued.runs_at_most =
        absl::Seconds(std::max(job.work, 0.0) / static_cast<double>(job.queued.workers));
    queue_.insert(index);
  }

  // True: a job has ended.
  bool Handle(Kind kind, size_t index, int attempt) {
    if (kind == kSubmit) {
      queue_.insert(index);
    } else if (kind == kEnd && attempt == jobs_[index].attempt) {
      Leave(index);
      jobs_[index].ended = now_;
      return true;
    } else if (kind == kStopped && attempt == jobs_[index].attempt) {
      Leave(index);
      Queue(index);
    } else if (kind == kRepair) {
      idle_.insert(static_cast<int>(index));
      Push(Next(30 * 86400), kFail, index, 0);
    } else if (kind == kFail) {
      const int worker = static_cast<int>(index);
      for (const auto& [job, gang] : gang_) {
        if (std::find(gang.begin(), gang.end(), worker) == gang.end()) continue;
        const size_t lost = job;
        Leave(lost);
        Queue(lost);
        break;
      }
      idle_.erase(worker);
      Push(Next(1800), kRepair, index, 0);
    }
    return false;
  }

  scheduler::IdleWorker Worker(int i) const {
    return {absl::StrCat("w", 10000 + i), "cpu", "f", "", absl::StrCat("h", i / 8)};
  }

  View See() {
    View view;
    view.policy = setup_.policy;
    for (const size_t index : queue_) view.jobs.push_back(Shown(jobs_[index].queued));
    for (const int worker : idle_) view.idle.push_back(Worker(worker));
    for (const auto& [index, gang] : gang_) {
      const SimJob& job = jobs_[index];
      const scheduler::QueuedJob shown = Shown(job.queued);
      scheduler::RunningJob& running = view.running.emplace_back();
      running.id = shown.id;
      running.user = shown.user;
      running.priority = shown.priority;
      running.since = job.began;
      running.stopping = stopping_.contains(index);
      running.preemptible = !running.stopping;
      running.estimated_end =
          running.stopping ? now_ + absl::Seconds(5)
                           : job.began + absl::Seconds(job.work / static_cast<double>(job.size));
      for (const int worker : gang) running.workers.push_back(Worker(worker));
    }
    for (const auto& [user, usage] : usage_) view.users[user].usage = usage;
    return view;
  }
  scheduler::QueuedJob Shown(scheduler::QueuedJob job) const {
    if (!setup_.users) job.user = "";
    if (!setup_.priorities) job.priority = 0;
    return job;
  }

  void Decide() {
    Charge();
    const View view = See();
    const absl::Time began = absl::Now();
    const Decision decision = scheduler::Schedule(view, now_);
    longest_ = std::max(longest_, absl::ToDoubleSeconds(absl::Now() - began));
    ++decisions_;
    for (const scheduler::Start& start : decision.starts) Begin(start);
    for (const scheduler::Preemption& each : decision.preemptions) {
      const size_t index = IndexOf(each.victim);
      stopping_.insert(index);
      ++preemptions_;
      Push(now_ + absl::Seconds(5), kStopped, index, jobs_[index].attempt);
    }
    for (const scheduler::Wait& wait : decision.waits) {
      SimJob& job = jobs_[IndexOf(wait.job)];
      job.promised = std::min(job.promised, wait.estimated_start);
    }
  }

  void Begin(const scheduler::Start& start) {
    const size_t index = IndexOf(start.job);
    SimJob& job = jobs_[index];
    queue_.erase(index);
    job.began = now_;
    job.first_start = std::min(job.first_start, now_);
    // A few nanoseconds of rounding are no delay.
    if (now_ > job.promised + absl::Microseconds(1)) ++broken_promises_;
    job.promised = absl::InfiniteFuture();
    job.size = static_cast<int64_t>(start.workers.size());
    for (const std::string& id : start.workers) {
      const int worker = std::atoi(id.c_str() + 1) - 10000;
      gang_[index].push_back(worker);
      idle_.erase(worker);
    }
    Push(now_ + absl::Seconds(job.work / static_cast<double>(job.size)), kEnd, index, job.attempt);
  }

  void Charge() {
    const absl::Duration passed = now_ - charged_;
    charged_ = now_;
    const double decay = std::exp2(-absl::FDivDuration(passed, absl::Hours(24)));
    for (auto& [user, usage] : usage_) usage *= decay;
    for (const auto& [index, gang] : gang_) {
      if (setup_.users) {
        usage_[jobs_[index].queued.user] +=
            static_cast<double>(gang.size()) * absl::ToDoubleSeconds(passed);
      }
    }
  }

  static size_t IndexOf(const std::string& id) {
    return static_cast<size_t>(std::atoi(id.c_str() + 1) - 100000);
  }

  const Setup setup_;
  std::vector<SimJob> jobs_;
  const int workers_;
  std::mt19937 random_;
  absl::Time now_ = kStart;
  absl::Time charged_ = kStart;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::set<int> idle_;
  std::set<size_t> queue_;
  std::set<size_t> stopping_;
  std::map<size_t, std::vector<int>> gang_;
  std::map<std::string, double> usage_;
  int preemptions_ = 0;
  int broken_promises_ = 0;
  int decisions_ = 0;
  double longest_ = 0;
};

int Main(int argc, char** argv) {
  const int jobs = argc > 1 ? std::max(10, std::atoi(argv[1])) : 10000;
  const int workers = argc > 2 ? std::max(8, std::atoi(argv[2])) : 1000;
  const uint32_t seed = argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 1;
  scheduler::Policy plain;
  plain.backfill = plain.preempt = false;
  scheduler::Policy backfill = plain;
  backfill.backfill = true;
  scheduler::Policy full = backfill;
  full.preempt = true;
  const Setup setups[] = {{"FIFO", false, false, false, plain},
                          {"FIFO, backfill", false, false, false, backfill},
                          {"Hebb", true, true, false, full},
                          {"FIFO, failures", false, false, true, plain},
                          {"FIFO, backfill, failures", false, false, true, backfill},
                          {"Hebb, failures", true, true, true, full}};
  std::printf("%d jobs, %d workers, seed %u\n%-26s %5s %8s %7s %8s %8s %8s %5s %6s %6s %7s %7s\n",
              jobs, workers, seed, "policy", "used%", "wait min", "p50", "p95", "p99", "slowdown",
              "jain", "stops", "broken", "turn ms", "max ms");
  for (const Setup& setup : setups) {
    Simulation simulation(setup, Trace(jobs, workers, seed), workers, seed);
    const absl::Time began = absl::Now();
    simulation.Run();
    simulation.Print(absl::ToDoubleSeconds(absl::Now() - began));
  }
  return 0;
}

}  // namespace
}  // namespace hebb

int main(int argc, char** argv) { return hebb::Main(argc, argv); }
