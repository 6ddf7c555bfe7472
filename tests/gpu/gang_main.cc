// SPDX-License-Identifier: Apache-2.0
// One rank of a gang of processes that share GPU 0, for tests/gpu/run.sh: sums, exchanges and
// broadcasts by the plugin's gpu::Collective, whose results are known. The ranks meet by a file.
//   gpu_gang RANK SIZE FOLDER [--lose]     --lose: the last rank ends on the way, without a word
//   gpu_gang --gpu                         only whether there is a GPU
// Exit codes: 0, 1 (a wrong result or an error), 77 (no GPU). What a rank does is bounded in time.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/status_macros.h"
#include "worker/gpu/plugin.h"

namespace hebb::gpu {
namespace {

constexpr absl::Duration kFormMax = absl::Seconds(60);
constexpr absl::Duration kStepMax = absl::Seconds(30);
constexpr absl::Duration kLossMax = absl::Seconds(10);
constexpr int kRounds = 10;
constexpr size_t kFloats = size_t{1} << 20;
constexpr int64_t kBytes = kFloats * sizeof(float);

struct Rank {
  int rank = 0, size = 1;
  std::string folder;
  bool lose = false;
};

absl::Status Wait(Collective& collective, absl::Duration most) {
  const absl::Time deadline = absl::Now() + most;
  while (true) {
    const absl::Status status = collective.Poll();
    if (!IsInProgress(status)) return status;
    if (absl::Now() > deadline) return absl::DeadlineExceededError("not done in time");
    std::this_thread::yield();
  }
}

absl::StatusOr<std::string> AgreeOnId(const Rank& me, Plugin& plugin) {
  const std::string path = me.folder + "/id";
  if (me.rank == 0) {
    HEBB_ASSIGN_OR_RETURN(const std::string id, plugin.MakeCollectiveId());
    std::ofstream(path + ".new") << id;
    std::filesystem::rename(path + ".new", path);
    return id;
  }
  const absl::Time deadline = absl::Now() + kFormMax;
  while (!std::filesystem::exists(path)) {
    if (absl::Now() > deadline) return absl::DeadlineExceededError("rank 0 has told no id");
    std::this_thread::yield();
  }
  std::string id;
  std::ifstream(path) >> id;
  return id;
}

// Small whole numbers, so that sums are exact in any order.
float Value(int rank, int round, size_t i) {
  return static_cast<float>(rank + round + static_cast<int>(i % 13));
}

absl::Status Check(const std::vector<float>& result, const std::vector<float>& expected,
                   const char* what) {
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] == expected[i]) continue;
    return absl::InternalError(
        absl::StrCat(what, " gave ", result[i], " at ", i, ", not ", expected[i]));
  }
  return absl::OkStatus();
}

struct Buffers {
  float* a = nullptr;
  float* b = nullptr;
};

// A sum, a ring and a broadcast, all queued at once.
absl::Status Round(const Rank& me, Collective& collective, const Buffers& device, int round) {
  const int next = (me.rank + 1) % me.size;
  const int previous = (me.rank + me.size - 1) % me.size;
  const int root = round % me.size;
  std::vector<float> mine(kFloats), sum(kFloats), ring(kFloats), told(kFloats);
  std::vector<float> expected_sum(kFloats), expected_ring(kFloats), expected_told(kFloats);
  for (size_t i = 0; i < kFloats; ++i) {
    mine[i] = Value(me.rank, round, i);
    for (int rank = 0; rank < me.size; ++rank) expected_sum[i] += Value(rank, round, i);
    expected_ring[i] = Value(previous, round, i);
    expected_told[i] = Value(root, round, i);
  }
  HEBB_RETURN_IF_ERROR(collective.CopyIn(mine.data(), device.a, kBytes));
  HEBB_RETURN_IF_ERROR(collective.Begin());
  HEBB_RETURN_IF_ERROR(collective.Send(device.a, kBytes, next));
  HEBB_RETURN_IF_ERROR(collective.Receive(device.b, kBytes, previous));
  HEBB_RETURN_IF_ERROR(collective.End());
  HEBB_RETURN_IF_ERROR(collective.CopyOut(device.b, ring.data(), kBytes));
  HEBB_RETURN_IF_ERROR(collective.AllReduce(device.a, kFloats));
  HEBB_RETURN_IF_ERROR(collective.CopyOut(device.a, sum.data(), kBytes));
  HEBB_RETURN_IF_ERROR(collective.CopyIn(mine.data(), device.b, kBytes));
  HEBB_RETURN_IF_ERROR(collective.Broadcast(device.b, kBytes, root));
  HEBB_RETURN_IF_ERROR(collective.CopyOut(device.b, told.data(), kBytes));
  const absl::Status done = Wait(collective, me.lose ? kLossMax : kStepMax);
  if (!done.ok()) {
    collective.Abort();  // before the memory goes
    return done;
  }
  HEBB_RETURN_IF_ERROR(Check(ring, expected_ring, "the ring"));
  HEBB_RETURN_IF_ERROR(Check(sum, expected_sum, "the sum"));
  return Check(told, expected_told, "the broadcast");
}

// A rank whose peer has gone: the error must come, or the deadline; then all must end soon.
absl::Status CheckLoss(Collective& collective, const absl::Status& status) {
  std::printf("a peer is gone: %s\n", status.ToString().c_str());
  const absl::Time begun = absl::Now();
  collective.Abort();
  if (collective.Poll().ok()) return absl::InternalError("Poll is OK after Abort");
  const absl::Duration took = absl::Now() - begun;
  if (took > kLossMax)
    return absl::InternalError(absl::StrCat("Abort took ", FormatDuration(took)));
  return absl::OkStatus();
}

// What the last rank has sent may be under way still, and must not go with it: all are past the
// rounds before.
absl::Status AwaitOthers(const Rank& me) {
  const auto mark = [&](int rank) { return absl::StrCat(me.folder, "/past-", rank); };
  std::ofstream(mark(me.rank)).flush();
  const absl::Time deadline = absl::Now() + kStepMax;
  for (int rank = 0; rank < me.size; ++rank) {
    while (!std::filesystem::exists(mark(rank))) {
      if (absl::Now() > deadline) return absl::DeadlineExceededError("a rank is not so far");
      std::this_thread::yield();
    }
  }
  return absl::OkStatus();
}

absl::Status RunRounds(const Rank& me, Collective& collective, const Buffers& device) {
  for (int round = 0; round < kRounds; ++round) {
    const bool gone = me.lose && round == kRounds / 2;
    if (gone) HEBB_RETURN_IF_ERROR(AwaitOthers(me));
    if (gone && me.rank == me.size - 1) _exit(0);
    const absl::Status status = Round(me, collective, device, round);
    if (gone) {
      if (status.ok()) return absl::InternalError("a round without the last rank succeeded");
      return CheckLoss(collective, status);
    }
    HEBB_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status Run(const Rank& me) {
  HEBB_ASSIGN_OR_RETURN(Plugin * plugin, OpenPlugin("", HEBB_BUILD_ID));
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<Collective> collective, plugin->MakeCollective(0));
  HEBB_ASSIGN_OR_RETURN(const std::string id, AgreeOnId(me, *plugin));
  const absl::Time begun = absl::Now();
  HEBB_RETURN_IF_ERROR(collective->Init(id, me.rank, me.size));
  HEBB_RETURN_IF_ERROR(Wait(*collective, kFormMax));
  const absl::Duration formed = absl::Now() - begun;
  HEBB_ASSIGN_OR_RETURN(void* const a, collective->AllocateDevice(kBytes));
  HEBB_ASSIGN_OR_RETURN(void* const b, collective->AllocateDevice(kBytes));
  absl::Status status =
      RunRounds(me, *collective, {static_cast<float*>(a), static_cast<float*>(b)});
  if (!collective->IsDeviceMemory(a) || collective->IsDeviceMemory(&me)) {
    status.Update(absl::InternalError("device memory is not told from the host's"));
  }
  collective->FreeDevice(a);
  collective->FreeDevice(b);
  std::printf("rank %d of %d, NCCL %s: formed in %s\n", me.rank, me.size,
              plugin->nccl_version().c_str(), absl::FormatDuration(formed).c_str());
  return status;
}

}  // namespace
}  // namespace hebb::gpu

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool only_ask = arguments.size() == 1 && arguments[0] == "--gpu";
  if (arguments.size() < 3 && !only_ask) {
    std::fprintf(stderr, "usage: gpu_gang RANK SIZE FOLDER [--lose] | --gpu\n");
    return 2;
  }
  if (!hebb::gpu::HasGpu()) {
    std::printf("skipped: there is no GPU here\n");
    return 77;
  }
  if (only_ask) return 0;
  const hebb::gpu::Rank me = {std::atoi(arguments[0].c_str()), std::atoi(arguments[1].c_str()),
                              arguments[2], arguments.size() > 3 && arguments[3] == "--lose"};
  const absl::Status status = hebb::gpu::Run(me);
  if (!status.ok()) std::fprintf(stderr, "rank %d: %s\n", me.rank, status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
