// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/gloo_communicator.h"

#include <gloo/config.h>
#include <gloo/transport/unbound_buffer.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/exchange_communicator.h"
#include "worker/comm/first_error.h"
#include "worker/comm/gloo_mesh.h"

namespace hebb::comm {
namespace {

using Buffer = std::unique_ptr<gloo::transport::UnboundBuffer>;

// gloo's slots: one per tag, and one on which a healthy rank says goodbye.
constexpr uint64_t kTagSlots = uint64_t{0x48} << 56;
constexpr uint64_t kGoodbyeSlot = kTagSlots + kMaxTag + 1;
constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365);
constexpr std::chrono::milliseconds kGoodbyePatience{100};

// Never early, and never gloo's special values 0 and -1.
std::chrono::milliseconds Remaining(absl::Time deadline) {
  const absl::Duration left = absl::Ceil(deadline - SteadyNow(), absl::Milliseconds(1));
  const int64_t most = kForever.count();
  return std::chrono::milliseconds(std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 1, most));
}

void IgnoreSigpipe() {
  struct sigaction current = {};
  if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
    std::signal(SIGPIPE, SIG_IGN);
  }
}

// The buffers of one Exchange.
struct Operation {
  std::vector<Buffer> receives;
  std::vector<Buffer> sends;
};

class GlooCommunicator : public ExchangeCommunicator {
 public:
  GlooCommunicator(const GlooOptions& options, Topology topology, Rendezvous& rendezvous)
      : options_(options),
        topology_(topology),
        rendezvous_(rendezvous),
        mesh_(std::make_unique<GlooMesh>(topology)) {}

  ~GlooCommunicator() override {
    StopGuard();
    if (connected_ && first_error_.get().ok()) SayGoodbye();
  }

  Topology topology() const override { return topology_; }
  absl::string_view backend() const override { return "gloo"; }

  absl::Status Connect(absl::Time deadline) override;
  absl::Status Exchange(std::span<const Send> sends, std::span<const Receive> receives,
                        absl::Time deadline) override;

  void Abort(absl::string_view reason) override {
    first_error_.Keep(absl::AbortedError(reason));
    mesh_->Break();
    AbortOperation();
  }

 private:
  absl::Status VerifyPeers(absl::Time deadline);
  absl::Status RunOperation(std::span<const Send> sends, std::span<const Receive> receives,
                            absl::Time deadline);
  absl::Status Await(Operation& operation, absl::Time deadline);
  bool Begin(Operation& operation, absl::Time deadline);
  void End();
  void AbortOperation();
  absl::Status Explain(absl::string_view what) const;

  void StartGuard();
  void Guard();
  void StopGuard();
  void SayGoodbye();

  const GlooOptions options_;
  const Topology topology_;
  Rendezvous& rendezvous_;
  FirstError first_error_;

  // Caller's thread only.
  bool connected_ = false;

  mutable absl::Mutex mutex_;
  Operation* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // of running_
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;

  // Buffers refer to the mesh: it is destroyed after them.
  const std::unique_ptr<GlooMesh> mesh_;
  std::vector<char> goodbyes_;
  Buffer goodbye_receives_;  // one pending receive a peer: an error of any connection ends its wait
  std::thread guard_;
};

absl::Status GlooCommunicator::Connect(absl::Time deadline) {
  IgnoreSigpipe();
  HEBB_RETURN_IF_ERROR(first_error_.get());
  absl::Status status = mesh_->Form(options_.host, rendezvous_, deadline);
  connected_ = status.ok();
  if (status.ok()) status = VerifyPeers(deadline);
  first_error_.Keep(status);
  if (status.ok()) StartGuard();
  return first_error_.get();
}

// The listening side takes whoever comes first: each connection proves once that it leads to the
// rank and generation it is meant for.
absl::Status GlooCommunicator::VerifyPeers(absl::Time deadline) {
  const auto name_of = [&](int rank) {
    return Sha256Hex(absl::StrCat(options_.generation, "/rank ", rank, " of ", topology_.size));
  };
  const std::string own_name = name_of(topology_.rank);
  std::vector<std::string> names(topology_.size, std::string(own_name.size(), '\0'));
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int peer = 0; peer < topology_.size; ++peer) {
    if (peer == topology_.rank) continue;
    sends.push_back({peer, 0, std::as_bytes(std::span(own_name))});
    receives.push_back({peer, 0, std::as_writable_bytes(std::span(names[peer]))});
  }
  HEBB_RETURN_IF_ERROR(Exchange(sends, receives, deadline));
  for (const Receive& receive : receives) {
    if (names[receive.from] != name_of(receive.from)) {
      return absl::UnavailableError(
          absl::StrCat("the connection to rank ", receive.from, " of gang ", options_.generation,
                       " leads to somebody else; check that the advertised addresses are right"));
    }
  }
  return absl::OkStatus();
}

absl::Status GlooCommunicator::Exchange(std::span<const Send> sends,
                                        std::span<const Receive> receives, absl::Time deadline) {
  if (first_error_.get().ok()) {
    if (!connected_) return absl::FailedPreconditionError("this gang is not connected yet");
    const absl::Status status = RunOperation(sends, receives, deadline);
    if (status.ok()) return status;
    first_error_.Keep(status);
  }
  // Now the peers notice at once, whenever the owner comes round to destroying this.
  if (connected_) mesh_->closeConnections();
  return first_error_.get();
}

absl::Status GlooCommunicator::RunOperation(std::span<const Send> sends,
                                            std::span<const Receive> receives,
                                            absl::Time deadline) {
  Operation operation;
  absl::Status status;
  try {
    for (const Receive& receive : receives) {
      if (receive.data.empty()) continue;
      operation.receives.push_back(
          mesh_->createUnboundBuffer(receive.data.data(), receive.data.size()));
    }
    for (const Send& send : sends) {
      if (send.data.empty()) continue;
      void* data = const_cast<std::byte*>(send.data.data());  // gloo only reads it
      operation.sends.push_back(mesh_->createUnboundBuffer(data, send.data.size()));
    }
    if (!Begin(operation, deadline)) return Explain("aborted");
    auto buffer = operation.receives.begin();
    for (const Receive& receive : receives) {
      if (!receive.data.empty()) (*buffer++)->recv(receive.from, kTagSlots + receive.tag);
    }
    buffer = operation.sends.begin();
    for (const Send& send : sends) {
      if (!send.data.empty()) (*buffer++)->send(send.to, kTagSlots + send.tag);
    }
    status = Await(operation, deadline);
  } catch (const std::exception& error) {
    status = Explain(GlooMessage(error));
  }
  End();
  return status;
}

absl::Status GlooCommunicator::Await(Operation& operation, absl::Time deadline) {
  for (const Buffer& buffer : operation.receives) {
    if (!buffer->waitRecv(nullptr, Remaining(deadline))) return Explain("aborted");
  }
  for (const Buffer& buffer : operation.sends) {
    if (!buffer->waitSend(nullptr, Remaining(deadline))) return Explain("aborted");
  }
  return absl::OkStatus();
}

// Makes the operation's buffers known to AbortOperation. False: aborted before.
bool GlooCommunicator::Begin(Operation& operation, absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  if (aborted_) return false;
  running_ = &operation;
  deadline_ = deadline;
  return true;
}

void GlooCommunicator::End() {
  absl::MutexLock lock(&mutex_);
  running_ = nullptr;
  deadline_ = absl::InfiniteFuture();
}

// The one way to wake an own wait: closing own connections from another thread does not.
void GlooCommunicator::AbortOperation() {
  absl::MutexLock lock(&mutex_);
  aborted_ = true;
  if (running_ == nullptr) return;
  for (const Buffer& buffer : running_->receives) buffer->abortWaitRecv();
  for (const Buffer& buffer : running_->sends) buffer->abortWaitSend();
}

// At the deadline gloo closes all connections, and then everything fails: tell that from a loss.
absl::Status GlooCommunicator::Explain(absl::string_view what) const {
  absl::MutexLock lock(&mutex_);
  const std::string where =
      absl::StrCat("rank ", topology_.rank, " of gang ", options_.generation, ": ");
  if (SteadyNow() >= deadline_) {
    return absl::DeadlineExceededError(
        absl::StrCat(where, "a member was silent until the deadline"));
  }
  return absl::UnavailableError(absl::StrCat(where, "a member is gone: ", what));
}

// A connection that dies in the middle of a message does not wake the wait for that message (a bug
// of gloo), but it does end a receive that has not begun: the guard's. It then aborts all waits.
void GlooCommunicator::StartGuard() {
  if (topology_.size == 1) return;
  goodbyes_.resize(topology_.size);
  goodbye_receives_ = mesh_->createUnboundBuffer(goodbyes_.data(), goodbyes_.size());
  try {
    for (int peer = 0; peer < topology_.size; ++peer) {
      if (peer != topology_.rank) goodbye_receives_->recv(peer, kGoodbyeSlot, peer, 1);
    }
  } catch (const std::exception& error) {
    first_error_.Keep(Explain(GlooMessage(error)));
    return;
  }
  guard_ = std::thread([this] { Guard(); });
}

void GlooCommunicator::Guard() {
  try {
    for (int peers = topology_.size - 1; peers > 0; --peers) {
      if (!goodbye_receives_->waitRecv(nullptr, kForever)) return;  // StopGuard
    }
  } catch (const std::exception& error) {
    first_error_.Keep(Explain(GlooMessage(error)));
    AbortOperation();
  }
}

void GlooCommunicator::StopGuard() {
  if (!guard_.joinable()) return;
  goodbye_receives_->abortWaitRecv();
  guard_.join();
}

// So that the peers' guards do not take the end of this rank's connections for a loss.
void GlooCommunicator::SayGoodbye() {
  char goodbye = 1;
  for (int peer = 0; peer < topology_.size; ++peer) {
    if (peer == topology_.rank) continue;
    try {
      const Buffer buffer = mesh_->createUnboundBuffer(&goodbye, 1);
      buffer->send(peer, kGoodbyeSlot);
      buffer->waitSend(nullptr, kGoodbyePatience);
    } catch (const std::exception&) {
      // That peer is gone already.
    }
  }
}

}  // namespace

std::unique_ptr<ConnectableCommunicator> MakeGlooCommunicator(const GlooOptions& options,
                                                              Topology topology,
                                                              Rendezvous& rendezvous) {
  return std::make_unique<GlooCommunicator>(options, topology, rendezvous);
}

std::string GlooVersion() {
  return absl::StrCat(GLOO_VERSION_MAJOR, ".", GLOO_VERSION_MINOR, ".", GLOO_VERSION_PATCH);
}

}  // namespace hebb::comm
