// SPDX-License-Identifier: Apache-2.0
// What is proven: whatever happens in whatever order, the invariants of Gang hold. How: random
// events, also senseless ones, beside a model of what each worker was told and has said.
#include <random>
#include <set>

#include "tests/unit/server/control/gang_fixture.h"

namespace hebb::control {
namespace {

// What one worker process would know.
struct Model {
  int generation = 0;    // last told
  bool in_gang = false;  // told to form, has not reported since
};

class GangRandomTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    GangOptions options;
    options.job = "j-1";
    options.workers = 4;
    options.min_workers = 1 + GetParam() % 2;
    gang_.emplace(options);
    std::vector<WorkerFacts> facts;
    for (int i = 0; i < 4; ++i) facts.push_back(Fresh(NewWorker()));
    Check(gang_->Start(facts, now_));
  }

  // A third of the gangs are of GPUs.
  WorkerFacts Fresh(const std::string& id) {
    WorkerFacts facts = Worker(id);
    if (GetParam() % 3 == 0) facts.device = "cuda";
    return facts;
  }
  std::string NewWorker() {
    const std::string id = absl::StrCat("w", next_worker_++);
    models_[id];
    return id;
  }
  int Pick(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::string Someone() {
    return std::next(models_.begin(), Pick(static_cast<int>(models_.size())))->first;
  }

  void Check(const Effects& effects) {
    const bool was_ended = ended_;
    for (const Effect& effect : effects) {
      if (was_ended) {
        const auto* send = std::get_if<Send>(&effect);
        ASSERT_TRUE(send != nullptr && std::holds_alternative<Release>(send->message))
            << "an ended gang said more than Release";
      }
      if (std::holds_alternative<End>(effect)) {
        ASSERT_FALSE(ended_) << "a gang ended twice";
        ended_ = true;
      }
      if (const auto* commit = std::get_if<Commit>(&effect)) CheckFormation(commit->formation);
    }
    ASSERT_EQ(gang_->ended(), ended_);
    ASSERT_FALSE(ended_ && gang_->formed());
    ASSERT_FALSE(ended_ && gang_->HasMember("w0"));
  }

  void CheckFormation(const Formation& formation) {
    ASSERT_EQ(formation.generation.generation, generation_ + 1) << "generations grow by one";
    generation_ = formation.generation.generation;
    ASSERT_GE(static_cast<int64_t>(formation.members.size()), gang_->options().min_workers);
    ASSERT_LE(static_cast<int64_t>(formation.members.size()), gang_->options().workers);
    std::set<std::string> seen;
    for (const job::Member& member : formation.members) {
      ASSERT_TRUE(seen.insert(member.worker).second) << "a member twice";
      ASSERT_FALSE(models_[member.worker].in_gang)
          << member.worker << " was given a generation while it was in another";
      models_[member.worker] = {generation_, true};
    }
  }

  void Report(const std::string& id) {
    Model& model = models_[id];
    const int generation = Pick(4) == 0 ? Pick(generation_ + 1) : model.generation;
    if (generation == model.generation) model.in_gang = false;
    step_ += Pick(3);
    const std::string cause = Pick(3) == 0 ? "" : "reset";
    MemberReport report = ReportOf(generation, step_, absl::StrCat(step_), cause);
    report.fatal = Pick(400) == 0;
    Check(gang_->OnReport(id, report, now_));
  }

  void Attach(const std::string& id) {
    Model& model = models_[id];
    std::optional<HeldAttempt> held;
    if (Pick(10) != 0) held = HeldAttempt{{"j-1", 1, model.generation}, 0, step_, model.in_gang};
    if (!held) model = {};
    Check(gang_->OnAttached(Fresh(id), held, now_));
  }

  void Result(const std::string& id) {
    AttemptResult result;
    result.generation = {"j-1", 1, Pick(2) == 0 ? generation_ : Pick(generation_ + 1)};
    result.outcome = Pick(40) == 0 ? Outcome::kSucceeded : Outcome::kStopped;
    if (result.outcome == Outcome::kStopped && !stopping_) return;
    result.step = step_;
    Check(gang_->OnResult(id, result, now_));
  }

  void Step() {
    const std::string id = Someone();
    switch (Pick(13)) {
      case 0:
        gang_->OnStreamEnded(id, now_);
        break;
      case 1:
        Attach(id);
        break;
      case 2:
      case 3:
      case 4:
      case 5:
        Report(id);
        break;
      case 6:
        Result(id);
        break;
      case 7:
        if (Pick(5) == 0) Check(gang_->OnFarewell(id, "bye", now_));
        break;
      case 8:
        if (gang_->CanTakeJoiner()) Check(gang_->OnJoiner(Fresh(NewWorker()), now_));
        break;
      case 9:
        if (Pick(200) == 0) {
          stopping_ = true;
          const AttemptOutcome outcomes[] = {AttemptOutcome::kCancelled, AttemptOutcome::kPaused,
                                             AttemptOutcome::kPreempted};
          Check(gang_->RequestStop(outcomes[Pick(3)], "stopped", now_));
        } else if (Pick(20) == 0) {
          Check(gang_->OnDrain(id, Pick(3) != 0, now_));
        }
        break;
      case 10:
        Check(gang_->OnFreed(id, Pick(2), now_));
        break;
      default:
        now_ += absl::Milliseconds(Pick(400));
        for (const auto& [worker, model] : models_) {
          if (Pick(20) != 0) gang_->OnHeard(worker, now_);
        }
        Check(gang_->OnTick(now_));
    }
  }

  std::mt19937 random_{static_cast<unsigned>(GetParam())};
  absl::Time now_ = kStart;
  std::optional<Gang> gang_;
  std::map<std::string, Model> models_;
  int next_worker_ = 0;
  int generation_ = 0;
  int64_t step_ = 0;
  bool ended_ = false;
  bool stopping_ = false;
};

TEST_P(GangRandomTest, InvariantsHold) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  for (int i = 0; i < 2000 && !HasFatalFailure(); ++i) Step();
}

// However it began, a gang that nobody speaks to any more comes to its end.
TEST_P(GangRandomTest, EveryGangEnds) {
  for (int i = 0; i < 300 && !HasFatalFailure(); ++i) Step();
  for (int i = 0; i < 3000 && !gang_->ended(); ++i) {
    now_ += absl::Milliseconds(500);
    Check(gang_->OnTick(now_));
  }
  EXPECT_TRUE(gang_->ended());
}

INSTANTIATE_TEST_SUITE_P(Seeds, GangRandomTest, ::testing::Range(0, 200));

}  // namespace
}  // namespace hebb::control
