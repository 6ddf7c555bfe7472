// SPDX-License-Identifier: Apache-2.0
#include "bench/machine.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>

#include "absl/time/clock.h"
#include "dnnl.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/contract/comm/run_ranks.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/local_communicator.h"
#include "worker/device/simd.h"

namespace hebb::bench {
namespace {

constexpr int64_t kSide = 1024;

using Clock = std::chrono::steady_clock;

double SecondsOf(const std::function<void()>& work) {
  const Clock::time_point begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

HEBB_SIMD void Touch(int64_t size, const float* from, float* lanes) {
  for (int64_t i = 0; i < size; i += 64) {
    for (int64_t j = 0; j < 64; ++j) lanes[j] += from[i + j];
  }
}

comm::Gang MakePair(Transport transport, comm::MapRendezvous& rendezvous) {
  if (transport == Transport::kThreads) return comm::MakeLocalGang(2);
  comm::Gang gang;
  for (int rank = 0; rank < 2; ++rank) {
    gang.push_back(comm::MakeGlooCommunicator({.generation = "bench"}, {rank, 2}, rendezvous));
  }
  return gang;
}

absl::Time Soon() { return absl::Now() + absl::Seconds(30); }

// Both ways between two ranks, `count` small messages at once.
class SmallMessages {
 public:
  SmallMessages(comm::Communicator& communicator, int count) : communicator_(communicator) {
    const int other = 1 - communicator.topology().rank;
    for (int i = 0; i < count; ++i) {
      sends_.push_back({other, static_cast<uint32_t>(i), out_});
      receives_.push_back({other, static_cast<uint32_t>(i), in_});
    }
  }
  bool Exchange() { return communicator_.Exchange(sends_, receives_, Soon()).ok(); }

 private:
  comm::Communicator& communicator_;
  std::array<std::byte, 256> out_ = {}, in_ = {};
  std::vector<comm::Send> sends_;
  std::vector<comm::Receive> receives_;
};

// Median seconds of what both ranks do together, -1 once something failed.
double TogetherSeconds(comm::Communicator& communicator, int rounds,
                       const std::function<bool()>& work) {
  std::vector<double> times;
  for (int i = 0; i <= rounds; ++i) {
    if (!communicator.Barrier(Soon()).ok()) return -1;
    bool good = true;
    const double took = SecondsOf([&] { good = work(); });
    if (!good) return -1;
    if (i > 0) times.push_back(took);
  }
  return Median(std::move(times));
}

SumRates RatesOfPair(comm::Communicator& communicator) {
  constexpr int kMessages = 33;
  constexpr size_t kFloats = size_t{4} << 20;  // 16 MiB
  SmallMessages one(communicator, 1), many(communicator, kMessages);
  std::vector<float> data(kFloats, 1.0f);
  SumRates rates;
  rates.latency = TogetherSeconds(communicator, 101, [&] { return one.Exchange(); });
  const double more = TogetherSeconds(communicator, 101, [&] { return many.Exchange(); });
  rates.message = std::max(0.0, more - rates.latency) / (kMessages - 1);
  const double large =
      TogetherSeconds(communicator, 7, [&] { return communicator.AllReduce(data, Soon()).ok(); });
  // Half of the vector goes out, and the other half, when it is summed.
  rates.bytes_per_second = kFloats * sizeof(float) / (large - 2 * rates.latency);
  return rates;
}

}  // namespace

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double MedianSeconds(int rounds, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i <= rounds; ++i) {
    const double seconds = SecondsOf(work);
    if (i > 0) times.push_back(seconds);
  }
  return Median(std::move(times));
}

Sgemm::Sgemm(int threads) : pool_(threads) {
  for (int i = 0; i < threads; ++i) {
    for (auto* matrices : {&a_, &b_, &c_}) matrices->emplace_back(kSide * kSide);
  }
  Measure();  // the library makes its kernel
}

double Sgemm::Measure() {
  std::atomic<bool> good = true;
  const double seconds = SecondsOf([&] {
    pool_.ParallelFor(pool_.size(), [&](int i, int) {
      const dnnl_status_t status =
          dnnl_sgemm('N', 'N', kSide, kSide, kSide, 1.0f, a_[i].data(), kSide, b_[i].data(), kSide,
                     0.0f, c_[i].data(), kSide);
      if (status != dnnl_success) good = false;
    });
  });
  return good ? 2.0 * kSide * kSide * kSide * pool_.size() / seconds : 0;
}

MemoryRates MeasureMemory(int threads, size_t bytes, int rounds) {
  device::ComputePool pool(threads);
  const auto floats = static_cast<int64_t>(bytes / sizeof(float) / 64 * 64);
  std::vector<device::FloatBuffer> a, b, lanes;
  for (int i = 0; i < threads; ++i) {
    a.emplace_back(floats);
    b.emplace_back(floats);
    lanes.emplace_back(64);
  }
  const double all = static_cast<double>(floats) * sizeof(float) * threads;
  const auto rate = [&](const std::function<void(int)>& work) {
    return all /
           MedianSeconds(rounds, [&] { pool.ParallelFor(threads, [&](int i, int) { work(i); }); });
  };
  const size_t size = static_cast<size_t>(floats) * sizeof(float);
  MemoryRates rates;
  rates.fill = rate([&](int i) { std::memset(a[i].data(), 1, size); });
  rates.read = rate([&](int i) { Touch(floats, a[i].data(), lanes[i].data()); });
  rates.copy = rate([&](int i) { std::memcpy(b[i].data(), a[i].data(), size); });
  return rates;
}

absl::StatusOr<SumRates> MeasureSums(Transport transport) {
  comm::MapRendezvous rendezvous;
  const comm::Gang pair = MakePair(transport, rendezvous);
  SumRates rates;
  comm::RunRanks(pair, [&](comm::Communicator& communicator) {
    if (transport == Transport::kGloo &&
        !static_cast<comm::ConnectableCommunicator&>(communicator).Connect(Soon()).ok()) {
      return;
    }
    const SumRates mine = RatesOfPair(communicator);
    if (communicator.topology().rank == 0) rates = mine;
  });
  if (!(rates.bytes_per_second > 0)) {
    return absl::UnavailableError("two ranks cannot reach each other");
  }
  return rates;
}

}  // namespace hebb::bench
