// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/gpu/thread_collective.h"

#include <cstring>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/testing/gpu/thread_ring.h"

namespace hebb::gpu {
namespace {

constexpr int kPolls = 2;  // say "in progress" before anything is done

class ThreadCollective final : public Collective {
 public:
  explicit ThreadCollective(ThreadPlugin& plugin) : plugin_(plugin), ops_(plugin.device()) {}
  ~ThreadCollective() override {
    absl::MutexLock lock(&mutex_);
    LeaveRing();
  }

  absl::Status Init(const std::string& id, int rank, int size) override {
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return error_;
    HEBB_CHECK(ring_ == nullptr);
    ring_ = plugin_.RingOf(id);
    ring_->Join(rank, size);
    rank_ = rank;
    ++plugin_.initialised;
    return absl::OkStatus();
  }

  absl::Status Poll() override {
    absl::MutexLock lock(&mutex_);
    if (plugin_.broken_rank == rank_) error_.Update(absl::InternalError("the device is broken"));
    if (!error_.ok()) return error_;
    HEBB_CHECK(ring_ != nullptr);
    if (polls_left_ > 0) {
      --polls_left_;
      return InProgress();
    }
    if (!formed_) {
      const absl::Status formed = StatusOf(ring_->Formed());
      if (!formed.ok()) return formed;
      formed_ = true;
    }
    for (; !steps_.empty(); steps_.pop_front()) {
      const absl::Status done = Advance(steps_.front());
      if (!done.ok()) return done;
    }
    return absl::OkStatus();
  }

  absl::Status Begin() override {
    HEBB_CHECK(!grouping_);
    grouping_ = true;
    return Error();
  }
  absl::Status Send(const void* data, int64_t bytes, int to) override {
    return Add({Call::kSend, const_cast<void*>(data), bytes, to});
  }
  absl::Status Receive(void* data, int64_t bytes, int from) override {
    return Add({Call::kReceive, data, bytes, from});
  }
  absl::Status AllReduce(float* data, int64_t floats) override {
    return Add({Call::kAllReduce, data, floats * static_cast<int64_t>(sizeof(float)), 0});
  }
  absl::Status Broadcast(void* data, int64_t bytes, int root) override {
    return Add({Call::kBroadcast, data, bytes, root});
  }
  absl::Status End() override {
    HEBB_CHECK(grouping_);
    grouping_ = false;
    return Queue({.group = std::exchange(group_, {})});
  }

  void Abort() override {
    absl::MutexLock lock(&mutex_);
    if (!aborted_) ++plugin_.aborted;
    aborted_ = true;
    error_.Update(absl::FailedPreconditionError("this rank was broken off"));
    steps_.clear();
    LeaveRing();
  }

  absl::Status CopyIn(const void* host, void* device, int64_t bytes) override {
    HEBB_CHECK(!IsDeviceMemory(host) && IsDeviceMemory(device));
    return Queue({.from = host, .to = device, .bytes = bytes});
  }
  absl::Status CopyOut(const void* device, void* host, int64_t bytes) override {
    HEBB_CHECK(IsDeviceMemory(device) && !IsDeviceMemory(host));
    return Queue({.from = device, .to = host, .bytes = bytes});
  }

  bool IsDeviceMemory(const void* pointer) const override {
    HostDevice& device = *plugin_.device();
    absl::MutexLock lock(&device.mutex);
    auto after = device.blocks.upper_bound(const_cast<void*>(pointer));
    if (after == device.blocks.begin()) return false;
    const auto& [begin, bytes] = *--after;
    return pointer < static_cast<const char*>(begin) + bytes;
  }

  absl::StatusOr<void*> AllocateDevice(int64_t bytes) override { return ops_.Allocate(bytes); }
  void FreeDevice(void* memory) override {
    absl::MutexLock lock(&mutex_);
    HEBB_CHECK(steps_.empty());  // else work under way might use it
    ops_.Free(memory);
  }

 private:
  struct Step {  // a group, or one copy
    std::vector<Request> group = {};
    bool posted = false;
    const void* from = nullptr;
    void* to = nullptr;
    int64_t bytes = 0;
  };

  absl::Status Error() {
    absl::MutexLock lock(&mutex_);
    return error_;
  }

  absl::Status Add(const Request& request) {
    HEBB_CHECK(request.bytes > 0 && IsDeviceMemory(request.data));
    if (!grouping_) return Queue({.group = {request}});
    group_.push_back(request);
    return Error();
  }

  absl::Status Queue(Step step) {
    HEBB_CHECK(!grouping_);
    absl::MutexLock lock(&mutex_);
    if (!error_.ok()) return error_;
    HEBB_CHECK(formed_);
    steps_.push_back(std::move(step));
    polls_left_ = kPolls;
    return absl::OkStatus();
  }

  absl::Status Advance(Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (step.to != nullptr) {
      std::memcpy(step.to, step.from, static_cast<size_t>(step.bytes));
      plugin_.copied += step.bytes;
      return absl::OkStatus();
    }
    if (!step.posted) ring_->Post(rank_, step.group);
    step.posted = true;
    return StatusOf(ring_->Advance(rank_));
  }

  absl::Status StatusOf(ThreadRing::State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (state == ThreadRing::State::kDone) return absl::OkStatus();
    if (state == ThreadRing::State::kWaits || plugin_.death() == PeerDeath::kHang) {
      return InProgress();
    }
    error_ = absl::UnavailableError("remote process exited");
    return error_;
  }

  void LeaveRing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (ring_ != nullptr) ring_->Leave(rank_);
  }

  ThreadPlugin& plugin_;
  HostOps ops_;

  // The calling thread's only.
  bool grouping_ = false;
  std::vector<Request> group_;

  absl::Mutex mutex_;
  std::shared_ptr<ThreadRing> ring_ ABSL_GUARDED_BY(mutex_);
  int rank_ ABSL_GUARDED_BY(mutex_) = 0;
  bool formed_ ABSL_GUARDED_BY(mutex_) = false;
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  int polls_left_ ABSL_GUARDED_BY(mutex_) = kPolls;
  std::deque<Step> steps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::vector<DeviceInfo>> ThreadPlugin::Devices() {
  return std::vector<DeviceInfo>{{.index = 0, .name = "host", .uuid = "GPU-0", .memory = 1 << 30}};
}

absl::StatusOr<std::unique_ptr<Ops>> ThreadPlugin::MakeOps(int) {
  return std::make_unique<HostOps>(device_);
}

absl::StatusOr<std::string> ThreadPlugin::MakeCollectiveId() {
  absl::MutexLock lock(&mutex_);
  return absl::StrCat("ring ", ++ids_);
}

absl::StatusOr<std::unique_ptr<Collective>> ThreadPlugin::MakeCollective(int) {
  return std::make_unique<ThreadCollective>(*this);
}

std::shared_ptr<ThreadRing> ThreadPlugin::RingOf(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<ThreadRing>& ring = rings_[id];
  if (ring == nullptr) ring = std::make_shared<ThreadRing>();
  return ring;
}

}  // namespace hebb::gpu
