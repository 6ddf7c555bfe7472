// SPDX-License-Identifier: Apache-2.0
// Proves with the real engine and real images that weights and metrics are the same bits for any
// number of ranks and threads, after any change of the gang, after a death, and after a resume from
// a checkpoint at every step of a run with a short last batch (and slices that it leaves empty).
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/train/glyphs.h"
#include "worker/engine/engine.h"

namespace hebb::train {
namespace {

constexpr absl::string_view kPaper = R"(
name: bits
seed: 5
dataset: {name: glyphs, validation: 30}
network:
  layers:
    - {name: conv1, conv: {filters: 4, kernel: 3}}
    - {name: pool1, max_pool: {size: 3, stride: 2}}
    - {name: conv2, conv: {filters: 6, kernel: 3, activation: tanh}}
    - {name: pool2, max_pool: {size: 2, stride: 2, ties: first}}
    - {name: drop1, dropout: {rate: 0.3}}
    - {name: dense1, dense: {units: 12}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  optimizer: {sgd: {learning_rate: 0.05}}
  batch_size: 20
  epochs: 2
data_parallel: {slices: 4}
checkpoint: {every_steps: 1, keep: 3}
)";

// What keeps state beside W and R, or needs a sum within the step.
constexpr absl::string_view kResidual = R"(
name: residual
seed: 6
dataset: {name: glyphs, validation: 30, augment: {flip: true, crop: 2}}
network:
  layers:
    - {name: conv1, conv: {filters: 4, kernel: 3, activation: none, stride: 2}}
    - {name: norm1, batch_norm: {activation: relu}}
    - {name: conv2, conv: {filters: 4, kernel: 3, activation: none, bias: true}}
    - {name: norm2, batch_norm: {statistics: slice}}
    - {name: sum, inputs: [norm2, norm1], add: {activation: relu}}
    - {name: pool, avg_pool: {size: 3, stride: 2}}
    - {name: dense1, dense: {units: 9, activation: tanh, bias: true}}
    - {name: drop, dropout: {rate: 0.3}}
    - {name: out, dense: {units: 10, activation: none, bias: true}}
learning:
  rule: urfb
  loss: {cross_entropy: {}}
  optimizer:
    sgd: {learning_rate: 0.05, momentum: 0.9, weight_decay: 0.001, clip_norm: 1.5,
          schedule: {step: {epochs: [1], factor: 0.5}}}
  batch_size: 20
  epochs: 2
init: {distribution: kaiming_uniform}
data_parallel: {slices: 4}
checkpoint: {every_steps: 1, keep: 3}
)";

// Two stages: tied, then untied, redrawn and frozen, with every option of the author's code.
constexpr absl::string_view kStages = R"(
name: stages
seed: 7
dataset: {name: glyphs, validation: 30}
network:
  layers:
    - {name: conv1, conv: {filters: 3, kernel: 3, stride: 2}}
    - {name: conv2, conv: {filters: 4, kernel: 3, connectivity: 0.6}}
    - {name: conv3, conv: {filters: 4, kernel: 2, bias: true}}
    - {name: sum, inputs: [conv2, conv3], add: {}}
    - {name: pool, max_pool: {size: 3, stride: 2}}
    - {name: dense1, dense: {units: 11, connectivity: 0.5}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  rule_options: {feedback_lag: epoch, skip_gradient: dropped, clip_untied: true, asymmetric: true}
  optimizer: {sgd: {learning_rate: 0.05, momentum: 0.5}}
  batch_size: 20
  epochs: 1
  drop_last: true
  second_stage:
    {epochs: 2, batch_size: 15, learning_rate: 0.02, untie: [conv2, conv3], redraw: [dense1, conv3],
     freeze: [conv1]}
data_parallel: {slices: 4}
checkpoint: {every_steps: 1, keep: 3}
)";

struct Case {
  std::string name;
  std::string yaml;
  std::vector<std::string> sets;
  size_t steps;
};

class BitsTest : public ::testing::TestWithParam<Case> {
 protected:
  TrainerMaker Maker(const std::vector<std::string>& more = {}, int threads = 1) const {
    std::vector<std::string> sets = GetParam().sets;
    sets.insert(sets.end(), more.begin(), more.end());
    return RealTrainers(ParseOrDie(GetParam().yaml, sets), dataset_, threads);
  }

  // In batches of 20: 4 steps an epoch, the last of 2 records: two of its four slices are empty.
  const SmallGlyphs dataset_{62, 30, 50};
};

std::vector<Case> Cases() {
  const std::string paper(kPaper), residual(kResidual), stages(kStages);
  std::vector<Case> cases = {
      {"residual", residual, {}, 8},
      {"residual_after_update",
       residual,
       {"learning.propagate=after_update", "learning.optimizer.sgd.clip_norm=0"},
       8},
      {"stages", stages, {}, 3 + 2 * 4},
      {"stages_redrawn_signs",
       stages,
       {"learning.rule=brsf", "learning.rule_options.asymmetric=false"},
       3 + 2 * 4},
      {"mirror", paper, {"learning.rule=weight_mirror"}, 8},
      {"direct", paper, {"learning.rule=dfa"}, 8},
      {"saturated",
       paper,
       {"learning.rule=kolen_pollack", "learning.rule_options.saturated_feedback=0.5"},
       8},
  };
  for (const char* propagate : {"before_update", "after_update"}) {
    for (const char* rule : {"urfb", "frfb", "bp", "urfb_sign", "usf"}) {
      cases.push_back(
          {absl::StrCat(rule, "_", propagate),
           paper,
           {absl::StrCat("learning.rule=", rule), absl::StrCat("learning.propagate=", propagate)},
           8});
    }
  }
  if (engine::CheckCpuPrecision(spec::Precision::kBf16).ok()) {
    cases.push_back({"bf16", paper, {"learning.precision=bf16"}, 8});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Jobs, BitsTest, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(BitsTest, AnyNumberOfRanksAndThreads) {
  const Finished alone = TrainToTheEnd(Maker(), 1);
  for (int size = 1; size <= 4; ++size) {
    SCOPED_TRACE(size);
    ExpectSame(TrainToTheEnd(Maker({}, size <= 2 ? 2 : 1), size), alone);
  }
}

TEST_P(BitsTest, ResumeAtEveryStep) {
  const Finished whole = TrainToTheEnd(Maker(), 2);
  ASSERT_EQ(whole.saves.size(), GetParam().steps);
  for (const auto& [step, bytes] : whole.saves) {
    SCOPED_TRACE(step);
    const Members members = MakeMembers(Maker(), 1 + static_cast<int>(step % 3));
    for (const std::unique_ptr<Member>& member : members) {
      ASSERT_TRUE(member->trainer->LoadCheckpoint(bytes, "checkpoint").ok());
    }
    const Finished resumed = FinishWith(Pointers(members));
    ExpectSame(resumed, whole);
    EXPECT_EQ(resumed.saves.rbegin()->second, whole.saves.rbegin()->second);
  }
}

TEST_P(BitsTest, ThreeThenTwoThenFour) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  for (const int64_t first : {1, 3, 4, 6}) {
    SCOPED_TRACE(first);
    const Members members = MakeMembers(Maker(), 4);
    std::vector<Member*> ranks = Pointers(members);
    const auto leave_after = [&](const std::vector<Member*>& gang, int64_t step) {
      Requests requests;
      if (gang[0]->trainer->step() + 1 >= step) requests.leave = true;
      gang[0]->observer.on_step = [&](const StepReport& report) {
        if (report.step + 1 >= step) requests.leave = true;
      };
      for (const auto& end : RunGeneration(gang, requests)) {
        ASSERT_TRUE(end.ok()) << end.status();
        ASSERT_EQ(*end, RunEnd::kLeft);
      }
      gang[0]->observer.on_step = nullptr;
      ASSERT_EQ(gang[0]->trainer->step(), step);
    };
    leave_after({ranks[0], ranks[1], ranks[2]}, first);
    leave_after({ranks[1], ranks[2]}, first + 1);
    ExpectSame(FinishWith({ranks[3], ranks[0], ranks[2], ranks[1]}), whole);
  }
}

TEST_P(BitsTest, DeathAtRandomPoints) {
  const Finished whole = TrainToTheEnd(Maker(), 1);
  std::mt19937 random(11);
  for (int round = 0; round < DeathsUnderTest(); ++round) {
    SCOPED_TRACE(round);
    const Members members = MakeMembers(Maker(), 3);
    Member* const victim = members[round % 3].get();
    const int64_t at = 1 + random() % 7;
    const absl::Duration delay = absl::Microseconds(random() % 3000);
    std::thread killer;
    victim->observer.on_step = [&](const StepReport& report) {
      if (report.step != at) return;
      killer = std::thread([victim, until = absl::Now() + delay] {
        while (absl::Now() < until) continue;  // finer than a sleep
        victim->Abort();
      });
    };
    Requests requests;
    RunGeneration(Pointers(members), requests);
    if (killer.joinable()) killer.join();
    std::vector<Member*> survivors;
    for (const std::unique_ptr<Member>& member : members) {
      if (member.get() != victim) survivors.push_back(member.get());
    }
    ExpectSame(FinishWith(survivors), whole);
  }
}

}  // namespace
}  // namespace hebb::train
