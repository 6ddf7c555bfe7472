// SPDX-License-Identifier: Apache-2.0
// Losses with real processes: a member is killed or frozen in the middle of sums; the survivors get
// an error, form the next generation without it in the same process, and its sums are right.
//
// The test is the coordinator: it forks the members, reads their reports from a pipe, and writes a
// file per key and generation, which is their rendezvous.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/contract/comm/rank_nodes.h"
#include "tests/testing/wait.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/tree_sum.h"

namespace hebb::comm {
namespace {

namespace fs = std::filesystem;

constexpr int kMembers = 4;
constexpr int kSlices = 8;
constexpr int kSumsAfterLoss = 5;
constexpr size_t kPeriod = 16;

// A folder as key-value store between processes; "leave" in it ends the generation.
class FolderRendezvous : public Rendezvous {
 public:
  explicit FolderRendezvous(fs::path folder) : folder_(std::move(folder)) {}

  absl::Status Set(const std::string& key, const std::string& value) override {
    const fs::path path = PathOf(key);
    const fs::path aside = absl::StrCat(path.string(), ".", getpid());
    std::ofstream(aside, std::ios::binary) << value;
    fs::rename(aside, path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Get(const std::string& key, absl::Time deadline) override {
    const auto settled = [&] { return fs::exists(PathOf(key)) || Has("leave"); };
    if (!testing_support::WaitUntil(settled, deadline - absl::Now())) {
      return absl::DeadlineExceededError(key);
    }
    if (!fs::exists(PathOf(key))) return absl::AbortedError("this generation is over");
    std::stringstream value;
    value << std::ifstream(PathOf(key), std::ios::binary).rdbuf();
    return value.str();
  }

  bool Has(const std::string& key) const { return fs::exists(PathOf(key)); }

 private:
  fs::path PathOf(std::string key) const {
    std::replace(key.begin(), key.end(), '/', '_');
    return folder_ / key;
  }
  const fs::path folder_;
};

struct Report {
  char what = 0;  // 's' a sum was right, 'w' it was wrong, 'e' the generation ended in an error
  int member = 0;
  int generation = 0;
  int code = 0;
};

// --- The members' side ---

struct MemberPlan {
  int member = 0;
  fs::path folder;
  int report_fd = -1;
  size_t n = 0;
  absl::Duration deadline;  // of a sum
};

void Tell(const MemberPlan& plan, char what, int generation, absl::StatusCode code) {
  const Report report = {what, plan.member, generation, static_cast<int>(code)};
  if (write(plan.report_fd, &report, sizeof(report)) != sizeof(report)) _exit(3);
}

float SliceValue(int slice, size_t i) {
  return 0.1f * (slice + 1) + static_cast<float>(i % kPeriod);
}

// Sums until an error, or until `most` sums; says what it saw.
void SumOn(Communicator& communicator, const MemberPlan& plan, int generation, int most) {
  const auto [rank, size] = communicator.topology();
  const slices::SliceRange own = slices::SlicesOfRank(kSlices, rank, size);
  // The values repeat, so the right sum is known from a few elements of all slices.
  std::vector<std::vector<float>> values;
  std::vector<const float*> all, mine;
  for (int s = 0; s < kSlices; ++s) {
    const bool own_slice = own.begin <= s && s < own.end;
    values.emplace_back(own_slice ? std::max(plan.n, kPeriod) : kPeriod);
    for (size_t i = 0; i < values[s].size(); ++i) values[s][i] = SliceValue(s, i);
    all.push_back(values[s].data());
    if (own_slice) mine.push_back(values[s].data());
  }
  std::vector<float> expected(kPeriod), sum(plan.n);
  slices::SerialTreeSum(all, expected);
  const RankNodes nodes(kSlices, {rank, size}, mine, plan.n);
  TreeSum tree_sum(communicator, kSlices);
  for (int i = 0; i < most; ++i) {
    const absl::Status status = tree_sum.Sum(nodes.pointers(), sum, absl::Now() + plan.deadline);
    if (!status.ok()) {
      Tell(plan, 'e', generation, status.code());
      return;
    }
    bool right = true;
    for (size_t k = 0; k < plan.n; ++k) right &= sum[k] == expected[k % kPeriod];
    Tell(plan, right ? 's' : 'w', generation, absl::StatusCode::kOk);
  }
}

// A member's rank in a generation, or -1; waits for the coordinator's word.
Topology RankIn(Rendezvous& rendezvous, int member) {
  const auto members = rendezvous.Get("members", absl::Now() + absl::Seconds(60));
  if (!members.ok()) _exit(4);
  const size_t rank = members->find(static_cast<char>('0' + member));
  if (rank == std::string::npos) _exit(0);  // left out: refused, as an old process should be
  return {static_cast<int>(rank), static_cast<int>(members->size())};
}

[[noreturn]] void RunMember(const MemberPlan& plan) {
  for (int generation = 1; generation <= 2; ++generation) {
    FolderRendezvous rendezvous(plan.folder / std::to_string(generation));
    const Topology topology = RankIn(rendezvous, plan.member);
    auto communicator = MakeGlooCommunicator({.generation = absl::StrCat("test/1/", generation)},
                                             topology, rendezvous);
    bool done = false;
    std::thread watcher([&] {  // the stream from the coordinator
      while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        if (rendezvous.Has("leave")) communicator->Abort("the coordinator said leave");
        testing_support::LetTimePass(absl::Milliseconds(2));
      }
    });
    const absl::Status status = communicator->Connect(absl::Now() + absl::Seconds(30));
    if (!status.ok()) Tell(plan, 'e', generation, status.code());
    if (status.ok())
      SumOn(*communicator, plan, generation, generation == 1 ? 1000000 : kSumsAfterLoss);
    __atomic_store_n(&done, true, __ATOMIC_RELEASE);
    watcher.join();
  }
  _exit(0);
}

// --- The coordinator's side ---

class GlooLossTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "gloo_loss_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    ASSERT_EQ(pipe(pipe_), 0);
  }

  void TearDown() override {
    for (const auto& [member, pid] : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    close(pipe_[0]);
    close(pipe_[1]);
    fs::remove_all(folder_);
  }

  void Start(size_t n, absl::Duration deadline) {
    OpenGeneration(1, "0123");
    for (int member = 0; member < kMembers; ++member) {
      const pid_t pid = fork();
      ASSERT_GE(pid, 0);
      if (pid == 0) RunMember({member, folder_, pipe_[1], n, deadline});
      pids_[member] = pid;
    }
  }

  void OpenGeneration(int generation, const std::string& members) {
    fs::create_directories(folder_ / std::to_string(generation));
    EXPECT_TRUE(Of(generation).Set("members", members).ok());
  }

  FolderRendezvous Of(int generation) {
    return FolderRendezvous(folder_ / std::to_string(generation));
  }

  // Reads reports until each of `members` has said `what` in `generation` `times` times; keeps the
  // codes. False: a wrong sum, or time is up.
  bool Await(char what, int generation, const std::vector<int>& members, int times) {
    std::map<int, int> counts;
    const absl::Time end = absl::Now() + absl::Seconds(20);
    const auto all = [&] {
      return std::all_of(members.begin(), members.end(),
                         [&](int member) { return counts[member] >= times; });
    };
    while (!all()) {
      pollfd ready = {pipe_[0], POLLIN, 0};
      const auto left = absl::ToInt64Milliseconds(end - absl::Now());
      if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return false;
      Report report;
      if (read(pipe_[0], &report, sizeof(report)) != sizeof(report)) return false;
      if (report.what == 'w') return false;
      if (report.what == 'e') codes_[report.member] = static_cast<absl::StatusCode>(report.code);
      if (report.what == what && report.generation == generation) ++counts[report.member];
    }
    return true;
  }

  int ExitCodeOf(int member) {
    int status = 0;
    waitpid(pids_[member], &status, 0);
    pids_.erase(member);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // Members 0, 1, 3 go on without 2.
  void ExpectSurvivorsGoOn() {
    OpenGeneration(2, "013");
    EXPECT_TRUE(Await('s', 2, {0, 1, 3}, kSumsAfterLoss));
    for (const int member : {0, 1, 3}) EXPECT_EQ(ExitCodeOf(member), 0);
  }

  fs::path folder_;
  int pipe_[2] = {-1, -1};
  std::map<int, pid_t> pids_;
  std::map<int, absl::StatusCode> codes_;
};

class GlooKillTest : public GlooLossTest, public testing::WithParamInterface<int> {};

TEST_P(GlooKillTest, SurvivorsOfAKillGoOnWithoutTheDead) {
  Start(/*n=*/1000000, /*deadline=*/absl::Seconds(60));
  ASSERT_TRUE(Await('s', 1, {0, 1, 2, 3}, 2));
  // Somewhere within a sum, which takes tens of milliseconds.
  testing_support::LetTimePass(absl::Milliseconds(GetParam()));
  const absl::Time killed = absl::Now();
  kill(pids_[2], SIGKILL);
  ASSERT_TRUE(Await('e', 1, {0, 1, 3}, 1));
  EXPECT_LT(absl::Now() - killed, absl::Seconds(2));
  std::printf("all survivors knew after %.0f ms\n",
              absl::ToDoubleMilliseconds(absl::Now() - killed));
  for (const int member : {0, 1, 3}) EXPECT_EQ(codes_[member], absl::StatusCode::kUnavailable);
  ExpectSurvivorsGoOn();
}

INSTANTIATE_TEST_SUITE_P(Moments, GlooKillTest, testing::Values(0, 3, 7, 13));

TEST_F(GlooLossTest, FrozenMemberIsLeftOutAtTheDeadline) {
  Start(/*n=*/10000, /*deadline=*/absl::Milliseconds(500));
  ASSERT_TRUE(Await('s', 1, {0, 1, 2, 3}, 2));
  const absl::Time frozen = absl::Now();
  kill(pids_[2], SIGSTOP);
  ASSERT_TRUE(Await('e', 1, {0, 1, 3}, 1));
  EXPECT_LT(absl::Now() - frozen, absl::Seconds(3));
  const bool anyone_timed_out = std::any_of(codes_.begin(), codes_.end(), [](const auto& code) {
    return code.second == absl::StatusCode::kDeadlineExceeded;
  });
  EXPECT_TRUE(anyone_timed_out);
  ExpectSurvivorsGoOn();
}

TEST_F(GlooLossTest, FrozenMemberIsLeftOutOnTheCoordinatorsWord) {
  Start(/*n=*/1000000, /*deadline=*/absl::Seconds(60));
  ASSERT_TRUE(Await('s', 1, {0, 1, 2, 3}, 2));
  kill(pids_[2], SIGSTOP);
  testing_support::LetTimePass(
      absl::Milliseconds(100));  // the heartbeats' business in the real thing
  const absl::Time told = absl::Now();
  EXPECT_TRUE(Of(1).Set("leave", "").ok());
  ASSERT_TRUE(Await('e', 1, {0, 1, 3}, 1));
  EXPECT_LT(absl::Now() - told, absl::Seconds(2));
  OpenGeneration(2, "013");
  EXPECT_TRUE(Await('s', 2, {0, 1, 3}, 1));
  kill(pids_[2], SIGCONT);  // wakes amid the next generation: fails, asks, and is refused
  EXPECT_TRUE(Await('e', 1, {2}, 1));
  EXPECT_EQ(ExitCodeOf(2), 0);
  for (const int member : {0, 1, 3}) EXPECT_EQ(ExitCodeOf(member), 0);
}

TEST_F(GlooLossTest, MemberFrozenWhileFormingIsLeftOut) {
  OpenGeneration(1, "0123");
  for (int member = 0; member < kMembers; ++member) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0 && member == 2) {  // publishes its address and freezes
      FolderRendezvous rendezvous(folder_ / "1");
      std::thread([&] {
        if (rendezvous.Get("gloo/2", absl::Now() + absl::Seconds(30)).ok()) raise(SIGSTOP);
      }).detach();
      RunMember({member, folder_, pipe_[1], 1000, absl::Seconds(60)});
    }
    if (pid == 0) RunMember({member, folder_, pipe_[1], 1000, absl::Seconds(60)});
    pids_[member] = pid;
  }
  int status = 0;
  ASSERT_EQ(waitpid(pids_[2], &status, WUNTRACED), pids_[2]);
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_TRUE(Of(1).Set("leave", "").ok());
  ASSERT_TRUE(Await('e', 1, {0, 1, 3}, 1));
  ExpectSurvivorsGoOn();
}

}  // namespace
}  // namespace hebb::comm
