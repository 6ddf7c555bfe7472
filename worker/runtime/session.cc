// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/session.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/log.h"
#include "common/rpc/protocol.h"
#include "common/rpc/status.h"
#include "common/steady_clock.h"
#include "worker/runtime/cancellation.h"
#include "worker/runtime/coordinator_grpc.h"

namespace hebb::runtime {
namespace {

using GrpcStream = grpc::ClientReaderWriter<v1::FromWorker, v1::ToWorker>;

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
constexpr absl::Duration kLookEvery = absl::Milliseconds(200);
constexpr absl::Duration kWelcomeWithin = absl::Seconds(5);
constexpr int64_t kHeartbeatMsBeforeWelcome = 500;
constexpr absl::Duration kRepeatComplaintAfter = absl::Seconds(30);

}  // namespace

struct Session::State {
  CoordinatorChannel& channel;
  const v1::Worker identity;
  Outbox& outbox;
  SessionHandler& handler;
  std::function<void(absl::Status)> refused;
  Cancellation stop{};               // no more streams, and the present one ends
  std::atomic<bool> leaving{false};  // no more streams
  absl::Notification over{};
  std::thread thread{};

  absl::Time complain_at = absl::InfinitePast();  // session's thread

  void AttachForever();
  bool AwaitConnected();  // false: the session ends
  void Complain(absl::string_view why);
};

// One stream's life: made, used and ended by the session's thread, which reads; a second one
// writes.
class Session::Stream {
 public:
  explicit Stream(State& state)
      : state_(state),
        scope_(state.stop, [this](const std::string&) { context_.TryCancel(); }),
        stream_(state.channel.grpc().stub->Attach(&context_)) {}

  // Returns when the stream is over. PERMISSION_DENIED: refused.
  absl::Status Run();
  bool welcome() const { return welcome_; }

 private:
  void Open();
  void Received(const v1::ToWorker& message);
  void WriteAll();
  v1::FromWorker HeartbeatMessage() const;

  State& state_;
  grpc::ClientContext context_;
  Cancellation::Scope scope_;
  std::unique_ptr<GrpcStream> stream_;
  std::atomic<bool> welcome_{false};
  std::atomic<int64_t> heartbeat_ms_{kHeartbeatMsBeforeWelcome};
  std::atomic<bool> read_out_{false};  // nothing more comes in: the coordinator has ended it
  std::string refused_;                // reading thread
};

absl::Status Session::Stream::Run() {
  Open();
  std::thread writer([this] { WriteAll(); });
  v1::ToWorker message;
  while (refused_.empty() && stream_->Read(&message)) Received(message);
  read_out_ = true;
  state_.outbox.Close();
  if (!refused_.empty()) context_.TryCancel();
  writer.join();
  const absl::Status status = rpc::FromGrpc(stream_->Finish());
  if (welcome_) state_.handler.AttachedChanged(false);
  return refused_.empty() ? status : absl::PermissionDeniedError(refused_);
}

void Session::Stream::Open() {
  state_.handler.Attach(
      [this](std::optional<v1::HeldAttempt> held, std::vector<v1::FromWorker> again) {
        v1::FromWorker first;
        v1::Hello& hello = *first.mutable_hello();
        *hello.mutable_worker() = state_.identity;
        hello.set_protocol(rpc::kProtocolVersion);
        if (held) *hello.mutable_held() = *std::move(held);
        again.insert(again.begin(), std::move(first));
        state_.outbox.Open(std::move(again));
      });
}

void Session::Stream::Received(const v1::ToWorker& message) {
  if (message.has_welcome()) {
    const v1::Welcome& welcome = message.welcome();
    heartbeat_ms_ = std::max<int64_t>(1, welcome.heartbeat_interval_ms());
    if (welcome.detect_within_ms() > 0) {
      state_.handler.Welcomed(absl::Milliseconds(welcome.detect_within_ms()));
    }
    welcome_ = true;
    state_.handler.AttachedChanged(true);
    // The writer waits for the first beat of its own pace, which may be far behind the one asked.
    state_.outbox.Send(HeartbeatMessage());
  } else if (message.has_refused()) {
    refused_ = message.refused().reason();
    if (refused_.empty()) refused_ = "refused without a reason";
  } else {
    state_.handler.Received(message);
  }
}

// Never computes, so that a heartbeat means that the process lives.
void Session::Stream::WriteAll() {
  const absl::Time welcome_by = SteadyNow() + kWelcomeWithin;
  absl::Time last = SteadyNow();
  v1::FromWorker message;
  while (true) {
    const absl::Time due = last + absl::Milliseconds(heartbeat_ms_.load());
    const Outbox::Event event = state_.outbox.Next(due, message);
    if (event == Outbox::Event::kClosed) break;
    // A stream that breaks has a status, which the reading thread reads.
    if (event == Outbox::Event::kMessage && !stream_->Write(message)) return;
    // A coordinator that takes connections but does not answer: hang up, try again.
    if (!welcome_ && SteadyNow() > welcome_by) break;
    if (SteadyNow() < due) continue;
    last = SteadyNow();
    if (!stream_->Write(HeartbeatMessage())) return;
  }
  stream_->WritesDone();
  // After a Farewell the coordinator ends the stream; else (the outbox overflowed) we do. One that
  // it has ended is left alone: its status, on the way, says why, and a cancel would overtake it.
  if (!state_.leaving && !read_out_) context_.TryCancel();
}

v1::FromWorker Session::Stream::HeartbeatMessage() const {
  v1::FromWorker message;
  message.mutable_heartbeat()->set_step(state_.handler.CurrentStep());
  message.mutable_heartbeat()->set_device_memory_free(state_.handler.FreeDeviceMemory());
  return message;
}

void Session::State::Complain(absl::string_view why) {
  if (SteadyNow() < complain_at) return;
  complain_at = SteadyNow() + kRepeatComplaintAfter;
  LogWarning(absl::StrCat("no contact to the coordinator at ", channel.address(), " (", why,
                          "); trying on"));
}

// The channel connects by itself, at most a second between tries. A stream that was opened before
// would only fail with the channel's last error, and its Hello would grow stale.
bool Session::State::AwaitConnected() {
  while (!stop.cancelled() && !leaving) {
    const absl::Time until = absl::Now() + kLookEvery;  // gRPC takes it for a duration at once
    if (channel.grpc().channel->WaitForConnected(absl::ToChronoTime(until))) return true;
    if (SteadyNow() >= complain_at) Complain(channel.WhyUnreachable(kLookEvery));
  }
  return false;
}

void Session::State::AttachForever() {
  absl::Duration pause = kFirstPause;
  while (AwaitConnected()) {
    Stream stream(*this);
    absl::Status status = stream.Run();
    // By its word, or by the gate in front of it: trying again is of no use.
    if (absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) {
      refused(std::move(status));
      break;
    }
    if (stop.cancelled() || leaving) break;
    if (stream.welcome()) {
      pause = kFirstPause;
      complain_at = absl::InfinitePast();
    }
    Complain(status.message());
    stop.Pause(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
  over.Notify();
}

Session::Session(CoordinatorChannel& channel, const v1::Worker& identity, Outbox& outbox,
                 SessionHandler& handler)
    : state_(new State{channel, identity, outbox, handler, {}}) {}

Session::~Session() {
  if (!state_->thread.joinable()) return;
  state_->stop.Cancel("the worker ends");
  state_->thread.join();
}

void Session::Start(std::function<void(absl::Status)> refused) {
  HEBB_CHECK(!state_->thread.joinable());
  state_->refused = std::move(refused);
  state_->thread = std::thread([this] { state_->AttachForever(); });
}

void Session::Leave(absl::string_view reason, absl::Duration patience) {
  if (!state_->thread.joinable()) return;
  state_->leaving = true;
  v1::FromWorker farewell;
  farewell.mutable_farewell()->set_reason(std::string(reason));
  if (state_->outbox.SendLast(std::move(farewell))) {
    state_->over.WaitForNotificationWithTimeout(patience);
  }
  state_->stop.Cancel(reason);
  state_->thread.join();
}

}  // namespace hebb::runtime
