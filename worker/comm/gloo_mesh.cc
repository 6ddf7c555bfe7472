// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/gloo_mesh.h"

#include <gloo/transport/tcp/device.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"

namespace hebb::comm {
namespace {

// How often a blocking Get looks whether the mesh was broken off.
constexpr absl::Duration kGetSlice = absl::Milliseconds(100);

// The library's own limit (it waits five times as long): never the one that counts.
constexpr std::chrono::hours kLibraryTimeout{1};

std::string KeyOf(int rank) { return absl::StrCat("gloo/", rank); }

// A rank's addresses for its peers in rank order, itself left out, are stored one after the other.
int IndexWithout(int self, int peer) { return peer < self ? peer : peer - 1; }

bool CanBind(const addrinfo& address) {
  const int fd = socket(address.ai_family, address.ai_socktype, address.ai_protocol);
  if (fd < 0) return false;
  const bool bound = bind(fd, address.ai_addr, address.ai_addrlen) == 0;
  close(fd);
  return bound;
}

// Asked before gloo is, whose own refusal leaks memory and does not name the host.
absl::Status CheckHost(const std::string& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  bool bound = false;
  for (const addrinfo* at = found; code == 0 && !bound && at != nullptr; at = at->ai_next) {
    bound = CanBind(*at);
  }
  if (found != nullptr) freeaddrinfo(found);
  if (bound) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("cannot listen on '", host,
                   "': ", code != 0 ? gai_strerror(code) : "no address of this machine",
                   "; advertise an address of this machine that the other workers reach"));
}

// Calls `on_deadline` at the deadline, unless destroyed before. Owns its thread.
class Alarm {
 public:
  template <typename F>
  Alarm(absl::Time deadline, F on_deadline)
      : thread_([this, deadline, on_deadline] {
          absl::MutexLock lock(&mutex_);
          const auto is_off = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return off_; };
          if (!changed_.Await(mutex_, is_off, deadline)) on_deadline();
        }) {}
  ~Alarm() {
    {
      absl::MutexLock lock(&mutex_);
      off_ = true;
      changed_.Signal();
    }
    thread_.join();
  }

 private:
  absl::Mutex mutex_;
  SteadyCondVar changed_;
  bool off_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace

std::string GlooMessage(const std::exception& error) {
  const std::string text = error.what();  // "[.../pair.cc:123] cause"
  const size_t place_end = text.front() == '[' ? text.find("] ") : std::string::npos;
  return place_end == std::string::npos ? text : text.substr(place_end + 2);
}

absl::Status GlooMesh::Form(const std::string& host, Rendezvous& rendezvous, absl::Time deadline) {
  const Alarm alarm(deadline, [this] { Break(); });
  absl::Status status = FormUnwatched(host, rendezvous, deadline);
  absl::MutexLock lock(&mutex_);
  if (stage_ != Stage::kBroken) return status;
  // Breaking off makes everything fail in its own words; this is the cause.
  if (SteadyNow() < deadline) return absl::AbortedError("the gang was given up while it formed");
  return absl::DeadlineExceededError(absl::StrCat(
      "rank ", rank, " of ", size, " could not reach all members in time: ", status.message()));
}

absl::Status GlooMesh::FormUnwatched(const std::string& host, Rendezvous& rendezvous,
                                     absl::Time deadline) {
  std::string addresses;
  HEBB_RETURN_IF_ERROR(CreatePairs(host, addresses));
  if (size > 1) HEBB_RETURN_IF_ERROR(rendezvous.Set(KeyOf(rank), addresses));
  // All ranks connect in rank order; the listening side of a pair exists before its address is
  // known, so no order can lock up.
  for (int peer = 0; peer < size; ++peer) {
    if (peer == rank) continue;
    HEBB_ASSIGN_OR_RETURN(const std::string theirs, AddressesOf(peer, rendezvous, deadline));
    HEBB_RETURN_IF_ERROR(ConnectTo(peer, theirs));
  }
  absl::MutexLock lock(&mutex_);
  if (stage_ == Stage::kForming) stage_ = Stage::kComplete;
  return absl::OkStatus();
}

void GlooMesh::Break() {
  absl::MutexLock lock(&mutex_);
  if (stage_ != Stage::kForming) return;
  stage_ = Stage::kBroken;
  if (transportContext_ == nullptr) return;
  for (int peer = 0; peer < size; ++peer) {
    if (const auto& pair = transportContext_->getPair(peer)) pair->close();  // wakes connect()
  }
}

absl::Status GlooMesh::CheckForming() {
  absl::MutexLock lock(&mutex_);
  return stage_ == Stage::kForming ? absl::OkStatus() : absl::AbortedError("broken off");
}

absl::Status GlooMesh::CreatePairs(const std::string& host, std::string& addresses) {
  HEBB_RETURN_IF_ERROR(CheckHost(host));
  try {
    absl::MutexLock lock(&mutex_);
    if (stage_ != Stage::kForming) return absl::AbortedError("broken off");
    device_ = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr(host.c_str()));
    transportContext_ = device_->createContext(rank, size);
    transportContext_->setTimeout(kLibraryTimeout);
    for (int peer = 0; peer < size; ++peer) {
      if (peer == rank) continue;
      const std::vector<char> address = transportContext_->createPair(peer)->address().bytes();
      addresses.append(address.begin(), address.end());
    }
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on '", host, "': ", GlooMessage(error)));
  }
}

absl::StatusOr<std::string> GlooMesh::AddressesOf(int peer, Rendezvous& rendezvous,
                                                  absl::Time deadline) {
  for (;;) {
    const absl::Time slice_end = std::min(deadline, SteadyNow() + kGetSlice);
    absl::StatusOr<std::string> addresses = rendezvous.Get(KeyOf(peer), slice_end);
    HEBB_RETURN_IF_ERROR(CheckForming());
    if (addresses.ok()) return addresses;
    if (!absl::IsDeadlineExceeded(addresses.status())) return addresses.status();
    if (SteadyNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("rank ", peer, " gave no address"));
    }
  }
}

absl::Status GlooMesh::ConnectTo(int peer, const std::string& addresses) {
  const size_t length = addresses.size() / (size - 1);
  if (length == 0 || addresses.size() % (size - 1) != 0) {
    return absl::UnavailableError(absl::StrCat("rank ", peer, " published a damaged address"));
  }
  const char* begin = addresses.data() + length * IndexWithout(peer, rank);
  try {
    transportContext_->getPair(peer)->connect(std::vector<char>(begin, begin + length));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot connect to rank ", peer, ": ", GlooMessage(error)));
  }
  return CheckForming();  // a close() ends connect() without an exception
}

}  // namespace hebb::comm
