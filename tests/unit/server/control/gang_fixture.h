// SPDX-License-Identifier: Apache-2.0
// For tests of Gang: made-up times and workers in, effects out, in few words.
#ifndef HEBB_TESTS_UNIT_SERVER_CONTROL_GANG_FIXTURE_H_
#define HEBB_TESTS_UNIT_SERVER_CONTROL_GANG_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/control/gang.h"

namespace hebb::control {

inline const absl::Time kStart = absl::FromUnixSeconds(1000000);

inline WorkerFacts Worker(const std::string& id, const std::string& world = "") {
  WorkerFacts facts;
  facts.id = id;
  facts.host = "host-" + id;
  facts.device = "cpu";
  facts.backends = {"gloo"};
  facts.mpi_world = world;
  facts.kernel_family = "avx512";
  return facts;
}

inline MemberReport ReportOf(int generation, int64_t step, const std::string& digest,
                             const std::string& cause) {
  MemberReport report;
  report.generation = {"j-1", 1, generation};
  report.step = step;
  report.weights_digest = digest;
  report.cause = cause;
  return report;
}

template <typename T>
std::vector<T> Sent(const Effects& effects, const std::string& worker = "") {
  std::vector<T> found;
  for (const Effect& effect : effects) {
    const auto* send = std::get_if<Send>(&effect);
    if (send == nullptr || (!worker.empty() && send->worker != worker)) continue;
    if (const auto* message = std::get_if<T>(&send->message)) found.push_back(*message);
  }
  return found;
}

// Whom a message of this type went to.
template <typename T>
std::vector<std::string> SentTo(const Effects& effects) {
  std::vector<std::string> workers;
  for (const Effect& effect : effects) {
    const auto* send = std::get_if<Send>(&effect);
    if (send != nullptr && std::holds_alternative<T>(send->message)) {
      workers.push_back(send->worker);
    }
  }
  return workers;
}

template <typename T>
const T* FirstOf(const Effects& effects) {
  for (const Effect& effect : effects) {
    if (const auto* found = std::get_if<T>(&effect)) return found;
  }
  return nullptr;
}

// A gang with a clock that the test moves.
class GangTest : public ::testing::Test {
 protected:
  Gang Make(int64_t workers, int64_t min_workers = 1) {
    GangOptions options;
    options.job = "j-1";
    options.workers = workers;
    options.min_workers = min_workers;
    return Gang(options);
  }
  Gang Started(const std::vector<std::string>& ids, int64_t min_workers = 1,
               const std::string& world = "") {
    Gang gang = Make(static_cast<int64_t>(ids.size()), min_workers);
    std::vector<WorkerFacts> facts;
    for (const std::string& id : ids) facts.push_back(Worker(id, world));
    gang.Start(facts, now_);
    return gang;
  }
  // Started and formed: generation 1, at step 0.
  Gang Formed(const std::vector<std::string>& ids, int64_t min_workers = 1,
              const std::string& world = "") {
    Gang gang = Started(ids, min_workers, world);
    for (const std::string& id : ids) Report(gang, id, 0, 0);
    EXPECT_TRUE(gang.formed());
    return gang;
  }
  Effects Report(Gang& gang, const std::string& id, int generation, int64_t step,
                 const std::string& cause = "", const std::string& digest = "") {
    const std::string shown = digest.empty() ? absl::StrCat("digest-", step) : digest;
    return gang.OnReport(id, ReportOf(generation, step, shown, cause), now_);
  }
  Effects Result(Gang& gang, const std::string& id, int generation, Outcome outcome,
                 const std::string& reason = "") {
    AttemptResult result;
    result.generation = {"j-1", 1, generation};
    result.outcome = outcome;
    result.reason = reason;
    result.step = 100;
    return gang.OnResult(id, result, now_);
  }
  // Time passes while these are heard.
  Effects Pass(Gang& gang, absl::Duration time, const std::vector<std::string>& alive) {
    Effects all;
    const absl::Time end = now_ + time;
    while (now_ < end) {
      now_ += absl::Milliseconds(250);
      for (const std::string& id : alive) gang.OnHeard(id, now_);
      for (Effect& effect : gang.OnTick(now_)) all.push_back(std::move(effect));
    }
    return all;
  }
  HeldAttempt Held(int generation, bool in_gang, int64_t step = 5) {
    return {{"j-1", 1, generation}, 0, step, in_gang};
  }
  std::vector<job::Member> Members(const std::vector<std::string>& ids) {
    std::vector<job::Member> members;
    for (const std::string& id : ids) {
      members.push_back({static_cast<int>(members.size()), id, "host-" + id, "cpu"});
    }
    return members;
  }

  absl::Time now_ = kStart;
};

}  // namespace hebb::control

#endif  // HEBB_TESTS_UNIT_SERVER_CONTROL_GANG_FIXTURE_H_
