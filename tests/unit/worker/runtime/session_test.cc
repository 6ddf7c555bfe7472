// SPDX-License-Identifier: Apache-2.0
// Proves how a worker stays in touch: hello, heartbeats whatever the training thread does, contact
// made anew, refusal, farewell. Over a real gRPC server on loopback.
#include "worker/runtime/session.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "common/rpc/protocol.h"
#include "tests/testing/jump_clock.h"
#include "tests/testing/wait.h"
#include "tests/unit/worker/runtime/worker_under_test.h"

namespace hebb::runtime {
namespace {

using SessionTest = WorkerUnderTest;

// One processor for all threads that start meanwhile: what follows at once on several comes late
// here.
class OneProcessor {
 public:
  OneProcessor() {
    CPU_ZERO(&before_);
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OneProcessor() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

class CrowdedSessionTest : private OneProcessor, public WorkerUnderTest {};

TEST_F(SessionTest, HelloComesFirstWithIdentityAndProtocol) {
  StartWorker();
  const auto hello = coordinator.Await(From::kHello).message.hello();
  EXPECT_EQ(hello.worker().id(), "worker-a");
  EXPECT_EQ(hello.protocol(), rpc::kProtocolVersion);
  EXPECT_FALSE(hello.has_held());
  EXPECT_TRUE(coordinator.all().front().message.has_hello());
}

TEST_F(SessionTest, RefusalEndsTheSessionWithItsReason) {
  coordinator.RefuseWith("protocol 1 here, 0 there; update the worker");
  StartWorker();
  ASSERT_TRUE(refused.WaitForNotificationWithTimeout(absl::Seconds(20)));
  EXPECT_TRUE(absl::IsPermissionDenied(refusal));
  EXPECT_EQ(refusal.message(), "protocol 1 here, 0 there; update the worker");
}

// The worker's own end of a stream must not overtake what the coordinator ended it with.
TEST_F(CrowdedSessionTest, TheGatesWordEndsTheSession) {
  coordinator.EndAttachWith(absl::UnauthenticatedError("the token is not known here"));
  StartWorker();
  for (int again = 0; again < 20 && !HasFailure(); ++again) {
    absl::Notification over;
    absl::Status why;
    session = std::make_unique<Session>(channel, identity, outbox, *runner);
    session->Start([&](absl::Status status) {
      why = std::move(status);
      over.Notify();
    });
    EXPECT_TRUE(over.WaitForNotificationWithTimeout(absl::Seconds(20)));
    session.reset();
    EXPECT_EQ(why, absl::UnauthenticatedError("the token is not known here"));
  }
}

TEST_F(SessionTest, HeartbeatsGoOnWhileTheTrainingThreadComputes) {
  StartTraining();
  script.BlockCompute(true);
  script.Permit(1);
  ASSERT_TRUE(script.AwaitComputing());
  for (int beat = 0; beat < 5; ++beat) coordinator.Await(From::kHeartbeat);
  script.BlockCompute(false);
}

// A short detect_within must hold from the first moment: the worker's own pace before the welcome
// is slower than that of its coordinator.
TEST_F(SessionTest, FirstHeartbeatFollowsTheWelcome) {
  StartWorker();
  absl::Duration fastest = absl::InfiniteDuration();
  for (int stream = 1; stream <= 5 && fastest > absl::Milliseconds(300); ++stream) {
    coordinator.AwaitOnStream(From::kHello, stream);
    const absl::Time hello = absl::Now();
    coordinator.AwaitOnStream(From::kHeartbeat, stream);
    fastest = std::min(fastest, absl::Now() - hello);
    coordinator.GoAway();
    coordinator.ComeBack();
  }
  EXPECT_LT(fastest, absl::Milliseconds(300));
}

// Else a collective would give a silent peer up long before the coordinator does.
TEST_F(SessionTest, BackstopFollowsTheCoordinatorsKnob) {
  StartTraining();
  script.Permit(1);
  coordinator.Await(From::kProgress);
  EXPECT_EQ(script.backstop(), Times(absl::Minutes(10)).collective);
}

TEST_F(SessionTest, HeartbeatsGoOnWhileTheClockJumps) {
  StartWorker();
  coordinator.Await(From::kHeartbeat);
  for (const int hours : {1, -1}) {
    const testing_support::JumpedClock jumped(absl::Hours(hours));
    const int before = coordinator.Count(From::kHeartbeat);
    EXPECT_TRUE(testing_support::WaitUntil([&] {
      return coordinator.Count(From::kHeartbeat) >= before + 3;
    })) << hours;
  }
  EXPECT_EQ(coordinator.Count(From::kHello), 1);
}

TEST_F(SessionTest, HeartbeatsCarryTheStep) {
  StartTraining();
  script.Permit(3);
  while (coordinator.Await(From::kHeartbeat).message.heartbeat().step() != 3) {
    ASSERT_FALSE(HasFailure());
  }
}

TEST_F(SessionTest, AttachesAgainAfterTheCoordinatorWasAway) {
  StartWorker();
  coordinator.Await(From::kHello);
  for (int stream = 2; stream <= 4; ++stream) {
    coordinator.GoAway();
    coordinator.ComeBack();
    EXPECT_GE(coordinator.AwaitOnStream(From::kHello, stream).stream, stream);
  }
}

TEST_F(SessionTest, WaitsForACoordinatorThatIsNotThereYet) {
  coordinator.GoAway();
  StartWorker();
  coordinator.ComeBack();
  EXPECT_EQ(coordinator.Await(From::kHello).message.hello().worker().id(), "worker-a");
}

TEST_F(SessionTest, FarewellIsTheLastWord) {
  StartWorker();
  coordinator.Await(From::kHeartbeat);
  session->Leave("terminated", absl::Seconds(10));
  EXPECT_EQ(coordinator.Await(From::kFarewell).message.farewell().reason(), "terminated");
  EXPECT_EQ(coordinator.Count(From::kHello), 1);
}

TEST_F(SessionTest, LeavesWithoutACoordinatorToo) {
  coordinator.GoAway();
  StartWorker();
  session->Leave("terminated", absl::Seconds(10));
  EXPECT_EQ(coordinator.Count(From::kFarewell), 0);
}

}  // namespace
}  // namespace hebb::runtime
