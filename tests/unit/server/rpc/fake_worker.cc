// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/server/rpc/fake_worker.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"

namespace hebb::rpc {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kHeartbeat = absl::Milliseconds(40);

}  // namespace

v1::GenerationId Unformed(const v1::Assign& assign) {
  v1::GenerationId id;
  id.set_job(assign.job());
  id.set_attempt(assign.attempt());
  return id;
}

void FakeWorker::Attach(const std::string& address, std::optional<v1::HeldAttempt> held,
                        const std::string& protocol) {
  Vanish();
  {
    absl::MutexLock lock(&mutex_);
    received_.clear();
    ended_ = false;
    beating_ = true;
  }
  stub_ = v1::Workers::NewStub(MakeChannel(address));
  context_ = std::make_unique<grpc::ClientContext>();
  context_->set_wait_for_ready(true);
  stream_ = stub_->Attach(context_.get());
  v1::FromWorker message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_protocol(protocol);
  hello.mutable_worker()->set_id(id_);
  hello.mutable_worker()->set_host("localhost");
  hello.mutable_worker()->set_device("cpu");
  hello.mutable_worker()->add_backends("gloo");
  hello.mutable_worker()->set_kernel_family("test");
  hello.mutable_worker()->set_build("test-build");
  v1::Software& software = *hello.mutable_worker()->mutable_software();
  software.set_processor("fake");
  (*software.mutable_libraries())["oneDNN"] = "1.2";
  if (held) *hello.mutable_held() = *held;
  Send(message);
  reader_ = std::thread([this] { Read(); });
  heart_ = std::thread([this] { Beat(); });
}

void FakeWorker::Vanish() {
  if (stream_ == nullptr) return;
  context_->TryCancel();
  {
    absl::MutexLock lock(&mutex_);
    beating_ = false;
  }
  reader_.join();
  heart_.join();
  stream_->Finish();
  stream_.reset();
}

void FakeWorker::Freeze() {
  absl::MutexLock lock(&mutex_);
  beating_ = false;
}

void FakeWorker::Read() {
  v1::ToWorker message;
  while (stream_->Read(&message)) {
    absl::MutexLock lock(&mutex_);
    received_.push_back(message);
  }
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

void FakeWorker::Beat() {
  const auto stopped = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !beating_; };
  v1::FromWorker heartbeat;
  heartbeat.mutable_heartbeat();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopped), kHeartbeat)) return;
    }
    Send(heartbeat);
  }
}

void FakeWorker::Send(const v1::FromWorker& message) {
  absl::MutexLock lock(&write_mutex_);
  stream_->Write(message);
}

void FakeWorker::Report(const v1::GenerationId& left, int64_t step, const std::string& cause) {
  v1::FromWorker message;
  v1::MemberReport& report = *message.mutable_report();
  *report.mutable_generation() = left;
  report.set_step(step);
  report.set_weights_digest(absl::StrCat("digest-", step));
  report.set_cause(cause);
  Send(message);
}

void FakeWorker::SendResult(const v1::GenerationId& id, v1::AttemptResult::Outcome outcome) {
  v1::FromWorker message;
  v1::AttemptResult& result = *message.mutable_result();
  *result.mutable_generation() = id;
  result.set_outcome(outcome);
  result.set_step(100);
  result.mutable_metrics()->set_test_accuracy(0.875);
  Send(message);
}

void FakeWorker::SendProgress(const v1::GenerationId& id, int64_t step) {
  v1::FromWorker message;
  v1::Progress& progress = *message.mutable_progress();
  *progress.mutable_generation() = id;
  progress.set_step(step);
  progress.set_total_steps(100);
  progress.set_train_loss(0.5);
  Send(message);
}

std::optional<v1::ToWorker> FakeWorker::Expect(v1::ToWorker::MessageCase kind) {
  const auto something = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_ || !received_.empty();
  };
  const absl::Time deadline = absl::Now() + kPatience;
  absl::MutexLock lock(&mutex_);
  while (mutex_.AwaitWithDeadline(absl::Condition(&something), deadline)) {
    if (received_.empty()) break;
    v1::ToWorker message = received_.front();
    received_.pop_front();
    if (message.message_case() == kind) return message;
  }
  ADD_FAILURE() << "worker " << id_ << " was not told message " << kind
                << (ended_ ? "; its stream ended" : " in time");
  return std::nullopt;
}

}  // namespace hebb::rpc
