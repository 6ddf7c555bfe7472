// SPDX-License-Identifier: Apache-2.0
// Proves what the control loop does with digests of weights.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/server/control/controller_fixture.h"

namespace hebb::control {
namespace {

// Two members of j-1, whose weights are told.
class DigestTest : public ControllerTest {
 protected:
  void Begin() {
    controller_ =
        std::make_unique<Controller>(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
    session_a_ = controller_->Attach(Returning("a", 0), a_);
    session_b_ = controller_->Attach(Returning("b", 1), b_);
    controller_->Start();
    AwaitTurn(*controller_);
  }
  void TearDown() override {
    if (controller_) controller_->Stop();
  }
  static DigestReport Told(int rank, int64_t step, const std::string& digest) {
    return {{"j-1", 1, 1}, rank, {{.step = step, .weights_digest = digest}}};
  }
  // A chain of j-0, and j-1 as its verification.
  void StoreVerification() {
    job::Job trained;
    trained.id = "j-0";
    trained.state = job::State::kSucceeded;
    ASSERT_TRUE(jobs_.Create(trained).ok());
    for (const int64_t step : {20, 40, 60}) {
      job::StepDigest digest;
      digest.step = step;
      digest.weights_digest = absl::StrCat("right", step);
      digest.host = "old";
      digest.kernel_family = "avx512";
      ASSERT_TRUE(jobs_.PutDigests("j-0", {digest}, true).ok());
    }
    StoreRunningJob();
    ASSERT_TRUE(jobs_
                    .Update("j-1",
                            [](job::Job& job) {
                              job.spec_json = R"({"kind": "verify",
        "verification": {"job": "j-0", "from_step": 10, "to_step": 60},
        "dataset": {"name": "glyphs"}, "network": {"layers": [
        {"name": "out", "dense": {"units": 10, "activation": "none"}}]}})";
                              return absl::OkStatus();
                            })
                    .ok());
  }

  std::shared_ptr<RememberingLink> a_ = std::make_shared<RememberingLink>();
  std::shared_ptr<RememberingLink> b_ = std::make_shared<RememberingLink>();
  Session session_a_ = 0, session_b_ = 0;
  std::unique_ptr<Controller> controller_;
};

TEST_F(DigestTest, EqualReplicasAreKeptOnceAndTheJobRunsOn) {
  StoreRunningJob();
  Begin();
  controller_->Receive(session_a_, Told(0, 20, "x"));
  controller_->Receive(session_b_, Told(1, 20, "x"));
  controller_->Receive(session_b_, Told(1, 40, "y"));
  AwaitTurn(*controller_);
  const auto digests = jobs_.Digests("j-1", 0, 10);
  ASSERT_EQ(digests->size(), 2U);
  EXPECT_EQ(digests->at(0).worker, "a");
  EXPECT_EQ(digests->at(1).worker, "b");
  EXPECT_EQ(digests->at(1).kernel_family, "avx512");
  EXPECT_EQ(Stored().state, job::State::kRunning);
}

TEST_F(DigestTest, ReplicasThatDifferFailTheJobAndFreeItsWorkers) {
  StoreRunningJob();
  Begin();
  controller_->Receive(session_a_, Told(0, 20, "x"));
  controller_->Receive(session_b_, Told(1, 20, "y"));
  ASSERT_TRUE(WaitUntil([&] { return Stored().state == job::State::kFailed; }));
  EXPECT_TRUE(absl::StrContains(Stored().reason, "step 20: replicas differ: rank 0 (worker a, "))
      << Stored().reason;
  EXPECT_TRUE(a_->Got<Release>());
  EXPECT_TRUE(b_->Got<Release>());
}

TEST_F(DigestTest, AVerificationNamesTheFirstStepThatDiffers) {
  StoreVerification();
  Begin();
  controller_->Receive(session_a_, Told(0, 20, "right20"));
  controller_->Receive(session_a_, Told(0, 30, "not on record"));
  AwaitTurn(*controller_);
  EXPECT_EQ(Stored().state, job::State::kRunning);
  controller_->Receive(session_a_, Told(0, 40, "wrong"));
  ASSERT_TRUE(WaitUntil([&] { return Stored().state == job::State::kFailed; }));
  EXPECT_TRUE(absl::StrContains(Stored().reason,
                                "the first record that differs is of step 40, the one before, of "
                                "step 20, is the same"))
      << Stored().reason;
}

TEST_F(DigestTest, AVerificationOnOtherKernelsIsNoVerdict) {
  StoreVerification();
  controller_ =
      std::make_unique<Controller>(WithTestClock(), jobs_, *blobs_, *checkpoints_, rendezvous_);
  Hello other = Returning("a", 0);
  other.worker.kernel_family = "avx2";
  session_a_ = controller_->Attach(other, a_);
  controller_->Start();
  AwaitTurn(*controller_);
  controller_->Receive(session_a_, Told(0, 20, "other bits"));
  ASSERT_TRUE(WaitUntil([&] { return Stored().state == job::State::kFailed; }));
  EXPECT_TRUE(absl::StrContains(Stored().reason,
                                "recorded on kernels avx512 and is trained again "
                                "on avx2"))
      << Stored().reason;
}

}  // namespace
}  // namespace hebb::control
