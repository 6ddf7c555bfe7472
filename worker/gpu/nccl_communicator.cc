// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/nccl_communicator.h"

#include <sched.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/gpu/staging.h"

namespace hebb::gpu {
namespace {

using comm::Receive;
using comm::Send;
using comm::Topology;

constexpr char kIdKey[] = "nccl/id";

// How often a blocking Get looks whether the gang was broken off.
constexpr absl::Duration kGetSlice = absl::Milliseconds(100);

// Between two looks: at once for a moment in which a small message is most likely done, then after
// pauses that grow, so that the compute threads have the cores.
constexpr absl::Duration kSpin = absl::Microseconds(100);
constexpr absl::Duration kFirstPause = absl::Microseconds(20);
constexpr absl::Duration kLongestPause = absl::Microseconds(500);

constexpr char kHint[] =
    "; if all workers live, check that they reach each other (firewall, NCCL_SOCKET_IFNAME); "
    "NCCL_DEBUG=INFO in their environment shows the ways that NCCL takes";

class NcclCommunicator : public comm::ConnectableCommunicator {
 public:
  NcclCommunicator(NcclOptions options, Topology topology, comm::Rendezvous& rendezvous,
                   Plugin& plugin)
      : options_(std::move(options)),
        topology_(topology),
        rendezvous_(rendezvous),
        plugin_(plugin) {}

  Topology topology() const override { return topology_; }
  absl::string_view backend() const override { return "nccl"; }

  absl::Status Connect(absl::Time deadline) override;
  absl::Status Exchange(std::span<const Send> sends, std::span<const Receive> receives,
                        absl::Time deadline) override;
  absl::Status AllReduce(std::span<float> data, absl::Time deadline) override;
  absl::Status Broadcast(std::span<std::byte> data, int root, absl::Time deadline) override;
  absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all,
                         absl::Time deadline) override;
  absl::Status Barrier(absl::Time deadline) override;
  void Abort(absl::string_view reason) override;

 private:
  struct Message {
    uint32_t tag = 0;
    int peer = 0;
    std::byte* send = nullptr;  // one of the two, in device memory
    std::byte* receive = nullptr;
    size_t bytes = 0;
  };
  using Queue = absl::FunctionRef<absl::Status()>;

  absl::Status FirstError() const;
  absl::Status Fail(const absl::Status& status);
  absl::Status MakeCollective();
  absl::StatusOr<std::string> AgreeOnId(absl::Time deadline);
  absl::Status Run(absl::string_view what, absl::Time deadline, Queue queue);
  absl::Status Await(absl::string_view what, absl::Time deadline);
  absl::Status QueueExchange(std::span<const Send> sends, std::span<const Receive> receives);
  absl::Status StageMessages(std::span<const Send> sends, std::span<const Receive> receives);
  absl::Status QueueMessages();
  absl::Status Explain(absl::string_view what, const absl::Status& status) const;
  std::string Where() const;

  const NcclOptions options_;
  const Topology topology_;
  comm::Rendezvous& rendezvous_;
  Plugin& plugin_;

  mutable absl::Mutex mutex_;
  SteadyCondVar failed_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);  // the first
  // Made once, by Connect, and read by Abort too; its operations are the calling thread's.
  std::unique_ptr<Collective> collective_;
  bool made_ ABSL_GUARDED_BY(mutex_) = false;

  // Calling thread only.
  bool connected_ = false;
  std::unique_ptr<Staging> staging_;  // after collective_, whose memory it gives back
  std::vector<Message> messages_;
};

std::string NcclCommunicator::Where() const {
  return absl::StrCat("rank ", topology_.rank, " of gang ", options_.generation, ": ");
}

absl::Status NcclCommunicator::Explain(absl::string_view what, const absl::Status& status) const {
  if (absl::IsUnavailable(status)) {
    return absl::UnavailableError(absl::StrCat(Where(), "a member is gone or out of reach in ",
                                               what, ": ", status.message(), kHint));
  }
  return absl::Status(status.code(), absl::StrCat(Where(), what, ": ", status.message()));
}

absl::Status NcclCommunicator::FirstError() const {
  absl::MutexLock lock(&mutex_);
  return error_;
}

// Ends the gang on this rank. What came first is what is told.
absl::Status NcclCommunicator::Fail(const absl::Status& status) {
  bool made = false;
  {
    absl::MutexLock lock(&mutex_);
    error_.Update(status);
    made = made_;
    failed_.SignalAll();
  }
  if (made) collective_->Abort();
  return FirstError();
}

void NcclCommunicator::Abort(absl::string_view reason) {
  static_cast<void>(Fail(absl::AbortedError(reason)));
}

// ---- forming -----------------------------------------------------------------------------------

absl::Status NcclCommunicator::Connect(absl::Time deadline) {
  HEBB_RETURN_IF_ERROR(FirstError());
  if (topology_.size == 1) {
    connected_ = true;
    return absl::OkStatus();
  }
  if (const absl::Status made = MakeCollective(); !made.ok()) return Fail(made);
  const absl::StatusOr<std::string> id = AgreeOnId(deadline);
  if (!id.ok()) return Fail(id.status());
  connected_ = true;
  return Run("forming the gang", deadline,
             [&] { return collective_->Init(*id, topology_.rank, topology_.size); });
}

absl::Status NcclCommunicator::MakeCollective() {
  absl::StatusOr<std::unique_ptr<Collective>> made = plugin_.MakeCollective(options_.device);
  if (!made.ok()) return Explain("making a communicator", made.status());
  absl::MutexLock lock(&mutex_);
  collective_ = *std::move(made);
  made_ = true;
  staging_ = std::make_unique<Staging>(*collective_);
  return error_;
}

absl::StatusOr<std::string> NcclCommunicator::AgreeOnId(absl::Time deadline) {
  if (topology_.rank == 0) {
    const absl::StatusOr<std::string> id = plugin_.MakeCollectiveId();
    if (!id.ok()) return Explain("making the gang's id", id.status());
    HEBB_RETURN_IF_ERROR(rendezvous_.Set(kIdKey, *id));
    return id;
  }
  for (;;) {
    HEBB_RETURN_IF_ERROR(FirstError());
    const absl::Time now = SteadyNow();
    if (now >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(Where(),
                       "rank 0 had not told the gang's id by the deadline; its log says "
                       "what it waits for"));
    }
    absl::StatusOr<std::string> id = rendezvous_.Get(kIdKey, std::min(deadline, now + kGetSlice));
    if (id.ok() || !absl::IsDeadlineExceeded(id.status())) return id;
  }
}

// ---- operations --------------------------------------------------------------------------------

// Queues the work of one operation and waits for it.
absl::Status NcclCommunicator::Run(absl::string_view what, absl::Time deadline, Queue queue) {
  HEBB_RETURN_IF_ERROR(FirstError());
  if (!connected_) return absl::FailedPreconditionError("this gang is not connected yet");
  if (topology_.size == 1) return absl::OkStatus();
  staging_->Reset();
  const absl::Status queued = queue();
  if (!queued.ok()) return Fail(Explain(what, queued));
  const absl::Status done = Await(what, deadline);
  return done.ok() ? done : Fail(done);
}

absl::Status NcclCommunicator::Await(absl::string_view what, absl::Time deadline) {
  const absl::Time spin_until = SteadyNow() + kSpin;
  absl::Duration pause = kFirstPause;
  for (;;) {
    const absl::Status status = collective_->Poll();
    if (status.ok()) return status;
    if (!IsInProgress(status)) return Explain(what, status);
    const absl::Time now = SteadyNow();
    if (now >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(Where(), "a member was silent until the deadline of ", what, kHint));
    }
    if (now < spin_until) {
      sched_yield();
      continue;
    }
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return error_;
    failed_.WaitUntil(mutex_, std::min(deadline, now + pause));
    pause = std::min(2 * pause, kLongestPause);
  }
}

absl::Status NcclCommunicator::Exchange(std::span<const Send> sends,
                                        std::span<const Receive> receives, absl::Time deadline) {
  return Run("an exchange", deadline, [&] { return QueueExchange(sends, receives); });
}

absl::Status NcclCommunicator::QueueExchange(std::span<const Send> sends,
                                             std::span<const Receive> receives) {
  HEBB_RETURN_IF_ERROR(StageMessages(sends, receives));
  if (messages_.empty()) return absl::OkStatus();
  // NCCL matches a pair's messages by their order alone. Both sides know the same tags, so both
  // queue them in the order of their tags, and within one in the order given.
  std::stable_sort(messages_.begin(), messages_.end(),
                   [](const Message& a, const Message& b) { return a.tag < b.tag; });
  HEBB_RETURN_IF_ERROR(collective_->Begin());
  const absl::Status queued = QueueMessages();
  const absl::Status ended = collective_->End();
  HEBB_RETURN_IF_ERROR(queued.ok() ? ended : queued);
  return staging_->CopyOut();
}

absl::Status NcclCommunicator::QueueMessages() {
  for (const Message& message : messages_) {
    const auto bytes = static_cast<int64_t>(message.bytes);
    if (message.send != nullptr) {
      HEBB_RETURN_IF_ERROR(collective_->Send(message.send, bytes, message.peer));
    } else {
      HEBB_RETURN_IF_ERROR(collective_->Receive(message.receive, bytes, message.peer));
    }
  }
  return absl::OkStatus();
}

// Fills messages_ with what is not empty, on the device.
absl::Status NcclCommunicator::StageMessages(std::span<const Send> sends,
                                             std::span<const Receive> receives) {
  const auto check = [this](int peer) {
    HEBB_CHECK(0 <= peer && peer < topology_.size && peer != topology_.rank);
  };
  for (const Send& send : sends) staging_->Reckon(send.data);
  for (const Receive& receive : receives) staging_->Reckon(receive.data);
  HEBB_RETURN_IF_ERROR(staging_->MakeRoom());
  messages_.clear();
  for (const Receive& receive : receives) {
    check(receive.from);
    if (receive.data.empty()) continue;
    std::byte* const to = staging_->ForWriting(receive.data);
    messages_.push_back({receive.tag, receive.from, nullptr, to, receive.data.size()});
  }
  for (const Send& send : sends) {
    check(send.to);
    if (send.data.empty()) continue;
    HEBB_ASSIGN_OR_RETURN(std::byte* const from, staging_->ForReading(send.data));
    messages_.push_back({send.tag, send.to, from, nullptr, send.data.size()});
  }
  return absl::OkStatus();
}

absl::Status NcclCommunicator::AllReduce(std::span<float> data, absl::Time deadline) {
  return Run("a sum", deadline, [&]() -> absl::Status {
    if (data.empty()) return absl::OkStatus();
    const std::span<std::byte> bytes = std::as_writable_bytes(data);
    staging_->Reckon(bytes);
    HEBB_RETURN_IF_ERROR(staging_->MakeRoom());
    HEBB_ASSIGN_OR_RETURN(std::byte* const values, staging_->ForBoth(bytes));
    HEBB_RETURN_IF_ERROR(collective_->AllReduce(reinterpret_cast<float*>(values),
                                                static_cast<int64_t>(data.size())));
    return staging_->CopyOut();
  });
}

absl::Status NcclCommunicator::Broadcast(std::span<std::byte> data, int root, absl::Time deadline) {
  HEBB_CHECK(0 <= root && root < topology_.size);
  return Run("a broadcast", deadline, [&]() -> absl::Status {
    if (data.empty()) return absl::OkStatus();
    staging_->Reckon(data);
    HEBB_RETURN_IF_ERROR(staging_->MakeRoom());
    std::byte* place = nullptr;
    if (topology_.rank == root) {
      HEBB_ASSIGN_OR_RETURN(place, staging_->ForReading(data));
    } else {
      place = staging_->ForWriting(data);
    }
    HEBB_RETURN_IF_ERROR(collective_->Broadcast(place, static_cast<int64_t>(data.size()), root));
    return staging_->CopyOut();
  });
}

absl::Status NcclCommunicator::AllGather(std::span<const std::byte> mine, std::span<std::byte> all,
                                         absl::Time deadline) {
  const auto [rank, size] = topology_;
  HEBB_CHECK(all.size() == mine.size() * size);
  HEBB_RETURN_IF_ERROR(FirstError());
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int peer = 0; peer < size; ++peer) {
    const std::span<std::byte> theirs = all.subspan(peer * mine.size(), mine.size());
    if (peer == rank) {
      if (!mine.empty()) std::memmove(theirs.data(), mine.data(), mine.size());
    } else {
      sends.push_back({peer, 0, mine});
      receives.push_back({peer, 0, theirs});
    }
  }
  return Run("a gathering", deadline, [&] { return QueueExchange(sends, receives); });
}

// The sum of one number each, whatever it is.
absl::Status NcclCommunicator::Barrier(absl::Time deadline) {
  float value = 0;
  return Run("a barrier", deadline, [&]() -> absl::Status {
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(&value, 1));
    staging_->Reckon(bytes);
    HEBB_RETURN_IF_ERROR(staging_->MakeRoom());
    HEBB_ASSIGN_OR_RETURN(std::byte* const place, staging_->ForReading(bytes));
    return collective_->AllReduce(reinterpret_cast<float*>(place), 1);
  });
}

}  // namespace

std::unique_ptr<comm::ConnectableCommunicator> MakeNcclCommunicator(const NcclOptions& options,
                                                                    comm::Topology topology,
                                                                    comm::Rendezvous& rendezvous,
                                                                    Plugin& plugin) {
  return std::make_unique<NcclCommunicator>(options, topology, rendezvous, plugin);
}

}  // namespace hebb::gpu
