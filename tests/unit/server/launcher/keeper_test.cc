// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Does as it is told, and remembers what it was asked.
class FakeLauncher : public Launcher {
 public:
  absl::string_view kind() const override { return "fake"; }
  absl::StatusOr<std::string> Show(const WorkerRequest&) const override { return "a script"; }
  absl::StatusOr<std::string> Ask(const WorkerRequest& request) override {
    requests.push_back(request);
    if (!answer.ok() && !taken_all_the_same) return answer;
    const std::string handle = absl::StrCat("h", ++handles);
    workers.push_back({request.name, handle, LaunchState::kPending, "Resources"});
    if (!answer.ok()) return answer;
    return handle;
  }
  absl::StatusOr<std::vector<Observed>> Observe() override {
    ++looks;
    if (!answers) return absl::UnavailableError("no route");
    return workers;
  }
  absl::Status LetGo(const std::string& handle) override {
    let_go.push_back(handle);
    return absl::OkStatus();
  }

  std::vector<WorkerRequest> requests;
  std::vector<Observed> workers;
  std::vector<std::string> let_go;
  absl::Status answer;
  bool taken_all_the_same = false;
  bool answers = true;
  int handles = 0;
  int looks = 0;
};

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() { options_.plan.max_workers = 4; }

  Keeper::Outcome Turn() {
    Sight sight;
    sight.wanting = wanting_;
    sight.attached = attached_;
    return keeper().Turn(sight, now_);
  }
  Keeper& keeper() {
    if (keeper_ == nullptr) Restart();
    return *keeper_;
  }
  void Restart() {
    keeper_ = std::make_unique<Keeper>(launcher_, KeeperOptions{"lab", options_.plan},
                                       [this](const std::string& worker) {
                                         withdrawn_.push_back(worker);
                                         return !busy_.contains(worker);
                                       });
  }
  void Want(int64_t workers) { wanting_ = {{"j1", "cpu", workers, 1}}; }
  void Attach(size_t index, bool idle) {
    Observed& worker = launcher_.workers.at(index);
    worker.state = LaunchState::kRunning;
    attached_[worker.name] = {worker.name + ".1234", idle};
  }
  void Pass(absl::Duration time) { now_ += time; }

  FakeLauncher launcher_;
  KeeperOptions options_;
  std::vector<Wanting> wanting_;
  std::map<std::string, Attached> attached_;
  std::vector<std::string> withdrawn_;
  std::set<std::string> busy_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::unique_ptr<Keeper> keeper_;
};

TEST_F(KeeperTest, AsksForWhatIsWantedOnce) {
  Want(2);
  wanting_[0].slurm.partition = "short";
  const auto outcome = Turn();
  ASSERT_THAT(launcher_.requests, SizeIs(2));
  EXPECT_THAT(launcher_.requests[0].name, MatchesRegex("hebb-lab-cpu-[0-9]+"));
  EXPECT_NE(launcher_.requests[0].name, launcher_.requests[1].name);
  EXPECT_LE(launcher_.requests[0].name.size(), 40u);
  EXPECT_EQ(launcher_.requests[0].slurm.partition, "short");
  EXPECT_TRUE(outcome.holds);
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(2));
}

TEST_F(KeeperTest, TellsTheJobWhatItsWorkersWaitFor) {
  Want(3);
  Turn();
  launcher_.workers[1].state = LaunchState::kRunning;
  EXPECT_EQ(Turn().notes.at("j1"), "asked of fake: 2 pending (Resources), 1 starting");
  for (size_t i = 0; i < 3; ++i) Attach(i, /*idle=*/true);
  EXPECT_THAT(Turn().notes, IsEmpty());
}

TEST_F(KeeperTest, ANewProcessFindsWhatTheOneBeforeAskedFor) {
  Want(2);
  Turn();
  Restart();
  Pass(absl::Seconds(1));
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(2));
  Want(3);
  Turn();
  ASSERT_THAT(launcher_.requests, SizeIs(3));
  EXPECT_NE(launcher_.requests[2].name, launcher_.requests[1].name);
}

TEST_F(KeeperTest, AfterARestartWorkersHaveTimeToComeBack) {
  Want(1);
  Turn();
  Attach(0, /*idle=*/false);
  wanting_.clear();
  Turn();
  Restart();
  const auto attached = std::exchange(attached_, {});
  Turn();
  attached_ = attached;
  Turn();
  EXPECT_THAT(launcher_.let_go, IsEmpty());
}

TEST_F(KeeperTest, AnAnswerThatWasLostIsFoundOut) {
  Want(1);
  launcher_.answer = absl::UnavailableError("timed out");
  launcher_.taken_all_the_same = true;
  Turn();
  launcher_.answer = absl::OkStatus();
  Pass(absl::Hours(1));
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(1));
}

TEST_F(KeeperTest, ARequestThatWasLostIsMadeAgain) {
  Want(1);
  launcher_.answer = absl::UnavailableError("timed out");
  EXPECT_THAT(Turn().notes.at("j1"), HasSubstr("fake: timed out; asked again in 10s"));
  launcher_.answer = absl::OkStatus();
  Pass(absl::Seconds(5));
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(1));
  Pass(absl::Seconds(6));
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(2));
}

TEST_F(KeeperTest, ARefusalIsTheJobsOwnAndIsTriedAgainLater) {
  Want(1);
  wanting_.push_back({"j2", "cpu", 1, 1});
  launcher_.answer = absl::InvalidArgumentError("sbatch: error: invalid partition");
  const auto outcome = Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(2));
  EXPECT_EQ(outcome.notes.at("j1"),
            "fake refuses a worker: sbatch: error: invalid partition; asked again in 10s");
  EXPECT_EQ(outcome.look_again, now_ + absl::Seconds(10));
  launcher_.answer = absl::OkStatus();
  wanting_.push_back({"j3", "cpu", 1, 1});
  Turn();
  EXPECT_THAT(launcher_.workers, SizeIs(1));  // of the job that was not refused
  Pass(absl::Seconds(11));
  Turn();
  EXPECT_THAT(Turn().notes.at("j1"), HasSubstr("3 pending"));
}

TEST_F(KeeperTest, WorkersThatFailAreAskedForMoreAndMoreRarely) {
  Want(1);
  Turn();
  for (const int seconds : {10, 20, 40, 80, 160, 300, 300}) {
    launcher_.workers.back().state = LaunchState::kGone;
    launcher_.workers.back().failed = true;
    launcher_.workers.back().detail = "FAILED: NonZeroExitCode";
    const size_t asked = launcher_.requests.size();
    const auto outcome = Turn();
    EXPECT_THAT(outcome.notes.at("j1"),
                AllOf(HasSubstr("FAILED: NonZeroExitCode"),
                      HasSubstr(absl::FormatDuration(absl::Seconds(seconds)))));
    Pass(absl::Seconds(seconds - 1));
    Turn();
    EXPECT_EQ(launcher_.requests.size(), asked);
    Pass(absl::Seconds(1));
    Turn();
    EXPECT_EQ(launcher_.requests.size(), asked + 1);
  }
  Attach(launcher_.workers.size() - 1, /*idle=*/false);
  Turn();
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(9));  // at once: one has attached
}

TEST_F(KeeperTest, AWorkerThatEndedAfterItsWorkIsNoFailure) {
  Want(1);
  Turn();
  Attach(0, /*idle=*/false);
  Turn();
  launcher_.workers[0].state = LaunchState::kGone;
  launcher_.workers[0].detail = "PREEMPTED";
  attached_.clear();
  Turn();
  EXPECT_THAT(launcher_.requests, SizeIs(2));
  EXPECT_THAT(launcher_.let_go, ElementsAre("h1"));  // told once, so that it is forgotten
  Turn();
  EXPECT_THAT(launcher_.let_go, SizeIs(1));
}

TEST_F(KeeperTest, IdleWorkersGoWhenTheyAreWithdrawn) {
  Want(2);
  Turn();
  Attach(0, /*idle=*/true);
  Attach(1, /*idle=*/true);
  wanting_.clear();
  Turn();
  busy_.insert(attached_.begin()->second.worker);  // it is given a job in that moment
  Pass(options_.plan.idle_after);
  Turn();
  EXPECT_THAT(withdrawn_, SizeIs(2));
  EXPECT_THAT(launcher_.let_go, ElementsAre("h2"));
}

TEST_F(KeeperTest, AWorkerThatIsAwayHasTimeToComeBack) {
  Want(1);
  Turn();
  Attach(0, /*idle=*/false);
  wanting_.clear();
  Turn();
  Pass(absl::Hours(2));
  attached_.clear();  // its node is not heard of
  Turn();
  EXPECT_THAT(launcher_.let_go, IsEmpty());
  Pass(options_.plan.attach_within);
  Turn();
  EXPECT_THAT(launcher_.let_go, ElementsAre("h1"));
}

TEST_F(KeeperTest, NothingIsDoneWhileTheClusterDoesNotAnswer) {
  Want(1);
  launcher_.answers = false;
  const auto outcome = Turn();
  EXPECT_EQ(outcome.notes.at("j1"), "fake does not answer: no route");
  EXPECT_THAT(launcher_.requests, IsEmpty());
  EXPECT_TRUE(outcome.holds);
}

TEST_F(KeeperTest, TheClusterIsLeftAloneWhenNothingIsWanted) {
  Turn();
  Turn();
  EXPECT_EQ(launcher_.looks, 1);  // once, for what was asked for before
}

}  // namespace
}  // namespace hebb::launcher
