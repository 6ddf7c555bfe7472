// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/mpi_communicator.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/exchange_communicator.h"
#include "worker/comm/first_error.h"

namespace hebb::comm {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;  // of one MPI message, whose count is an int
constexpr absl::Duration kCancelPatience = absl::Milliseconds(100);

// Waits between two looks. Ranks share cores with compute threads: after a moment in which a
// message is most likely already there, sleep.
class Backoff {
 public:
  void Pause() {
    if (SteadyNow() < yield_until_) {
      sched_yield();
    } else {
      absl::SleepFor(absl::Microseconds(50));
    }
  }

 private:
  const absl::Time yield_until_ = SteadyNow() + absl::Microseconds(200);
};

// Calls post(offset, count) for pieces of at most kMostBytes.
template <typename F>
int InPieces(size_t bytes, F post) {
  int code = MPI_SUCCESS;
  for (size_t offset = 0; code == MPI_SUCCESS && offset < bytes; offset += kMostBytes) {
    code = post(offset, static_cast<int>(std::min(kMostBytes, bytes - offset)));
  }
  return code;
}

// A tag of its own for each gang, as far as 15 bits go (FNV-1a).
int TagOf(absl::string_view generation) {
  uint32_t hash = 2166136261u;
  for (const char c : generation) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return static_cast<int>(hash % kMaxTag);
}

class MpiCommunicator : public ExchangeCommunicator {
 public:
  MpiCommunicator(const MpiOptions& options, int rank)
      : options_(options), topology_{rank, static_cast<int>(options.world_ranks.size())} {}

  ~MpiCommunicator() override {
    // Freed only in good order: after an error its name must not be given to another, to which late
    // messages would then go.
    if (comm_ != MPI_COMM_NULL && first_error_.get().ok()) MPI_Comm_free(&comm_);
  }

  Topology topology() const override { return topology_; }
  absl::string_view backend() const override { return "mpi"; }

  absl::Status Connect(absl::Time deadline) override;
  absl::Status Exchange(std::span<const Send> sends, std::span<const Receive> receives,
                        absl::Time deadline) override;

  // The library's own: a fabric's hardware may do the sum.
  absl::Status AllReduce(std::span<float> data, absl::Time deadline) override;

  void Abort(absl::string_view reason) override {
    first_error_.Keep(absl::AbortedError(reason));
    aborted_ = true;
  }

 private:
  // Requests under way; on every way out none is left that could be taken back.
  struct Requests {
    std::vector<MPI_Request> receives;
    std::vector<MPI_Request> others;
  };

  absl::Status Ready() const;
  absl::Status MeetMembers(absl::Time deadline);
  int PostAll(MPI_Comm comm, std::span<const Send> sends, std::span<const Receive> receives,
              Requests& requests);
  absl::Status Finish(int posted, Requests& requests, absl::Time deadline);
  absl::Status Await(std::vector<MPI_Request>& requests, absl::Time deadline);
  absl::Status CheckMpi(int code) const;
  static void Cancel(std::vector<MPI_Request>& receives);

  const MpiOptions options_;
  const Topology topology_;
  FirstError first_error_;
  std::atomic<bool> aborted_ = false;

  // Operations' thread only.
  MPI_Comm comm_ = MPI_COMM_NULL;
};

absl::Status MpiCommunicator::CheckMpi(int code) const {
  if (code == MPI_SUCCESS) return absl::OkStatus();
  std::array<char, MPI_MAX_ERROR_STRING> text = {};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return absl::UnavailableError(
      absl::StrCat("rank ", topology_.rank, " of gang ", options_.generation,
                   ": MPI says: ", absl::string_view(text.data(), length)));
}

absl::Status MpiCommunicator::Connect(absl::Time deadline) {
  HEBB_RETURN_IF_ERROR(first_error_.get());
  first_error_.Keep(MeetMembers(deadline));
  HEBB_RETURN_IF_ERROR(first_error_.get());
  MPI_Group world = MPI_GROUP_NULL;
  MPI_Group gang = MPI_GROUP_NULL;
  int code = MPI_Comm_group(MPI_COMM_WORLD, &world);
  if (code == MPI_SUCCESS) {
    code = MPI_Group_incl(world, topology_.size, options_.world_ranks.data(), &gang);
  }
  if (code == MPI_SUCCESS) {
    code = MPI_Comm_create_group(MPI_COMM_WORLD, gang, TagOf(options_.generation), &comm_);
  }
  if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
  if (gang != MPI_GROUP_NULL) MPI_Group_free(&gang);
  if (world != MPI_GROUP_NULL) MPI_Group_free(&world);
  first_error_.Keep(CheckMpi(code));
  return first_error_.get();
}

// Everyone tells everyone which gang it is about to form.
absl::Status MpiCommunicator::MeetMembers(absl::Time deadline) {
  const std::string name = Sha256Hex(options_.generation);
  const uint32_t tag = TagOf(options_.generation);
  std::vector<std::string> names(topology_.size, std::string(name.size(), '\0'));
  std::vector<Send> sends;
  std::vector<Receive> receives;
  for (int peer = 0; peer < topology_.size; ++peer) {
    if (peer == topology_.rank) continue;
    const int world_rank = options_.world_ranks[peer];
    sends.push_back({world_rank, tag, std::as_bytes(std::span(name))});
    receives.push_back({world_rank, tag, std::as_writable_bytes(std::span(names[peer]))});
  }
  Requests requests;
  const int posted = PostAll(MPI_COMM_WORLD, sends, receives, requests);
  HEBB_RETURN_IF_ERROR(Finish(posted, requests, deadline));
  for (int peer = 0; peer < topology_.size; ++peer) {
    if (peer != topology_.rank && names[peer] != name) {
      return absl::UnavailableError(
          absl::StrCat("rank ", peer, " is forming another gang than ", options_.generation));
    }
  }
  return absl::OkStatus();
}

absl::Status MpiCommunicator::Ready() const {
  HEBB_RETURN_IF_ERROR(first_error_.get());
  if (comm_ == MPI_COMM_NULL) {
    return absl::FailedPreconditionError("this gang is not connected yet");
  }
  return absl::OkStatus();
}

absl::Status MpiCommunicator::Exchange(std::span<const Send> sends,
                                       std::span<const Receive> receives, absl::Time deadline) {
  HEBB_RETURN_IF_ERROR(Ready());
  Requests requests;
  const int posted = PostAll(comm_, sends, receives, requests);
  const absl::Status status = Finish(posted, requests, deadline);
  if (status.ok()) return status;
  first_error_.Keep(status);
  return first_error_.get();
}

absl::Status MpiCommunicator::AllReduce(std::span<float> data, absl::Time deadline) {
  HEBB_RETURN_IF_ERROR(Ready());
  Requests requests;
  const int posted = InPieces(data.size_bytes(), [&](size_t offset, int bytes) {
    return MPI_Iallreduce(MPI_IN_PLACE, data.data() + offset / sizeof(float),
                          bytes / static_cast<int>(sizeof(float)), MPI_FLOAT, MPI_SUM, comm_,
                          &requests.others.emplace_back(MPI_REQUEST_NULL));
  });
  const absl::Status status = Finish(posted, requests, deadline);
  if (status.ok()) return status;
  first_error_.Keep(status);
  return first_error_.get();
}

int MpiCommunicator::PostAll(MPI_Comm comm, std::span<const Send> sends,
                             std::span<const Receive> receives, Requests& requests) {
  int code = MPI_SUCCESS;
  for (const Receive& receive : receives) {
    if (code != MPI_SUCCESS) break;
    code = InPieces(receive.data.size(), [&](size_t offset, int bytes) {
      return MPI_Irecv(receive.data.data() + offset, bytes, MPI_BYTE, receive.from,
                       static_cast<int>(receive.tag), comm,
                       &requests.receives.emplace_back(MPI_REQUEST_NULL));
    });
  }
  for (const Send& send : sends) {
    if (code != MPI_SUCCESS) break;
    code = InPieces(send.data.size(), [&](size_t offset, int bytes) {
      return MPI_Isend(send.data.data() + offset, bytes, MPI_BYTE, send.to,
                       static_cast<int>(send.tag), comm,
                       &requests.others.emplace_back(MPI_REQUEST_NULL));
    });
  }
  return code;
}

absl::Status MpiCommunicator::Finish(int posted, Requests& requests, absl::Time deadline) {
  absl::Status status = CheckMpi(posted);
  if (status.ok()) status = Await(requests.receives, deadline);
  if (status.ok()) status = Await(requests.others, deadline);
  if (!status.ok()) Cancel(requests.receives);
  return status;
}

absl::Status MpiCommunicator::Await(std::vector<MPI_Request>& requests, absl::Time deadline) {
  Backoff backoff;
  for (;;) {
    int done = 0;
    HEBB_RETURN_IF_ERROR(CheckMpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(),
                                              &done, MPI_STATUSES_IGNORE)));
    if (done != 0) return absl::OkStatus();
    if (aborted_) return first_error_.get();
    if (SteadyNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("rank ", topology_.rank, " of gang ",
                                                      options_.generation,
                                                      ": a member was silent until the deadline"));
    }
    backoff.Pause();
  }
}

// A receive that has not begun can be taken back, so that its buffer is free again.
void MpiCommunicator::Cancel(std::vector<MPI_Request>& receives) {
  for (MPI_Request& request : receives) {
    if (request != MPI_REQUEST_NULL) MPI_Cancel(&request);
  }
  const absl::Time end = SteadyNow() + kCancelPatience;
  int done = 0;
  while (done == 0 && SteadyNow() < end) {
    if (MPI_Testall(static_cast<int>(receives.size()), receives.data(), &done,
                    MPI_STATUSES_IGNORE) != MPI_SUCCESS) {
      return;
    }
  }
}

}  // namespace

std::unique_ptr<ConnectableCommunicator> MakeMpiCommunicator(const MpiOptions& options,
                                                             MpiWorld& world) {
  const auto& ranks = options.world_ranks;
  const auto self = std::find(ranks.begin(), ranks.end(), world.rank());
  HEBB_CHECK(self != ranks.end());
  return std::make_unique<MpiCommunicator>(options, static_cast<int>(self - ranks.begin()));
}

}  // namespace hebb::comm
